//! A server, a host and a disk that do what a test says, and an account on them. Time is virtual.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::Method;
use parall::api::socket::SocketEvent;
use parall::api::{Agent, Chat, Comment, Dispatch, Error, Message, NewMessage, Sender, Sent, Task};
use parall::journal::{Journal, SimulatedDisk};
use parall::orchestrator::{
    Access, AccountOptions, Answer, DEFAULT_COLLECT_CHARACTERS, DEFAULT_MAX_WAITING,
    DEFAULT_SENDER_TURNS, DEFAULT_SENDER_WAITING, DEFAULT_TURN_MINUTES, EarlierTurn, Fork, Gateway,
    Host, Level, MediaOptions, Replies, ReplyPart, Server, Turn, TurnOutcome,
};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How soon the status has to be true.
const TRUE_WITHIN: Duration = Duration::from_secs(2);

/// An account on a stage.
pub(crate) struct Bench {
    pub world: Arc<World>,
    pub gateway: Arc<Gateway>,
    pub journal: Journal,
}

/// What the account sees of the world.
#[derive(Default)]
pub(crate) struct World {
    state: Mutex<State>,
    changed: Notify,
    /// Turns wait while this is set.
    hold: watch::Sender<bool>,
    gateway: Mutex<Weak<Gateway>>,
    disk: Mutex<Option<SimulatedDisk>>,
    /// How far the clock is from where it began, milliseconds.
    clock: AtomicI64,
}

/// What the host does with turns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Behaviour {
    #[default]
    Answer,
    Fail,
    /// A turn whose answer is refused never ran, it says.
    Deny,
    /// It returns without a run, as one does that answers by itself later.
    Owe,
    /// It says one part, and then the model fails.
    Break,
    /// It never ends, not even when it is called off.
    Hang,
    /// The task that runs the turn panics.
    Panic,
}

#[derive(Default)]
struct State {
    /// The HTTP status with which calls of a name are refused.
    failing: HashMap<&'static str, u16>,
    /// Messages that cannot be shown.
    broken: HashSet<String>,
    /// How often each call was made.
    calls: HashMap<&'static str, usize>,
    pending: Vec<Dispatch>,
    messages: HashMap<String, Message>,
    tasks: HashMap<String, Task>,
    events: Option<mpsc::Sender<SocketEvent>>,
    status: Value,
    forks: bool,
    behaviour: Behaviour,
    turns: Vec<Turn>,
    /// Turns that were called off.
    called_off: Vec<String>,
    /// Waiting messages of a chat share a turn.
    collects: bool,
    /// Runs outlive a start of the account; these are they.
    keeps_runs: bool,
    runs: Vec<(EarlierTurn, watch::Receiver<Option<TurnOutcome>>)>,
    /// What the agent says; an echo without it.
    answer: Option<String>,
    /// Where every turn says something, too.
    forwards_to: Option<String>,
    /// Who may cause turns.
    access: Access,
    logged: Vec<String>,
    /// How long it takes to send a message.
    sending: Duration,
    /// Chats and texts.
    sent: Vec<(String, String)>,
}

impl World {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Calls of this name are refused with a status, or work again.
    pub(crate) fn fail(&self, call: &'static str, status: Option<u16>) {
        let mut state = self.state();
        match status {
            Some(status) => state.failing.insert(call, status),
            None => state.failing.remove(call),
        };
    }

    /// A message cannot be shown any more, or can again.
    pub(crate) fn break_message(&self, id: &str, broken: bool) {
        let mut state = self.state();
        if broken {
            state.broken.insert(id.to_owned());
        } else {
            state.broken.remove(id);
        }
    }

    /// How often a call was made.
    pub(crate) fn calls(&self, call: &str) -> usize {
        self.state().calls.get(call).copied().unwrap_or_default()
    }

    /// Waiting messages of a chat share a turn, from the next start on.
    pub(crate) fn collect(&self) {
        self.state().collects = true;
    }

    /// The host can fork from now on.
    pub(crate) fn allow_forks(&self) {
        self.state().forks = true;
    }

    /// What the host does with turns from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        self.state().behaviour = behaviour;
    }

    /// Runs outlive a start of the account from now on.
    pub(crate) fn keep_runs(&self) {
        self.state().keeps_runs = true;
    }

    /// Turns that were called off.
    pub(crate) fn called_off(&self) -> Vec<String> {
        self.state().called_off.clone()
    }

    /// The agent says this from now on, instead of an echo.
    pub(crate) fn answer_with(&self, text: &str) {
        self.state().answer = Some(text.to_owned());
    }

    /// From now on every turn says something in this chat, too, by the message tool.
    pub(crate) fn forward_to(&self, chat: &str) {
        self.state().forwards_to = Some(chat.to_owned());
    }

    /// Who may cause turns from the next start on.
    pub(crate) fn allow(&self, settings: &Value) {
        self.state().access = Access::parse(settings).unwrap();
    }

    /// The lines of the log with a text in them.
    pub(crate) fn logged(&self, text: &str) -> usize {
        self.state().logged.iter().filter(|line| line.contains(text)).count()
    }

    /// How long it takes to send a message.
    pub(crate) fn send_within(&self, sending: Duration) {
        self.state().sending = sending;
    }

    /// Sets the clock so many milliseconds from where it began.
    pub(crate) fn set_clock(&self, ahead: i64) {
        self.clock.store(ahead, Ordering::Relaxed);
    }

    /// A message is deleted.
    pub(crate) fn delete(&self, message: &str) {
        self.state().messages.remove(message).unwrap();
    }

    /// A dispatch is taken back.
    pub(crate) fn forget(&self, dispatch: &str) {
        self.state().pending.retain(|pending| pending.id != dispatch);
    }

    /// How many dispatches are not acknowledged.
    pub(crate) fn pending(&self) -> usize {
        self.state().pending.len()
    }

    /// All turns so far.
    pub(crate) fn turns(&self) -> Vec<Turn> {
        self.state().turns.clone()
    }

    /// All messages of the agent so far, with their chats.
    pub(crate) fn sent(&self) -> Vec<(String, String)> {
        self.state().sent.clone()
    }

    /// Holds every turn, or lets all go on.
    pub(crate) fn hold(&self, held: bool) {
        self.hold.send_replace(held);
    }

    pub(crate) fn refuse_writes(&self, refused: bool) {
        self.disk.lock().unwrap().as_ref().unwrap().refuse_writes(refused).unwrap();
    }

    /// Lets a socket event happen.
    pub(crate) async fn happen(&self, event: SocketEvent) {
        let events = self.state().events.clone().unwrap();
        events.send(event).await.unwrap();
    }

    /// Somebody writes in a chat of their own.
    pub(crate) async fn say(&self, sender: &str, kind: &str, number: u32) {
        self.say_in(&format!("cht_{sender}"), sender, kind, number).await;
    }

    /// Somebody writes in this chat.
    pub(crate) async fn say_in(&self, chat: &str, sender: &str, kind: &str, number: u32) {
        let mut message = message(sender, kind, number, "Hello");
        message["chat_id"] = chat.into();
        let message: Message = serde_json::from_value(message).unwrap();
        let dispatch = json!({ "id": format!("dsp_{sender}_{number}"), "source_type": "message", "source_id": message.id });
        self.state().messages.insert(message.id.clone(), message);
        self.dispatch(number, dispatch).await;
    }

    /// Somebody writes in a chat of their own, and the message says no more of them than their id.
    pub(crate) async fn say_unnamed(&self, sender: &str, number: u32) {
        let mut message = message(sender, "human", number, "Hello");
        message.as_object_mut().unwrap().remove("sender");
        let message: Message = serde_json::from_value(message).unwrap();
        let dispatch = json!({ "id": format!("dsp_{sender}_{number}"), "source_type": "message", "source_id": message.id });
        self.state().messages.insert(message.id.clone(), message);
        self.dispatch(number, dispatch).await;
    }

    /// Somebody gives the agent a task.
    pub(crate) async fn assign(&self, creator: Option<&str>, number: u32, task: &str) {
        let data = json!({ "id": task, "title": "Work", "creator_id": creator, "assignee_id": "usr_agent" });
        self.state().tasks.insert(task.to_owned(), serde_json::from_value(data).unwrap());
        let dispatch = json!({
            "id": format!("dsp_{task}_{number}"), "source_type": "task", "source_id": task,
            "event_type": "task.assigned",
        });
        self.dispatch(number, dispatch).await;
    }

    /// A server announces a task for the agent.
    pub(crate) async fn announce_task(&self, creator: &str, number: u32, task: &str) {
        let data = json!({ "id": task, "title": "Work", "creator_id": creator, "assignee_id": "usr_agent" });
        let frame = json!({ "type": "task.assigned", "seq": number, "data": data });
        self.happen(SocketEvent::Frame(serde_json::from_str(&frame.to_string()).unwrap())).await;
    }

    /// The server lists a dispatch from now on, without a word.
    pub(crate) fn list(&self, dispatch: Value) {
        self.state().pending.push(serde_json::from_value(dispatch).unwrap());
    }

    /// The server makes a dispatch.
    pub(crate) async fn dispatch(&self, number: u32, dispatch: Value) {
        let frame = json!({ "type": "dispatch.new", "seq": number, "data": dispatch });
        self.list(dispatch);
        self.happen(SocketEvent::Frame(serde_json::from_str(&frame.to_string()).unwrap())).await;
    }

    /// Somebody writes a text in a chat of their own, on a server without dispatch inbox.
    pub(crate) async fn announce(&self, sender: &str, number: u32, text: &str) {
        let data = message(sender, "human", number, text);
        let frame = json!({ "type": "message.new", "seq": number, "data": data });
        self.happen(SocketEvent::Frame(serde_json::from_str(&frame.to_string()).unwrap())).await;
    }

    fn answer<T: Send + 'static>(
        &self,
        call: &'static str,
        answer: impl FnOnce(&mut State) -> T,
    ) -> Answer<'_, T> {
        let mut state = self.state();
        *state.calls.entry(call).or_default() += 1;
        let answer = match state.failing.get(call) {
            Some(status) => Err(refusal(*status)),
            None => Ok(answer(&mut state)),
        };
        async move { answer }.boxed()
    }
}

/// A message in its sender's own chat, as the server shows it.
fn message(sender: &str, kind: &str, number: u32, text: &str) -> Value {
    json!({
        "id": format!("msg_{sender}_{number}"), "chat_id": format!("cht_{sender}"), "chat_type": "direct",
        "sender_id": sender, "sender": { "id": sender, "display_name": sender, "type": kind },
        "content": { "text": text },
    })
}

/// What a call says that is refused with a status.
pub(crate) fn refusal(status: u16) -> Error {
    Error::Status {
        method: Method::GET,
        path: "/staged",
        status,
        error_code: None,
        message: String::new(),
        retry_after: None,
    }
}

impl Bench {
    /// An account that is connected and has nothing to do.
    pub(crate) async fn start() -> Self {
        let bench = Self::launch();
        bench.soon("idle", |status| status["connected"] == true).await;
        bench
    }

    /// An account that starts.
    pub(crate) fn launch() -> Self {
        let world = Arc::new(World::default());
        let clock = Arc::clone(&world);
        let clock = move || 1_800_000_000_000 + clock.clock.load(Ordering::Relaxed);
        let disk = SimulatedDisk::new(Arc::new(clock)).unwrap();
        let asked = disk.asked();
        *world.disk.lock().unwrap() = Some(disk);
        let writer = Arc::clone(&world);
        tokio::spawn(async move {
            loop {
                asked.notified().await;
                while writer.disk.lock().unwrap().as_mut().unwrap().write(64) > 0 {}
            }
        });
        let (gateway, journal) = serve(&world);
        Self { world, gateway, journal }
    }

    /// The account starts once more and is connected.
    pub(crate) async fn restart(&mut self) {
        (self.gateway, self.journal) = serve(&self.world);
        self.soon("connected", |status| status["connected"] == true).await;
    }

    /// Waits until the status is as wanted, for as long as a status may be untrue.
    pub(crate) async fn soon(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.within(TRUE_WITHIN, what, wanted).await
    }

    /// Waits longer, for what is only looked at again after a while.
    pub(crate) async fn within(
        &self,
        limit: Duration,
        what: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        let seen = async {
            loop {
                let status = self.world.state().status.clone();
                if wanted(&status) {
                    return status;
                }
                self.world.changed.notified().await;
            }
        };
        let seen = tokio::time::timeout(limit, seen).await;
        seen.unwrap_or_else(|_| panic!("{what}: the status is {:#}", self.world.state().status))
    }
}

/// Starts an account in a world.
fn serve(world: &Arc<World>) -> (Arc<Gateway>, Journal) {
    let journal = world.disk.lock().unwrap().as_mut().unwrap().open();
    let (access, collects) = {
        let state = world.state();
        (state.access.clone(), state.collects)
    };
    let options = AccountOptions {
        account_id: "default".into(),
        agent_id: "main".into(),
        access,
        replies: Replies::Auto,
        state_folder: None,
        max_forks: 4,
        agent_turns: 2,
        max_text_bytes: 64 * 1024,
        sender_turns: DEFAULT_SENDER_TURNS,
        sender_waiting: DEFAULT_SENDER_WAITING,
        collect_events: if collects { 20 } else { 1 },
        collect_characters: DEFAULT_COLLECT_CHARACTERS,
        max_waiting: DEFAULT_MAX_WAITING,
        turn_minutes: DEFAULT_TURN_MINUTES,
        media: MediaOptions::default(),
    };
    let server = Arc::new(StagedServer(Arc::clone(world)));
    let host = Arc::new(StagedHost(Arc::clone(world)));
    let gateway = Arc::new(Gateway::serve_with(server, journal.clone(), options, host));
    *world.gateway.lock().unwrap() = Arc::downgrade(&gateway);
    (gateway, journal)
}

/// Waits for the end of a run.
async fn ended(mut outcome: watch::Receiver<Option<TurnOutcome>>) -> TurnOutcome {
    outcome.wait_for(Option::is_some).await.unwrap().clone().unwrap()
}

/// The outcome of a turn that failed.
fn failed(started: bool, error: String) -> TurnOutcome {
    TurnOutcome { started, error: Some(error), is_called_off: false }
}

struct StagedHost(Arc<World>);

impl Host for StagedHost {
    fn run_turn(&self, turn: Turn) -> BoxFuture<'static, TurnOutcome> {
        let world = Arc::clone(&self.0);
        let behaviour = world.state().behaviour;
        assert!(behaviour != Behaviour::Panic, "as the test wants it");
        world.state().turns.push(turn.clone());
        world.changed.notify_one();
        let earlier = EarlierTurn {
            id: turn.id.clone(),
            session_key: turn.session_key.clone(),
            target: turn.target.clone(),
        };
        let turn = async move {
            if behaviour == Behaviour::Owe {
                return TurnOutcome::default();
            }
            if behaviour == Behaviour::Fail {
                return failed(true, "a staged failure".into());
            }
            if behaviour == Behaviour::Hang {
                return std::future::pending().await;
            }
            let mut held = world.hold.subscribe();
            held.wait_for(|held| !held).await.unwrap();
            let gateway = world.gateway.lock().unwrap().upgrade();
            let elsewhere = world.state().forwards_to.clone();
            if let (Some(chat), Some(gateway)) = (elsewhere, &gateway) {
                gateway.send_text(&chat, "and then?", None, Some(&turn.id)).await.unwrap();
            }
            let answer = world.state().answer.clone();
            let text = answer.or_else(|| Some(format!("echo: {}", turn.raw_text)));
            let kind = if behaviour == Behaviour::Break { "block" } else { "final" };
            let part = ReplyPart { kind: kind.into(), text, ..ReplyPart::default() };
            // A part that is refused stands in the status.
            let refused = loop {
                let gateway = world.gateway.lock().unwrap().upgrade();
                let refused = gateway.unwrap().deliver(&turn.id, part.clone()).await.err();
                let may_be_repeated = matches!(refused, Some(parall::orchestrator::Error::Closed));
                if !(may_be_repeated && world.state().keeps_runs) {
                    break refused;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            };
            if behaviour == Behaviour::Break {
                return failed(true, "a staged failure".into());
            }
            match refused.filter(|_| behaviour == Behaviour::Deny) {
                Some(error) => failed(false, error.to_string()),
                None => TurnOutcome { started: true, ..TurnOutcome::default() },
            }
        };
        // A host goes on with a turn that nobody waits for any more.
        let (sender, outcome) = watch::channel(None);
        self.0.state().runs.push((earlier, outcome.clone()));
        tokio::spawn(async move { sender.send_replace(Some(turn.await)) });
        ended(outcome).boxed()
    }

    fn call_off(&self, turn_id: String) {
        self.0.state().called_off.push(turn_id);
    }

    fn earlier_runs(&self) -> BoxFuture<'static, Vec<EarlierTurn>> {
        let state = self.0.state();
        let runs = state.runs.iter().filter(|(_, outcome)| outcome.borrow().is_none());
        let turns = if state.keeps_runs {
            runs.map(|(turn, _)| turn.clone()).collect()
        } else {
            Vec::new()
        };
        async move { turns }.boxed()
    }

    fn follow_turn(&self, turn_id: String) -> BoxFuture<'static, TurnOutcome> {
        let state = self.0.state();
        let run = state.runs.iter().find(|(turn, _)| turn.id == turn_id).unwrap();
        ended(run.1.clone()).boxed()
    }

    fn create_fork(&self, parent: String) -> BoxFuture<'static, Result<Option<Fork>, String>> {
        let fork = Fork {
            session_key: format!("{parent}:fork:1"),
            session_id: "1".into(),
            session_file: None,
        };
        let made = if self.0.state().forks { Ok(Some(fork)) } else { Err("no way to fork".into()) };
        async move { made }.boxed()
    }

    fn status(&self, patch: String) {
        self.0.state().status = serde_json::from_str(&patch).unwrap();
        self.0.changed.notify_one();
    }

    fn log(&self, _: Level, line: String) {
        self.0.state().logged.push(line);
    }
}

struct StagedServer(Arc<World>);

impl Server for StagedServer {
    fn agent(&self) -> Answer<'_, Agent> {
        self.0.answer("agent", |_| Agent { id: "usr_agent".into(), display_name: None })
    }

    fn pending_dispatches(&self) -> Answer<'_, Vec<Dispatch>> {
        self.0.answer("list", |state| state.pending.clone())
    }

    fn mark_received<'call>(&'call self, _: &'call str, _: &'call str) -> Answer<'call, ()> {
        self.0.answer("received", |_| ())
    }

    fn acknowledge<'call>(&'call self, id: &'call str) -> Answer<'call, ()> {
        self.0.changed.notify_one();
        self.0.answer("acknowledge", |state| state.pending.retain(|dispatch| dispatch.id != id))
    }

    fn message<'call>(&'call self, id: &'call str) -> Answer<'call, Message> {
        if !self.0.state().messages.contains_key(id) {
            return async { Err(refusal(404)) }.boxed();
        }
        if self.0.state().broken.contains(id) {
            return async { Err(refusal(500)) }.boxed();
        }
        self.0.answer("message", |state| state.messages[id].clone())
    }

    fn chat<'call>(&'call self, id: &'call str) -> Answer<'call, Chat> {
        self.0.answer("chat", |_| Chat {
            id: id.to_owned(),
            kind: Some("direct".into()),
            name: None,
        })
    }

    fn task<'call>(&'call self, id: &'call str) -> Answer<'call, Task> {
        if !self.0.state().tasks.contains_key(id) {
            return async { Err(refusal(404)) }.boxed();
        }
        self.0.answer("task", |state| state.tasks[id].clone())
    }

    fn member<'call>(&'call self, id: &'call str) -> Answer<'call, Sender> {
        let kind = if id.starts_with("usr_bot") { "agent" } else { "human" };
        let member = Sender { id: id.to_owned(), display_name: None, kind: Some(kind.into()) };
        self.0.answer("member", |_| member)
    }

    fn send_message<'call>(
        &'call self,
        chat: &'call str,
        message: &'call NewMessage,
    ) -> Answer<'call, Sent> {
        let sending = self.0.state().sending;
        async move {
            tokio::time::sleep(sending).await;
            let said = (chat.to_owned(), message.text.clone());
            let id = format!("sent {}", message.idempotency_key);
            let sent = self.0.answer("send", |state| state.sent.push(said)).await;
            self.0.changed.notify_one();
            sent.map(|()| Sent { id })
        }
        .boxed()
    }

    fn add_comment<'call>(
        &'call self,
        task: &'call str,
        body: &'call str,
    ) -> Answer<'call, Comment> {
        let said = (task.to_owned(), body.to_owned());
        self.0.changed.notify_one();
        self.0.answer("comment", |state| {
            state.sent.push(said);
            let id = format!("cmt_{}", state.sent.len());
            Comment { id, author_id: None, body: String::new(), created_at: None }
        })
    }

    fn comments<'call>(&'call self, _: &'call str) -> Answer<'call, Vec<Comment>> {
        self.0.answer("comments", |_| Vec::new())
    }

    fn connect(
        &self,
        _: Option<u64>,
        events: mpsc::Sender<SocketEvent>,
        shutdown: CancellationToken,
    ) -> BoxFuture<'static, ()> {
        let world = Arc::clone(&self.0);
        async move {
            events.send(SocketEvent::Connected).await.unwrap();
            world.state().events = Some(events);
            shutdown.cancelled().await;
            world.state().events = None;
        }
        .boxed()
    }
}
