//! What all parts of a simulated world share: time, dice, the trace, and the end of a life.

use std::fmt::Write;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use parall::journal::{Clock, SimulatedDisk};
use parall::orchestrator::Gateway;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::host::Sessions;
use super::ledger::Ledger;
use super::parall_state::ParallState;
use super::plan::Plan;

/// When the first life begins, milliseconds since the epoch.
const BEGINNING: i64 = 1_800_000_000_000;

/// A world. All parts hold the same one.
pub(crate) struct World {
    pub plan: Plan,
    time: Arc<Mutex<Time>>,
    state: Mutex<State>,
    /// Wakes when the life ends by a crash.
    pub crash: Notify,
    /// Wakes when a frame waits, or a connection has to end.
    pub frames: Notify,
    /// Wakes when an agent of a chat has something to write.
    pub mail: Notify,
}

/// Everything that changes.
#[expect(clippy::struct_excessive_bools, reason = "the switches of a world are independent")]
pub(crate) struct State {
    pub dice: fastrand::Rng,
    pub parall: ParallState,
    pub host: Sessions,
    pub disk: SimulatedDisk,
    pub ledger: Ledger,
    /// The number of this life, from one, and when it began.
    pub life: u32,
    pub life_began: i64,
    /// The process is dead: nothing it does has any effect.
    pub dead: bool,
    /// The account is being stopped.
    pub stopping: bool,
    /// The account was closed: it must do nothing any more.
    pub closed: bool,
    /// Effects of this life so far, and the one at which it crashes.
    pub effects: u64,
    pub crash_at: Option<u64>,
    /// No fault happens any more.
    pub calm: bool,
    pub gateway: Weak<Gateway>,
    pub trace: Option<String>,
    /// The newest status.
    pub status: serde_json::Value,
}

/// Virtual time: it stands still between lives.
struct Time {
    base: i64,
    since: Option<Instant>,
}

impl Time {
    fn now(&self) -> i64 {
        let elapsed = self.since.map_or(Duration::ZERO, |since| since.elapsed());
        self.base + i64::try_from(elapsed.as_millis()).unwrap()
    }
}

impl World {
    pub(crate) fn new(plan: Plan, traced: bool) -> Arc<Self> {
        let time = Arc::new(Mutex::new(Time { base: BEGINNING, since: None }));
        let clock: Clock = {
            let time = Arc::clone(&time);
            Arc::new(move || time.lock().unwrap_or_else(PoisonError::into_inner).now())
        };
        let state = State {
            dice: fastrand::Rng::with_seed(plan.seed ^ 0x5eed_0fd1_ce00),
            parall: ParallState::default(),
            host: Sessions::default(),
            disk: SimulatedDisk::new(clock).unwrap(),
            ledger: Ledger::default(),
            life: 0,
            life_began: 0,
            dead: true,
            stopping: true,
            closed: true,
            effects: 0,
            crash_at: None,
            calm: false,
            gateway: Weak::new(),
            trace: traced.then(String::new),
            status: serde_json::Value::Null,
        };
        Arc::new(Self {
            plan,
            time,
            state: Mutex::new(state),
            crash: Notify::new(),
            frames: Notify::new(),
            mail: Notify::new(),
        })
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Milliseconds since the epoch.
    pub(crate) fn now(&self) -> i64 {
        self.time.lock().unwrap_or_else(PoisonError::into_inner).now()
    }

    /// Lets time run, or stops it.
    pub(crate) fn run_time(&self, running: bool) {
        let mut time = self.time.lock().unwrap_or_else(PoisonError::into_inner);
        time.base = time.now();
        time.since = running.then(Instant::now);
    }

    /// Notes what happens, when somebody wants to read it.
    pub(crate) fn trace(&self, text: impl FnOnce() -> String) {
        let now = self.now() - BEGINNING;
        let mut state = self.state();
        let life = state.life;
        if let Some(trace) = &mut state.trace {
            writeln!(trace, "{life}:{:>9.3} {}", seconds(now), text()).unwrap();
        }
    }

    /// A point at which the process may die: before and after everything that somebody outside can notice.
    pub(crate) async fn crash_point(&self) {
        let dead = {
            let mut state = self.state();
            state.effects += 1;
            if !state.dead && state.crash_at.is_some_and(|at| state.effects >= at) {
                state.dead = true;
                self.crash.notify_one();
            }
            state.dead
        };
        if dead {
            pending::<()>().await;
        }
    }

    /// A part of the outside world takes its time: often none, but then too others get their turn first.
    pub(crate) async fn dawdle(&self, most: u64) {
        let pause = {
            let mut state = self.state();
            if state.calm || most == 0 || state.dice.u8(..) < 150 {
                0
            } else {
                state.dice.u64(1..=most)
            }
        };
        if pause == 0 {
            tokio::task::yield_now().await;
        } else {
            tokio::time::sleep(Duration::from_millis(pause)).await;
        }
        if self.state().dead {
            pending::<()>().await;
        }
    }
}

impl State {
    /// Whether something of this probability (in 1,000) happens. Nothing bad does when the world is calm.
    pub(crate) fn happens(&mut self, per_mille: u32) -> bool {
        !self.calm && self.dice.u32(0..1_000) < per_mille
    }
}

fn seconds(milliseconds: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let milliseconds = milliseconds as f64;
    milliseconds / 1000.0
}
