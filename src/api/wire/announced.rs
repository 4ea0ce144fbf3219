//! Frames of which little is known. Everything here is a choice: their payloads, and some names, are not public.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::types::{Agent, Chat, Message, Task};

/// Says that the platform's configuration for this agent has changed. **Choice**: the name.
pub const AGENT_CONFIG_UPDATE: &str = "agent_config.update";
/// How a text refers to an object of Parall.
const REFERENCE_SCHEME: &str = "prll://";
/// The user id that means everybody in a mention. **Choice**: that there is one is known, its value is not.
const MENTION_EVERYBODY: &str = "usr_all";

/// The message that a `message.new` frame carries. **Choice**: bare, or below `message`.
pub fn message(data: &RawValue) -> Result<Message, serde_json::Error> {
    #[derive(Deserialize)]
    struct Wrapped<'data> {
        #[serde(borrow)]
        message: Option<&'data RawValue>,
    }
    let wrapped: Wrapped<'_> = serde_json::from_str(data.get())?;
    serde_json::from_str(wrapped.message.unwrap_or(data).get())
}

/// The task that a `task.assigned` frame carries. **Choice**: bare, or below `task`.
pub fn task(data: &RawValue) -> Result<Task, serde_json::Error> {
    #[derive(Deserialize)]
    struct Wrapped<'data> {
        #[serde(borrow)]
        task: Option<&'data RawValue>,
    }
    let wrapped: Wrapped<'_> = serde_json::from_str(data.get())?;
    serde_json::from_str(wrapped.task.unwrap_or(data).get())
}

/// Whether a message that a server without inbox announced is meant for this agent. **Choice**: every message of a direct
/// chat; in a group only one that mentions the agent, in `content.mentions[].user_id`, as `prll://<id>` or as `@<name>`.
pub fn addresses(message: &Message, chat: &Chat, agent: &Agent) -> bool {
    if chat.kind.as_deref() != Some("group") {
        return true;
    }
    let mentioned = |id: &str| id == agent.id || id == MENTION_EVERYBODY;
    let text = message.content.text.to_lowercase();
    let reference = format!("{REFERENCE_SCHEME}{}", agent.id).to_lowercase();
    let name = agent.display_name.as_deref().map(|name| format!("@{}", name.to_lowercase()));
    message.content.mentions.iter().any(|mention| mentioned(&mention.user_id))
        || text.contains(&reference)
        || name.is_some_and(|name| text.contains(&name))
}
