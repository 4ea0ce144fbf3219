//! What a start does about what the last run left open.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use crate::error::chain;
use crate::journal::{DispatchRecord, OpenDispatch, PartState, Recovery, State};
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::delivery::outbox::{Order, Outbox};
use crate::orchestrator::delivery::part_key::completes;
use crate::orchestrator::error::Error;
use crate::orchestrator::event::{Event, Origin, Subject};
use crate::orchestrator::host::{EarlierTurn, Fork, Level};
use crate::orchestrator::intake::references::{Reference, recorded};
use crate::orchestrator::lanes::runner::fork_result;
use crate::orchestrator::persist::PersistError;
use crate::orchestrator::target::Target;
use crate::orchestrator::turn::earlier::EarlierRun;
use crate::orchestrator::turn::registry::OpenTurns;
use crate::orchestrator::turn::watchdog::Watched;

/// What the last process left open, and the rights to send that its unsent parts come first with.
pub(crate) struct Left {
    recovery: Recovery,
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
    let mut orders = HashMap::new();
    for open in &recovery.dispatches {
        for part in open.parts.iter().filter(|part| part.state == PartState::Intended) {
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
        earlier.into_iter().map(|turn| left_run(turn, &recovery, turns)).collect();
    for open in &recovery.dispatches {
        let is_followed = runs.iter().any(|run| run.event_key.as_ref() == Some(&open.record.id));
        if open.record.turn_id.is_some() && !is_followed {
            turns.leave(open, has_answer(open));
        }
    }
    turns.set_recovered();
    Ok(Left { recovery, orders, runs })
}

/// A run that continues. Its turn is open again, unless its answer is known already.
fn left_run(turn: EarlierTurn, recovery: &Recovery, turns: &OpenTurns) -> LeftRun {
    let (outcome, receiver) = watch::channel(None);
    let record = recovery.forks.iter().find(|record| record.fork.session_key == turn.session_key);
    let fork = record.map(|record| Fork::from(record.clone()));
    let open = recovery
        .dispatches
        .iter()
        .find(|open| open.record.turn_id.as_deref() == Some(turn.id.as_str()) && !has_answer(open));
    let event_key = open.and_then(|open| {
        let run =
            EarlierRun::new(turn.id.clone(), turn.session_key.clone(), fork.is_some(), receiver);
        turns.take_over(open, run).then(|| open.record.id.clone())
    });
    LeftRun { turn, event_key, fork, outcome }
}

/// Finishes answers that were given, without another turn, and takes everything else on again, in order. Comes back at once:
/// what has to be sent is sent beside it, each chat for itself.
pub(crate) fn resume(
    completion: &Arc<Completion>,
    outbox: &Arc<Outbox>,
    main: &str,
    references: &mpsc::UnboundedSender<Reference>,
    left: Left,
    followed: usize,
) {
    let context = &completion.context;
    let Left { recovery, mut orders, .. } = left;
    let mut unsent: Vec<(Option<Target>, Vec<OpenDispatch>)> = Vec::new();
    let (mut finished, mut again) = (0, 0);
    for open in recovery.dispatches {
        let reference = recorded(&open.record);
        completion.in_flight.claim(&reference.identity());
        let is_answered = has_answer(&open);
        if is_answered {
            finished += 1;
        } else {
            again += 1;
            // The receiver lives as long as the account.
            let _ = references.send(reference);
        }
        if is_answered || !open.parts.is_empty() {
            let target = open.parts.first().and_then(|part| part.part.target.parse().ok());
            match unsent.iter_mut().find(|(known, _)| *known == target) {
                Some((_, left)) => left.push(open),
                None => unsent.push((target, vec![open])),
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
            for open in &left {
                // Without a result the account stops.
                if finish(&completion, &outbox, &main, open, order.as_ref()).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Whether all of an answer is known.
fn has_answer(open: &OpenDispatch) -> bool {
    open.is_answered() || open.parts.iter().any(|part| completes(&part.part.key))
}

/// Delivers what is missing of an answer. One that is not complete is not over with that: its event runs again.
async fn finish(
    completion: &Arc<Completion>,
    outbox: &Outbox,
    main: &str,
    open: &OpenDispatch,
    order: Option<&Order>,
) -> Result<(), Stopped> {
    let context = &completion.context;
    let key = &open.record.id;
    let mut is_visible = false;
    let mut refusal = String::new();
    let since = open.record.details.as_ref().and_then(|details| details.created_at.as_deref());
    for part in &open.parts {
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
    if !has_answer(open) {
        return Ok(());
    }
    let journal = context.journal()?;
    if !open.is_answered() {
        if !is_visible {
            return completion.give_up(key, &refusal).await;
        }
        context.record("noting an answer", || journal.answer_complete(key)).await?;
    }
    let origin = Origin::from(&open.record);
    if open.record.state != State::NoReply
        && open.record.session_key.as_deref().is_some_and(|session| session != main)
    {
        tell_main(context, open, &origin).await?;
    }
    completion.answered(key, &origin);
    Ok(())
}

/// The fork that gave this answer is gone; main is to know of it all the same.
async fn tell_main(
    context: &Arc<Context>,
    open: &OpenDispatch,
    origin: &Origin,
) -> Result<(), Stopped> {
    let record = &open.record;
    let Some(subject) = subject(context, record).await? else { return Ok(()) };
    let event = Event { origin: origin.clone(), subject, missed: false };
    let answer: Vec<&str> = open.parts.iter().map(|part| part.part.text.as_str()).collect();
    let result = fork_result(
        &event,
        record.session_key.as_deref().unwrap_or_default(),
        &answer.join("\n\n"),
    );
    let journal = context.journal()?;
    context.record("noting a fork's result", || journal.add_result(result.clone())).await
}

/// The source, if the server still shows it.
async fn subject(context: &Context, record: &DispatchRecord) -> Result<Option<Subject>, Stopped> {
    match load(context, record).await {
        Ok(subject) => Ok(Some(subject)),
        Err(PersistError::Refused(_)) => Ok(None),
        Err(PersistError::Closed) => Err(Stopped),
    }
}

async fn load(context: &Context, record: &DispatchRecord) -> Result<Subject, PersistError> {
    let id = record.source_id.as_str();
    if record.source_type == "task" {
        let task = context.persist("loading a task", || context.server.task(id)).await?;
        return Ok(Subject::Task(task));
    }
    let message = context.persist("loading a message", || context.server.message(id)).await?;
    let chat = context.persist("loading a chat", || context.server.chat(&message.chat_id)).await?;
    Ok(Subject::Message { message, chat })
}
