//! What a section of the user's file is to say.

use serde_json::Value;

use crate::config::platform::schema::Section;

/// Keys that a section is to have.
pub(in crate::config) struct Wanted {
    pub(in crate::config) section: &'static Section,
    pub(in crate::config) fields: Vec<(String, Value)>,
    /// The last of them is a key in clear.
    pub(in crate::config) has_clear_key: bool,
}
