//! What the process says about its network: proxies, certificates of the house, and how long to wait.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use reqwest::{NoProxy, Proxy};
use url::Url;

use crate::api::error::{Cause, Error};

/// Proxies and extra certificates, read from the environment once, so that no test depends on the process.
#[derive(Debug, Clone, Default)]
pub struct Network {
    http_proxy: Option<Named>,
    https_proxy: Option<Named>,
    no_proxy: Option<Named>,
    /// PEM files whose certificates are trusted besides the system's.
    pub(in crate::api) certificate_files: Vec<PathBuf>,
}

/// A value and the variable that holds it.
#[derive(Debug, Clone)]
struct Named {
    variable: &'static str,
    value: String,
}

/// Kinds of proxies. Others would be passed by in silence, and the key with them.
const PROXY_SCHEMES: [&str; 6] = ["http", "https", "socks4", "socks4a", "socks5", "socks5h"];

impl Network {
    /// Reads `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`, `NO_PROXY` (lower case first, as curl does), `NODE_EXTRA_CA_CERTS`
    /// and `SSL_CERT_FILE` from the process.
    pub fn from_environment() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// The same from any source of variables; empty ones count as unset.
    pub fn from_lookup(variable: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            names
                .iter()
                .filter_map(|name| Some((*name, variable(name)?)))
                .map(|(variable, value)| Named { variable, value: value.trim().to_owned() })
                .find(|named| !named.value.is_empty())
        };
        // Both often name the same bundle, and reading one takes milliseconds.
        let mut certificate_files: Vec<_> = ["NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE"]
            .into_iter()
            .filter_map(|name| first(&[name]))
            .map(|named| PathBuf::from(named.value))
            .collect();
        certificate_files.dedup();
        Self {
            http_proxy: first(&["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https_proxy: first(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            no_proxy: first(&["no_proxy", "NO_PROXY"]),
            certificate_files,
        }
    }

    /// The hosts of the proxies.
    pub(in crate::api) fn proxy_hosts(&self) -> Vec<String> {
        let proxies = [&self.http_proxy, &self.https_proxy].into_iter().flatten();
        let urls = proxies.filter_map(|named| {
            let has_scheme = named.value.contains("://");
            let scheme = if has_scheme { "" } else { "http://" };
            Url::parse(&format!("{scheme}{}", named.value)).ok()
        });
        urls.filter_map(|url| url.host_str().map(str::to_owned)).collect()
    }

    /// The proxies for an HTTP client.
    pub(in crate::api) fn proxies(&self) -> Result<Vec<Proxy>, Error> {
        let bypass = self.no_proxy.as_ref().and_then(|named| NoProxy::from_string(&named.value));
        let mut proxies = Vec::new();
        if let Some(named) = &self.http_proxy {
            proxies.push(named.proxy(|url| Proxy::http(url))?.no_proxy(bypass.clone()));
        }
        if let Some(named) = &self.https_proxy {
            proxies.push(named.proxy(|url| Proxy::https(url))?.no_proxy(bypass));
        }
        Ok(proxies)
    }
}

impl Named {
    fn proxy(&self, make: impl Fn(&str) -> reqwest::Result<Proxy>) -> Result<Proxy, Error> {
        // The texts name nothing of the address, which may hold a password.
        let refuse =
            |reason: &str| Error::Option { field: self.variable, reason: reason.to_owned() };
        match self.value.split_once("://") {
            Some((scheme, _)) if !PROXY_SCHEMES.contains(&scheme.to_ascii_lowercase().as_str()) => {
                Err(refuse(
                    "it names a kind of proxy that is not known; http, https, socks4, socks4a, socks5 and socks5h are",
                ))
            }
            _ => make(&self.value).map_err(|_| refuse("it is not the URL of a proxy")),
        }
    }
}

/// How long the client waits. The defaults are right; tests shorten them.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Until a connection is up, TLS included.
    pub connect: Duration,
    /// From a request's start to the last byte of its answer.
    pub request: Duration,
    /// From the start of an upload to its answer.
    pub upload: Duration,
    /// From an open socket to the server's `hello`.
    pub hello: Duration,
    /// Shortest heartbeat the server may ask for.
    pub shortest_heartbeat: Duration,
    /// Longest heartbeat used, whatever the server asks for; a connection counts as dead after one and a half of it.
    pub longest_heartbeat: Duration,
    /// How long an answer may take after the machine woke from sleep.
    pub wake_answer: Duration,
    /// The shortest and longest pause between two connections.
    pub backoff: (Duration, Duration),
    /// The shortest pause between two connections while the server refuses the key.
    pub refused: Duration,
    /// How long a connection has to last before the pauses start small again.
    pub stable: Duration,
    /// The wall clock, which continues while the machine sleeps.
    pub wall_clock: fn() -> SystemTime,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            request: Duration::from_secs(15),
            upload: Duration::from_secs(600),
            hello: Duration::from_secs(15),
            shortest_heartbeat: Duration::from_secs(5),
            longest_heartbeat: Duration::from_secs(30),
            wake_answer: Duration::from_secs(5),
            backoff: (Duration::from_secs(1), Duration::from_secs(60)),
            refused: Duration::from_secs(5 * 60),
            stable: Duration::from_secs(60),
            wall_clock: SystemTime::now,
        }
    }
}

/// A `reqwest` error without the URL, which may hold a ticket.
pub(in crate::api) fn cause(error: reqwest::Error) -> Cause {
    Box::new(error.without_url())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(pairs: &[(&str, &str)]) -> Network {
        Network::from_lookup(|name| {
            pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn lower_case_wins_and_all_proxy_fills_in() {
        let network = network(&[
            ("http_proxy", "http://a:1"),
            ("HTTP_PROXY", "http://b:1"),
            ("ALL_PROXY", "http://c:1"),
            ("NO_PROXY", " "),
        ]);
        let value = |named: &Option<Named>| named.as_ref().map(|named| named.value.clone());
        assert_eq!(value(&network.http_proxy).as_deref(), Some("http://a:1"));
        assert_eq!(value(&network.https_proxy).as_deref(), Some("http://c:1"));
        assert_eq!(value(&network.no_proxy), None);
        assert_eq!(network.proxies().unwrap().len(), 2);
    }

    #[test]
    fn a_proxy_that_is_no_url_is_named_without_its_text() {
        let error =
            network(&[("HTTPS_PROXY", "http://user:pass word@[bad")]).proxies().unwrap_err();
        assert_eq!(error.to_string(), "HTTPS_PROXY cannot be used: it is not the URL of a proxy");
    }

    #[test]
    fn both_certificate_variables_count_and_the_same_file_once() {
        let network = network(&[("SSL_CERT_FILE", "/b.pem"), ("NODE_EXTRA_CA_CERTS", "/a.pem")]);
        assert_eq!(network.certificate_files, [PathBuf::from("/a.pem"), PathBuf::from("/b.pem")]);
        let network =
            self::network(&[("SSL_CERT_FILE", "/a.pem"), ("NODE_EXTRA_CA_CERTS", "/a.pem")]);
        assert_eq!(network.certificate_files, [PathBuf::from("/a.pem")]);
    }
}
