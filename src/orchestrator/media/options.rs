//! How much comes with messages, and where it goes.

use std::path::PathBuf;

use crate::api::host_name;

/// Most bytes of a file, unless the operator says otherwise; as published clients have it.
const DEFAULT_BYTES: u64 = 25 * MEBIBYTE;
/// Most files of a message, unless the operator says otherwise; as published clients have it.
const DEFAULT_FILES: usize = 8;
/// Most files of a message that the operator can ask for: as many as an event lists.
pub(super) const MOST_FILES: usize = 20;
const MEBIBYTE: u64 = 1024 * 1024;

/// What is fetched, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaOptions {
    /// Folder below which hosts accept files for the agent; without one nothing is fetched.
    pub folder: Option<PathBuf>,
    /// Most bytes of a file.
    pub max_bytes: u64,
    /// Most files of a message; none with zero.
    pub max_files: usize,
    /// Hosts to which other hosts may lead on.
    pub hosts: Vec<String>,
}

impl MediaOptions {
    /// From the settings of an account: MiB a file, files a message, and hosts, alone or in an address.
    pub fn new(
        folder: Option<PathBuf>,
        max_mb: Option<u32>,
        max_files: Option<u32>,
        hosts: &[String],
    ) -> Self {
        Self {
            folder,
            max_bytes: max_mb.map_or(DEFAULT_BYTES, |mebibytes| u64::from(mebibytes) * MEBIBYTE),
            max_files: max_files.map_or(DEFAULT_FILES, |files| files as usize).min(MOST_FILES),
            hosts: hosts.iter().filter_map(|host| host_name(host)).collect(),
        }
    }
}

impl Default for MediaOptions {
    fn default() -> Self {
        Self::new(None, None, None, &[])
    }
}
