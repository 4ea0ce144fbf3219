//! What a start does about what the last run left open.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use crate::error::chain;
use crate::journal::{DispatchRecord, ForkRecord, NewResult, PartState, Recovery, State};
use crate::orchestrator::batch::{Batch, CollectLimits};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::delivery::outbox::{Order, Outbox};
use crate::orchestrator::error::Error;
use crate::orchestrator::event::{Company, Event, Origin, Subject};
use crate::orchestrator::host::{EarlierTurn, Fork, Level};
use crate::orchestrator::intake::handover::CutOff;
use crate::orchestrator::intake::references::{Reference, recorded};
use crate::orchestrator::lanes::runner::fork_result;
use crate::orchestrator::persist::PersistError;
use crate::orchestrator::target::Target;
use crate::orchestrator::turn::earlier::EarlierRun;
use crate::orchestrator::turn::left_turn::LeftTurn;
use crate::orchestrator::turn::registry::OpenTurns;
use crate::orchestrator::turn::results::{TEXT_LIMIT, shorten};
use crate::orchestrator::turn::watchdog::Watched;

/// How long the server may take to show what a fork has answered.
const TELL_LIMIT: Duration = Duration::from_secs(30);

/// What the last process left open, and the rights to send that its unsent parts come first with.
pub(crate) struct Left {
    /// In the order in which they came.
    references: Vec<Reference>,
    turns: Vec<LeftTurn>,
    orders: HashMap<Target, Order>,
    /// Runs of an earlier start of the account in this process.
    pub runs: Vec<LeftRun>,
}

/// A run of an earlier start, the fork it runs in if it is one, and where its outcome is to be noted.
pub(crate) struct LeftRun {
    /// The turn.
    pub turn: EarlierTurn,
    /// Its event, where that is not over.
    pub event_key: Option<String>,
    /// Its fork.
    pub fork: Option<Fork>,
    /// Where whoever watches it notes how it ended.
    pub outcome: watch::Sender<Option<Watched>>,
}

/// Reads what the last process left open, so that everything the host says from now on finds its turn. Needs the journal alone.
pub(crate) async fn read(
    context: &Context,
    turns: &OpenTurns,
    outbox: &Outbox,
) -> Result<Left, Stopped> {
    let journal = context.journal()?;
    let earlier = context.host.earlier_runs().await;
    let ids: Vec<String> = earlier.iter().map(|turn| turn.id.clone()).collect();
    let recovery = context
        .record("reading what the last run left", || journal.recover_beside(ids.clone()))
        .await?;
    let Recovery { dispatches, forks, .. } = recovery;
    let references = dispatches.iter().map(|open| recorded(&open.record)).collect();
    let left = LeftTurn::group(dispatches);
    let mut orders = HashMap::new();
    for turn in &left {
        for part in turn.owner.parts.iter().filter(|part| part.state == PartState::Intended) {
            if let Ok(target) = part.part.target.parse::<Target>()
                && !orders.contains_key(&target)
            {
                // Nobody else sends yet.
                let order = outbox.order(&target).await;
                orders.insert(target, order);
            }
        }
    }
    let runs: Vec<LeftRun> =
        earlier.into_iter().map(|turn| left_run(turn, &left, &forks, turns)).collect();
    for turn in &left {
        let record = &turn.owner.record;
        let is_followed = runs.iter().any(|run| run.event_key.as_ref() == Some(&record.id));
        if record.turn_id.is_some() && !is_followed {
            turns.leave(turn);
        }
    }
    turns.set_recovered();
    Ok(Left { references, turns: left, orders, runs })
}

/// A run that continues. Its turn is open again, unless its answer is known already.
fn left_run(
    turn: EarlierTurn,
    left: &[LeftTurn],
    forks: &[ForkRecord],
    turns: &OpenTurns,
) -> LeftRun {
    let (outcome, receiver) = watch::channel(None);
    let record = forks.iter().find(|record| record.fork.session_key == turn.session_key);
    let fork = record.map(|record| Fork::from(record.clone()));
    let is_its = |left: &&LeftTurn| {
        left.owner.record.turn_id.as_deref() == Some(turn.id.as_str()) && !left.has_answer()
    };
    let event_key = left.iter().find(is_its).and_then(|left| {
        let run =
            EarlierRun::new(turn.id.clone(), turn.session_key.clone(), fork.is_some(), receiver);
        turns.take_over(left, run).then(|| left.owner.record.id.clone())
    });
    LeftRun { turn, event_key, fork, outcome }
}

/// Finishes answers that were given, without another turn, and takes everything else on again, in order. Comes back at once:
/// what has to be sent is sent beside it, each chat for itself. Gives what ran together and is to run together again.
pub(crate) fn resume(
    completion: &Arc<Completion>,
    outbox: &Arc<Outbox>,
    main: &str,
    references: &mpsc::UnboundedSender<Reference>,
    left: Left,
    followed: usize,
) -> CutOff {
    let context = &completion.context;
    let Left { references: known, turns, mut orders, .. } = left;
    let answered: HashSet<&str> = turns
        .iter()
        .flat_map(|turn| turn.records().filter(|record| turn.is_answered(record)))
        .map(|record| record.id.as_str())
        .collect();
    let (mut finished, mut again) = (0, 0);
    let mut cut_off = CutOff::default();
    for reference in known {
        completion.in_flight.claim(&reference.identity());
        if answered.contains(reference.key.as_str()) {
            finished += 1;
        } else {
            again += 1;
            if let Company::Turn(turn) = &reference.company {
                cut_off.expect(turn);
            }
            // The receiver lives as long as the account.
            let _ = references.send(reference);
        }
    }
    let mut unsent: Vec<(Option<Target>, Vec<LeftTurn>)> = Vec::new();
    for turn in turns {
        let has_answered = turn.records().any(|record| turn.is_answered(record));
        if has_answered || !turn.owner.parts.is_empty() {
            let target = turn.owner.parts.first().and_then(|part| part.part.target.parse().ok());
            match unsent.iter_mut().find(|(known, _)| *known == target) {
                Some((_, left)) => left.push(turn),
                None => unsent.push((target, vec![turn])),
            }
        }
    }
    if finished + again > 0 {
        let text = format!(
            "after the last run: {finished} answers to finish, {} events to run again, {followed} runs continue",
            again - followed
        );
        context.log(Level::Info, text);
    }
    for (target, left) in unsent {
        let order = target.as_ref().and_then(|target| orders.remove(target));
        let (completion, outbox, main) =
            (Arc::clone(completion), Arc::clone(outbox), main.to_owned());
        context.spawn(async move {
            for turn in &left {
                // Without a result the account stops.
                if finish(&completion, &outbox, &main, turn, order.as_ref()).await.is_err() {
                    return;
                }
            }
        });
    }
    cut_off
}

/// Delivers what is missing of an answer. One that is not complete is not over with that: its events run again.
async fn finish(
    completion: &Arc<Completion>,
    outbox: &Outbox,
    main: &str,
    turn: &LeftTurn,
    order: Option<&Order>,
) -> Result<(), Stopped> {
    let context = &completion.context;
    let owner = &turn.owner.record;
    let key = &owner.id;
    let mut is_visible = false;
    let mut refusal = String::new();
    let since = owner.details.as_ref().and_then(|details| details.created_at.as_deref());
    for part in &turn.owner.parts {
        match outbox.resume(key, part, since, order).await {
            Ok(()) => {
                is_visible = true;
                completion.turns.delivered_late(key, &part.part.text);
            }
            Err(Error::Closed) => return Err(Stopped),
            Err(error) => {
                refusal = chain(&error);
                completion.turns.refused_late(key, &refusal);
            }
        }
    }
    let journal = context.journal()?;
    let answered: Vec<&DispatchRecord> =
        turn.records().filter(|record| turn.is_answered(record)).collect();
    let unnoted: Vec<&str> = answered
        .iter()
        .filter(|record| !record.is_answered())
        .map(|record| record.id.as_str())
        .collect();
    if !unnoted.is_empty() {
        if !is_visible {
            return refuse(completion, &unnoted, &refusal).await;
        }
        context
            .record("noting an answer", || journal.answer_complete(unnoted.iter().copied()))
            .await?;
    }
    if turn.has_answer()
        && owner.state != State::NoReply
        && owner.session_key.as_deref().is_some_and(|session| session != main)
    {
        tell_main(context, turn).await?;
    }
    for record in answered {
        completion.answered(&record.id, &Origin::from(record));
    }
    Ok(())
}

/// Nobody will ever read an answer. The only event of its turn is given up; of several, each is tried by itself.
async fn refuse(completion: &Completion, keys: &[&str], refusal: &str) -> Result<(), Stopped> {
    let context = &completion.context;
    if let [only] = keys {
        return completion.give_up(only, refusal).await;
    }
    let journal = context.journal()?;
    let note = || journal.separate(keys.iter().copied(), refusal, journal.now());
    context.record("noting a failed turn", note).await?;
    // Whoever looks for what is due finds them.
    for key in keys {
        completion.in_flight.failed(key);
    }
    Ok(())
}

/// The fork that gave this answer is gone; main is to know of it all the same. Nobody waits long for a server that does not show
/// the question.
async fn tell_main(context: &Arc<Context>, turn: &LeftTurn) -> Result<(), Stopped> {
    let record = &turn.owner.record;
    let answer: Vec<&str> = turn.owner.parts.iter().map(|part| part.part.text.as_str()).collect();
    let answer = answer.join("\n\n");
    let session_key = record.session_key.as_deref().unwrap_or_default();
    let result = match question(context, turn).await? {
        Question::Known(batch) => fork_result(&record.id, &batch, session_key, &answer),
        Question::Gone => return Ok(()),
        Question::Unreadable => unread_result(record, session_key, &answer),
    };
    let journal = context.journal()?;
    context.record("noting a fork's result", || journal.add_result(result.clone())).await
}

/// What an answer was for.
enum Question {
    Known(Box<Batch>),
    /// The server does not show it any more.
    Gone,
    /// The server cannot show it now.
    Unreadable,
}

async fn question(context: &Context, turn: &LeftTurn) -> Result<Question, Stopped> {
    let mut batch: Option<Batch> = None;
    for record in turn.records() {
        let subject = match load(context, record).await {
            Ok(subject) => subject,
            Err(PersistError::Refused(error)) if error.class().is_refusal() => continue,
            Err(PersistError::Refused(_)) => return Ok(Question::Unreadable),
            Err(PersistError::Closed) => return Err(Stopped),
        };
        let event = Event::new(Origin::from(record), subject);
        match &mut batch {
            // They were one turn once, whatever the limits are by now.
            Some(batch) => drop(batch.join(event, &CollectLimits::NONE)),
            None => batch = Some(event.into()),
        }
    }
    Ok(batch.map_or(Question::Gone, |batch| Question::Known(Box::new(batch))))
}

/// A result without its question, by what the journal knows.
fn unread_result(record: &DispatchRecord, session_key: &str, answer: &str) -> NewResult {
    let details = record.details.clone().unwrap_or_default();
    NewResult {
        dispatch_id: record.id.clone(),
        session_key: session_key.to_owned(),
        chat_label: details.target.clone(),
        target: details.target,
        sender_name: details.sender_id.unwrap_or_default(),
        question: String::new(),
        answer: shorten(answer, TEXT_LIMIT),
    }
}

async fn load(context: &Context, record: &DispatchRecord) -> Result<Subject, PersistError> {
    let id = record.source_id.as_str();
    if record.source_type == "task" {
        let task =
            context.persist_for(TELL_LIMIT, "loading a task", || context.server.task(id)).await?;
        return Ok(Subject::Task(task));
    }
    let message =
        context.persist_for(TELL_LIMIT, "loading a message", || context.server.message(id)).await?;
    let chat = context
        .persist_for(TELL_LIMIT, "loading a chat", || context.server.chat(&message.chat_id))
        .await?;
    Ok(Subject::Message { message, chat })
}
