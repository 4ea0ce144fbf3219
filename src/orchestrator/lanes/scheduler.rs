//! Which lane runs which event, and the lanes themselves: main and its forks. A session never has two turns at once, and a
//! chat is never in two lanes.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::forks::{Forks, NoFork};
use super::queue::Waiting;
use super::routing::{self, Decision, Limits, route};
use super::runner::{Runner, Session};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::event::Event;
use crate::orchestrator::host::{Fork, Level};
use crate::orchestrator::target::Target;

/// How long no fork is tried after one could not be made.
const FORK_PAUSE: Duration = Duration::from_secs(30);
/// How long everything else waits for a turn that runs alone. One that ends the process does so sooner, or seldom.
const ALONE_LIMIT: Duration = Duration::from_secs(60);

/// The lanes of an account.
pub(crate) struct Lanes {
    runner: Runner,
    context: Arc<Context>,
    forks: Forks,
    main: Session,
    max_forks: usize,
    state: Mutex<State>,
    wake: Notify,
    idle: watch::Sender<bool>,
    /// Turns may begin.
    prepared: watch::Sender<bool>,
}

/// A lane in which a run of an earlier start goes on.
pub(crate) enum Held {
    /// Main, which works on this chat or task.
    Main(Target),
    /// A fork for this chat or task.
    Fork(Fork, Target),
}

#[derive(Default)]
struct State {
    /// What main works on.
    main: Option<Target>,
    /// A run of an earlier start has main's session.
    main_is_held: bool,
    /// What waits for main.
    waiting: Waiting,
    forks: Vec<ForkQueue>,
    forks_begun: u64,
    no_forks_until: Option<Instant>,
}

struct ForkQueue {
    name: String,
    target: Target,
    events: VecDeque<Event>,
}

impl Lanes {
    /// Lanes without any work.
    pub(crate) fn new(runner: Runner, forks: Forks, main: String, max_forks: usize) -> Arc<Self> {
        Arc::new(Self {
            context: Arc::clone(&runner.context),
            runner,
            forks,
            main: Session::Main(main),
            max_forks,
            state: Mutex::default(),
            wake: Notify::new(),
            idle: watch::Sender::new(true),
            prepared: watch::Sender::new(false),
        })
    }

    /// Lets turns begin. Events are taken before that, too.
    pub(crate) fn open(&self) {
        self.prepared.send_replace(true);
    }

    async fn prepared(&self) {
        // The sender lives as long as the lanes.
        let _ = self.prepared.subscribe().wait_for(|prepared| *prepared).await;
    }

    /// Keeps a lane for a run of an earlier start until that has ended. Its chat's events are routed there.
    pub(crate) fn hold(
        self: &Arc<Self>,
        held: Held,
        ended: impl Future<Output = Result<(), Stopped>> + Send + 'static,
    ) {
        let lanes = Arc::clone(self);
        let mut state = self.state();
        match held {
            Held::Main(target) => {
                state.main = Some(target);
                state.main_is_held = true;
                self.context.spawn(async move {
                    if ended.await.is_ok() {
                        lanes.state().main_is_held = false;
                        lanes.wake.notify_one();
                    }
                });
            }
            Held::Fork(fork, target) => {
                state.forks_begun += 1;
                let name = format!("fork {}", state.forks_begun);
                state.forks.push(ForkQueue { name: name.clone(), target, events: VecDeque::new() });
                self.context.spawn(async move {
                    if ended.await.is_ok() {
                        lanes.serve_fork(&name, fork).await;
                    }
                });
            }
        }
        self.report(&state);
    }

    /// Gives an event to its lane for a turn with nothing beside it: should it end the process, no other event is taken
    /// for the cause. Comes back when it is over, takes too long, or the account stops.
    pub(crate) async fn accept_alone(self: &Arc<Self>, event: Event) {
        self.wait_idle().await;
        self.accept(event);
        self.wait_idle().await;
    }

    async fn wait_idle(&self) {
        let mut idle = self.idle.subscribe();
        tokio::select! {
            biased;
            () = self.context.work.cancelled() => {}
            // The sender lives as long as the lanes.
            _ = idle.wait_for(|idle| *idle) => {}
            () = tokio::time::sleep(ALONE_LIMIT) => {}
        }
    }

    /// Gives an event to its lane.
    pub(crate) fn accept(self: &Arc<Self>, event: Event) {
        let target = event.target();
        let mut state = self.state();
        match route(&state.view(&target), &self.limits(&state), &target) {
            Decision::Main => state.waiting.push(event),
            Decision::WaitForMain { reason } => {
                self.context.log(Level::Debug, format!("{} waits: {reason}", event.key()));
                state.waiting.push(event);
            }
            Decision::Fork { position } => state.forks[position].events.push_back(event),
            Decision::NewFork => {
                state.forks_begun += 1;
                let name = format!("fork {}", state.forks_begun);
                let events = VecDeque::from([event]);
                state.forks.push(ForkQueue { name: name.clone(), target, events });
                self.context.spawn(Arc::clone(self).run_fork(name));
            }
        }
        self.report(&state);
        drop(state);
        self.wake.notify_one();
    }

    /// Runs main until the account stops.
    pub(crate) async fn run_main(self: Arc<Self>) {
        self.prepared().await;
        loop {
            let next = self.next_of_main();
            if let Some(event) = next {
                if self.runner.run(&event, &self.main).await.is_err()
                    && self.context.work.is_cancelled()
                {
                    return;
                }
            } else {
                tokio::select! {
                    biased;
                    () = self.wake.notified() => {}
                    () = self.context.work.cancelled() => return,
                }
            }
        }
    }

    /// The next event of main, unless an earlier run has its session.
    fn next_of_main(&self) -> Option<Event> {
        let mut state = self.state();
        if state.main_is_held {
            return None;
        }
        let next = state.waiting.pop();
        state.main = next.as_ref().map(Event::target);
        self.report(&state);
        next
    }

    /// Makes a fork, runs its chat's events, removes it.
    async fn run_fork(self: Arc<Self>, name: String) {
        self.prepared().await;
        let target = self
            .state()
            .forks
            .iter()
            .find(|fork| fork.name == name)
            .map(|fork| fork.target.to_string());
        let fork = match self.forks.create(self.main.key(), &target.unwrap_or_default()).await {
            Ok(fork) => fork,
            Err(reason) => return self.back_to_main(&name, &reason),
        };
        self.serve_fork(&name, fork).await;
    }

    /// Runs the events of a fork's chat and removes it.
    async fn serve_fork(&self, name: &str, fork: Fork) {
        let session = Session::Fork(fork.session_key.clone());
        while let Some(event) = self.next_of_fork(name) {
            if self.runner.run(&event, &session).await.is_err() && self.context.work.is_cancelled()
            {
                // What is left of the fork goes at the next start.
                return;
            }
        }
        self.forks.remove(fork).await;
    }

    /// The next event of a fork. Without one the fork is over: its chat is routed anew from here on.
    fn next_of_fork(&self, name: &str) -> Option<Event> {
        let mut state = self.state();
        let fork = state.forks.iter_mut().find(|fork| fork.name == name)?;
        let next = fork.events.pop_front();
        if next.is_none() {
            state.forks.retain(|fork| fork.name != name);
        }
        self.report(&state);
        next
    }

    /// The fork could not be made: its events wait for main.
    fn back_to_main(&self, name: &str, reason: &NoFork) {
        let text = format!("no fork: {reason}; the message waits for the running turn");
        self.context.log(Level::Info, text);
        let mut state = self.state();
        state.no_forks_until = Some(Instant::now() + FORK_PAUSE);
        if let Some(position) = state.forks.iter().position(|fork| fork.name == name) {
            let fork = state.forks.remove(position);
            fork.events.into_iter().for_each(|event| state.waiting.push(event));
        }
        self.context.status.update(|status| status.forks_unavailable = Some(reason.to_string()));
        self.report(&state);
        drop(state);
        self.wake.notify_one();
    }

    fn limits(&self, state: &State) -> Limits {
        let paused = state.no_forks_until.is_some_and(|until| Instant::now() < until);
        Limits { max_forks: self.max_forks, can_fork: !paused }
    }

    fn report(&self, state: &State) {
        let forked: usize = state.forks.iter().map(|fork| fork.events.len()).sum();
        let running = usize::from(state.main.is_some()) + state.forks.len();
        self.idle.send_replace(running == 0 && state.waiting.len() == 0);
        self.context.status.update(|status| {
            status.busy = running > 0;
            status.active_runs = running;
            status.forks = state.forks.len();
            status.queue_depth = state.waiting.len() + forked;
        });
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn view<'state>(&'state self, target: &Target) -> routing::Lanes<'state> {
        routing::Lanes {
            main: self.main.as_ref(),
            waiting: self.waiting.len(),
            waiting_alike: self.waiting.of(target),
            forks: self.forks.iter().map(|fork| &fork.target).collect(),
        }
    }
}
