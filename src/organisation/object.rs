//! Readers for objects that are passed on as they came.

use serde_json::Value;

use super::error::Candidate;
use crate::api::Object;

/// A text of the object; nothing when it is absent, empty or no text.
pub fn text<'a>(object: &'a Object, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// A text of an object in the object.
pub fn inner_text<'a>(object: &'a Object, outer: &str, key: &str) -> Option<&'a str> {
    text(object.get(outer)?.as_object()?, key)
}

/// The id of an object that the client has checked to have one.
pub fn object_id(object: &Object) -> String {
    text(object, "id").unwrap_or_default().to_owned()
}

/// The id of a user: of itself, of a member, of an agent.
pub fn user_id(object: &Object) -> Option<&str> {
    ["user_id", "id", "agent_id"]
        .iter()
        .find_map(|key| text(object, key))
        .or_else(|| inner_text(object, "user", "id"))
}

/// The name of a user, as people see it.
pub fn user_name(object: &Object) -> Option<&str> {
    inner_text(object, "user", "display_name").or_else(|| text(object, "display_name"))
}

/// Something that a name may mean.
pub(super) fn candidate(id: Option<&str>, name: Option<&str>) -> Option<Candidate> {
    Some(Candidate { id: id?.to_owned(), name: name.unwrap_or_default().to_owned() })
}
