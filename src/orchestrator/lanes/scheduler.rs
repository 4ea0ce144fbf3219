//! The lanes, main and its forks, and which event each of them takes. A session never has two turns at once, and a chat is never
//! in two lanes.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, SetOnce, watch};
use tokio::time::{Instant, sleep_until};

use super::forks::{Forks, NoFork};
use super::limits::{HOUR, Limits};
use super::queue::Queue;
use super::runner::Runner;
use super::session::Session;
use crate::orchestrator::batch::Batch;
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::event::Event;
use crate::orchestrator::host::{Fork, Level};
use crate::orchestrator::target::Target;

/// How long no fork is tried after one could not be made.
const FORK_PAUSE: Duration = Duration::from_secs(30);
/// How long everything else waits for a turn that runs alone, with the turns before it. One that ends the process does so
/// sooner, or seldom.
const ALONE_LIMIT: Duration = Duration::from_secs(60);

/// The lanes of an account.
pub(crate) struct Lanes {
    runner: Runner,
    context: Arc<Context>,
    forks: Forks,
    main: Session,
    limits: Limits,
    state: Mutex<State>,
    wake: Notify,
    idle: watch::Sender<bool>,
    /// Turns may begin. Lanes that wait for it begin in the order in which they were given work.
    prepared: SetOnce<()>,
}

/// A lane in which a run of an earlier start goes on.
pub(crate) enum Held {
    /// Main, which works on this chat or task.
    Main(Target),
    /// A fork for this chat or task.
    Fork(Fork, Target),
}

struct State {
    main: Main,
    /// What waits for a lane.
    queue: Queue,
    /// Forks that take events, from the moment they are decided on.
    forks: usize,
    no_forks_until: Option<Instant>,
    /// When the log last told of a sender that wants too much.
    reported: HashMap<String, Instant>,
}

/// What main does.
enum Main {
    Idle,
    /// It is to take these events.
    Given(Box<Batch>),
    /// It has worked on something since then, in milliseconds since 1970.
    Running(u64),
}

impl Lanes {
    /// Lanes without any work.
    pub(crate) fn new(runner: Runner, forks: Forks, main: String, limits: Limits) -> Arc<Self> {
        let state = State {
            main: Main::Idle,
            queue: Queue::new(&limits),
            forks: 0,
            no_forks_until: None,
            reported: HashMap::new(),
        };
        Arc::new(Self {
            context: Arc::clone(&runner.context),
            runner,
            forks,
            main: Session::Main(main),
            limits,
            state: Mutex::new(state),
            wake: Notify::new(),
            idle: watch::Sender::new(true),
            prepared: SetOnce::new(),
        })
    }

    /// Lets turns begin. Events are taken before that, too.
    pub(crate) fn open(&self) {
        // A second call changes nothing.
        let _ = self.prepared.set(());
    }

    /// Keeps a lane for a run of an earlier start until that has ended. Its chat is not served elsewhere meanwhile.
    pub(crate) fn hold(
        self: &Arc<Self>,
        held: Held,
        ended: impl Future<Output = Result<(), Stopped>> + Send + 'static,
    ) {
        let lanes = Arc::clone(self);
        let mut state = self.state();
        match held {
            Held::Main(target) => {
                state.main = Main::Running(self.now());
                state.queue.serve(&target);
                self.context.spawn(async move {
                    if ended.await.is_ok() {
                        lanes.main_is_free(&target, Vec::new());
                    }
                });
            }
            Held::Fork(fork, target) => {
                state.forks += 1;
                state.queue.serve(&target);
                self.context.spawn(async move {
                    if ended.await.is_ok() {
                        let first = lanes.next_of_fork(&target);
                        lanes.serve_fork(fork, &target, first, None).await;
                    }
                });
            }
        }
        self.report(&state);
    }

    /// Main has ended its turn on a chat or task. These events are to have another one.
    fn main_is_free(self: &Arc<Self>, target: &Target, again: Vec<Event>) {
        let mut state = self.state();
        state.queue.put_back(again);
        state.main = Main::Idle;
        state.queue.done(target);
        self.assign(&mut state);
    }

    /// Gives the events of a turn to their lane for it to have nothing beside it: should it end the process, no other event is taken
    /// for the cause. Comes back when it is over, when that and the turns before it take too long, or when the account stops.
    pub(crate) async fn accept_alone(self: &Arc<Self>, events: Vec<Event>) {
        let until = Instant::now() + ALONE_LIMIT;
        self.wait_idle(until).await;
        self.accept(events);
        self.wait_idle(until).await;
    }

    async fn wait_idle(&self, until: Instant) {
        let mut idle = self.idle.subscribe();
        tokio::select! {
            biased;
            () = self.context.work.cancelled() => {}
            // The sender lives as long as the lanes.
            _ = idle.wait_for(|idle| *idle) => {}
            () = tokio::time::sleep_until(until) => {}
        }
    }

    /// Gives events to the queue, and from there to a lane as soon as it is their turn. Those of a sender that has too much waiting
    /// already are closed without an answer.
    pub(crate) fn accept(self: &Arc<Self>, events: Vec<Event>) {
        let mut state = self.state();
        for event in events {
            if let Err(event) = state.queue.push(event) {
                self.refuse(&mut state, *event);
            }
        }
        self.assign(&mut state);
    }

    /// Gives the events that are next to free lanes: to main, or else to forks as long as some can be made.
    fn assign(self: &Arc<Self>, state: &mut State) {
        let now = Instant::now();
        if matches!(state.main, Main::Idle)
            && let Some(batch) = state.queue.next(now)
        {
            state.main = Main::Given(Box::new(batch));
            self.wake.notify_one();
        }
        let can_fork = state.no_forks_until.is_none_or(|until| until <= now);
        while can_fork
            && state.forks < self.limits.max_forks
            && let Some(batch) = state.queue.next(now)
        {
            state.forks += 1;
            self.context.spawn(Arc::clone(self).run_fork(batch));
        }
        if state.queue.next_release(now).is_some() {
            // Main waits for the time at which somebody may go on, and has to learn of a new one.
            self.wake.notify_one();
        }
        self.report_held(state, now);
        self.report(state);
    }

    /// Runs main until the account stops.
    pub(crate) async fn run_main(self: Arc<Self>) {
        self.prepared.wait().await;
        loop {
            if let Some(batch) = self.next_of_main() {
                let target = batch.target();
                let again = self.runner.run(batch, &self.main).await.unwrap_or_default();
                if self.context.work.is_cancelled() {
                    return;
                }
                self.main_is_free(&target, again);
                continue;
            }
            let release = self.state().queue.next_release(Instant::now());
            tokio::select! {
                biased;
                () = self.wake.notified() => {}
                () = sleep_until(release.unwrap_or_else(Instant::now)), if release.is_some() => {
                    self.assign(&mut self.state());
                }
                () = self.context.work.cancelled() => return,
            }
        }
    }

    /// Milliseconds since 1970, by the journal's clock.
    fn now(&self) -> u64 {
        self.context.journal().map_or(0, |journal| u64::try_from(journal.now()).unwrap_or_default())
    }

    fn next_of_main(&self) -> Option<Batch> {
        let mut state = self.state();
        match std::mem::replace(&mut state.main, Main::Running(self.now())) {
            Main::Given(batch) => Some(*batch),
            other => {
                state.main = other;
                None
            }
        }
    }

    /// Makes a fork, runs its chat's events, removes it.
    async fn run_fork(self: Arc<Self>, batch: Batch) {
        self.prepared.wait().await;
        let target = batch.target();
        let fork = match self.forks.create(self.main.key(), &target.to_string()).await {
            Ok(fork) => fork,
            Err(reason) => return self.back_to_queue(batch, &reason),
        };
        let since = match self.state().main {
            Main::Running(since) => since,
            Main::Idle | Main::Given(_) => self.now(),
        };
        self.serve_fork(fork, &target, Some(batch), Some(since)).await;
    }

    /// Runs the events of a fork's chat and removes it. `introduced` says to a new fork since when main has been busy.
    async fn serve_fork(
        self: &Arc<Self>,
        fork: Fork,
        target: &Target,
        first: Option<Batch>,
        introduced: Option<u64>,
    ) {
        let key = fork.session_key.clone();
        let mut session = Session::Fork { key: key.clone(), introduced };
        let mut next = first;
        while let Some(batch) = next {
            let again = self.runner.run(batch, &session).await.unwrap_or_default();
            if self.context.work.is_cancelled() {
                // The answer may be known while the run still goes on. What is left of the fork goes at the next start.
                return;
            }
            session = Session::Fork { key: key.clone(), introduced: None };
            self.state().queue.put_back(again);
            next = self.next_of_fork(target);
        }
        self.forks.remove(fork).await;
    }

    /// The next events of a fork. Without one the fork is over, and its place is free.
    fn next_of_fork(self: &Arc<Self>, target: &Target) -> Option<Batch> {
        let mut state = self.state();
        let next = state.queue.next_of(target, Instant::now());
        if next.is_none() {
            state.forks -= 1;
        }
        self.assign(&mut state);
        next
    }

    /// The fork could not be made: its events wait for main.
    fn back_to_queue(self: &Arc<Self>, batch: Batch, reason: &NoFork) {
        let text = format!("no fork: {reason}; the message waits for the running turn");
        self.context.log(Level::Info, text);
        self.context.status.update(|status| status.forks_unavailable = Some(reason.to_string()));
        let mut state = self.state();
        state.no_forks_until = Some(Instant::now() + FORK_PAUSE);
        state.forks -= 1;
        state.queue.give_back(batch);
        self.assign(&mut state);
    }

    /// Closes an event of a sender that has too much waiting.
    fn refuse(&self, state: &mut State, event: Event) {
        let sender = event.sender();
        let reason = format!("{} events of {sender} wait already", state.queue.of(sender));
        let text = format!("{reason}; more of its messages are closed without an answer");
        self.report_limited(state, sender, text, Instant::now());
        let completion = Arc::clone(&self.runner.completion);
        self.context.spawn(async move {
            completion.close(event.key(), &event.origin, &reason).await;
        });
    }

    fn report_held(&self, state: &mut State, now: Instant) {
        state.reported.retain(|_, at| now - *at < HOUR);
        let held: Vec<String> = state.queue.held().map(str::to_owned).collect();
        for sender in &held {
            let (turns, waiting) = (self.limits.sender_turns, state.queue.of(sender));
            let text =
                format!("{sender} has had {turns} turns in an hour; {waiting} of its events wait");
            self.report_limited(state, sender, text, now);
        }
        if state.reported.is_empty() {
            self.context.status.update(|status| status.sender_limited = None);
        }
    }

    /// Tells of a sender that wants too much: in the status now, in the log once an hour.
    fn report_limited(&self, state: &mut State, sender: &str, text: String, now: Instant) {
        if state.reported.get(sender).is_none_or(|at| now - *at >= HOUR) {
            state.reported.insert(sender.to_owned(), now);
            self.context.log(Level::Warn, text.clone());
        }
        self.context.status.update(|status| status.sender_limited = Some(text));
    }

    fn report(&self, state: &State) {
        let running = usize::from(!matches!(state.main, Main::Idle)) + state.forks;
        self.idle.send_replace(running == 0 && state.queue.is_at_rest());
        self.context.status.update(|status| {
            status.busy = running > 0;
            status.active_runs = running;
            status.forks = state.forks;
            status.queue_depth = state.queue.len();
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
