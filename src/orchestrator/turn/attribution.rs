//! Who may answer what: the only place that decides to which turn a text belongs. `docs/architecture.md` explains the table.
//!
//! A text belongs to the turn that produced it, and the evidence for that is the turn's id. The chat that a text goes to is no
//! evidence: an agent writes notes into other chats. Only a host that answers by itself names no turn; there is one narrow
//! rule for it, in [`unnamed`].

use crate::orchestrator::target::Target;

/// What is known of the origin of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Evidence<'id> {
    /// The host delivered it as a reply of this turn.
    Reply {
        /// Id of the turn.
        turn: &'id str,
        /// The host says that it is the last part.
        is_final: bool,
    },
    /// It was sent from within the run of this turn, by the agent's message tool.
    Run {
        /// Id of the turn.
        turn: &'id str,
    },
    /// The host sent it and names no run: a schedule, a heartbeat, or an answer that the host gives by itself.
    Unnamed {
        /// It only announces that the host continues with an interrupted turn.
        is_notice: bool,
    },
}

/// Where a turn is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    /// The end of a process interrupted it, and nothing runs it yet. The host may continue it by itself.
    Interrupted,
    /// The host runs it, or has just ended it.
    Running,
    /// The host returned without a run. It may answer later by itself.
    Deferred,
    /// The host has answered it by itself, in this process or before the last start. It may add something.
    Over,
    /// Nothing more comes for it: it is between two attempts, or too old.
    Idle,
}

/// A turn, as far as it matters here.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<'turn> {
    /// Id of the attempt whose texts count.
    pub id: Option<String>,
    /// Where its answer goes.
    pub target: &'turn Target,
    /// Where it is.
    pub phase: Phase,
    /// Whether something of its answer is in the chat.
    pub has_spoken: bool,
    /// The end of a process cut its answer off.
    pub was_cut_off: bool,
}

/// What a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribution<T> {
    /// A part of a turn's answer.
    Answer {
        /// The turn.
        turn: T,
        /// The answer is complete with it. Otherwise it is one only if the run ends without an error.
        completes: bool,
    },
    /// Something that a host adds to a turn which is over. It answers nothing.
    Addition {
        /// The turn.
        turn: T,
    },
    /// It answers nothing.
    Note,
    /// A reply of a turn that is not open: nobody can say where it belongs.
    Refused,
}

impl<T> Attribution<T> {
    /// The same about another representation of the turn.
    pub(crate) fn map<U>(self, turn_of: impl FnOnce(T) -> U) -> Attribution<U> {
        match self {
            Self::Answer { turn, completes } => {
                Attribution::Answer { turn: turn_of(turn), completes }
            }
            Self::Addition { turn } => Attribution::Addition { turn: turn_of(turn) },
            Self::Note => Attribution::Note,
            Self::Refused => Attribution::Refused,
        }
    }
}

/// To which of `turns`, oldest first, a text for `target` belongs. The target of a reply is that of its turn.
pub(crate) fn attribute(
    evidence: Evidence<'_>,
    target: Option<&Target>,
    turns: &[Candidate<'_>],
) -> Attribution<usize> {
    let of_id = |id: &str| turns.iter().position(|turn| turn.id.as_deref() == Some(id));
    match evidence {
        Evidence::Reply { turn, is_final } => match of_id(turn) {
            Some(turn) => answer(turns, turn, is_final),
            None => Attribution::Refused,
        },
        Evidence::Run { turn } => match of_id(turn) {
            Some(turn) if Some(turns[turn].target) == target => answer(turns, turn, false),
            _ => Attribution::Note,
        },
        Evidence::Unnamed { is_notice: true } => Attribution::Note,
        Evidence::Unnamed { is_notice: false } => unnamed(target, turns),
    }
}

/// A text of a known turn. Nobody waits for the end of one that the host deferred, so any text completes its answer.
fn answer(turns: &[Candidate<'_>], turn: usize, is_final: bool) -> Attribution<usize> {
    let completes = is_final || turns[turn].phase == Phase::Deferred;
    Attribution::Answer { turn, completes }
}

/// A text that names no run. It answers the oldest turn of its chat that has no run of its own and for which the host may
/// answer by itself. Otherwise it may be an addition to one that is over, first to one that has said nothing yet and to one
/// that was cut off; not while another turn runs there, of which it might just as well be.
fn unnamed(target: Option<&Target>, turns: &[Candidate<'_>]) -> Attribution<usize> {
    let here = || turns.iter().enumerate().filter(|(_, turn)| Some(turn.target) == target);
    let waits = |turn: &Candidate<'_>| matches!(turn.phase, Phase::Interrupted | Phase::Deferred);
    if let Some((turn, _)) = here().find(|(_, turn)| waits(turn)) {
        return Attribution::Answer { turn, completes: true };
    }
    if here().any(|(_, turn)| turn.phase == Phase::Running) {
        return Attribution::Note;
    }
    here()
        .filter(|(_, turn)| turn.phase == Phase::Over)
        .min_by_key(|(_, turn)| (turn.has_spoken, !turn.was_cut_off))
        .map_or(Attribution::Note, |(turn, _)| Attribution::Addition { turn })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REPLY: Evidence<'_> = Evidence::Reply { turn: "t1", is_final: false };
    const FINAL: Evidence<'_> = Evidence::Reply { turn: "t1", is_final: true };
    const RUN: Evidence<'_> = Evidence::Run { turn: "t1" };
    const UNNAMED: Evidence<'_> = Evidence::Unnamed { is_notice: false };
    const NOTICE: Evidence<'_> = Evidence::Unnamed { is_notice: true };

    const PART: Attribution<usize> = Attribution::Answer { turn: 0, completes: false };
    const WHOLE: Attribution<usize> = Attribution::Answer { turn: 0, completes: true };
    const ADDED: Attribution<usize> = Attribution::Addition { turn: 0 };

    fn chat(name: &str) -> Target {
        format!("cht_{name}").parse().unwrap()
    }

    /// What a text is for which there is one turn, in chat "a".
    fn of_one(evidence: Evidence<'_>, to: &str, phase: Phase) -> Attribution<usize> {
        let id = matches!(phase, Phase::Running | Phase::Deferred).then(|| "t1".to_owned());
        let target = chat("a");
        let turn = Candidate { id, target: &target, phase, has_spoken: false, was_cut_off: false };
        attribute(evidence, Some(&chat(to)), &[turn])
    }

    /// Every row of the table in `docs/architecture.md`, for a chat in which one turn is.
    #[test]
    fn a_text_belongs_to_the_turn_that_produced_it() {
        use Attribution::{Note, Refused};
        use Phase::{Deferred, Idle, Interrupted, Over, Running};
        let phases = [Interrupted, Running, Deferred, Over, Idle];
        let rows = [
            ("a part through deliver", REPLY, "a", [Refused, PART, WHOLE, Refused, Refused]),
            ("the last part", FINAL, "a", [Refused, WHOLE, WHOLE, Refused, Refused]),
            ("its message tool, same chat", RUN, "a", [Note, PART, WHOLE, Note, Note]),
            ("its message tool, another chat", RUN, "b", [Note; 5]),
            ("the host by itself, same chat", UNNAMED, "a", [WHOLE, Note, WHOLE, ADDED, Note]),
            ("the host by itself, another chat", UNNAMED, "b", [Note; 5]),
            ("the host's notice", NOTICE, "a", [Note; 5]),
        ];
        for (what, evidence, to, expected) in rows {
            for (phase, expected) in phases.into_iter().zip(expected) {
                assert_eq!(of_one(evidence, to, phase), expected, "{what}, {phase:?}");
            }
        }
    }

    #[test]
    fn a_tool_of_another_turn_never_answers() {
        let other = Evidence::Run { turn: "t2" };
        for phase in [Phase::Interrupted, Phase::Running, Phase::Deferred, Phase::Over] {
            assert_eq!(of_one(other, "a", phase), Attribution::Note, "{phase:?}");
        }
    }

    /// What an unnamed text to chat "a" is when these turns are there: phase, has spoken, was cut off.
    fn of_several(turns: &[(Phase, bool, bool)]) -> Attribution<usize> {
        let target = chat("a");
        let turns: Vec<_> = turns
            .iter()
            .map(|&(phase, has_spoken, was_cut_off)| Candidate {
                id: None,
                target: &target,
                phase,
                has_spoken,
                was_cut_off,
            })
            .collect();
        attribute(UNNAMED, Some(&target), &turns)
    }

    #[test]
    fn of_several_the_oldest_that_waits_is_answered_by_a_host_that_names_none() {
        use Phase::{Deferred, Interrupted, Over, Running};
        let answers = |turn| Attribution::Answer { turn, completes: true };
        let waiting = [(Over, false, true), (Running, false, false), (Deferred, false, false)];
        assert_eq!(of_several(&waiting), answers(2));
        let both = [(Interrupted, false, false), (Deferred, false, false)];
        assert_eq!(of_several(&both), answers(0));
    }

    #[test]
    fn an_addition_belongs_to_one_that_said_nothing_yet_and_to_none_while_another_runs() {
        use Phase::{Over, Running};
        let added = |turn| Attribution::Addition { turn };
        assert_eq!(of_several(&[(Over, true, true), (Over, false, false)]), added(1));
        assert_eq!(of_several(&[(Over, true, false), (Over, true, true)]), added(1));
        assert_eq!(of_several(&[(Over, false, true), (Running, false, false)]), Attribution::Note);
    }
}
