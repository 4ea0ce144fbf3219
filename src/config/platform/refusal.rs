//! Why a configuration of the platform is refused.

/// The newest form of the platform's configuration that is understood.
pub(in crate::config) const SCHEMA_VERSION: f64 = 1.0;

/// Why a configuration is refused as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not JSON, or not an object with `version` and `config`.
    #[error("it is malformed: {0}")]
    Malformed(String),
    /// A newer form.
    #[error("its schema_version is {0}, this plugin knows {SCHEMA_VERSION}")]
    SchemaVersion(String),
    /// A host would refuse to start with it.
    #[error("OpenClaw would refuse it: {path} {reason}")]
    Host {
        /// Path of the value.
        path: String,
        /// What is wrong with it; never the value itself.
        reason: String,
    },
    /// The models are at an address that must not get the account's key and conversations.
    #[error("{path} cannot be used: {reason}")]
    Address {
        /// Path of the value.
        path: String,
        /// What is wrong with it. Names its host at most.
        reason: String,
    },
}
