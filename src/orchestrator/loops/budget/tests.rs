//! Loops of two, of three, through many chats, fast and slow.

use proptest::prelude::*;

use super::*;

const MINUTE: i64 = 60_000;
const START: i64 = 1_800_000_000_000;

struct Room {
    budget: LoopBudget,
    now: i64,
    messages: usize,
}

impl Room {
    fn new() -> Self {
        Self { budget: LoopBudget::restore(None, BudgetLimits::default()), now: START, messages: 0 }
    }

    fn hears(&mut self, chat: &str, cause: Cause<'_>) -> Decision {
        self.messages += 1;
        let key = format!("msg_{}", self.messages);
        self.budget.consider(&Incoming { key: &key, chat, cause, no_reply: false }, self.now)
    }

    /// What is used up when the next event of an agent gets no turn.
    fn spent(&mut self, chat: &str, sender: &str) -> Spent {
        match self.hears(chat, Cause::Agent(sender)) {
            Decision::Spent(spent) => spent,
            Decision::Allowed => panic!("{sender} gets a turn in {chat}"),
        }
    }

    /// How many messages of an agent in a row get a turn.
    fn turns(&mut self, chat: &str, sender: &str) -> usize {
        (0..100).take_while(|_| self.hears(chat, Cause::Agent(sender)) == Decision::Allowed).count()
    }
}

#[test]
fn two_agents_stop_after_eight_turns_and_a_person_lets_them_go_on() {
    let mut room = Room::new();
    assert_eq!(room.turns("cht_1", "bot"), 8);
    let spent = room.spent("cht_1", "bot");
    assert_eq!((spent.by, spent.until), (Counted::Pair, START + DEFAULT_WINDOW));
    assert_eq!(
        spent.to_string(),
        "8 turns with agent bot, at last in cht_1, without a word from a person"
    );
    assert_eq!(room.hears("cht_1", Cause::Person), Decision::Allowed);
    assert_eq!(room.turns("cht_1", "bot"), 8);
}

#[test]
fn a_pair_cannot_go_on_in_another_chat() {
    let mut room = Room::new();
    for number in 0..8 {
        assert_eq!(room.hears(&format!("cht_{number}"), Cause::Agent("bot")), Decision::Allowed);
    }
    assert_eq!(room.turns("cht_new", "bot"), 0);
    assert_eq!(room.turns("cht_new", "other bot"), 8);
}

#[test]
fn a_ring_in_one_chat_stops() {
    let mut room = Room::new();
    let senders = ["bot b", "bot c", "bot d"];
    let turns = (0..100)
        .take_while(|round| {
            room.hears("cht_1", Cause::Agent(senders[round % 3])) == Decision::Allowed
        })
        .count();
    assert_eq!(turns, 8);
    let spent = room.spent("cht_1", "bot e");
    assert_eq!(spent.by, Counted::Chat);
    assert_eq!(
        spent.to_string(),
        "8 turns in cht_1 with agents bot b, bot c, bot d, bot e without a word from a person"
    );
}

#[test]
fn a_ring_through_several_chats_and_agents_stops() {
    let mut room = Room::new();
    let mut turns = 0;
    for round in 0..100 {
        // Each message comes from another agent in another chat, and the turn writes into the next one.
        let chat = format!("cht_{round}");
        if room.hears(&chat, Cause::Agent(&format!("bot {round}"))) != Decision::Allowed {
            break;
        }
        turns += 1;
        room.budget.spoke(&chat, &format!("cht_{}", round + 1), room.now);
    }
    assert_eq!(turns, 8);
    let spent = room.spent("cht_8", "bot x");
    assert_eq!((spent.by, spent.agents.len()), (Counted::Chain, 9));
    assert_eq!(
        spent.to_string(),
        "8 turns in a chain of chats and tasks that reached cht_8, with agents bot 0, bot 1, bot 2, bot 3, bot 4 and 4 more, \
         without a word from a person"
    );
    // A person in any chat of the chain lets it continue.
    room.hears("cht_8", Cause::Person);
    assert_eq!(room.hears("cht_8", Cause::Agent("bot x")), Decision::Allowed);
}

#[test]
fn what_a_person_starts_in_another_chat_is_a_new_matter() {
    let mut room = Room::new();
    assert_eq!(room.turns("cht_1", "bot b"), 8);
    room.budget.spoke("cht_1", "cht_2", room.now);
    assert_eq!(room.turns("cht_2", "bot c"), 0);
    // Now a person asks in a third chat, and the turn writes to the second.
    room.hears("cht_3", Cause::Person);
    room.budget.spoke("cht_3", "cht_2", room.now);
    assert_eq!(room.turns("cht_2", "bot c"), 8);
}

#[test]
fn a_slow_loop_stops_too_and_the_window_slides() {
    let mut room = Room::new();
    let mut turns = Vec::new();
    for minute in 0..120 {
        if room.hears("cht_1", Cause::Agent("bot")) == Decision::Allowed {
            turns.push(minute);
        }
        room.now += MINUTE;
    }
    assert_eq!(turns, [0, 1, 2, 3, 4, 5, 6, 7, 60, 61, 62, 63, 64, 65, 66, 67]);
}

#[test]
fn hints_and_repeated_attempts_do_not_count() {
    let mut room = Room::new();
    for _ in 0..20 {
        let hint = Incoming { key: "k", chat: "cht_1", cause: Cause::Agent("bot"), no_reply: true };
        assert_eq!(room.budget.consider(&hint, room.now), Decision::Allowed);
        let again = Incoming { no_reply: false, key: "same", ..hint };
        assert_eq!(room.budget.consider(&again, room.now), Decision::Allowed);
    }
    assert_eq!(room.turns("cht_1", "bot"), 7);
}

#[test]
fn a_chain_that_a_hint_carries_on_is_no_new_matter() {
    let mut room = Room::new();
    assert_eq!(room.turns("cht_1", "bot b"), 8);
    room.budget.spoke("cht_1", "cht_2", room.now);
    // The turn of a hint says something elsewhere.
    let hint =
        Incoming { key: "hint", chat: "cht_3", cause: Cause::Agent("bot d"), no_reply: true };
    assert_eq!(room.budget.consider(&hint, room.now), Decision::Allowed);
    room.budget.spoke("cht_3", "cht_4", room.now);
    for number in 0..8 {
        let cause = format!("bot {number}");
        assert_eq!(room.hears("cht_4", Cause::Agent(&cause)), Decision::Allowed);
    }
    room.budget.spoke("cht_4", "cht_3", room.now);
    assert_eq!(room.spent("cht_3", "bot e").by, Counted::Chain);
}

#[test]
fn senders_that_nobody_names_count_as_one_agent() {
    let mut room = Room::new();
    let tasks = (0..100).map(|number| format!("tsk_{number}"));
    let allowed = |task: &String| room.hears(task, Cause::Agent("")) == Decision::Allowed;
    assert_eq!(tasks.take_while(allowed).count(), 8);
    let text = room.spent("tsk_x", "").to_string();
    assert!(text.contains("8 turns with senders that Parall does not name"), "{text}");
}

#[test]
fn a_task_of_a_person_counts_for_itself_and_a_person_can_assign_as_many_as_they_like() {
    let mut room = Room::new();
    for number in 0..25 {
        assert_eq!(room.hears(&format!("tsk_{number}"), Cause::Unclear), Decision::Allowed);
    }
    // Agents that pass one of them on to each other stop.
    let passed_on =
        (0..100).take_while(|_| room.hears("tsk_0", Cause::Unclear) == Decision::Allowed).count();
    assert_eq!(passed_on, 7);
    let Decision::Spent(spent) = room.hears("tsk_0", Cause::Unclear) else { panic!() };
    assert_eq!((spent.by, spent.agents.len()), (Counted::Chat, 0));
}

#[test]
fn agents_that_assign_each_other_ever_new_tasks_stop() {
    let mut room = Room::new();
    let tasks = (0..100).map(|number| format!("tsk_{number}"));
    let allowed = |task: &String| room.hears(task, Cause::Agent("bot")) == Decision::Allowed;
    assert_eq!(tasks.take_while(allowed).count(), 8);
}

#[test]
fn a_restart_keeps_the_count_and_rubbish_is_a_new_budget() {
    let mut room = Room::new();
    assert_eq!(room.turns("cht_1", "bot"), 8);
    room.budget = LoopBudget::restore(Some(&room.budget.save()), BudgetLimits::default());
    assert_eq!(room.turns("cht_1", "bot"), 0);
    room.budget = LoopBudget::restore(Some("{]"), BudgetLimits::default());
    assert_eq!(room.turns("cht_1", "bot"), 8);
}

#[test]
fn a_clock_that_is_set_back_does_not_make_the_hour_longer() {
    let mut room = Room::new();
    assert_eq!(room.turns("cht_1", "bot"), 8);
    room.now -= 24 * 60 * MINUTE;
    assert_eq!(room.turns("cht_1", "bot"), 0);
    room.now += 61 * MINUTE;
    assert_eq!(room.turns("cht_1", "bot"), 8);
}

#[test]
fn no_turns_at_all_can_be_configured() {
    let mut budget =
        LoopBudget::restore(None, BudgetLimits { turns: 0, ..BudgetLimits::default() });
    let incoming = Incoming { key: "k", chat: "c", cause: Cause::Agent("bot"), no_reply: false };
    assert!(matches!(budget.consider(&incoming, START), Decision::Spent(_)));
    // A person still may assign a task.
    let task = Incoming { chat: "tsk_1", cause: Cause::Unclear, ..incoming };
    assert_eq!(budget.consider(&task, START), Decision::Allowed);
}

#[test]
fn no_more_chats_than_turns_are_remembered() {
    let mut room = Room::new();
    let hint = |room: &mut Room, chat: &str| {
        room.now += 1;
        let incoming = Incoming { key: "k", chat, cause: Cause::Agent("bot"), no_reply: true };
        room.budget.consider(&incoming, room.now)
    };
    hint(&mut room, "cht_old");
    for number in 1..MOST_REMEMBERED {
        room.budget.spoke("cht_old", &format!("cht_{number}"), room.now + 1);
    }
    hint(&mut room, "cht_old");
    hint(&mut room, "cht_new");
    assert_eq!(room.budget.chains.len(), MOST_REMEMBERED);
    assert!(room.budget.chains.contains_key("cht_new"));
    assert!(room.budget.chains.contains_key("cht_old"));
}

proptest! {
    #[test]
    fn no_pair_and_no_chat_has_more_turns_in_an_hour_than_allowed(
        steps in prop::collection::vec((0usize..4, 0usize..3, 0i64..20), 1..300),
    ) {
        let mut room = Room::new();
        let mut allowed: Vec<(i64, usize, usize)> = Vec::new();
        for (chat, sender, minutes) in steps {
            room.now += minutes * MINUTE;
            if room.hears(&format!("cht_{chat}"), Cause::Agent(&format!("bot {sender}"))) == Decision::Allowed {
                allowed.push((room.now, chat, sender));
            }
            let recent = allowed.iter().filter(|(at, ..)| *at > room.now - DEFAULT_WINDOW);
            prop_assert!(recent.clone().filter(|(_, of, _)| *of == chat).count() <= DEFAULT_TURNS);
            prop_assert!(recent.filter(|(_, _, by)| *by == sender).count() <= DEFAULT_TURNS);
        }
    }
}
