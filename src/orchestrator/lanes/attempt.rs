//! One attempt at a batch: what the host is asked, and what its answer means.

use std::time::Duration;

use super::runner::Runner;
use super::session::Session;
use super::verdict::Verdict;
use crate::orchestrator::batch::Batch;
use crate::orchestrator::context::Stopped;
use crate::orchestrator::host::TurnOutcome;
use crate::orchestrator::turn::batch_text;
use crate::orchestrator::turn::earlier::EarlierRun;
use crate::orchestrator::turn::event_text;
use crate::orchestrator::turn::open_turn::OpenTurn;
use crate::orchestrator::turn::watchdog::{Watch, Watched};

/// How long an answer may take that the host promised by returning without a run: a recovered turn starts about four
/// seconds after the host does, and then takes as long as its model.
const LATE_ANSWER: Duration = Duration::from_secs(120);
/// How long a part that is on its way may take when the account stops.
const SETTLE: Duration = Duration::from_millis(1_500);

impl Runner {
    /// Asks the host to run the batch. `news` is what main has to be told of its forks.
    pub(super) async fn attempt(
        &self,
        batch: &Batch,
        session: &Session,
        turn: &OpenTurn,
        turn_id: String,
        is_repeated: bool,
        news: Option<String>,
    ) -> Result<Verdict, Stopped> {
        let mut request = batch_text::turn(batch, &turn_id, session.key(), self.context.reader());
        request.is_repeated = is_repeated;
        if let Session::Fork { introduced: Some(since), .. } = session {
            event_text::introduce_fork(&mut request.text, *since);
        }
        let has_news = news.is_some();
        if let Some(news) = news {
            request.text = format!("{news}\n{}", request.text);
        }
        let _no_config_writes = self.context.gate.turn().await;
        if !turn.begin(&turn_id) {
            if has_news {
                self.told(&turn_id, false).await?;
            }
            return Ok(Verdict::Answered);
        }
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
    pub(super) async fn follow(
        &self,
        turn: &OpenTurn,
        run: &EarlierRun,
    ) -> Result<Verdict, Stopped> {
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
        let is_stopped = self.turns.is_stopped(turn_id);
        // A part that is on its way must be known to have arrived, or the next start would answer again.
        let verdict = match verdict {
            Err(Stopped) => {
                self.outbox.settle(turn, SETTLE).await;
                if turn.is_complete() { Ok(Verdict::Answered) } else { Err(Stopped) }
            }
            Ok(Verdict::CalledOff | Verdict::Again(_) | Verdict::Hopeless(_)) if is_stopped => {
                Ok(Verdict::Ended)
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

    /// Notes whether main knows by now.
    pub(super) async fn told(&self, turn_id: &str, told: bool) -> Result<(), Stopped> {
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
