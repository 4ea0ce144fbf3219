//! What a start does about what the last run left open.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::error::chain;
use crate::journal::{DispatchRecord, OpenDispatch, State};
use crate::orchestrator::context::{Context, PersistError, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::delivery::outbox::Outbox;
use crate::orchestrator::error::Error;
use crate::orchestrator::event::{Event, Origin, Subject};
use crate::orchestrator::host::Level;
use crate::orchestrator::intake::loader::{Reference, Source};
use crate::orchestrator::lanes::runner::fork_result;

/// An event in whose turns the process has ended this often may be the cause, and runs alone.
const SUSPICIOUS: u32 = 2;

/// Finishes answers that were given, without another turn, and takes everything else on again, in order.
pub(crate) async fn recover(
    completion: &Completion,
    outbox: &Outbox,
    main: &str,
    references: &mpsc::UnboundedSender<Reference>,
) -> Result<(), Stopped> {
    let context = &completion.context;
    let journal = context.journal()?;
    let recovery = context.record("reading what the last run left", || journal.recover()).await?;
    for open in &recovery.dispatches {
        if open.record.turn_id.is_some() {
            completion.turns.leave(open, has_answer(open));
        }
    }
    completion.turns.set_recovered();
    let (mut finished, mut resumed) = (0_usize, 0_usize);
    for open in &recovery.dispatches {
        completion.in_flight.claim(&open.record.id);
        if has_answer(open) {
            finished += 1;
            finish(completion, outbox, main, open).await?;
        } else {
            resumed += 1;
            // The receiver lives as long as the account.
            let _ = references.send(reference(&open.record));
        }
    }
    if finished + resumed > 0 {
        context.log(Level::Info, format!("after the last run: {finished} answers finished, {resumed} events taken on again, 0 lost"));
    }
    Ok(())
}

/// Whether there is an answer, or the beginning of one.
fn has_answer(open: &OpenDispatch) -> bool {
    open.is_answered() || !open.parts.is_empty()
}

/// A reference to what a record is about.
pub(crate) fn reference(record: &DispatchRecord) -> Reference {
    Reference {
        key: record.id.clone(),
        origin: Origin::from(record),
        source: Source::Named(record.source_type.clone(), record.source_id.clone()),
        seq: None,
        alone: record.attempts.saturating_sub(record.failures) >= SUSPICIOUS,
        chat: record
            .details
            .as_ref()
            .filter(|_| record.source_type == "message")
            .map(|details| details.target.clone()),
        place: None,
    }
}

/// Delivers what is missing of an answer. One that was cut off by the end of the process counts as it stands: another turn
/// would say the same things twice.
async fn finish(
    completion: &Completion,
    outbox: &Outbox,
    main: &str,
    open: &OpenDispatch,
) -> Result<(), Stopped> {
    let context = &completion.context;
    let key = &open.record.id;
    let mut stands = false;
    let mut refusal = String::new();
    let since = open.record.details.as_ref().and_then(|details| details.created_at.as_deref());
    for part in &open.parts {
        match outbox.resume(key, part, since).await {
            Ok(()) => stands = true,
            Err(Error::Closed) => return Err(Stopped),
            Err(error) => refusal = chain(&error),
        }
    }
    let journal = context.journal()?;
    if !open.is_answered() {
        if !stands {
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
