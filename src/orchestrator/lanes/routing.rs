//! Which lane an event goes to. A pure function: no clock, no I/O, no memory.

use std::fmt;

use crate::orchestrator::target::Target;

/// Most forks at once, unless configured otherwise.
pub const DEFAULT_MAX_FORKS: usize = 4;

/// What the lanes are doing, as far as it matters to one event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Lanes<'lanes> {
    /// The chat or task that main works on, if it works.
    pub(crate) main: Option<&'lanes Target>,
    /// How many events wait for main.
    pub(crate) waiting: usize,
    /// How many of these are of the event's own chat or task.
    pub(crate) waiting_alike: usize,
    /// What the forks serve that take events, from the moment they are decided on.
    pub(crate) forks: Vec<&'lanes Target>,
}

/// What the account allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Most forks at once.
    pub(crate) max_forks: usize,
    /// Whether a fork can be made now: the host offers a way and the history fits.
    pub(crate) can_fork: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_forks: DEFAULT_MAX_FORKS, can_fork: true }
    }
}

/// Where an event goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Main takes it at once.
    Main,
    /// It is appended to main's queue.
    WaitForMain {
        /// Why nobody takes it now.
        reason: Wait,
    },
    /// The fork that serves its chat takes it, after what that fork has already.
    Fork {
        /// Its place among the forks.
        position: usize,
    },
    /// A new fork is made for its chat.
    NewFork,
}

/// Why an event waits for main.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Main works on the same chat or task.
    SameChat,
    /// An earlier event of the same chat or task waits for main.
    EarlierWaits,
    /// As many forks run as are allowed.
    ForkLimit,
    /// No fork can be made.
    NoForks,
}

impl fmt::Display for Wait {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::SameChat => "the agent is busy in the same chat",
            Self::EarlierWaits => "an earlier message of the same chat waits",
            Self::ForkLimit => "the agent is busy and as many forks run as are allowed",
            Self::NoForks => "the agent is busy and cannot be forked",
        })
    }
}

/// Decides where an event for `target` goes.
///
/// What keeps the order within a chat comes first: a chat is served by one lane until that lane is done with it. Main
/// counts as busy while events wait for it, because it takes those next.
pub(crate) fn route(lanes: &Lanes<'_>, limits: &Limits, target: &Target) -> Decision {
    if let Some(position) = lanes.forks.iter().position(|fork| *fork == target) {
        return Decision::Fork { position };
    }
    let reason = if lanes.waiting_alike > 0 {
        Wait::EarlierWaits
    } else if lanes.main == Some(target) {
        Wait::SameChat
    } else if lanes.main.is_none() && lanes.waiting == 0 {
        return Decision::Main;
    } else if !limits.can_fork {
        Wait::NoForks
    } else if lanes.forks.len() >= limits.max_forks {
        Wait::ForkLimit
    } else {
        return Decision::NewFork;
    };
    Decision::WaitForMain { reason }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, VecDeque};

    use proptest::prelude::*;

    use super::*;

    fn chat(name: &str) -> Target {
        Target::Chat(format!("cht_{name}"))
    }

    fn wait(reason: Wait) -> Decision {
        Decision::WaitForMain { reason }
    }

    fn fork(position: usize) -> Decision {
        Decision::Fork { position }
    }

    type Row = (
        Option<&'static str>,
        &'static [&'static str],
        &'static [&'static str],
        usize,
        bool,
        Decision,
    );

    /// Every row: main works on, waiting for main, forks serve, most forks, can fork; the event is always of chat A.
    #[test]
    fn every_row_of_the_table() {
        let rows: &[Row] = &[
            // Main idle.
            (None, &[], &[], 4, true, Decision::Main),
            (None, &[], &["b"], 4, true, Decision::Main),
            (None, &[], &["a"], 4, true, fork(0)),
            (None, &[], &[], 0, false, Decision::Main),
            // Main about to take what waits.
            (None, &["a"], &[], 4, true, wait(Wait::EarlierWaits)),
            (None, &["b"], &[], 4, true, Decision::NewFork),
            (None, &["b"], &[], 4, false, wait(Wait::NoForks)),
            (None, &["b"], &["c"], 1, true, wait(Wait::ForkLimit)),
            // Main busy with the same chat.
            (Some("a"), &[], &[], 4, true, wait(Wait::SameChat)),
            (Some("a"), &["b"], &["c"], 4, true, wait(Wait::SameChat)),
            (Some("a"), &["b", "a"], &[], 4, true, wait(Wait::EarlierWaits)),
            // Main busy with another chat.
            (Some("b"), &[], &[], 4, true, Decision::NewFork),
            (Some("b"), &[], &["a"], 4, true, fork(0)),
            (Some("b"), &[], &["c"], 4, true, Decision::NewFork),
            (Some("b"), &["a"], &[], 4, true, wait(Wait::EarlierWaits)),
            (Some("b"), &["c"], &[], 4, true, Decision::NewFork),
            // Over the limit.
            (Some("b"), &[], &["c", "d"], 2, true, wait(Wait::ForkLimit)),
            (Some("b"), &[], &["d", "a"], 2, true, fork(1)),
            (Some("b"), &[], &[], 0, true, wait(Wait::ForkLimit)),
            // No way to fork; what runs already goes on.
            (Some("b"), &[], &[], 4, false, wait(Wait::NoForks)),
            (Some("b"), &[], &["a"], 4, false, fork(0)),
        ];
        for (main, waiting, forks, max_forks, can_fork, expected) in rows {
            let (main, forks) = (main.map(chat), forks.iter().map(|name| chat(name)));
            let forks: Vec<Target> = forks.collect();
            let lanes = Lanes {
                main: main.as_ref(),
                waiting: waiting.len(),
                waiting_alike: waiting.iter().filter(|name| **name == "a").count(),
                forks: forks.iter().collect(),
            };
            let limits = Limits { max_forks: *max_forks, can_fork: *can_fork };
            assert_eq!(route(&lanes, &limits, &chat("a")), *expected, "{lanes:?} {limits:?}");
        }
    }

    /// A small orchestrator: events are numbered, each lane runs its events in order, one at a time.
    #[derive(Default)]
    struct World {
        main: Option<(Target, usize)>,
        waiting: VecDeque<(Target, usize)>,
        forks: Vec<(Target, VecDeque<usize>)>,
        finished: HashMap<Target, Vec<usize>>,
    }

    impl World {
        fn lanes(&self, target: &Target) -> Lanes<'_> {
            Lanes {
                main: self.main.as_ref().map(|(target, _)| target),
                waiting: self.waiting.len(),
                waiting_alike: self.waiting.iter().filter(|(other, _)| other == target).count(),
                forks: self.forks.iter().map(|(target, _)| target).collect(),
            }
        }

        fn arrive(&mut self, number: usize, target: Target, limits: &Limits) {
            match route(&self.lanes(&target), limits, &target) {
                Decision::Main => {
                    assert!(self.main.is_none(), "main has two turns");
                    self.main = Some((target, number));
                }
                Decision::WaitForMain { .. } => self.waiting.push_back((target, number)),
                Decision::Fork { position } => self.forks[position].1.push_back(number),
                Decision::NewFork => {
                    assert!(limits.can_fork && self.forks.len() < limits.max_forks);
                    self.forks.push((target, VecDeque::from([number])));
                }
            }
        }

        /// One lane finishes its turn and takes the next event; a fork without one ends.
        fn finish(&mut self, lane: usize) {
            let lane = lane % (self.forks.len() + 1);
            if lane == 0 {
                if let Some((target, number)) = self.main.take() {
                    self.finished.entry(target).or_default().push(number);
                }
                self.main = self.waiting.pop_front();
                return;
            }
            let (fork, queue) = &mut self.forks[lane - 1];
            let number = queue.pop_front().expect("a fork has an event");
            self.finished.entry(fork.clone()).or_default().push(number);
            if queue.is_empty() {
                self.forks.remove(lane - 1);
            }
        }

        fn check(&self) {
            let mut lanes: HashMap<&Target, Vec<String>> = HashMap::new();
            for target in self.main.iter().chain(&self.waiting).map(|(target, _)| target) {
                lanes.entry(target).or_default().push("main".to_owned());
            }
            for (position, (target, _)) in self.forks.iter().enumerate() {
                lanes.entry(target).or_default().push(format!("fork {position}"));
            }
            for (target, mut lanes) in lanes {
                lanes.dedup();
                assert_eq!(lanes.len(), 1, "{target} is in the lanes {lanes:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_chat_is_in_one_lane_in_order_and_no_event_is_lost(
            steps in prop::collection::vec((any::<bool>(), 0usize..6), 1..200),
            max_forks in 0usize..4,
            can_fork in any::<bool>(),
        ) {
            let limits = Limits { max_forks, can_fork };
            let mut world = World::default();
            let mut sent: HashMap<Target, Vec<usize>> = HashMap::new();
            for (number, (arrives, which)) in steps.into_iter().enumerate() {
                if arrives {
                    let target = chat(&which.to_string());
                    sent.entry(target.clone()).or_default().push(number);
                    world.arrive(number, target, &limits);
                } else {
                    world.finish(which);
                }
                world.check();
                prop_assert!(world.forks.len() <= max_forks);
            }
            while world.main.is_some() || !world.waiting.is_empty() || !world.forks.is_empty() {
                (0..=world.forks.len()).rev().for_each(|lane| world.finish(lane));
            }
            prop_assert_eq!(world.finished, sent);
        }
    }
}
