//! From a part to a message or a comment at the server.

use super::comment::{Attempt, comment};
use super::files;
use crate::api::NewMessage;
use crate::error::chain;
use crate::journal::{NewPart, Uploaded};
use crate::orchestrator::context::Context;
use crate::orchestrator::error::Error;
use crate::orchestrator::host::Level;
use crate::orchestrator::persist::PersistError;
use crate::orchestrator::target::Target;

/// What people read where a part is missing.
const MISSING_PART: &str = "(A part of this answer could not be delivered.)";

/// Sends a part that the journal knows and notes what became of it.
pub(super) async fn send_part(
    context: &Context,
    dispatch_id: &str,
    part: &NewPart,
    uploaded: Option<&Uploaded>,
    attempt: Attempt<'_>,
) -> Result<String, Error> {
    let target = part.target.parse()?;
    let thread = part.thread_root_id.as_deref();
    let journal = context.journal()?;
    let ready = ready(context, dispatch_id, part, uploaded).await?;
    match put(context, &target, &ready, thread, &part.key, attempt).await {
        Ok(id) => {
            context
                .record("noting a delivery", || {
                    journal.part_delivered(dispatch_id, part.ordinal, &id)
                })
                .await?;
            Ok(id)
        }
        Err(Error::Closed) => Err(Error::Closed),
        Err(error) => {
            let cause = chain(&error);
            context.log(
                Level::Error,
                format!("part {} of the answer to {dispatch_id}: {cause}", part.ordinal),
            );
            context
                .record("noting a refusal", || {
                    journal.part_refused(dispatch_id, part.ordinal, &cause)
                })
                .await?;
            Err(error)
        }
    }
}

/// What is sent of a part. Its files go to the server first, and what came of that is written down before the message: under one
/// key there is one message, also after a crash.
async fn ready(
    context: &Context,
    dispatch_id: &str,
    part: &NewPart,
    uploaded: Option<&Uploaded>,
) -> Result<Uploaded, Error> {
    if let Some(uploaded) = uploaded {
        return Ok(uploaded.clone());
    }
    if part.files.is_empty() {
        return Ok(Uploaded { text: part.text.clone(), ..Uploaded::default() });
    }
    let uploaded = files::uploaded(context, &part.text, &part.files).await?;
    let journal = context.journal()?;
    let noted = context
        .record("noting uploads", || {
            journal.part_uploaded(dispatch_id, part.ordinal, uploaded.clone())
        })
        .await?;
    Ok(noted)
}

/// Tells people that something is missing; whether that worked.
pub(super) async fn apologise(
    context: &Context,
    target: &Target,
    thread: Option<&str>,
    part: &NewPart,
    attempt: Attempt<'_>,
) -> bool {
    let key = format!("{}:missing", part.key);
    let text = Uploaded { text: MISSING_PART.to_owned(), ..Uploaded::default() };
    put(context, target, &text, thread, &key, attempt).await.is_ok()
}

/// Puts text where it belongs and notes it in the status.
pub(super) async fn put(
    context: &Context,
    target: &Target,
    Uploaded { text, attachment_ids }: &Uploaded,
    thread: Option<&str>,
    key: &str,
    attempt: Attempt<'_>,
) -> Result<String, Error> {
    match target {
        Target::Chat(_) => {
            let message = NewMessage {
                text: text.clone(),
                thread_root_id: thread.map(str::to_owned),
                idempotency_key: key.to_owned(),
                no_reply: false,
                attachment_ids: attachment_ids.clone(),
            };
            post(context, target, &message).await
        }
        Target::Task(task_id) => {
            let sent = comment(context, task_id, text, attempt).await;
            noted(context, target, sent)
        }
    }
}

/// Sends a message to a chat and notes it in the status.
pub(super) async fn post(
    context: &Context,
    target: &Target,
    message: &NewMessage,
) -> Result<String, Error> {
    let chat = target.to_string();
    let sent =
        context.persist("sending a message", || context.server.send_message(&chat, message)).await;
    noted(context, target, sent.map(|sent| sent.id))
}

/// Notes in the status that something was sent, if it was.
fn noted(
    context: &Context,
    target: &Target,
    sent: Result<String, PersistError>,
) -> Result<String, Error> {
    let id = sent.map_err(|error| error.for_target(target))?;
    context.status.touch(|status| &mut status.last_outbound_at);
    Ok(id)
}
