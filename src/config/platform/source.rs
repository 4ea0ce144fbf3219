//! Where platform configurations come from.

use std::error::Error;
use std::pin::Pin;

use tokio_util::sync::CancellationToken;

use crate::api::retry::{Policy, retry};
use crate::api::{Client, PlatformConfigAnswer};

/// A moment without network should not cost an update; more than a moment is not worth waiting for, there is the cache.
const POLICY: Policy = Policy::INTERACTIVE;

/// The answer of a source: what the server said, or why it could not be asked.
pub type Answer = Result<PlatformConfigAnswer, Box<dyn Error + Send + Sync>>;

/// Something that knows the platform's configuration; a client of Parall outside of tests.
pub trait PlatformSource: Send + Sync {
    /// Asks for the configuration, unless `version` is the newest.
    fn fetch<'a>(
        &'a self,
        version: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
}

impl PlatformSource for Client {
    fn fetch<'a>(
        &'a self,
        version: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move {
            let asked =
                retry(POLICY, &CancellationToken::new(), || self.platform_config(version)).await;
            asked.map_err(Into::into)
        })
    }
}
