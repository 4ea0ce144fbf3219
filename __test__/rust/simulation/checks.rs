//! The promises, each checked where it can be broken or at the end of the world.

use std::collections::{BTreeMap, BTreeSet};

use parall::journal::{OpenDispatch, PartState, SimulatedDisk, State as JournalState};
use parall::orchestrator::{DEFAULT_SENDER_TURNS, Turn};

use super::crowds::unfair;
use super::ledger::{CONTINUED, End, NOTE, NOTICE, Run, parse_part};
use super::parall_state::{Posted, Said};
use super::plan::{LetterKind, Plan};
use super::server::takes_answers;
use super::together::{check_together, members, shared_parts};
use super::world::{State, World};

/// How long no fork is tried after one could not be made, milliseconds.
const FORK_PAUSE: i64 = 30_000;
/// How often a message is tried at most.
const MOST_ATTEMPTS: usize = 5;

/// Place of a source among all events.
pub(crate) fn place(state: &State, source: &str) -> usize {
    state.parall.posted.iter().position(|posted| posted.source_id == source).unwrap()
}

/// A turn begins: returns its place among all events and whose results it is told.
pub(crate) fn check_turn(
    state: &mut State,
    plan: &Plan,
    now: i64,
    turn: &Turn,
    main: bool,
) -> (usize, Vec<String>) {
    let source = &turn.message_id;
    let place = place(state, source);
    let mut broken: Vec<(&str, String)> = Vec::new();
    if state.closed {
        broken.push(("R16", format!("a turn on {source} begins after the stop")));
    }
    match state.host.by_key.get(&turn.session_key) {
        None => {
            broken.push(("R20", format!("{source} runs in {}, which is gone", turn.session_key)));
        }
        Some(session) => {
            if session.running.is_some() {
                broken.push(("one turn a session", format!("{} has two", turn.session_key)));
            }
            if !main && session.target.as_ref().is_some_and(|target| *target != turn.target) {
                broken.push(("R12", format!("{} serves two chats", turn.session_key)));
            }
        }
    }
    if is_busy(state, &turn.target) {
        broken.push(("one lane a chat", format!("{} has two turns at once", turn.target)));
    }
    let members = members(turn);
    broken.extend(check_together(state, plan, &members).map(|text| ("together", text)));
    for source in &members {
        let place = self::place(state, source);
        if !state.parall.posted[place].overtaken {
            let newest = state.ledger.newest_turn.entry(turn.target.clone()).or_insert(place);
            if *newest > place {
                let text =
                    format!("a turn on event {place} of {} comes after {newest}", turn.target);
                broken.push(("R12", text));
            }
            // What fails together is tried alone, from the first one on.
            if source == &members[0] {
                *newest = place.max(*newest);
            }
        }
        if is_answered(state, source) {
            broken.push(("R4", format!("{source} has an answer and gets another turn")));
        }
        let expected = state.parall.posted[place].thread.clone();
        if turn.thread_root_id != expected {
            broken.push(("R12", format!("{source} has thread {:?}", turn.thread_root_id)));
        }
    }
    let counted = state.ledger.runs.iter().filter(|run| run.members == members).count();
    if counted >= MOST_ATTEMPTS + state.ledger.stops as usize {
        broken.push(("R11", format!("{members:?} are tried more than {MOST_ATTEMPTS} times")));
    }
    let told = told(&turn.text);
    if !main && !told.is_empty() {
        broken.push(("results", format!("a fork is told of {told:?}")));
    }
    for source in &told {
        if let Some(text) = told_before(&state.ledger.runs, source, state.life)
            && !state.ledger.mistaken.contains(source)
        {
            broken.push(("results", text));
        }
    }
    let forks_pause = state.ledger.no_fork + FORK_PAUSE > state.parall.posted[place].at;
    // What an inbox whose list is missing holds back is not the agent's delay.
    let quick = plan.faults.is_mild()
        && !plan.is_double
        && plan.sender_turns == DEFAULT_SENDER_TURNS
        && plan.habits.fork_refused == 0
        && !plan.habits.recovers
        && plan.letters.iter().all(|letter| letter.kind != LetterKind::Unreadable);
    // It may have waited for a lane.
    let since = state.parall.posted[place].at.max(state.life_began).max(state.ledger.lane_freed);
    let first =
        state.host.by_key.get(&turn.session_key).is_some_and(|session| session.target.is_none());
    if quick && !main && first && now - since > 2_000 && !forks_pause && !state.ledger.runs_alone {
        broken.push(("R19", format!("{source} waits {} ms for its fork", now - since)));
    }
    for (promise, text) in broken {
        state.ledger.violation(promise, text);
    }
    (place, told)
}

/// Whether a turn runs for this chat.
fn is_busy(state: &State, target: &str) -> bool {
    let mut running = state.host.by_key.values().filter_map(|session| session.running);
    running.any(|run| state.ledger.runs[run].target == target)
}

/// Whether main knows a result for sure: a turn that told it ended well, and afterwards the account lived long enough to
/// note that, which it certainly did when main had another turn in the same life.
fn told_before(runs: &[Run], source: &str, life: u32) -> Option<String> {
    let telling = runs.iter().rposition(|run| run.told.iter().any(|told| told == source))?;
    let run = &runs[telling];
    let noted = run.life == life
        || runs[telling + 1..].iter().any(|later| later.main && later.life == run.life);
    (noted && matches!(run.end, End::Complete | End::Silent))
        .then(|| format!("main is told of {source} although run {telling} told it"))
}

/// The source of an event is asked for: not once it is over, unless the host adds something to it by itself.
pub(crate) fn check_look(state: &mut State, plan: &Plan, source: &str) {
    let posted = state.parall.posted.iter().find(|posted| posted.source_id == source);
    let over = posted.is_some_and(|posted| is_over(&state.disk, posted));
    if over && !plan.habits.recovers {
        state.ledger.violation("R4", format!("{source} is looked at although it is over"));
    }
}

/// Whose answers stand in the section of fork results.
fn told(text: &str) -> Vec<String> {
    let lines = text.lines().filter_map(|line| line.strip_prefix("> "));
    let sources: BTreeSet<String> =
        lines.filter_map(parse_part).map(|(source, ..)| source).collect();
    sources.into_iter().collect()
}

/// The agent says something.
pub(crate) fn check_saying(state: &mut State, said: &Said) {
    let Some((source, run, number)) = parse_part(&said.text) else {
        let known = ["(A part of this answer", NOTE, NOTICE];
        if !known.iter().any(|known| said.text.starts_with(known)) {
            state.ledger.violation("privacy", format!("{:?} is nobody's business", said.text));
        }
        return;
    };
    let mut broken: Vec<(&str, String)> = Vec::new();
    let place = place(state, &source);
    let posted = &state.parall.posted[place];
    let late = number == CONTINUED || state.ledger.runs[run].end == End::Late;
    let unclear = late && is_unclear(state, &said.target, &source);
    if posted.kind == LetterKind::Hint && !unclear {
        broken.push(("no reply", format!("{source} asked for no answer")));
    }
    if posted.target != said.target {
        broken.push(("R12", format!("the answer to {source} stands in {}", said.target)));
    }
    // Where another text was taken for the answer, the late one is something that the host adds, and stands where it says.
    let added_late = late && state.ledger.mistaken.contains(&source);
    let placed = number != CONTINUED && !unclear && !added_late && posted.source_type == "message";
    if placed && posted.thread != said.thread {
        broken.push(("R12", format!("the answer to {source} stands in thread {:?}", said.thread)));
    }
    // What a host adds by itself belongs to no turn of ours, so nobody knows its place.
    let added = number == CONTINUED || added_late;
    let about = state.ledger.runs[run].members.clone();
    let others: BTreeSet<_> = about.iter().flat_map(|source| said_about(state, source)).collect();
    for (other_run, other_number) in others {
        if other_run != run && !is_last(state, other_run, other_number) {
            // What a failed or interrupted run has said is no answer.
        } else if other_run != run {
            broken.push(("R5", format!("{source} is answered by runs {other_run} and {run}")));
        } else if other_number == number {
            broken.push(("R5", format!("part {number} of the answer to {source} stands twice")));
        } else if other_number > number && other_number != CONTINUED {
            broken.push(("R12", format!("part {number} of {source} comes after {other_number}")));
        }
    }
    let place = self::place(state, &about[0]);
    if !added && !state.parall.posted[place].overtaken {
        let newest = state.ledger.newest_answer.entry(said.target.clone()).or_insert(place);
        if *newest > place {
            let text = format!("the answer to event {place} comes after that to {newest}");
            broken.push(("R12", text));
        }
        *newest = place.max(*newest);
    }
    for (promise, text) in broken {
        state.ledger.violation(promise, text);
    }
}

/// Whether nobody knows what a host adds to that sends something to a chat by itself: while another turn runs there or was
/// left there, or when the message it means was over before a restart.
pub(crate) fn is_unclear(state: &State, target: &str, source: &str) -> bool {
    let left =
        |other: &Run| other.target == target && !other.is_about(source) && other.life < state.life;
    is_busy(state, target)
        || state.ledger.runs.iter().any(left)
        || state.ledger.over_before.contains(source)
}

/// Run and number of every visible part of the answer to a source.
fn said_about<'state>(
    state: &'state State,
    source: &str,
) -> impl Iterator<Item = (usize, usize)> + use<'state> {
    let source = source.to_owned();
    let parts = state.parall.said.iter().filter_map(|said| parse_part(&said.text));
    parts
        .filter(move |(_, run, _)| state.ledger.runs[*run].is_about(&source))
        .map(|(_, run, number)| (run, number))
}

/// Whether the answer to a source is complete in the chat.
fn is_answered(state: &State, source: &str) -> bool {
    said_about(state, source).any(|(run, number)| is_last(state, run, number))
}

/// Whether an answer is complete with a part, whatever else becomes of its run.
fn is_last(state: &State, run: usize, number: usize) -> bool {
    let Run { last, end, .. } = &state.ledger.runs[run];
    number == CONTINUED || *last == Some(number) || *end == End::Late
}

/// What an operator sees must be true within two seconds.
pub(crate) fn check_status(state: &mut State, now: i64) {
    let shown = state.status["connected"].as_bool().unwrap_or_default();
    let parall = &state.parall;
    if !state.dead
        && !state.stopping
        && shown != parall.connected
        && now - parall.connected_changed > 2_000
    {
        let text = format!("the status says connected: {shown} at {now}, two seconds too late");
        state.ledger.violation("R23", text);
    }
}

/// An acknowledgement arrives: what would be found after a crash now must justify it.
pub(crate) fn check_acknowledgement(state: &mut State, key: &str) {
    let posted = state.parall.posted.iter().find(|posted| posted.key == key).cloned();
    let found = posted.and_then(|posted| journaled(&state.disk, &posted));
    let Some(mut found) = found else {
        return state.ledger.violation("R1", format!("{key} is acknowledged and not journaled"));
    };
    let over = [JournalState::Answered, JournalState::NoReply, JournalState::Acknowledged];
    if !over.contains(&found.record.state) {
        let text = format!("{key} is acknowledged and {} on disk", found.record.state);
        state.ledger.violation("R1", text);
    }
    if found.parts.is_empty() {
        found.parts = shared_parts(state, &found.record);
    }
    for part in &found.parts {
        let text = match part.state {
            PartState::Intended => format!("part {} of {key} is on its way", part.part.ordinal),
            PartState::Delivered => {
                let id = part.message_id.clone().unwrap_or_default();
                if state.parall.said.iter().any(|said| said.id == id) {
                    continue;
                }
                format!("part {} of {key} stands nowhere", part.part.ordinal)
            }
            PartState::Refused => continue,
        };
        state.ledger.violation("R1", format!("{text}, and {key} is acknowledged"));
    }
    let answered = found.parts.iter().any(|part| part.state != PartState::Refused);
    if found.record.state == JournalState::Answered && !answered {
        state.ledger.violation("R1", format!("{key} counts as answered without a part"));
    }
}

/// Whether everything is over as far as the server and the journal know.
pub(crate) fn is_settled(world: &World) -> bool {
    let state = world.state();
    let posted = state.parall.posted.iter().filter(|posted| !may_pass_unseen(posted, &world.plan));
    let idle = state.host.by_key.values().all(|session| session.running.is_none());
    idle && state.host.interrupted.is_empty()
        && posted.clone().all(|posted| is_over(&state.disk, posted))
        && (!world.plan.is_double
            || posted.into_iter().all(|posted| is_known_as_over(&state, posted)))
}

/// Whether the server knows what became of an event, as far as it ever will.
fn is_known_as_over(state: &State, posted: &Posted) -> bool {
    let found = journaled(&state.disk, posted);
    posted.acknowledged || found.is_some_and(|found| found.record.state == JournalState::Dead)
}

/// What the journal knows of an event. It may have been announced before it was dispatched.
pub(crate) fn journaled(disk: &SimulatedDisk, posted: &Posted) -> Option<OpenDispatch> {
    let found = |key: &str| disk.dispatch(key).unwrap();
    found(&posted.key).or_else(|| found(&posted.source_id))
}

/// Whether an event is over as far as the journal on disk knows.
pub(crate) fn is_over(disk: &SimulatedDisk, posted: &Posted) -> bool {
    let found = journaled(disk, posted);
    let over = [JournalState::Acknowledged, JournalState::Dead];
    found.is_some_and(|found| over.contains(&found.record.state))
}

/// Whether an event is left in whose turns the process has died twice: it runs with nothing beside it.
pub(crate) fn is_suspicious(disk: &SimulatedDisk, posted: &Posted) -> bool {
    let found = journaled(disk, posted);
    found.is_some_and(|OpenDispatch { record, .. }| record.attempts - record.failures >= 2)
}

/// The end of the world: what became of everything.
pub(crate) fn check_end(world: &World) {
    let mut state = world.state();
    let mut broken: Vec<(&str, String)> = Vec::new();
    for posted in &state.parall.posted {
        if let Some(text) = fate(&state, &world.plan, posted) {
            broken.push(("R2", text));
        }
    }
    for run in &state.ledger.runs {
        for text in &run.confirmed {
            let kind = state.parall.posted[run.place].kind;
            let stands = state.parall.said.iter().any(|said| said.text == *text);
            if !stands && kind != LetterKind::Hint && takes_answers(kind) {
                broken.push(("R5", format!("{text:?} was confirmed and stands nowhere")));
            }
        }
    }
    // Of a crowd's many results only the newest are shown.
    let results = if world.plan.is_crowd() { BTreeSet::new() } else { answered_by_forks(&state) };
    // What main hears of a mistaken one is another text, by which nobody here knows it.
    for source in results.difference(&state.ledger.mistaken) {
        let mut runs = state.ledger.runs.iter().enumerate();
        if !runs.any(|(number, run)| run.told.contains(source) && has_read(&state, number, run)) {
            broken.push(("results", format!("main was never told of {source}")));
        }
    }
    for (key, session) in &state.host.by_key {
        if session.parent.is_some() && !state.ledger.unremoved.contains(key) {
            broken.push(("R20", format!("{key} is an orphan of the host")));
        }
    }
    for fork in state.disk.forks().unwrap() {
        if !state.ledger.unremoved.contains(&fork.fork.session_key) {
            broken.push(("R20", format!("{} is an orphan of the journal", fork.fork.session_key)));
        }
    }
    for (place, turns) in turns_of_agents(&state) {
        if turns > world.plan.agent_turns {
            broken.push(("R22", format!("{turns} turns of agents count for {place}")));
        }
    }
    broken.extend(unfair(&state).into_iter().map(|text| ("fairness", text)));
    for (promise, text) in broken {
        state.ledger.violation(promise, text);
    }
}

/// Nobody looks for what the agent said itself.
fn may_pass_unseen(posted: &Posted, plan: &Plan) -> bool {
    plan.forgets && posted.kind == LetterKind::Own
}

/// What is wrong with the end of an event, if anything.
fn fate(state: &State, plan: &Plan, posted: &Posted) -> Option<String> {
    let Posted { key, source_id, kind, .. } = posted;
    let found = journaled(&state.disk, posted);
    let Some(found) = found else {
        return (!may_pass_unseen(posted, plan))
            .then(|| format!("{key} ({source_id}) was never taken on"));
    };
    let record = found.record;
    if record.state == JournalState::Dead {
        let runs = state.ledger.runs.iter().filter(|run| run.is_about(source_id)).count();
        let cause = record.cause.unwrap_or_default();
        // The host may add something afterwards.
        let mut said = said_about(state, source_id);
        let answered = said.any(|(run, number)| number != CONTINUED && is_last(state, run, number));
        let legitimate = !answered
            && (!takes_answers(*kind)
                || *kind == LetterKind::Unreadable
                || runs >= 1 && record.attempts as usize >= MOST_ATTEMPTS);
        return (cause.is_empty() || !legitimate || posted.acknowledged)
            .then(|| format!("{key} is dead after {runs} runs: {cause}"));
    }
    if record.state != JournalState::Acknowledged {
        return Some(format!("{key} ends as {}", record.state));
    }
    if !posted.acknowledged && !plan.announces {
        return Some(format!("{key} is over, and the server does not know"));
    }
    if is_answered(state, source_id) || state.ledger.mistaken.contains(source_id) {
        return None;
    }
    let mut runs = state.ledger.runs.iter().filter(|run| run.is_about(source_id));
    let silent = runs.any(|run| matches!(run.end, End::Silent | End::Complete));
    let excused = match kind {
        LetterKind::Hint | LetterKind::Empty | LetterKind::Own | LetterKind::Chatterbox => true,
        LetterKind::Deleted => !plan.announces,
        // The loop budget may be spent.
        LetterKind::Task => posted.by_agent,
        _ => false,
    };
    (!silent && !excused).then(|| format!("{key} ({source_id}) was closed without an answer"))
}

/// Whether a turn went far enough for the agent to have read what it was told.
fn has_read(state: &State, number: usize, run: &Run) -> bool {
    let answered = said_about(state, &run.source_id).any(|(speaker, _)| speaker == number);
    run.spoke || answered || matches!(run.end, End::Complete | End::Silent)
}

/// Sources whose visible answer a fork gave.
fn answered_by_forks(state: &State) -> BTreeSet<String> {
    let parts = state.parall.said.iter().filter_map(|said| parse_part(&said.text));
    parts
        .filter(|(_, run, number)| {
            let run = &state.ledger.runs[*run];
            let is_answer = run.last == Some(*number) || matches!(run.end, End::Late);
            *number != CONTINUED && is_answer && run.session.contains(":fork:")
        })
        .map(|(source, ..)| source)
        .collect()
}

/// How many events of agents had a turn, by chat or task, and by the agent where the plan names it. Worlds with agents end within the
/// hour over which they count.
fn turns_of_agents(state: &State) -> BTreeMap<&str, usize> {
    let mut turns: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    for run in &state.ledger.runs {
        for source in &run.members {
            let posted_at = place(state, source);
            let posted = &state.parall.posted[posted_at];
            for counted in [Some(&run.target), posted.author.as_ref()].into_iter().flatten() {
                if posted.by_agent {
                    turns.entry(counted).or_default().insert(posted_at);
                }
            }
        }
    }
    turns.into_iter().map(|(place, events)| (place, events.len())).collect()
}
