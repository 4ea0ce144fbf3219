//! A lane: one session, one turn at a time, events in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::event::{Event, Origin};
use super::event_text;
use super::host::{Level, TurnOutcome};
use super::seen::Seen;
use super::shared::{PersistError, Shared};
use super::turns::{OpenGuard, OpenTurn};

/// How often an event is tried before it is left to the next start.
const MOST_ATTEMPTS: u32 = 5;
/// How long an answer may take that the host promised by returning without a run: a recovered turn starts about four
/// seconds after the host does, and then takes as long as its model.
const LATE_ANSWER: Duration = Duration::from_secs(120);
/// How long a part that is on its way may take when the account stops.
const SETTLE: Duration = Duration::from_millis(1_500);
/// First pause before another attempt; doubles each time.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// What became of one attempt.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Answered, or deliberately not.
    Done,
    /// Try again.
    Again(String),
    /// Trying again would not help.
    Hopeless(String),
    /// The account stops; the event stays with the server.
    Stopped,
}

/// Runs the events of one session, one after the other.
pub(super) struct Lane {
    /// The account.
    pub shared: Arc<Shared>,
    /// What was handled already.
    pub seen: Arc<Seen>,
    /// The session, lower case.
    pub session_key: String,
}

impl Lane {
    /// Takes events until the account stops.
    pub(super) async fn run(self, mut events: mpsc::UnboundedReceiver<Event>) {
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                () = self.shared.work.cancelled() => None,
            };
            let Some(event) = event else { return };
            self.shared.status.update(|status| {
                status.busy = true;
                status.active_runs = 1;
                status.queue_depth = events.len();
            });
            self.handle(event).await;
            self.shared.status.update(|status| {
                status.busy = false;
                status.active_runs = 0;
                status.queue_depth = events.len();
            });
        }
    }

    async fn handle(&self, event: Event) {
        for attempt in 1..=MOST_ATTEMPTS {
            let problem = match self.attempt(&event).await {
                Verdict::Done => {
                    self.seen.done(event.key());
                    acknowledge(&self.shared, &event.origin);
                    return;
                }
                Verdict::Stopped => return,
                Verdict::Hopeless(problem) => return self.give_up(&event, &problem),
                Verdict::Again(problem) => problem,
            };
            if attempt == MOST_ATTEMPTS {
                return self.give_up(&event, &problem);
            }
            self.shared
                .log(Level::Warn, format!("{}: attempt {attempt} failed: {problem}", event.key()));
            tokio::select! {
                () = tokio::time::sleep(RETRY_PAUSE * 2_u32.pow(attempt - 1)) => {}
                () = self.shared.work.cancelled() => return,
            }
        }
    }

    /// Leaves an event un-acknowledged, so that the next start tries it again.
    fn give_up(&self, event: &Event, problem: &str) {
        let text = format!("{} could not be answered: {problem}", event.key());
        self.shared.log(Level::Error, text.clone());
        self.shared.status.update(|status| status.last_error = Some(text));
        self.seen.failed(event.key());
    }

    async fn attempt(&self, event: &Event) -> Verdict {
        let id = turn_id();
        let guard = self.shared.turns.open(OpenTurn::new(id.clone(), event));
        let request = event_text::turn(event, id, &self.session_key);
        mark_received(&self.shared, &event.origin);
        let outcome = tokio::select! {
            outcome = self.shared.host.run_turn(request) => outcome,
            () = self.shared.work.cancelled() => {
                // A part that is on its way must be known to have arrived, or the next start would answer again.
                self.shared.outbox.settle(&guard.turn.target, SETTLE).await;
                return if guard.turn.is_finished() { Verdict::Done } else { Verdict::Stopped };
            }
        };
        self.judge(&guard, outcome).await
    }

    async fn judge(&self, guard: &OpenGuard<'_>, outcome: TurnOutcome) -> Verdict {
        let turn = &guard.turn;
        if turn.is_delivered() {
            return Verdict::Done;
        }
        if let Some(reason) = turn.refusal() {
            return Verdict::Hopeless(reason);
        }
        if let Some(error) = outcome.error {
            return Verdict::Again(error);
        }
        if outcome.started || turn.no_reply {
            return Verdict::Done;
        }
        tokio::select! {
            () = turn.wait_delivered() => Verdict::Done,
            () = tokio::time::sleep(LATE_ANSWER) => Verdict::Again("the host did not run the turn".to_owned()),
            () = self.shared.work.cancelled() => Verdict::Stopped,
        }
    }
}

/// Tells the server that work on a dispatch begins. Of no consequence if it fails.
fn mark_received(shared: &Arc<Shared>, origin: &Origin) {
    let Origin::Dispatch { source_type, source_id, .. } = origin.clone() else { return };
    let task = Arc::clone(shared);
    shared.tasks.spawn(async move {
        if let Err(error) = task.server.mark_received(&source_type, &source_id).await {
            task.log(
                Level::Debug,
                format!("marking {source_id} as received: {}", crate::error::chain(&error)),
            );
        }
    });
}

/// Tells the server that a dispatch is done, until it knows.
pub(super) fn acknowledge(shared: &Arc<Shared>, origin: &Origin) {
    let Origin::Dispatch { id, .. } = origin.clone() else { return };
    let task = Arc::clone(shared);
    shared.tasks.spawn(async move {
        let result = task.persist("acknowledging", || task.server.acknowledge(&id)).await;
        if let Err(PersistError::Refused(error)) = result {
            task.log(Level::Error, format!("acknowledging {id}: {}", crate::error::chain(&error)));
        }
    });
}

/// A turn id that no other turn of this machine has.
fn turn_id() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("turn-{}-{:08x}", COUNTER.fetch_add(1, Ordering::Relaxed), fastrand::u32(..))
}
