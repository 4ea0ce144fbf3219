//! Runs a batch in one session until it is over: answered, left unanswered on purpose, or given up. A batch of several events whose
//! turn fails is separated: nobody knows which of them is the cause, so each is tried by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::session::Session;
use super::verdict::Verdict;
use crate::journal::{Adoption, NewResult};
use crate::orchestrator::batch::{Batch, Member};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::delivery::outbox::Outbox;
use crate::orchestrator::event::Event;
use crate::orchestrator::host::Level;
use crate::orchestrator::turn::batch_text;
use crate::orchestrator::turn::event_text::Reader;
use crate::orchestrator::turn::open_turn::OpenTurn;
use crate::orchestrator::turn::registry::{OpenGuard, OpenTurns};
use crate::orchestrator::turn::results::{SECTION_LIMIT, TEXT_LIMIT, section, shorten};

/// How often an event is tried before it becomes a dead letter; attempts that ended with the process count too.
const MOST_ATTEMPTS: u32 = 5;
/// First pause before another attempt; doubles each time.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Why an event is given up whose turn an operator ended.
const ENDED: &str = "stopped by an operator";
/// What follows an attempt.
enum Next {
    /// The batch is over.
    Over,
    /// The attempts of several events have failed.
    Separated(String),
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
    /// Runs a batch until it is over, and gives those of its events that have to run by themselves. Comes back early when the
    /// account stops; the events then stay with the server and with the journal.
    pub(crate) async fn run(
        &self,
        mut batch: Batch,
        session: &Session,
    ) -> Result<Vec<Event>, Stopped> {
        let mut others = Vec::new();
        // A turn that it had with others may have answered it since it came.
        if self.completion.in_flight.is_over(batch.owner().key()) {
            return Ok(others);
        }
        let mut is_repeated = None;
        let mut opened = self.turns.reopen(batch.owner().key());
        if let Some(OpenGuard { turn, .. }) = &opened
            && let Some(run) = &turn.fixed.earlier_run
        {
            let session = &Session::of(run);
            // It counts as an attempt again, which the stop took back.
            let (Adoption { attempt, .. }, _) =
                self.adopt(&turn.members(), &run.id, session, false).await?;
            let verdict = self.follow(turn, run).await;
            match self.conclude(&batch, session, turn, attempt, verdict).await? {
                Next::Over => return Ok(others),
                Next::Separated(problem) => {
                    self.settle(turn).await?;
                    self.separate(&turn.members(), &problem).await?;
                    others = batch.split();
                    is_repeated = Some(true);
                    opened = None;
                }
                Next::Again { has_failed } => is_repeated = has_failed.then_some(true),
            }
            if opened.as_ref().is_some_and(|open| open.turn.fixed.event_key != batch.owner().key())
            {
                opened = None;
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
                self.answered(&batch, session, turn).await?;
                return Ok(others);
            }
            let id = turn_id();
            // What the host has begun to answer by itself it does not hear again.
            let hears_news = matches!(session, Session::Main(_))
                && opened.as_ref().is_none_or(|open| !open.turn.has_begun());
            let (Adoption { attempt, is_repeated: after_failure, .. }, news) =
                self.adopt(&batch.members(), &id, session, hears_news).await?;
            let repeated = *is_repeated.get_or_insert(after_failure);
            let next = if attempt > MOST_ATTEMPTS {
                let problem = format!("tried {MOST_ATTEMPTS} times");
                if news.is_some() {
                    self.told(&id, false).await?;
                }
                self.exhausted(&batch, problem).await?
            } else {
                let turn = match &opened {
                    Some(open) => &open.turn,
                    None => &opened.insert(self.open(attempt, &batch).await?).turn,
                };
                turn.gather(batch.members());
                let verdict = self.attempt(&batch, session, turn, id, repeated, news).await;
                self.conclude(&batch, session, turn, attempt, verdict).await?
            };
            match next {
                Next::Over => return Ok(others),
                Next::Separated(problem) => {
                    if let Some(OpenGuard { turn, .. }) = &opened {
                        // The next turn of the first event counts its parts anew.
                        self.settle(turn).await?;
                    }
                    self.separate(&batch.members(), &problem).await?;
                    others = batch.split();
                    opened = None;
                    is_repeated = Some(true);
                }
                Next::Again { has_failed: true } => is_repeated = Some(true),
                Next::Again { has_failed: false } => {}
            }
        }
    }

    /// Notes a turn, and binds to it what main has to be told of its forks, if it is to hear that.
    async fn adopt(
        &self,
        members: &[Member],
        turn: &str,
        session: &Session,
        hears_news: bool,
    ) -> Result<(Adoption, Option<String>), Stopped> {
        let journal = self.context.journal()?;
        let note = || async {
            if hears_news {
                journal.adopt_with_results(keys(members), turn, session.key()).await
            } else {
                let adoption = journal.adopt(keys(members), turn, session.key()).await?;
                Ok((adoption, Vec::new()))
            }
        };
        let (adoption, results) = self.context.record("noting a turn", note).await?;
        let Adoption { attempt, claimed_at, .. } = adoption;
        self.context.activity.turn_began(journal.now(), claimed_at, attempt == 1);
        Ok((adoption, section(&results, SECTION_LIMIT)))
    }

    /// Opens the turn for replies; a later attempt goes on counting parts where the earlier ones stopped.
    async fn open(&self, attempt: u32, batch: &Batch) -> Result<OpenGuard<'_>, Stopped> {
        let first_part = if attempt == 1 {
            0
        } else {
            let journal = self.context.journal()?;
            let parts = self
                .context
                .record("reading the answer so far", || journal.parts(batch.owner().key()))
                .await?;
            parts.last().map_or(0, |last| last.part.ordinal + 1)
        };
        Ok(self.turns.open(batch, first_part))
    }

    /// Ends the batch, or prepares the next attempt.
    async fn conclude(
        &self,
        batch: &Batch,
        session: &Session,
        turn: &OpenTurn,
        attempt: u32,
        verdict: Result<Verdict, Stopped>,
    ) -> Result<Next, Stopped> {
        let (problem, has_failed) = match verdict {
            Ok(Verdict::Answered) => {
                self.answered(batch, session, turn).await?;
                return Ok(Next::Over);
            }
            Ok(Verdict::Silent) => {
                if turn.was_begun_before() {
                    self.settle(turn).await?;
                }
                self.silent(turn).await;
                return Ok(Next::Over);
            }
            Ok(Verdict::Hopeless(problem)) => {
                return self.exhausted(batch, problem).await;
            }
            Ok(Verdict::Ended) => {
                for member in turn.members() {
                    self.completion.give_up(&member.key, ENDED).await?;
                }
                return Ok(Next::Over);
            }
            Ok(Verdict::CalledOff) => {
                turn.end_attempt();
                return Ok(Next::Again { has_failed: false });
            }
            Ok(Verdict::Again(problem)) => (problem, true),
            Ok(Verdict::NotRun) => ("the host did not run the turn".to_owned(), false),
            Err(Stopped) => {
                self.release(&turn.members()).await;
                return Err(Stopped);
            }
        };
        if attempt >= MOST_ATTEMPTS || has_failed && batch.is_shared() {
            return self.exhausted(batch, problem).await;
        }
        turn.end_attempt();
        self.pause(&batch.members(), attempt, &problem).await?;
        Ok(Next::Again { has_failed })
    }

    /// No other attempt at this batch would help.
    async fn exhausted(&self, batch: &Batch, problem: String) -> Result<Next, Stopped> {
        if batch.is_shared() {
            return Ok(Next::Separated(problem));
        }
        self.completion.give_up(batch.owner().key(), &problem).await?;
        Ok(Next::Over)
    }

    /// Notes the answer for all events that it is for, and then ends them.
    async fn answered(
        &self,
        batch: &Batch,
        session: &Session,
        turn: &OpenTurn,
    ) -> Result<(), Stopped> {
        let was_unrun = turn.end_unrun();
        // The host may be about to say more than one part.
        if was_unrun || turn.was_begun_before() {
            self.settle(turn).await?;
        }
        let members = turn.members();
        let journal = self.context.journal()?;
        self.context.record("noting an answer", || journal.answer_complete(keys(&members))).await?;
        let fork = match session {
            Session::Fork { key, .. } => Some(key),
            // The host answered by itself, from where the turn ran before.
            Session::Main(main) if was_unrun => {
                turn.fixed.earlier_session.as_ref().filter(|earlier| *earlier != main)
            }
            Session::Main(_) => None,
        };
        if let Some(session_key) = fork {
            let result = fork_result(&turn.fixed.event_key, batch, session_key, &turn.spoken());
            self.context
                .record("noting a fork's result", || journal.add_result(result.clone()))
                .await?;
        }
        for Member { key, origin } in &members {
            self.completion.answered(key, origin);
        }
        Ok(())
    }

    /// Closes a turn for replies, after those that are on their way.
    async fn settle(&self, turn: &OpenTurn) -> Result<(), Stopped> {
        let settled = self.outbox.settle(turn, Duration::MAX);
        self.context.work.run_until_cancelled(settled).await.ok_or(Stopped)
    }

    async fn silent(&self, turn: &OpenTurn) {
        let cause = "the agent chose to say nothing";
        self.completion.close_all(&turn.members(), cause).await;
    }

    async fn pause(&self, members: &[Member], attempt: u32, problem: &str) -> Result<(), Stopped> {
        let pause = RETRY_PAUSE * 2_u32.pow(attempt.saturating_sub(1));
        self.context
            .log(Level::Warn, format!("{}: attempt {attempt} failed: {problem}", names(members)));
        self.context.activity.turn_failed();
        let journal = self.context.journal()?;
        let retry_at = journal.now() + i64::try_from(pause.as_millis()).unwrap_or_default();
        self.context
            .record("noting a failed attempt", || journal.fail(keys(members), problem, retry_at))
            .await?;
        self.sleep(pause).await
    }

    /// The attempts of these events have failed together: from now on each has its own.
    async fn separate(&self, members: &[Member], problem: &str) -> Result<(), Stopped> {
        let text = format!("{}: failed together, each is tried alone: {problem}", names(members));
        self.context.log(Level::Warn, text);
        let journal = self.context.journal()?;
        let pause = i64::try_from(RETRY_PAUSE.as_millis()).unwrap_or_default();
        let retry_at = journal.now() + pause;
        self.context
            .record("noting a failed turn", || journal.separate(keys(members), problem, retry_at))
            .await?;
        self.sleep(RETRY_PAUSE).await
    }

    async fn sleep(&self, pause: Duration) -> Result<(), Stopped> {
        tokio::select! {
            biased;
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.context.work.cancelled() => Err(Stopped),
        }
    }

    /// The attempt was cut short by a stop and does not count. Best effort: a crash counts it, too.
    async fn release(&self, members: &[Member]) {
        if let Ok(journal) = self.context.journal() {
            let _ = journal.release(keys(members)).await;
        }
    }
}

fn keys(members: &[Member]) -> impl Iterator<Item = &str> {
    members.iter().map(|member| member.key.as_str())
}

fn names(members: &[Member]) -> String {
    keys(members).collect::<Vec<_>>().join(", ")
}

/// What a fork leaves for main. `key` is that of the event that the answer belongs to.
pub(crate) fn fork_result(key: &str, batch: &Batch, session_key: &str, answer: &str) -> NewResult {
    let turn = batch_text::turn(batch, "", session_key, Reader::default());
    NewResult {
        dispatch_id: key.to_owned(),
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
