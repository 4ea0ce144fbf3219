//! One line of a transcript: what the tree needs to know about it.

use crate::session::json::text::{is_string, spells};
use crate::session::json::{Member, scan};
use crate::session::transcript::id::{Id, Ids};

/// What a line is, as far as forking is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A header; the first one of a file counts.
    Session,
    Message,
    Compaction,
    /// Hosts with a database begin a new conversation in the same transcript by such a line.
    Reset,
    Label,
    /// Hosts since 2026.5.28 move the active leaf by such a line.
    LeafControl,
    /// Every other type that the hosts know as part of a conversation.
    Known,
    /// Anything else that is an object.
    Unknown,
    /// An array or a scalar. Never part of a path, since it has no id, but it may be the last entry.
    NoObject,
}

/// Why the model stopped when its turn continues: a tool is to run, or the host asks once more after a failure.
const UNFINISHED: [&str; 3] = ["toolUse", "error", "aborted"];

/// What a line says for the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// Nothing: it is not a message from the model.
    None,
    /// Something in the middle of a turn: it asks for a tool, it failed, or it is the host's own note of something sent.
    Partial,
    /// The end of a turn.
    Completed,
}

/// A valid line, without its position.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) kind: Kind,
    pub(crate) id: Id,
    pub(crate) parent: Id,
    /// Whether the line has a `parentId` at all, be it `null`.
    pub(crate) has_parent: bool,
    /// Of a compaction or a reset: the first of the entries before it that stay.
    pub(crate) first_kept: Id,
    pub(crate) answer: Answer,
    /// An entry that hosts since 2026.5.28 append beside the active path.
    pub(crate) is_side: bool,
    /// Of a leaf control: the entry that becomes the leaf, and the one that the next entry will name as its parent.
    pub(crate) control: Option<(Id, Id)>,
}

/// The raw values of the members that matter; the last of several wins.
#[derive(Default)]
struct Members<'t> {
    kind: Option<&'t [u8]>,
    id: Option<&'t [u8]>,
    parent: Option<&'t [u8]>,
    first_kept: Option<&'t [u8]>,
    target: Option<&'t [u8]>,
    append_parent: Option<&'t [u8]>,
    append_mode: Option<&'t [u8]>,
    message: Option<Message<'t>>,
}

#[derive(Default, Clone, Copy)]
struct Message<'t> {
    role: Option<&'t [u8]>,
    stop_reason: Option<&'t [u8]>,
    provider: Option<&'t [u8]>,
    model: Option<&'t [u8]>,
}

/// Reads one line, line feed excluded. Nothing if it is not valid JSON, or `null`, which is skipped in the same way.
pub(crate) fn parse(text: &[u8], ids: &Ids) -> Option<Line> {
    let mut members = Members::default();
    let mut inner = Message::default();
    scan(text, false, &mut |member: Member| {
        let value = &text[member.value];
        let key = &text[member.key];
        if member.depth == 2 {
            inner.take(key, value);
        } else {
            members.take(key, value, std::mem::take(&mut inner));
        }
    })
    .ok()?;
    match text.iter().find(|byte| !byte.is_ascii_whitespace())? {
        b'{' => Some(members.line(ids)),
        b'n' => None,
        _ => Some(Line {
            kind: Kind::NoObject,
            id: Id::NONE,
            parent: Id::NONE,
            has_parent: false,
            first_kept: Id::NONE,
            answer: Answer::None,
            is_side: false,
            control: None,
        }),
    }
}

impl<'t> Members<'t> {
    fn take(&mut self, key: &'t [u8], value: &'t [u8], inner: Message<'t>) {
        let slot = match key {
            b"type" => &mut self.kind,
            b"id" => &mut self.id,
            b"parentId" => &mut self.parent,
            b"firstKeptEntryId" => &mut self.first_kept,
            b"targetId" => &mut self.target,
            b"appendParentId" => &mut self.append_parent,
            b"appendMode" => &mut self.append_mode,
            b"message" => {
                self.message = Some(inner);
                return;
            }
            _ => {
                if let Some(plain) = unescaped(
                    key,
                    &[
                        "type",
                        "id",
                        "parentId",
                        "firstKeptEntryId",
                        "targetId",
                        "appendParentId",
                        "appendMode",
                        "message",
                    ],
                ) {
                    self.take(plain, value, inner);
                }
                return;
            }
        };
        *slot = Some(value);
    }

    fn line(&self, ids: &Ids) -> Line {
        let kind = self.kind();
        let message = self.message.filter(|_| kind == Kind::Message).unwrap_or_default();
        Line {
            kind,
            id: ids.of(self.id),
            parent: ids.of(self.parent),
            has_parent: self.parent.is_some(),
            first_kept: if matches!(kind, Kind::Compaction | Kind::Reset) {
                ids.of(self.first_kept)
            } else {
                Id::NONE
            },
            answer: message.answer(),
            is_side: self.append_mode.is_some_and(|mode| is_string(mode, "side")),
            control: (kind == Kind::LeafControl)
                .then(|| (ids.of(self.target), ids.of(self.append_parent.or(self.target)))),
        }
    }

    fn kind(&self) -> Kind {
        let Some(kind) = self.kind else { return Kind::Unknown };
        let is = |name| is_string(kind, name);
        if is("message") {
            Kind::Message
        } else if is("label") {
            Kind::Label
        } else if is("compaction") {
            Kind::Compaction
        } else if is("reset") {
            Kind::Reset
        } else if is("session") {
            Kind::Session
        } else if is("leaf") && self.is_control() {
            Kind::LeafControl
        } else if KNOWN.into_iter().any(is) {
            Kind::Known
        } else {
            Kind::Unknown
        }
    }

    /// A leaf line without a target, or with a mode nobody knows, is an unknown entry to the hosts.
    fn is_control(&self) -> bool {
        let names =
            |value: Option<&[u8]>| value.is_some_and(|value| value.len() > 2 && value[0] == b'"');
        let names_or_null = |value: Option<&[u8]>| value == Some(b"null") || names(value);
        names(self.id)
            && names_or_null(self.parent)
            && names_or_null(self.target)
            && (self.append_parent.is_none() || names_or_null(self.append_parent))
            && self.append_mode.is_none_or(|mode| is_string(mode, "side"))
    }
}

/// The further entry types of the hosts' session format.
const KNOWN: [&str; 6] = [
    "custom",
    "custom_message",
    "model_change",
    "thinking_level_change",
    "branch_summary",
    "session_info",
];

impl<'t> Message<'t> {
    fn take(&mut self, key: &'t [u8], value: &'t [u8]) {
        let slot = match key {
            b"role" => &mut self.role,
            b"stopReason" => &mut self.stop_reason,
            b"provider" => &mut self.provider,
            b"model" => &mut self.model,
            _ => {
                if let Some(plain) = unescaped(key, &["role", "stopReason", "provider", "model"]) {
                    self.take(plain, value);
                }
                return;
            }
        };
        *slot = Some(value);
    }

    /// The host writes what it sent on its own account as a message from the model; that can happen in the middle of a turn.
    fn answer(&self) -> Answer {
        let is = |value: Option<&[u8]>, name| value.is_some_and(|value| is_string(value, name));
        let is_note = is(self.provider, "openclaw")
            && (is(self.model, "delivery-mirror") || is(self.model, "gateway-injected"));
        if !is(self.role, "assistant") {
            Answer::None
        } else if is_note || UNFINISHED.iter().any(|reason| is(self.stop_reason, reason)) {
            Answer::Partial
        } else {
            Answer::Completed
        }
    }
}

/// The name among `names` that a key with escapes in it spells.
fn unescaped(key: &[u8], names: &[&'static str]) -> Option<&'static [u8]> {
    key.contains(&b'\\')
        .then(|| names.iter().find(|name| spells(key, name)))
        .flatten()
        .map(|name| name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<Line> {
        parse(text.as_bytes(), &Ids::default())
    }

    #[test]
    fn the_last_of_duplicate_keys_wins_and_keys_may_be_escaped() {
        let ids = Ids::default();
        let text = br#"{"type":"label","t\u0079pe":"message","id":"a","id":"b","message":{"role":"user"},"message":{"role":"assistant"}}"#;
        let line = parse(text, &ids).unwrap();
        assert_eq!((line.kind, line.id), (Kind::Message, ids.of_string(b"b")));
        assert_eq!(line.answer, Answer::Completed);
    }

    #[test]
    fn a_role_in_another_member_or_deeper_is_not_the_messages() {
        for text in [
            r#"{"type":"message","data":{"role":"assistant"}}"#,
            r#"{"type":"message","data":{"role":"assistant"},"message":5}"#,
            r#"{"type":"message","message":{"x":{"role":"assistant"}}}"#,
            r#"{"type":"message","message":[{"role":"assistant"}]}"#,
            r#"{"type":"custom","message":{"role":"assistant"}}"#,
        ] {
            assert_eq!(read(text).unwrap().answer, Answer::None, "{text}");
        }
    }

    #[test]
    fn a_turn_ends_with_an_answer_and_not_with_a_tool_call_or_the_hosts_own_note() {
        let completed = |rest: &str| {
            read(&format!(r#"{{"type":"message","message":{{"role":"assistant"{rest}}}}}"#))
                .unwrap()
                .answer
                == Answer::Completed
        };
        assert!(completed("") && completed(r#","stopReason":"stop""#));
        for reason in UNFINISHED {
            assert!(!completed(&format!(r#","stopReason":"{reason}""#)), "{reason}");
        }
        assert!(!completed(
            r#","provider":"openclaw","model":"delivery-mirror","stopReason":"stop""#
        ));
        assert!(completed(r#","provider":"openclaw","model":"other","stopReason":"stop""#));
    }

    #[test]
    fn what_is_no_object_is_an_entry_and_null_is_none() {
        for text in ["5", "\"x\"", "[]", "false", " [1] "] {
            assert_eq!(read(text).unwrap().kind, Kind::NoObject, "{text}");
        }
        assert!(read("null").is_none() && read("{").is_none() && read("").is_none());
    }

    #[test]
    fn a_leaf_line_without_a_target_is_an_unknown_entry() {
        let kind = |text| read(text).unwrap().kind;
        assert_eq!(
            kind(r#"{"type":"leaf","id":"l","parentId":null,"targetId":"a"}"#),
            Kind::LeafControl
        );
        assert_eq!(kind(r#"{"type":"leaf","id":"l","parentId":null}"#), Kind::Unknown);
        assert_eq!(
            kind(r#"{"type":"leaf","id":"l","parentId":null,"targetId":"a","appendMode":"x"}"#),
            Kind::Unknown
        );
    }
}
