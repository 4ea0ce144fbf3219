//! Where platform configurations come from.

use std::error::Error;
use std::pin::Pin;

use crate::api::{Client, PlatformConfigAnswer};

/// The answer of a source: what the server said, or why it could not be asked.
pub type Answer = Result<PlatformConfigAnswer, Box<dyn Error + Send + Sync>>;

/// Something that knows the platform's configuration; a client of Parall outside of tests.
pub trait Source: Send + Sync {
    /// Asks for the configuration, unless `version` is the newest.
    fn fetch<'a>(
        &'a self,
        version: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
}

impl Source for Client {
    fn fetch<'a>(
        &'a self,
        version: Option<&'a str>,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move { self.platform_config(version).await.map_err(Into::into) })
    }
}
