//! Runs a batch in one session until it is over: answered, left unanswered on purpose, or given up. A batch of several events whose
//! turn fails is separated: nobody knows which of them is the cause, so each is tried by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::journal::{Adoption, NewResult};
use crate::orchestrator::batch::{Batch, Member};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::delivery::outbox::Outbox;
use crate::orchestrator::event::Event;
use crate::orchestrator::host::{Level, TurnOutcome};
use crate::orchestrator::turn::batch_text;
use crate::orchestrator::turn::earlier::EarlierRun;
use crate::orchestrator::turn::event_text::{self, Reader};
use crate::orchestrator::turn::open_turn::OpenTurn;
use crate::orchestrator::turn::registry::{OpenGuard, OpenTurns};
use crate::orchestrator::turn::results::{SECTION_LIMIT, TEXT_LIMIT, section, shorten};
use crate::orchestrator::turn::watchdog::{Watch, Watched};

/// How often an event is tried before it becomes a dead letter; attempts that ended with the process count too.
const MOST_ATTEMPTS: u32 = 5;
/// How long an answer may take that the host promised by returning without a run: a recovered turn starts about four
/// seconds after the host does, and then takes as long as its model.
const LATE_ANSWER: Duration = Duration::from_secs(120);
/// First pause before another attempt; doubles each time.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// How long a part that is on its way may take when the account stops.
const SETTLE: Duration = Duration::from_millis(1_500);

/// Where a turn runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Session {
    /// The orchestrator session.
    Main(String),
    /// A fork of it.
    Fork {
        /// Its session key.
        key: String,
        /// Since when main is busy, in milliseconds since 1970. With the first event of a fork, which is told what it is.
        introduced: Option<u64>,
    },
}

impl Session {
    /// The session key.
    pub(crate) fn key(&self) -> &str {
        let (Self::Main(key) | Self::Fork { key, .. }) = self;
        key
    }

    /// The session of a run that an earlier start began.
    fn of(run: &EarlierRun) -> Self {
        let key = run.session_key.clone();
        if run.is_fork { Self::Fork { key, introduced: None } } else { Self::Main(key) }
    }
}

/// What became of one attempt.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// The answer, or what there is of it, is in the chat.
    Answered,
    /// The agent chose to say nothing.
    Silent,
    /// Try again.
    Again(String),
    /// The host neither ran the turn nor answered by itself. It may still do so: it must not take the next attempt for
    /// another message.
    NotRun,
    /// It was called off because the account had stopped. That does not count as an attempt.
    CalledOff,
    /// Trying again would not help.
    Hopeless(String),
}

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
        if self.completion.in_flight.is_done(batch.owner().key()) {
            return Ok(others);
        }
        let mut is_repeated = None;
        let mut opened = self.turns.reopen(batch.owner().key());
        if let Some(OpenGuard { turn, .. }) = &opened
            && let Some(run) = &turn.fixed.earlier_run
        {
            let session = &Session::of(run);
            // It counts as an attempt again, which the stop took back.
            let Adoption { attempt, .. } = self.adopt(&turn.members(), &run.id, session).await?;
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
            let Adoption { attempt, is_repeated: after_failure } =
                self.adopt(&batch.members(), &id, session).await?;
            let repeated = *is_repeated.get_or_insert(after_failure);
            let next = if attempt > MOST_ATTEMPTS {
                let problem = format!("tried {MOST_ATTEMPTS} times");
                self.exhausted(&batch, problem).await?
            } else {
                let turn = match &opened {
                    Some(open) => &open.turn,
                    None => &opened.insert(self.open(attempt, &batch).await?).turn,
                };
                turn.begin(id.clone(), batch.members());
                let verdict = self.attempt(&batch, session, turn, id, repeated).await;
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

    async fn adopt(
        &self,
        members: &[Member],
        turn: &str,
        session: &Session,
    ) -> Result<Adoption, Stopped> {
        let journal = self.context.journal()?;
        self.context
            .record("noting a turn", || journal.adopt(keys(members), turn, session.key()))
            .await
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

    async fn attempt(
        &self,
        batch: &Batch,
        session: &Session,
        turn: &OpenTurn,
        turn_id: String,
        is_repeated: bool,
    ) -> Result<Verdict, Stopped> {
        let mut request = batch_text::turn(batch, &turn_id, session.key(), self.context.reader());
        request.is_repeated = is_repeated;
        if let Session::Fork { introduced: Some(since), .. } = session {
            event_text::introduce_fork(&mut request.text, *since);
        }
        // What the host has begun to answer by itself it does not hear again.
        let mut has_news = false;
        if matches!(session, Session::Main(_))
            && !turn.has_begun()
            && let Some(news) = self.news(&turn_id).await?
        {
            has_news = true;
            request.text = format!("{news}\n{}", request.text);
        }
        let _no_config_writes = self.context.gate.turn().await;
        batch.iter().for_each(|event| self.completion.mark_received(&event.origin));
        let watch = Watch {
            context: &self.context,
            turn_id: &turn_id,
            session_key: session.key(),
            event_key: batch.owner().key(),
            limit: self.turn_limit,
        };
        let watched = watch.over(self.context.host.run_turn(request)).await;
        self.judge(turn, &turn_id, watched, has_news).await
    }

    /// Follows a run of an earlier start of the account to its end. Whoever holds its lane watches it.
    async fn follow(&self, turn: &OpenTurn, run: &EarlierRun) -> Result<Verdict, Stopped> {
        let watched = tokio::select! {
            biased;
            outcome = run.outcome() => outcome.ok_or(Stopped),
            () = self.context.work.cancelled() => Err(Stopped),
        };
        if watched.is_ok() && turn.was_begun_before() {
            // Parts that the last start left are sent first.
            let order = self.outbox.order(&turn.fixed.target);
            let _ = self.context.work.run_until_cancelled(order).await;
        }
        self.judge(turn, &run.id, watched, !run.is_fork).await
    }

    /// What became of an attempt that has ended, or that the account has to leave. `has_news` says that main may have been told
    /// something with it.
    async fn judge(
        &self,
        turn: &OpenTurn,
        turn_id: &str,
        watched: Result<Watched, Stopped>,
        mut has_news: bool,
    ) -> Result<Verdict, Stopped> {
        let (verdict, ran) = match watched {
            Ok(Watched::Ended(outcome)) => {
                let ran = turn.returned(&outcome);
                if !ran && std::mem::take(&mut has_news) {
                    // Noted before any answer of the host: that would be taken for one to these words.
                    self.told(turn_id, false).await?;
                }
                (self.judge_outcome(turn, ran, outcome).await, ran)
            }
            Ok(Watched::CalledOff(problem)) if !turn.is_complete() => {
                (Ok(Verdict::Hopeless(problem)), true)
            }
            Ok(Watched::CalledOff(_)) => (Ok(Verdict::Answered), true),
            Err(Stopped) => (Err(Stopped), turn.has_begun()),
        };
        // A part that is on its way must be known to have arrived, or the next start would answer again.
        let verdict = match verdict {
            Err(Stopped) => {
                self.outbox.settle(turn, SETTLE).await;
                if turn.is_complete() { Ok(Verdict::Answered) } else { Err(Stopped) }
            }
            verdict => verdict,
        };
        // A host that answers by itself, later, may have used the words of an earlier attempt.
        let told = ran && (turn.has_begun() || matches!(verdict, Ok(Verdict::Silent)));
        // After a stop the run may go on: whoever follows it notes what main was told.
        if has_news && (told || verdict.is_ok()) {
            self.told(turn_id, told).await?;
        }
        verdict
    }

    async fn judge_outcome(
        &self,
        turn: &OpenTurn,
        ran: bool,
        outcome: TurnOutcome,
    ) -> Result<Verdict, Stopped> {
        if turn.is_cut_off() {
            // Not all of the answer is in the chat: the next start goes on with it.
            return Err(Stopped);
        }
        if turn.is_complete() || turn.has_answer() && outcome.error.is_none() {
            return Ok(Verdict::Answered);
        }
        if let Some(reason) = turn.refusal() {
            return Ok(Verdict::Hopeless(reason));
        }
        if outcome.is_called_off {
            return Ok(Verdict::CalledOff);
        }
        if let Some(error) = outcome.error {
            return Ok(Verdict::Again(error));
        }
        if ran {
            // What the agent sends by itself is refused after a stop, so nobody knows whether it chose to say nothing.
            let is_sure = !self.context.work.is_cancelled();
            return if is_sure { Ok(Verdict::Silent) } else { Err(Stopped) };
        }
        if turn.fixed.no_reply {
            return Ok(Verdict::Silent);
        }
        tokio::select! {
            biased;
            () = turn.wait_complete() => Ok(Verdict::Answered),
            () = tokio::time::sleep(LATE_ANSWER) => Ok(Verdict::NotRun),
            () = self.context.work.cancelled() => Err(Stopped),
        }
    }

    /// Notes the answer for all events that it is for, and then ends them.
    async fn answered(
        &self,
        batch: &Batch,
        session: &Session,
        turn: &OpenTurn,
    ) -> Result<(), Stopped> {
        let was_deferred = turn.end_deferred();
        // The host may be about to say more than one part.
        if was_deferred || turn.was_begun_before() {
            self.settle(turn).await?;
        }
        let members = turn.members();
        let journal = self.context.journal()?;
        self.context.record("noting an answer", || journal.answer_complete(keys(&members))).await?;
        let fork = match session {
            Session::Fork { key, .. } => Some(key),
            // The host answered by itself, from where the turn ran before.
            Session::Main(main) if was_deferred => {
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

    /// What main has to be told of its forks, bound to this turn.
    async fn news(&self, turn_id: &str) -> Result<Option<String>, Stopped> {
        let journal = self.context.journal()?;
        let results = self
            .context
            .record("reading the results of forks", || journal.take_results_for(turn_id))
            .await?;
        Ok(section(&results, SECTION_LIMIT))
    }

    /// Notes whether main knows by now.
    async fn told(&self, turn_id: &str, told: bool) -> Result<(), Stopped> {
        let journal = self.context.journal()?;
        let note = || async {
            if told {
                journal.confirm_results(turn_id).await
            } else {
                journal.release_results(turn_id).await
            }
        };
        self.context.record("noting what main was told", note).await
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
