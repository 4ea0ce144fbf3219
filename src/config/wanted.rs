//! What a section of the user's file is to say.

use serde_json::Value;

use super::schema::Section;

/// Keys that a section is to have.
pub(super) struct Wanted {
    pub(super) section: &'static Section,
    pub(super) fields: Vec<(String, Value)>,
    /// The last of them is a key in clear.
    pub(super) has_clear_key: bool,
}
