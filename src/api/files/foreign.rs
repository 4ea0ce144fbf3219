//! The HTTP client for hosts that are not the account's own server.

use std::fmt;
use std::sync::OnceLock;

use crate::api::error::Error;
use crate::api::http::network::{Limits, Network, cause};
use crate::api::http::request::builder;

use super::public::PublicOnly;

/// A client without the key that connects to public addresses alone, made when it is first needed. Where a proxy is configured,
/// the proxy resolves names and decides what it connects to.
pub(in crate::api) struct Foreign {
    network: Network,
    tls: rustls::ClientConfig,
    limits: Limits,
    client: OnceLock<reqwest::Client>,
}

impl Foreign {
    /// Makes nothing yet.
    pub(in crate::api) fn new(network: Network, tls: rustls::ClientConfig, limits: Limits) -> Self {
        Self { network, tls, limits, client: OnceLock::new() }
    }

    /// Whether a host is that of a proxy, to which nobody but this process may be sent: it may be at a private address.
    pub(in crate::api) fn is_proxy(&self, host: &str) -> bool {
        self.network.proxy_hosts().iter().any(|proxy| proxy == host)
    }

    /// The client.
    pub(in crate::api) fn client(&self) -> Result<&reqwest::Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = builder(&self.network, self.tls.clone(), &self.limits)?
            .dns_resolver(PublicOnly { proxies: self.network.proxy_hosts() })
            .build()
            .map_err(|error| Error::Setup { source: cause(error) })?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for Foreign {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Foreign")
    }
}
