//! One open turn: what it is about, which never changes, and where it stands, behind one lock.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::attribution::{Candidate, Phase};
use super::earlier::EarlierRun;
use super::left_turn::LeftTurn;
use crate::journal::PartState;
use crate::orchestrator::batch::{Batch, Member};
use crate::orchestrator::host::TurnOutcome;
use crate::orchestrator::target::Target;

/// How long the host may add something to a turn that is over, and continue by itself what the last process left open.
pub(crate) const HOST_ADDS: Duration = Duration::from_secs(300);

/// A turn that the host runs, or whose answer is still awaited. It stays the same from one attempt to the next.
#[derive(Debug)]
pub(crate) struct OpenTurn {
    /// What never changes.
    pub fixed: Fixed,
    state: watch::Sender<TurnState>,
}

/// What never changes of a turn.
#[derive(Debug)]
pub(crate) struct Fixed {
    /// The message or task it is about, the first of several.
    pub source: Source,
    /// Where its answer goes.
    pub target: Target,
    /// The thread that its answer belongs to.
    pub thread_root_id: Option<String>,
    /// What idempotency keys start from: the first of its events.
    pub event_key: String,
    /// The sender asked for no answer: replies are not sent.
    pub no_reply: bool,
    /// Parts that an earlier process sent.
    pub said_before: Vec<String>,
    /// The end of a process cut its answer off.
    pub was_cut_off: bool,
    /// The session in which an earlier start of the account ran it last.
    pub earlier_session: Option<String>,
    /// The run that an earlier start of the account began and that still goes on.
    pub earlier_run: Option<EarlierRun>,
    first_part: u32,
}

/// What a turn is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// `message` or `task`.
    pub kind: String,
    /// Its id.
    pub id: String,
}

/// Where a turn stands.
#[derive(Debug)]
struct TurnState {
    stage: Stage,
    /// The events that it answers.
    members: Vec<Member>,
    answer: Answer,
    intake: Intake,
    next_part: u32,
    /// What has been said, in this process.
    spoken: String,
    /// Why the server would never take a part.
    refusal: Option<String>,
}

/// Where a turn is. The id is that of the attempt whose texts count.
#[derive(Debug)]
enum Stage {
    /// The last process left it open. The host may continue it by itself until then.
    Interrupted { until: Instant },
    /// No attempt is under way.
    Idle,
    /// The host has it. `has_replied` says whether a reply came under its id.
    Running { id: String, has_replied: bool },
    /// The host is done with the attempt.
    Returned { id: String },
    /// The host returned without a run: it may answer by itself.
    Deferred { id: String },
    /// It is over. The host may add something until then.
    Over { until: Instant },
}

/// How much of the answer is in the chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    /// Nothing of this attempt.
    Nothing,
    /// A part of this attempt, which is an answer only if the run ends without an error.
    Begun,
    /// The whole answer.
    Complete,
}

/// Whether parts are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Intake {
    Open,
    /// The answer is over.
    Closed,
    /// The account stopped before all parts that came were known to be in the chat.
    CutOff,
}

impl OpenTurn {
    /// A turn for a batch. `first_part` is the ordinal of the next part.
    pub(crate) fn new(batch: &Batch, first_part: u32) -> Self {
        let event = batch.owner();
        let fixed = Fixed {
            source: Source {
                kind: event.source_kind().to_owned(),
                id: event.source_id().to_owned(),
            },
            target: event.target(),
            thread_root_id: event.thread_root_id().map(str::to_owned),
            event_key: event.key().to_owned(),
            no_reply: event.no_reply(),
            said_before: Vec::new(),
            was_cut_off: false,
            earlier_session: None,
            earlier_run: None,
            first_part,
        };
        Self::at(fixed, Stage::Idle, batch.members())
    }

    /// A turn that the last process had begun; nothing when it is not known where its answer goes. One whose answer is known gets
    /// no other.
    pub(crate) fn left(left: &LeftTurn) -> Option<Self> {
        let until = Instant::now() + HOST_ADDS;
        let stage =
            if left.has_answer() { Stage::Over { until } } else { Stage::Interrupted { until } };
        Some(Self::at(Fixed::of(left, None)?, stage, left.members()))
    }

    /// A turn whose run goes on from an earlier start of the account; nothing when it is not known where its answer goes.
    pub(crate) fn taken_over(left: &LeftTurn, run: EarlierRun) -> Option<Self> {
        let id = run.id.clone();
        // What is known of its parts is noted as they are sent, or found to be in the chat.
        let stage = Stage::Running { id, has_replied: !left.owner.parts.is_empty() };
        Some(Self::at(Fixed::of(left, Some(run))?, stage, left.members()))
    }

    fn at(fixed: Fixed, stage: Stage, members: Vec<Member>) -> Self {
        let begun = TurnState {
            stage,
            members,
            answer: Answer::Nothing,
            intake: Intake::Open,
            next_part: fixed.first_part,
            spoken: String::new(),
            refusal: None,
        };
        Self { fixed, state: watch::Sender::new(begun) }
    }

    /// What decides to whom a text belongs.
    pub(crate) fn candidate(&self) -> Candidate<'_> {
        let state = self.state.borrow();
        let now = Instant::now();
        let (phase, id) = match &state.stage {
            Stage::Interrupted { until } if now < *until => (Phase::Interrupted, None),
            Stage::Over { until } if now < *until => (Phase::Over, None),
            Stage::Running { id, .. } | Stage::Returned { id } => (Phase::Running, Some(id)),
            Stage::Deferred { id } => (Phase::Deferred, Some(id)),
            Stage::Idle | Stage::Interrupted { .. } | Stage::Over { .. } => (Phase::Idle, None),
        };
        Candidate {
            id: id.cloned(),
            target: &self.fixed.target,
            phase,
            has_spoken: !state.spoken.is_empty() || !self.fixed.said_before.is_empty(),
            was_cut_off: self.fixed.was_cut_off,
        }
    }

    /// Another attempt begins, unless the host has answered by itself. Until then it may do so: call it right before the host is
    /// asked to run the turn.
    pub(crate) fn begin(&self, id: &str) -> bool {
        self.state.send_if_modified(|state| {
            if state.answer == Answer::Complete {
                return false;
            }
            state.answer = Answer::Nothing;
            state.stage = Stage::Running { id: id.to_owned(), has_replied: false };
            true
        })
    }

    /// These events are in its next attempt.
    pub(crate) fn gather(&self, members: Vec<Member>) {
        self.state.send_modify(|state| state.members = members);
    }

    /// The host is done with the attempt; says whether the agent ran. A reply that came under the id of the attempt shows
    /// that it did, whatever else the host says.
    pub(crate) fn returned(&self, outcome: &TurnOutcome) -> bool {
        let mut started = outcome.started;
        self.state.send_modify(|state| {
            let stage = std::mem::replace(&mut state.stage, Stage::Idle);
            let Stage::Running { id, has_replied } = stage else {
                state.stage = stage;
                return;
            };
            started |= has_replied;
            let is_deferred = !started && outcome.error.is_none();
            state.stage = if is_deferred { Stage::Deferred { id } } else { Stage::Returned { id } };
        });
        started
    }

    /// The attempt is over and there will be another one: nothing comes for this one any more. A turn that the host
    /// deferred stays deferred until then.
    pub(crate) fn end_attempt(&self) {
        self.state.send_modify(|state| match state.stage {
            Stage::Deferred { .. } => {}
            _ => state.stage = Stage::Idle,
        });
    }

    /// The events that its answer is for.
    pub(crate) fn members(&self) -> Vec<Member> {
        self.state.borrow().members.clone()
    }

    /// Whether its answer is for an event, too.
    pub(crate) fn answers(&self, event_key: &str) -> bool {
        self.state.borrow().members.iter().any(|member| member.key == event_key)
    }

    /// An event that was in it gets a turn of its own.
    pub(crate) fn leave(&self, event_key: &str) {
        self.state.send_modify(|state| state.members.retain(|member| member.key != event_key));
    }

    /// A reply came under the id of the attempt.
    pub(crate) fn reply(&self) {
        self.state.send_modify(|state| {
            if let Stage::Running { has_replied, .. } = &mut state.stage {
                *has_replied = true;
            }
        });
    }

    /// Whether all of these parts were said before a restart; a host may say them again.
    pub(crate) fn has_said(&self, parts: &[String]) -> bool {
        parts.iter().all(|part| self.fixed.said_before.contains(part))
    }

    /// Takes ordinals for so many parts and returns the first; nothing when no further part is taken.
    pub(crate) fn next_parts(&self, count: u32) -> Option<u32> {
        let mut first = None;
        self.state.send_modify(|state| {
            if state.intake == Intake::Open {
                first = Some(state.next_part);
                state.next_part += count;
            }
        });
        first
    }

    /// Whether an earlier attempt or process has begun to answer: its parts may still be on their way.
    pub(crate) fn was_begun_before(&self) -> bool {
        self.fixed.first_part > 0
    }

    /// Whether a part of the answer has been handed over in this process, wherever it is now.
    pub(crate) fn has_begun(&self) -> bool {
        self.state.borrow().next_part > self.fixed.first_part
    }

    /// No further part is taken.
    pub(crate) fn close(&self) {
        self.state.send_modify(|state| {
            if state.intake == Intake::Open {
                state.intake = Intake::Closed;
            }
        });
    }

    /// The account stopped before a part was known to be in the chat.
    pub(crate) fn cut_off(&self) {
        self.state.send_modify(|state| state.intake = Intake::CutOff);
    }

    /// Whether the account stopped before all parts that came were known to be in the chat.
    pub(crate) fn is_cut_off(&self) -> bool {
        self.state.borrow().intake == Intake::CutOff
    }

    /// A part is in the chat.
    pub(crate) fn delivered(&self, text: &str) {
        self.state.send_modify(|state| {
            if !state.spoken.is_empty() && !text.is_empty() {
                state.spoken.push_str("\n\n");
            }
            state.spoken.push_str(text);
            if state.answer == Answer::Nothing {
                state.answer = Answer::Begun;
            }
        });
    }

    /// All of the answer is in the chat.
    pub(crate) fn complete(&self) {
        self.state.send_modify(|state| state.answer = Answer::Complete);
    }

    /// Whether all of the answer is in the chat.
    pub(crate) fn is_complete(&self) -> bool {
        self.state.borrow().answer == Answer::Complete
    }

    /// Whether a part of this attempt is in the chat, or all of the answer.
    pub(crate) fn has_answer(&self) -> bool {
        self.state.borrow().answer != Answer::Nothing
    }

    /// Waits until all of the answer is in the chat.
    pub(crate) async fn wait_complete(&self) {
        // The sender lives as long as this.
        let _ = self.state.subscribe().wait_for(|state| state.answer == Answer::Complete).await;
    }

    /// What has been said in this turn.
    pub(crate) fn spoken(&self) -> String {
        self.state.borrow().spoken.clone()
    }

    /// The server will never take a part.
    pub(crate) fn refused(&self, reason: String) {
        self.state.send_modify(|state| state.refusal = Some(reason));
    }

    /// Why the server would not take a part.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.state.borrow().refusal.clone()
    }

    /// There is nothing to answer any more. What the host adds belongs to a turn that is over.
    pub(crate) fn end_interrupted(&self) {
        self.end_if(|stage| matches!(stage, Stage::Interrupted { .. }));
    }

    /// If the host has answered by itself, what it adds belongs to a turn that is over; says whether it was so.
    pub(crate) fn end_unrun(&self) -> bool {
        self.end_if(|stage| matches!(stage, Stage::Deferred { .. } | Stage::Interrupted { .. }))
    }

    /// Whether the turn is over and the host may still add something.
    pub(crate) fn may_be_added_to(&self) -> bool {
        matches!(self.state.borrow().stage, Stage::Over { until } if Instant::now() < until)
    }

    /// Whether the turn has been over for so long that the host adds nothing any more.
    pub(crate) fn is_stale(&self) -> bool {
        matches!(self.state.borrow().stage, Stage::Over { until } if Instant::now() >= until)
    }

    fn end_if(&self, ends: impl Fn(&Stage) -> bool) -> bool {
        self.state.send_if_modified(|state| {
            let ends = ends(&state.stage);
            if ends {
                state.stage = Stage::Over { until: Instant::now() + HOST_ADDS };
            }
            ends
        })
    }
}

impl Fixed {
    /// A turn that the journal knows.
    fn of(left: &LeftTurn, earlier_run: Option<EarlierRun>) -> Option<Self> {
        let open = &left.owner;
        let record = &open.record;
        let details = record.details.as_ref()?;
        let said = open.parts.iter().filter(|part| part.state != PartState::Refused);
        Some(Self {
            source: Source { kind: record.source_type.clone(), id: record.source_id.clone() },
            target: details.target.parse().ok()?,
            thread_root_id: details.thread_root_id.clone(),
            event_key: record.id.clone(),
            no_reply: details.no_reply,
            said_before: said.map(|part| part.part.text.clone()).collect(),
            was_cut_off: !open.is_answered(),
            earlier_session: record.session_key.clone(),
            earlier_run,
            first_part: open.parts.last().map_or(0, |last| last.part.ordinal + 1),
        })
    }
}
