//! Work that runs concurrently and whose results come in the order of their targets.
//!
//! Results of one chat or task come in the order in which the work was given; between targets there is no order. Work whose
//! chat is not known before it is done might belong to any chat, so it holds back what was given after it, except tasks, for
//! as long as it may reasonably take. Work that takes longer is slow: it holds back only what is known to be of its chat, and
//! takes nobody's place. Only so much work on one target is done at once, so that a slow target leaves room for the others.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::future::Future;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::{Instant, sleep_until};

use crate::orchestrator::target::Target;

/// After how long work is slow.
const SLOW: Duration = Duration::from_secs(60);

/// A result that knows where it belongs.
pub(crate) trait Aimed {
    /// Its chat or task; nothing when it goes nowhere, so that its order does not matter.
    fn target(&self) -> Option<Target>;
}

/// Work under way and results that wait for earlier ones.
pub(crate) struct Ordered<'work, T> {
    next: u64,
    slots: BTreeMap<u64, Slot<'work, T>>,
    /// The slots of each target.
    queues: HashMap<Target, BTreeSet<u64>>,
    /// Slots that may belong to any chat and are not slow.
    unknown: BTreeSet<u64>,
    /// When running work will be slow, in the order of that.
    patience: VecDeque<(Instant, u64)>,
    /// Running work that is slow.
    slow: BTreeSet<u64>,
    /// Work that may begin.
    startable: BTreeSet<u64>,
    /// Done, and the first of their target.
    ready: BTreeSet<u64>,
    running: FuturesUnordered<BoxFuture<'work, (u64, T)>>,
    /// What may be handed on.
    results: VecDeque<T>,
    most_at_once: usize,
    most_of_a_target: usize,
}

struct Slot<'work, T> {
    target: Option<Target>,
    state: State<'work, T>,
}

enum State<'work, T> {
    Waiting(BoxFuture<'work, T>),
    Running,
    Done(T),
}

impl<'work, T: Aimed + Send + 'work> Ordered<'work, T> {
    /// Nothing to do; later at most so much at once, results that wait for earlier ones counted, and of one target.
    pub(crate) fn new(most_at_once: usize, most_of_a_target: usize) -> Self {
        Self {
            next: 0,
            slots: BTreeMap::new(),
            queues: HashMap::new(),
            unknown: BTreeSet::new(),
            patience: VecDeque::new(),
            slow: BTreeSet::new(),
            startable: BTreeSet::new(),
            ready: BTreeSet::new(),
            running: FuturesUnordered::new(),
            results: VecDeque::new(),
            most_at_once,
            most_of_a_target,
        }
    }

    /// Whether something of this target is under way.
    pub(crate) fn has(&self, target: &Target) -> bool {
        self.queues.contains_key(target)
    }

    /// Gives work for a target, as far as that is known.
    pub(crate) fn push(
        &mut self,
        target: Option<Target>,
        work: impl Future<Output = T> + Send + 'work,
    ) {
        let number = self.next;
        self.next += 1;
        let may_start = if let Some(target) = &target {
            let queue = self.queues.entry(target.clone()).or_default();
            queue.insert(number);
            queue.len() <= self.most_of_a_target
        } else {
            self.unknown.insert(number)
        };
        if may_start {
            self.startable.insert(number);
        }
        self.slots.insert(number, Slot { target, state: State::Waiting(work.boxed()) });
    }

    /// Gives a result, or the end of `room`. Work begins only while `has_room`, except the oldest when results
    /// wait for it. Without work it never comes back.
    pub(crate) async fn next(
        &mut self,
        has_room: impl Fn() -> bool,
        room: impl Future<Output = ()>,
    ) -> Option<T> {
        let mut room = std::pin::pin!(room);
        loop {
            if let Some(result) = self.results.pop_front() {
                return Some(result);
            }
            let is_held = self.start(&has_room);
            let slow_at = self.patience.front().map(|(at, _)| *at);
            tokio::select! {
                biased;
                Some((number, result)) = self.running.next() => self.done(number, result),
                () = slow_down(slow_at), if slow_at.is_some() => self.slow_down(),
                () = &mut room, if is_held => return None,
                else => std::future::pending().await,
            }
        }
    }

    /// Begins what may begin; whether something waits for room.
    fn start(&mut self, has_room: &impl Fn() -> bool) -> bool {
        while let Some(number) = self.startable.first().copied() {
            let is_oldest = self.slots.first_key_value().is_some_and(|(first, _)| *first == number);
            let quick = self.running.len() - self.slow.len();
            if !is_oldest && quick + self.ready.len() >= self.most_at_once {
                return false;
            }
            // Results that wait here take room, too, and it may be the oldest that they wait for.
            let is_awaited = is_oldest && !self.ready.is_empty();
            if !is_awaited && !has_room() {
                return true;
            }
            self.startable.remove(&number);
            self.patience.push_back((Instant::now() + SLOW, number));
            if let Some(slot) = self.slots.get_mut(&number)
                && let State::Waiting(work) = std::mem::replace(&mut slot.state, State::Running)
            {
                self.running.push(async move { (number, work.await) }.boxed());
            }
        }
        false
    }

    /// The work that has run longest is slow by now.
    fn slow_down(&mut self) {
        let Some((_, number)) = self.patience.pop_front() else { return };
        self.slow.insert(number);
        if self.unknown.remove(&number) {
            self.hand_on();
        }
    }

    fn done(&mut self, number: u64, result: T) {
        self.slow.remove(&number);
        if let Some(place) = self.patience.iter().position(|(_, other)| *other == number) {
            self.patience.remove(place);
        }
        let Some(slot) = self.slots.get_mut(&number) else { return };
        if slot.target.is_none() {
            self.unknown.remove(&number);
            slot.target = result.target();
            let Some(target) = &slot.target else {
                self.slots.remove(&number);
                self.results.push_back(result);
                return self.hand_on();
            };
            self.queues.entry(target.clone()).or_default().insert(number);
        }
        slot.state = State::Done(result);
        self.ready.insert(number);
        self.hand_on();
    }

    /// Passes on everything that no earlier work may precede.
    fn hand_on(&mut self) {
        while let Some(number) = self.ready.iter().copied().find(|number| self.is_free(*number)) {
            self.ready.remove(&number);
            let Some(Slot { target: Some(target), state: State::Done(result) }) =
                self.slots.remove(&number)
            else {
                continue;
            };
            self.results.push_back(result);
            let Some(queue) = self.queues.get_mut(&target) else { continue };
            queue.remove(&number);
            if let Some(next) = queue.iter().nth(self.most_of_a_target - 1)
                && matches!(self.slots[next].state, State::Waiting(_))
            {
                self.startable.insert(*next);
            }
            if queue.is_empty() {
                self.queues.remove(&target);
            }
        }
    }

    /// Whether a result is the first of its target, and nothing before it may turn out to belong there.
    fn is_free(&self, number: u64) -> bool {
        let Some(target) = self.slots.get(&number).and_then(|slot| slot.target.as_ref()) else {
            return false;
        };
        let first = self.queues.get(target).and_then(BTreeSet::first);
        let earlier = self.unknown.first().is_some_and(|unknown| *unknown < number);
        first == Some(&number) && (matches!(target, Target::Task(_)) || !earlier)
    }
}

/// Waits until work is slow.
async fn slow_down(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use futures_util::FutureExt;
    use proptest::prelude::*;
    use tokio::sync::oneshot;

    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Result(u32, Option<Target>);

    impl Aimed for Result {
        fn target(&self) -> Option<Target> {
            self.1.clone()
        }
    }

    fn chat(name: &str) -> Target {
        Target::Chat(format!("cht_{name}"))
    }

    /// Work that waits until it is let go.
    fn slow<'work>() -> (oneshot::Sender<Result>, impl Future<Output = Result> + Send + 'work) {
        let (go, answer) = oneshot::channel();
        (go, async { answer.await.unwrap() })
    }

    fn done(number: u32, name: &str) -> Result {
        Result(number, Some(chat(name)))
    }

    /// What can be handed on now.
    fn now(ordered: &mut Ordered<'_, Result>) -> Vec<u32> {
        let mut numbers = Vec::new();
        while let Some(Some(result)) = ordered.next(|| true, pending()).now_or_never() {
            numbers.push(result.0);
        }
        numbers
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_chat_holds_up_itself_alone() {
        let mut ordered = Ordered::new(8, 2);
        let (go, work) = slow();
        ordered.push(Some(chat("a")), work);
        ordered.push(Some(chat("a")), ready(done(1, "a")));
        ordered.push(Some(chat("b")), ready(done(2, "b")));
        assert_eq!(now(&mut ordered), [2]);
        go.send(done(0, "a")).unwrap();
        assert_eq!(now(&mut ordered), [0, 1]);
        assert!(!ordered.has(&chat("a")));
    }

    #[tokio::test(start_paused = true)]
    async fn what_may_belong_to_any_chat_holds_up_chats_but_no_tasks() {
        let mut ordered = Ordered::new(8, 2);
        let (go, work) = slow();
        let task = Some(Target::Task("tsk_1".into()));
        ordered.push(None, work);
        ordered.push(None, ready(done(1, "a")));
        ordered.push(Some(chat("b")), ready(done(2, "b")));
        ordered.push(task.clone(), ready(Result(3, task)));
        ordered.push(None, ready(Result(4, None)));
        assert_eq!(now(&mut ordered), [3, 4]);
        go.send(done(0, "a")).unwrap();
        assert_eq!(now(&mut ordered), [0, 1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_room_nothing_begins_but_what_results_wait_for() {
        let mut ordered = Ordered::new(8, 1);
        let (go, work) = slow();
        ordered.push(Some(chat("a")), work);
        ordered.push(Some(chat("a")), ready(done(1, "a")));
        ordered.push(None, ready(done(2, "a")));
        assert!(now(&mut ordered).is_empty());
        go.send(done(0, "a")).unwrap();
        let next =
            |ordered: &mut Ordered<'_, Result>| ordered.next(|| false, ready(())).now_or_never();
        for number in 0..3 {
            assert_eq!(next(&mut ordered), Some(Some(done(number, "a"))));
        }
        ordered.push(Some(chat("b")), ready(done(3, "b")));
        assert_eq!(next(&mut ordered), Some(None));
        assert_eq!(now(&mut ordered), [3]);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_work_whose_chat_nobody_knows_holds_nobody_back_and_takes_nobodys_place() {
        let mut ordered = Ordered::new(1, 1);
        let (_unreadable, work) = slow();
        ordered.push(None, work);
        ordered.push(None, ready(done(1, "a")));
        ordered.push(Some(chat("b")), ready(done(2, "b")));
        assert!(now(&mut ordered).is_empty());
        let start = Instant::now();
        assert_eq!(ordered.next(|| true, pending()).await.map(|done| done.0), Some(1));
        assert_eq!(start.elapsed(), SLOW);
        assert_eq!(now(&mut ordered), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn slow_work_of_a_known_chat_holds_back_its_chat() {
        let mut ordered = Ordered::new(4, 2);
        let (go, work) = slow();
        ordered.push(Some(chat("a")), work);
        ordered.push(Some(chat("a")), ready(done(1, "a")));
        let next = tokio::time::timeout(SLOW * 2, ordered.next(|| true, pending())).await;
        assert!(next.is_err());
        go.send(done(0, "a")).unwrap();
        assert_eq!(now(&mut ordered), [0, 1]);
    }

    proptest! {
        #[test]
        fn everything_comes_once_and_in_the_order_of_its_target(
            jobs in prop::collection::vec((0..4_u32, any::<bool>()), 1..40),
            most in 1..9_usize,
            of_a_target in 1..4_usize,
            seed: u64,
        ) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
            let _entered = runtime.enter();
            let mut ordered = Ordered::new(most, of_a_target);
            let mut dice = fastrand::Rng::with_seed(seed);
            let mut doors = Vec::new();
            for (number, (place, known)) in (0..).zip(&jobs) {
                let (go, work) = slow();
                doors.push((go, done(number, &place.to_string())));
                ordered.push(known.then(|| chat(&place.to_string())), work);
            }
            let mut come = now(&mut ordered);
            while !doors.is_empty() {
                let (go, result) = doors.swap_remove(dice.usize(..doors.len()));
                go.send(result).unwrap();
                come.extend(now(&mut ordered));
            }
            prop_assert_eq!(come.len(), jobs.len());
            for place in 0..4 {
                let of_place = come.iter().filter(|number| jobs[**number as usize].0 == place);
                prop_assert!(of_place.is_sorted());
            }
        }
    }
}
