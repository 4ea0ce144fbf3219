//! The simulated Parall as the orchestrator calls it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use parall::api::socket::SocketEvent;
use parall::api::{
    Agent, Chat, Comment, Dispatch, Error, Message, MessagePage, NewMessage, Sender, Sent, Task,
};
use parall::orchestrator::{Answer, Server};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::checks::{check_acknowledgement, check_look};
use super::parall_state::{AGENT, Posted, Said};
use super::plan::LetterKind;
use super::socket::connect;
use super::world::{State, World};

/// How long the list is there, or missing, on a server that is in the middle of a change; milliseconds.
const LIST_PHASE: i64 = 20_000;

pub(crate) struct SimulatedServer(pub Arc<World>);

impl SimulatedServer {
    /// A call: it takes time, may fail before or after it has its effect, and the process may die at each step.
    fn call<'call, T: Send + 'call>(
        &'call self,
        name: String,
        effect: impl FnOnce(&mut State) -> Result<T, Error> + Send + 'call,
    ) -> Answer<'call, T> {
        let world = Arc::clone(&self.0);
        async move {
            let delay = world.plan.faults.call_delay;
            world.crash_point().await;
            begins(&world, &name);
            world.dawdle(delay).await;
            if let Some(error) = fault(&world, &name) {
                world.trace(|| format!("{name} fails: {error}"));
                return Err(error);
            }
            let answer = effect(&mut world.state());
            world.trace(|| format!("{name}{}", if answer.is_err() { " is refused" } else { "" }));
            world.crash_point().await;
            world.dawdle(delay).await;
            if world.state().happens(world.plan.faults.answer_lost) {
                world.trace(|| format!("the answer to {name} is lost"));
                let after = Duration::from_secs(15);
                return Err(Error::Timeout { method: Method::POST, path: "/simulated", after });
            }
            answer
        }
        .boxed()
    }
}

/// Nothing may be asked of the server after a stop, nor before the time that it asked for.
fn begins(world: &World, name: &str) {
    let now = world.now();
    let mut state = world.state();
    if state.closed {
        state.ledger.violation("R16", format!("{name} begins after the account was stopped"));
    }
    if let Some(at) = state.parall.not_before.remove(name)
        && now < at
    {
        state.ledger.violation("R13", format!("{name} comes {} ms too early", at - now));
    }
}

fn fault(world: &World, name: &str) -> Option<Error> {
    let now = world.now();
    let mut state = world.state();
    let away = now < state.parall.away_until;
    if !away && !state.happens(world.plan.faults.call_fails) {
        return None;
    }
    if away && state.dice.bool() {
        let source = Box::new(std::io::Error::from(std::io::ErrorKind::ConnectionRefused));
        return Some(Error::Connect { method: Method::GET, path: "/simulated", source });
    }
    if away || state.dice.bool() {
        return Some(status(503, None));
    }
    let wait = state.dice.i64(1..20_000);
    // Every other answer does not say how long to wait.
    if state.dice.bool() {
        // Only calls that one task makes again: others may be made for another reason.
        let retried = ["agent", "list", "message ", "task ", "send "];
        if !retried.iter().any(|call| name.starts_with(call)) {
            return Some(status(429, Some(Duration::from_millis(wait.cast_unsigned()))));
        }
        state.parall.not_before.insert(name.to_owned(), now + wait);
        return Some(status(429, Some(Duration::from_millis(wait.cast_unsigned()))));
    }
    Some(status(429, None))
}

fn status(status: u16, retry_after: Option<Duration>) -> Error {
    Error::Status {
        method: Method::GET,
        path: "/simulated",
        status,
        error_code: None,
        message: String::new(),
        retry_after,
    }
}

impl Server for SimulatedServer {
    fn agent(&self) -> Answer<'_, Agent> {
        self.call("agent".to_owned(), |_| {
            Ok(Agent { id: AGENT.to_owned(), display_name: Some("Agent".to_owned()) })
        })
    }

    fn pending_dispatches(&self) -> Answer<'_, Vec<Dispatch>> {
        let plan = &self.0.plan;
        let world = Arc::clone(&self.0);
        self.call("list".to_owned(), move |state| {
            let is_missing = plan.is_double && !state.calm && world.now() / LIST_PHASE % 3 == 0;
            if plan.announces || is_missing {
                return Err(status(404, None));
            }
            let open = state.parall.posted.iter().filter(|posted| !posted.acknowledged);
            Ok(open
                .map(|posted| Dispatch {
                    id: posted.key.clone(),
                    source_type: Some(posted.source_type.to_owned()),
                    source_id: posted.source_id.clone(),
                    event_type: None,
                    status: None,
                    chat_id: posted.tells_chat().then(|| posted.target.clone()),
                    delivery_reason: None,
                })
                .collect())
        })
    }

    fn mark_received<'call>(&'call self, _: &'call str, id: &'call str) -> Answer<'call, ()> {
        self.call(format!("received {id}"), |_| Ok(()))
    }

    fn acknowledge<'call>(&'call self, id: &'call str) -> Answer<'call, ()> {
        self.call(format!("acknowledge {id}"), move |state| {
            check_acknowledgement(state, id);
            if let Some(posted) = state.parall.posted.iter_mut().find(|posted| posted.key == id) {
                posted.acknowledged = true;
            }
            Ok(())
        })
    }

    fn message<'call>(&'call self, id: &'call str) -> Answer<'call, Message> {
        let world = Arc::clone(&self.0);
        self.call(format!("message {id}"), move |state| {
            check_look(state, &self.0.plan, id);
            let is_unreadable =
                |posted: &Posted| posted.source_id == id && posted.kind == LetterKind::Unreadable;
            if state.parall.posted.iter().any(is_unreadable) {
                return Err(status(500, None));
            }
            state.ledger.loaded.insert(id.to_owned(), world.now());
            state.parall.messages.get(id).cloned().ok_or_else(|| status(404, None))
        })
    }

    fn chat<'call>(&'call self, id: &'call str) -> Answer<'call, Chat> {
        self.call(format!("chat {id}"), move |_| {
            Ok(Chat { id: id.to_owned(), kind: Some("direct".to_owned()), name: None })
        })
    }

    fn task<'call>(&'call self, id: &'call str) -> Answer<'call, Task> {
        self.call(format!("task {id}"), move |state| {
            check_look(state, &self.0.plan, id);
            state.parall.tasks.get(id).cloned().ok_or_else(|| status(404, None))
        })
    }

    fn send_message<'call>(
        &'call self,
        chat: &'call str,
        message: &'call NewMessage,
    ) -> Answer<'call, Sent> {
        let world = Arc::clone(&self.0);
        let now = world.now();
        self.call(format!("send {:?}", message.idempotency_key), move |state| {
            if state.parall.closed_chats.contains(chat) {
                return Err(status(403, None));
            }
            let key = Some(&message.idempotency_key);
            if let Some(said) = state.parall.said.iter().find(|said| said.key.as_ref() == key) {
                return Ok(Sent { id: said.id.clone() });
            }
            let thread = message.thread_root_id.clone();
            let id = say(state, chat, thread, &message.text, key.cloned());
            if state.parall.chatterboxes.contains(chat) {
                let at = now + state.dice.i64(1..2_000);
                state.parall.replies_due.push((at, chat.to_owned()));
                world.mail.notify_one();
            }
            Ok(Sent { id })
        })
    }

    fn add_comment<'call>(
        &'call self,
        task: &'call str,
        body: &'call str,
    ) -> Answer<'call, Comment> {
        let world = Arc::clone(&self.0);
        let now = world.now();
        self.call(format!("comment on {task}: {body}"), move |state| {
            if state.parall.chatterboxes.contains(task) {
                let at = now + state.dice.i64(1..2_000);
                state.parall.replies_due.push((at, task.to_owned()));
                world.mail.notify_one();
            }
            let id = say(state, task, None, body, None);
            let author_id = Some(AGENT.to_owned());
            let comment = Comment { id, author_id, body: body.to_owned(), created_at: None };
            state.parall.comments.entry(task.to_owned()).or_default().push(comment.clone());
            Ok(comment)
        })
    }

    fn member<'call>(&'call self, id: &'call str) -> Answer<'call, Sender> {
        let kind = if id.starts_with("usr_bot") { "agent" } else { "human" };
        let member = Sender { id: id.to_owned(), display_name: None, kind: Some(kind.into()) };
        self.call(format!("member {id}"), move |_| Ok(member))
    }

    fn chats<'call>(&'call self, _: &'call str) -> Answer<'call, Vec<Chat>> {
        self.call("chats".to_owned(), |state| {
            let chats = state.parall.posted.iter().filter(|posted| posted.source_type == "message");
            let ids: BTreeSet<&String> = chats.map(|posted| &posted.target).collect();
            let kind = Some("direct".to_owned());
            Ok(ids
                .into_iter()
                .map(|id| Chat { id: id.clone(), kind: kind.clone(), name: None })
                .collect())
        })
    }

    fn messages<'call>(
        &'call self,
        chat: &'call str,
        before: Option<&'call str>,
        most: usize,
    ) -> Answer<'call, MessagePage> {
        self.call(format!("history of {chat}"), move |state| {
            let mut messages: Vec<Message> = history(state, chat).rev().cloned().collect();
            if let Some(before) = before {
                let place = messages.iter().position(|message| message.id == before).unwrap();
                messages.drain(..=place);
            }
            let has_more = messages.len() > most;
            messages.truncate(most);
            let next = messages.last().filter(|_| has_more).map(|message| message.id.clone());
            Ok(MessagePage { messages, next, asked: most })
        })
    }

    fn pending_tasks<'call>(&'call self, _: &'call str) -> Answer<'call, Vec<Task>> {
        self.call("tasks".to_owned(), |state| Ok(state.parall.tasks.values().cloned().collect()))
    }

    fn comments<'call>(&'call self, task: &'call str) -> Answer<'call, Vec<Comment>> {
        self.call(format!("comments on {task}"), move |state| {
            Ok(state.parall.comments.get(task).cloned().unwrap_or_default())
        })
    }

    fn connect(
        &self,
        cursor: Option<u64>,
        events: mpsc::Sender<SocketEvent>,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        connect(Arc::clone(&self.0), cursor, events, shutdown).boxed()
    }
}

/// What was posted in a chat and still stands there, oldest first.
fn history<'state>(
    state: &'state State,
    chat: &'state str,
) -> impl DoubleEndedIterator<Item = &'state Message> {
    let posted = state.parall.posted.iter().filter(move |posted| posted.target == chat);
    posted.filter_map(|posted| state.parall.messages.get(&posted.source_id))
}

fn say(
    state: &mut State,
    target: &str,
    thread: Option<String>,
    text: &str,
    key: Option<String>,
) -> String {
    let id = format!("said_{}", state.parall.said.len());
    let said =
        Said { id: id.clone(), target: target.to_owned(), thread, text: text.to_owned(), key };
    super::checks::check_saying(state, &said);
    state.parall.said.push(said);
    id
}

/// Whether a turn on it can be answered at all.
pub(crate) fn takes_answers(kind: LetterKind) -> bool {
    kind != LetterKind::Refused
}
