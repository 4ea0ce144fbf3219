//! Where a file may be, and whether the key goes there. Pure.

use std::net::IpAddr;

use url::{Host, Url};

use super::error::FileError;
use super::public::is_public;
use crate::text::one_line;

/// Most characters of a host that a text repeats.
const SHOWN: usize = 100;

/// How a file is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// At the account's own server, with the key.
    Own,
    /// Anywhere else in the public internet, without it.
    Foreign,
}

/// Decides about a step of a file's way: from the server's own word, or from a redirect of `from`, to `to`. `base` is the account's
/// server and `hosts` are those that the operator named.
///
/// The server's word and its redirects may lead to any public host. A foreign host may lead on within itself and to hosts that
/// the operator named, and never back: it is not to choose what is asked for with the key.
pub(super) fn check(
    base: &Url,
    hosts: &[String],
    from: Option<&Url>,
    to: &Url,
) -> Result<Way, FileError> {
    if !matches!(to.scheme(), "http" | "https") {
        return Err(FileError::Address { reason: "begins with neither http:// nor https://" });
    }
    if !to.username().is_empty() || to.password().is_some() {
        return Err(FileError::Address { reason: "holds a user name or password" });
    }
    let own = base.origin();
    let is_foreign = |url: &Url| url.origin() != own;
    let led_by = from.filter(|from| is_foreign(from));
    if !is_foreign(to) {
        return match led_by {
            Some(_) => Err(FileError::Address { reason: "leads back to Parall from elsewhere" }),
            None => Ok(Way::Own),
        };
    }
    if base.scheme() == "https" && to.scheme() != "https" {
        return Err(FileError::Address { reason: "is not encrypted, while parall_url is" });
    }
    let literal = match to.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) => None,
        None => return Err(FileError::Address { reason: "names no host" }),
    };
    if literal.is_some_and(|address| !is_public(address)) {
        return Err(FileError::Private { host: shown(to) });
    }
    let is_named = to.host_str().is_some_and(|host| hosts.iter().any(|named| named == host));
    let leads_on = led_by.is_some_and(|from| from.host() != to.host());
    if leads_on && !is_named {
        return Err(FileError::Unnamed { host: shown(to) });
    }
    Ok(Way::Foreign)
}

/// The host of an address, for texts.
pub(super) fn shown(url: &Url) -> String {
    one_line(url.host_str().unwrap_or_default(), SHOWN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(base: &str, from: Option<&str>, to: &str) -> Result<Way, String> {
        let url = |text: &str| Url::parse(text).unwrap();
        let (from, hosts) = (from.map(url), ["cdn.example".to_owned()]);
        check(&url(base), &hosts, from.as_ref(), &url(to)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_key_goes_to_the_own_origin_alone() {
        let base = "https://parall.example";
        for (to, way) in [
            ("https://parall.example/api/v1/attachments/1", Way::Own),
            ("https://parall.example:443/x", Way::Own),
            ("https://parall.example:8443/x", Way::Foreign),
            ("https://files.parall.example/x", Way::Foreign),
            ("https://parall.example.evil.example/x", Way::Foreign),
            ("https://93.184.216.34/x", Way::Foreign),
        ] {
            assert_eq!(step(base, None, to), Ok(way), "{to}");
            assert_eq!(step(base, Some("https://parall.example/a"), to), Ok(way), "{to}");
        }
    }

    #[test]
    fn private_addresses_are_refused_unless_they_are_the_account_s_own_server() {
        let base = "http://127.0.0.1:8080";
        assert_eq!(step(base, None, "http://127.0.0.1:8080/a"), Ok(Way::Own));
        for to in [
            "http://127.0.0.1:6379/",
            "http://127.0.0.2:8080/",
            "http://169.254.169.254/latest/meta-data/",
            "http://0x7f.1/",
            "http://2130706433/",
            "http://[::1]:8080/",
            "http://[::ffff:10.0.0.1]/",
        ] {
            let error = step(base, None, to).unwrap_err();
            assert!(error.contains("private network"), "{to}: {error}");
            assert!(step(base, Some("http://127.0.0.1:8080/a"), to).is_err(), "{to}");
        }
    }

    #[test]
    fn other_hosts_lead_on_to_named_ones_and_never_back() {
        let (base, files) = ("https://parall.example", Some("https://files.example/a"));
        assert_eq!(step(base, files, "https://files.example/b"), Ok(Way::Foreign));
        assert_eq!(step(base, files, "https://cdn.example/b"), Ok(Way::Foreign));
        for (to, words) in [
            ("https://other.example/b", "leads on to other.example"),
            ("https://parall.example/api/v1/users/me", "leads back"),
            ("http://files.example/b", "not encrypted"),
            ("ftp://cdn.example/b", "neither http:// nor"),
            ("https://user:word@cdn.example/b", "user name"),
        ] {
            let error = step(base, files, to).unwrap_err();
            assert!(error.contains(words), "{to}: {error}");
        }
    }
}
