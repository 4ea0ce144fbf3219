//! Runs one event in one session until it is over: answered, left unanswered on purpose, or given up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::session::Session;
use super::verdict::Verdict;
use crate::journal::{Adoption, NewResult};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::delivery::outbox::Outbox;
use crate::orchestrator::event::Event;
use crate::orchestrator::host::Level;
use crate::orchestrator::turn::event_text::{self, Reader};
use crate::orchestrator::turn::open_turn::OpenTurn;
use crate::orchestrator::turn::registry::{OpenGuard, OpenTurns};
use crate::orchestrator::turn::results::{TEXT_LIMIT, shorten};

/// How often an event is tried before it becomes a dead letter; attempts that ended with the process count too.
const MOST_ATTEMPTS: u32 = 5;
/// First pause before another attempt; doubles each time.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// What follows an attempt.
enum Next {
    /// The event is over.
    Over,
    /// Another attempt. It has to look new to the host if this one failed.
    Again { has_failed: bool },
}

/// Runs events.
pub(crate) struct Runner {
    /// The account.
    pub context: Arc<Context>,
    /// The way to the chats.
    pub outbox: Arc<Outbox>,
    /// Turns whose replies are awaited.
    pub turns: Arc<OpenTurns>,
    /// How events end.
    pub completion: Arc<Completion>,
    /// How long a turn may run; for ever without a limit.
    pub turn_limit: Option<Duration>,
}

impl Runner {
    /// Runs an event until it is over. Comes back early when the account stops; the event then stays with the server and
    /// with the journal.
    pub(crate) async fn run(&self, event: &Event, session: &Session) -> Result<(), Stopped> {
        let mut is_repeated = None;
        let mut opened = self.turns.reopen(event.key());
        if let Some(OpenGuard { turn, .. }) = &opened
            && let Some(run) = &turn.fixed.earlier_run
        {
            let session = &Session::of(run);
            // It counts as an attempt again, which the stop took back.
            let Adoption { attempt, .. } = self.adopt(event.key(), &run.id, session).await?;
            let verdict = self.follow(turn, run).await;
            match self.conclude(event, session, turn, attempt, verdict).await? {
                Next::Over => return Ok(()),
                Next::Again { has_failed } => is_repeated = has_failed.then_some(true),
            }
        }
        loop {
            // The answer that was finished last may have come back while the account stops.
            if self.context.work.is_cancelled() {
                return Err(Stopped);
            }
            // The host may have answered by itself before its turn came, or between two attempts.
            if let Some(OpenGuard { turn, .. }) = &opened
                && turn.is_complete()
            {
                // Another part may be on its way.
                self.settle(turn).await?;
                return self.answered(event, session, turn).await;
            }
            let id = turn_id();
            let Adoption { attempt, is_repeated: after_failure } =
                self.adopt(event.key(), &id, session).await?;
            let repeated = *is_repeated.get_or_insert(after_failure);
            if attempt > MOST_ATTEMPTS {
                let problem = format!("tried {MOST_ATTEMPTS} times");
                return self.completion.give_up(event.key(), &problem).await;
            }
            let turn = match &opened {
                Some(open) => &open.turn,
                None => &opened.insert(self.open(attempt, event).await?).turn,
            };
            turn.begin(id.clone());
            let verdict = self.attempt(event, session, turn, id, repeated).await;
            match self.conclude(event, session, turn, attempt, verdict).await? {
                Next::Over => return Ok(()),
                Next::Again { has_failed: true } => is_repeated = Some(true),
                Next::Again { has_failed: false } => {}
            }
        }
    }

    async fn adopt(&self, key: &str, turn: &str, session: &Session) -> Result<Adoption, Stopped> {
        let journal = self.context.journal()?;
        self.context.record("noting a turn", || journal.adopt(key, turn, session.key())).await
    }

    /// Opens the turn for replies; a later attempt goes on counting parts where the earlier ones stopped.
    async fn open(&self, attempt: u32, event: &Event) -> Result<OpenGuard<'_>, Stopped> {
        let first_part = if attempt == 1 {
            0
        } else {
            let journal = self.context.journal()?;
            let parts = self
                .context
                .record("reading the answer so far", || journal.parts(event.key()))
                .await?;
            parts.last().map_or(0, |last| last.part.ordinal + 1)
        };
        Ok(self.turns.open(event, first_part))
    }

    /// Ends the event, or prepares the next attempt.
    async fn conclude(
        &self,
        event: &Event,
        session: &Session,
        turn: &OpenTurn,
        attempt: u32,
        verdict: Result<Verdict, Stopped>,
    ) -> Result<Next, Stopped> {
        let key = event.key();
        let (problem, has_failed) = match verdict {
            Ok(Verdict::Answered) => {
                self.answered(event, session, turn).await?;
                return Ok(Next::Over);
            }
            Ok(Verdict::Silent) => {
                if turn.was_begun_before() {
                    self.settle(turn).await?;
                }
                self.silent(event).await;
                return Ok(Next::Over);
            }
            Ok(Verdict::Hopeless(problem)) => {
                self.completion.give_up(key, &problem).await?;
                return Ok(Next::Over);
            }
            Ok(Verdict::CalledOff) => {
                turn.end_attempt();
                return Ok(Next::Again { has_failed: false });
            }
            Ok(Verdict::Again(problem)) => (problem, true),
            Ok(Verdict::NotRun) => ("the host did not run the turn".to_owned(), false),
            Err(Stopped) => {
                self.release(key).await;
                return Err(Stopped);
            }
        };
        if attempt >= MOST_ATTEMPTS {
            self.completion.give_up(key, &problem).await?;
            return Ok(Next::Over);
        }
        turn.end_attempt();
        self.pause(key, attempt, &problem).await?;
        Ok(Next::Again { has_failed })
    }

    async fn answered(
        &self,
        event: &Event,
        session: &Session,
        turn: &OpenTurn,
    ) -> Result<(), Stopped> {
        let was_deferred = turn.end_deferred();
        // The host may be about to say more than one part.
        if was_deferred || turn.was_begun_before() {
            self.settle(turn).await?;
        }
        let journal = self.context.journal()?;
        self.context.record("noting an answer", || journal.answer_complete(event.key())).await?;
        let fork = match session {
            Session::Fork { key, .. } => Some(key),
            // The host answered by itself, from where the turn ran before.
            Session::Main(main) if was_deferred => {
                turn.fixed.earlier_session.as_ref().filter(|earlier| *earlier != main)
            }
            Session::Main(_) => None,
        };
        if let Some(session_key) = fork {
            let result = fork_result(event, session_key, &turn.spoken());
            self.context
                .record("noting a fork's result", || journal.add_result(result.clone()))
                .await?;
        }
        self.completion.answered(event.key(), &event.origin);
        Ok(())
    }

    /// Closes a turn for replies, after those that are on their way.
    async fn settle(&self, turn: &OpenTurn) -> Result<(), Stopped> {
        let settled = self.outbox.settle(turn, Duration::MAX);
        self.context.work.run_until_cancelled(settled).await.ok_or(Stopped)
    }

    async fn silent(&self, event: &Event) {
        let cause = "the agent chose to say nothing";
        self.completion.close(event.key(), &event.origin, cause).await;
    }

    async fn pause(&self, key: &str, attempt: u32, problem: &str) -> Result<(), Stopped> {
        let pause = RETRY_PAUSE * 2_u32.pow(attempt.saturating_sub(1));
        self.context.log(Level::Warn, format!("{key}: attempt {attempt} failed: {problem}"));
        let journal = self.context.journal()?;
        let retry_at = journal.now() + i64::try_from(pause.as_millis()).unwrap_or_default();
        self.context
            .record("noting a failed attempt", || journal.fail(key, problem, retry_at))
            .await?;
        tokio::select! {
            biased;
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.context.work.cancelled() => Err(Stopped),
        }
    }

    /// The attempt was cut short by a stop and does not count. Best effort: a crash counts it, too.
    async fn release(&self, key: &str) {
        if let Ok(journal) = self.context.journal() {
            let _ = journal.release(key).await;
        }
    }
}

/// What a fork leaves for main.
pub(crate) fn fork_result(event: &Event, session_key: &str, answer: &str) -> NewResult {
    let turn = event_text::turn(event, String::new(), session_key, Reader::default());
    NewResult {
        dispatch_id: event.key().to_owned(),
        session_key: session_key.to_owned(),
        target: turn.target,
        chat_label: turn.conversation_label,
        sender_name: turn.sender_name,
        question: shorten(&turn.raw_text, TEXT_LIMIT),
        answer: shorten(answer, TEXT_LIMIT),
    }
}

/// A turn id that no other turn of this machine has.
fn turn_id() -> String {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    format!("turn-{}-{:08x}", COUNTER.fetch_add(1, Ordering::Relaxed), fastrand::u32(..))
}
