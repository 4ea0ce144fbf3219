//! What a simulated Parall holds, and how things get in.

use std::collections::{BTreeMap, BTreeSet};

use parall::api::{Comment, Message, Task};
use serde_json::json;

use super::plan::{Letter, LetterKind};
use super::world::{State, World};

pub(crate) const AGENT: &str = "usr_agent";

/// A simulated Parall.
#[derive(Default)]
pub(crate) struct ParallState {
    pub messages: BTreeMap<String, Message>,
    pub tasks: BTreeMap<String, Task>,
    /// What waits, waited or never was for the agent, in order.
    pub posted: Vec<Posted>,
    /// What the agent said, in order.
    pub said: Vec<Said>,
    pub comments: BTreeMap<String, Vec<Comment>>,
    /// How many letters of the plan were written, counted from the first start.
    pub letters_written: usize,
    pub first_start: Option<i64>,
    /// Frames that were ever made; the position of one is its sequence number less one.
    pub frames: Vec<FrameText>,
    /// How many of them a server that forgets still replays: those from before the account knew how far it has read.
    pub replayed: Option<usize>,
    /// Frames that wait for the open connection: when they are due, and their position.
    pub outgoing: Vec<(i64, usize)>,
    /// The server is away until then.
    pub away_until: i64,
    /// Chats that take no answers.
    pub closed_chats: BTreeSet<String>,
    /// Chats with an agent that answers every answer.
    pub chatterboxes: BTreeSet<String>,
    /// Its next words: when and where.
    pub replies_due: Vec<(i64, String)>,
    /// When a call that was told to wait may come again.
    pub not_before: BTreeMap<String, i64>,
    /// The next frame is lost for certain.
    pub loses_frame: bool,
    /// A connection is open, and since when that is as it is.
    pub connected: bool,
    pub connected_changed: i64,
}

/// Something for the agent.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    /// What the journal knows it by: the dispatch id, or the source's with an older server.
    pub key: String,
    pub source_type: &'static str,
    pub source_id: String,
    pub target: String,
    pub thread: Option<String>,
    pub kind: LetterKind,
    /// When it was written.
    pub at: i64,
    /// An agent wrote it.
    pub by_agent: bool,
    /// Who wrote it, if the plan says so.
    pub author: Option<String>,
    pub acknowledged: bool,
    /// Its frame was lost, or it is from before an account without inbox knew where to begin: it may come after younger ones.
    pub overtaken: bool,
}

impl Posted {
    /// Whether its dispatch names its chat: a server need not.
    pub(crate) fn tells_chat(&self) -> bool {
        self.source_type == "message" && self.at % 2 == 0
    }
}

/// Something the agent said.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub id: String,
    pub target: String,
    pub thread: Option<String>,
    pub text: String,
    pub key: Option<String>,
}

pub(crate) struct FrameText {
    pub kind: &'static str,
    pub data: String,
    pub target: String,
}

impl World {
    /// Somebody writes something.
    pub(crate) fn post(&self, letter: &Letter) {
        let now = self.now();
        let announces = self.plan.announces;
        let (frame, posted) = {
            let mut state = self.state();
            let number = state.parall.posted.len();
            let knows = knows_history(&state);
            let mut posted = match letter.kind {
                LetterKind::Task => task(&mut state, number, now, letter, announces),
                _ => message(&mut state, number, now, letter, announces),
            };
            // Where the list was missing when the account came, older ones come after announced ones.
            posted.overtaken = announces && !knows || self.plan.is_double;
            (send_frame(&mut state, posted.clone(), now, &self.plan), posted)
        };
        if frame {
            self.frames.notify_one();
        }
        self.trace(|| format!("somebody posts {posted:?}"));
    }

    /// An agent answers the agent: in its chat, or by another task.
    pub(crate) fn reply(&self, chat: &str) {
        if let Some(task) = chat.strip_prefix("tsk_") {
            let number: usize = task.parse().unwrap();
            let author = self.state().parall.posted[number].author.clone();
            self.post(&Letter { at: 0, place: 0, kind: LetterKind::Task, author });
            return;
        }
        let place = chat.trim_start_matches("cht_").parse().unwrap();
        self.post(&Letter { at: 0, place, kind: LetterKind::Chatterbox, author: None });
    }
}

/// Whether an account without inbox knows how far it has read.
pub(crate) fn knows_history(state: &State) -> bool {
    state.disk.note("history").unwrap().is_some_and(|note| !note.is_empty())
}

fn task(state: &mut State, number: usize, now: i64, letter: &Letter, announces: bool) -> Posted {
    let id = format!("tsk_{number}");
    let creator = letter.author.clone().unwrap_or_else(|| format!("usr_{}", number % 3));
    let by_agent = creator.starts_with("usr_bot");
    if by_agent {
        state.parall.chatterboxes.insert(id.clone());
    }
    let text = json!({"id": id, "title": format!("question {id}"), "assignee_id": AGENT, "creator_id": creator});
    state.parall.tasks.insert(id.clone(), serde_json::from_value(text).unwrap());
    Posted {
        key: if announces { id.clone() } else { format!("dsp_{number}") },
        source_type: "task",
        source_id: id.clone(),
        target: id,
        thread: None,
        kind: LetterKind::Task,
        at: now,
        by_agent,
        author: letter.author.clone(),
        acknowledged: false,
        overtaken: false,
    }
}

fn message(state: &mut State, number: usize, now: i64, letter: &Letter, announces: bool) -> Posted {
    let Letter { place, kind, .. } = *letter;
    let id = format!("msg_{number}");
    // Refusals and chatter stay in chats of their own.
    let chat = match kind {
        LetterKind::Refused => format!("cht_{}", place + 100),
        LetterKind::Chatterbox if place < 100 => format!("cht_{}", place + 200),
        _ => format!("cht_{place}"),
    };
    match kind {
        LetterKind::Refused => drop(state.parall.closed_chats.insert(chat.clone())),
        LetterKind::Chatterbox => drop(state.parall.chatterboxes.insert(chat.clone())),
        _ => {}
    }
    let thread = state.dice.bool().then(|| format!("msg_root_{chat}"));
    let (sender, sender_kind) = match kind {
        LetterKind::Own => (AGENT.to_owned(), "agent"),
        LetterKind::Chatterbox => (format!("usr_bot_{chat}"), "agent"),
        _ => {
            let somebody = || format!("usr_{}", number % 3);
            (letter.author.clone().unwrap_or_else(somebody), "human")
        }
    };
    let text = if kind == LetterKind::Empty { String::new() } else { format!("question {id}") };
    let message = json!({
        "id": id, "chat_id": chat, "sender_id": sender, "content": {"text": text},
        "sender": {"id": sender, "display_name": sender, "type": sender_kind},
        "thread_root_id": thread, "hints": {"no_reply": kind == LetterKind::Hint},
    });
    if kind != LetterKind::Deleted || announces {
        state.parall.messages.insert(id.clone(), serde_json::from_value(message).unwrap());
    }
    Posted {
        key: if announces { id.clone() } else { format!("dsp_{number}") },
        source_type: "message",
        source_id: id,
        target: chat,
        thread,
        kind,
        at: now,
        by_agent: sender_kind == "agent" && kind != LetterKind::Own,
        author: letter.author.clone(),
        acknowledged: false,
        overtaken: false,
    }
}

/// Makes the frame of something new; whether it is on its way.
fn send_frame(state: &mut State, mut posted: Posted, now: i64, plan: &super::plan::Plan) -> bool {
    let (kind, data) = if plan.announces && posted.source_type == "task" {
        ("task.assigned", json!({"id": posted.source_id, "title": format!("question {}", posted.source_id), "assignee_id": AGENT, "creator_id": state.parall.tasks[&posted.source_id].creator_id}).to_string())
    } else if plan.announces {
        let message = &state.parall.messages[&posted.source_id];
        ("message.new", raw(message))
    } else {
        let chat = posted.tells_chat().then_some(&posted.target);
        let data = json!({"id": posted.key, "source_type": posted.source_type, "source_id": posted.source_id, "chat_id": chat});
        ("dispatch.new", data.to_string())
    };
    let target = posted.target.clone();
    if plan.is_double
        && let Some(message) = state.parall.messages.get(&posted.source_id)
    {
        let data = raw(message);
        let frame = FrameText { kind: "message.new", data, target: target.clone() };
        state.parall.frames.push(frame);
        if state.parall.connected {
            queue_frame(state, state.parall.frames.len() - 1, now, plan);
        }
    }
    state.parall.frames.push(FrameText { kind, data, target });
    let position = state.parall.frames.len() - 1;
    let mut sent = false;
    if state.parall.connected {
        let lost = std::mem::take(&mut state.parall.loses_frame);
        if !plan.announces && (lost || state.happens(plan.faults.frame_lost)) {
            posted.overtaken = true;
        } else {
            queue_frame(state, position, now, plan);
            sent = true;
        }
    }
    state.parall.posted.push(posted);
    sent
}

/// Puts a frame on its way, sometimes twice. Frames of one chat stay in order.
pub(crate) fn queue_frame(state: &mut State, position: usize, now: i64, plan: &super::plan::Plan) {
    let target = state.parall.frames[position].target.clone();
    let delay = |state: &mut State| {
        if state.calm { 0 } else { state.dice.i64(0..=plan.faults.frame_delay.cast_signed()) }
    };
    let after = state
        .parall
        .outgoing
        .iter()
        .filter(|(_, other)| plan.announces || state.parall.frames[*other].target == target)
        .map(|(due, _)| *due)
        .max()
        .unwrap_or_default();
    let due = (now + delay(state)).max(after);
    state.parall.outgoing.push((due, position));
    if state.happens(plan.faults.frame_doubled) {
        let due = due + delay(state);
        state.parall.outgoing.push((due, position));
    }
}

fn raw(message: &Message) -> String {
    let sender = message.sender.as_ref().unwrap();
    json!({
        "id": message.id, "chat_id": message.chat_id, "sender_id": message.sender_id,
        "content": {"text": message.content.text},
        "sender": {"id": sender.id, "display_name": sender.display_name, "type": sender.kind},
        "thread_root_id": message.thread_root_id, "hints": {"no_reply": message.hints.no_reply},
    })
    .to_string()
}
