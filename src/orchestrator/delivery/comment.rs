//! Comments take no idempotency key, so one whose outcome is unknown is looked for before it is written again.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::api::{Comment, Error, moment};
use crate::orchestrator::context::Context;
use crate::orchestrator::persist::PersistError;

/// Whether a part may have been sent before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt<'a> {
    /// Certainly not.
    First,
    /// Perhaps, before a crash, but not before this time of the server's clock.
    Repeated {
        /// As the server spells it, where it is known.
        since: Option<&'a str>,
    },
}

/// Writes a comment once and returns its id. Where comments cannot be read, one whose outcome is unknown counts as refused and
/// is not repeated.
pub(crate) async fn comment(
    context: &Context,
    task_id: &str,
    body: &str,
    attempt: Attempt<'_>,
) -> Result<String, PersistError> {
    let (known, since) = match attempt {
        Attempt::Repeated { since } => (Vec::new(), since),
        Attempt::First => {
            match context.persist("reading comments", || context.server.comments(task_id)).await {
                Ok(comments) => (comments.into_iter().map(|comment| comment.id).collect(), None),
                Err(PersistError::Refused(_)) => (Vec::new(), None),
                Err(PersistError::Closed) => return Err(PersistError::Closed),
            }
        }
    };
    let look = AtomicBool::new(attempt != Attempt::First);
    let write = || async {
        if look.swap(true, Ordering::Relaxed) {
            for comment in context.server.comments(task_id).await? {
                if comment.body == body
                    && !known.contains(&comment.id)
                    && may_be_ours(&comment, context.agent_id.get(), since)
                    && !is_accounted_for(context, &comment).await
                {
                    return Ok(comment.id);
                }
            }
            // The next start looks again.
            if context.work.is_cancelled() {
                return Err(Error::Stopped);
            }
        }
        context.server.add_comment(task_id, body).await.map(|comment| comment.id)
    };
    context.persist("writing a comment", write).await
}

/// Whether this agent may have written a comment since a time. What the server does not say speaks neither for nor against
/// it.
fn may_be_ours(comment: &Comment, agent_id: Option<&String>, since: Option<&str>) -> bool {
    let written_by_us = match (&comment.author_id, agent_id) {
        (Some(author), Some(agent)) => author == agent,
        _ => true,
    };
    let in_time = match (comment.created_at.as_deref().and_then(moment), since.and_then(moment)) {
        (Some(at), Some(since)) => at >= since,
        _ => true,
    };
    written_by_us && in_time
}

/// Whether the journal knows a comment as another part, with the same words.
async fn is_accounted_for(context: &Context, comment: &Comment) -> bool {
    let Ok(journal) = context.journal() else { return false };
    context
        .record("looking for a comment", || journal.is_delivered(&comment.id))
        .await
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(author: Option<&str>, at: Option<&str>) -> Comment {
        Comment {
            id: "cmt_1".into(),
            author_id: author.map(str::to_owned),
            body: "ok".into(),
            created_at: at.map(str::to_owned),
        }
    }

    #[test]
    fn only_this_agents_comments_since_then_may_be_ours() {
        let agent = "usr_agent".to_owned();
        let since = Some("2026-11-22T12:00:00Z");
        for (author, at, expected) in [
            (Some("usr_agent"), Some("2026-11-22T12:00:00.001Z"), true),
            (Some("usr_agent"), Some("2026-11-22T12:00:00Z"), true),
            (Some("usr_agent"), Some("2026-11-22T11:59:59.999Z"), false),
            (Some("usr_ben"), Some("2026-11-22T12:00:01Z"), false),
            (Some("usr_agent"), None, true),
            (None, Some("2026-11-22T12:00:01Z"), true),
            (None, Some("2026-11-22T11:00:00Z"), false),
        ] {
            let comment = written(author, at);
            assert_eq!(may_be_ours(&comment, Some(&agent), since), expected, "{comment:?}");
        }
        let comment = written(Some("usr_ben"), Some("2020-01-01T00:00:00Z"));
        assert!(may_be_ours(&comment, None, None), "nothing is known against it");
    }
}
