//! What happens to all dispatches of a turn at once. Their turn id says that they belong together; the parts of the answer are those
//! of the first one. One of the others that is over meanwhile, because its source is gone, stays as it is.

use super::dispatch::{change, complete, state};
use super::fork::{ForkResult, take_results};
use super::trace::note_step;
use crate::journal::database::access::Access;
use crate::journal::error::Fault;
use crate::journal::{Adoption, Error, Journal, State};

/// Ids of dispatches.
pub trait Ids {
    /// The ids.
    fn keys(self) -> Vec<String>;
}

impl<T: IntoIterator<Item: Into<String>>> Ids for T {
    fn keys(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl Journal {
    /// A turn starts for these dispatches. Call it before the host is asked to run the turn, so that a message that kills the
    /// process is counted. The answer is about the first one.
    pub async fn adopt(
        &self,
        ids: impl Ids,
        turn_id: &str,
        session_key: &str,
    ) -> Result<Adoption, Error> {
        let ids = ids.keys();
        let (turn_id, session_key) = (turn_id.to_owned(), session_key.to_owned());
        self.call(move |access| adopt(access, &ids, &turn_id, &session_key)).await
    }

    /// The same in the main session, which is told meanwhile what its forks did: gives the results for the turn, too.
    pub async fn adopt_with_results(
        &self,
        ids: impl Ids,
        turn_id: &str,
        session_key: &str,
    ) -> Result<(Adoption, Vec<ForkResult>), Error> {
        let ids = ids.keys();
        let (turn_id, session_key) = (turn_id.to_owned(), session_key.to_owned());
        self.call(move |access| {
            let adoption = adopt(access, &ids, &turn_id, &session_key)?;
            Ok((adoption, take_results(access, &turn_id)?))
        })
        .await
    }

    /// Their turn was called off because the account stops: the attempt does not count.
    pub async fn release(&self, ids: impl Ids) -> Result<(), Error> {
        let ids = ids.keys();
        self.call(move |access| {
            for id in &ids {
                let released = access.execute(
                    "UPDATE dispatches SET state = 'claimed', attempts = max(attempts - 1, 0), changed_at = ?2
                     WHERE id = ?1 AND state = 'adopted'",
                    (id, access.now),
                )?;
                if released > 0 {
                    note_step(access, id, "released", Some("the account stopped"))?;
                }
                state(access, id)?;
            }
            Ok(())
        })
        .await
    }

    /// The whole answer to all of them is journaled.
    pub async fn answer_complete(&self, ids: impl Ids) -> Result<(), Error> {
        let ids = ids.keys();
        self.call(move |access| {
            if let Some(first) = ids.first() {
                complete(access, first)?;
            }
            for (id, before) in others(access, &ids)? {
                change(access, id, before, State::Answered, None)?;
            }
            Ok(())
        })
        .await
    }

    /// They need no answer, and why if that is worth a word. What was journaled of an answer is still delivered.
    pub async fn no_reply(&self, ids: impl Ids, cause: Option<&str>) -> Result<(), Error> {
        let ids = ids.keys();
        let cause = cause.map(str::to_owned);
        self.call(move |access| {
            if let Some(id) = ids.first() {
                match state(access, id)? {
                    State::NoReply => {}
                    before if before.is_unanswered() => {
                        change(access, id, before, State::NoReply, cause.as_deref())?;
                    }
                    state => {
                        let step = "left without answer";
                        return Err(Error::Order { id: id.clone(), state, step }.into());
                    }
                }
            }
            for (id, before) in others(access, &ids)? {
                change(access, id, before, State::NoReply, cause.as_deref())?;
            }
            Ok(())
        })
        .await
    }

    /// The attempt failed; `retry_at` says when to try again, in milliseconds since the epoch.
    pub async fn fail(&self, ids: impl Ids, cause: &str, retry_at: i64) -> Result<(), Error> {
        let (ids, cause) = (ids.keys(), cause.to_owned());
        self.call(move |access| {
            for (id, before) in open(access, &ids, "tried again")? {
                access.execute(
                    "UPDATE dispatches SET failures = failures + 1, next_try_at = ?2 WHERE id = ?1",
                    (id, retry_at),
                )?;
                change(access, id, before, State::Failed, Some(&cause))?;
            }
            Ok(())
        })
        .await
    }

    /// The attempts of a turn of several dispatches failed, and nobody knows which of them is the cause: from now on each has its own
    /// turns. What they had together counts as one attempt of each.
    pub async fn separate(&self, ids: impl Ids, cause: &str, retry_at: i64) -> Result<(), Error> {
        let (ids, cause) = (ids.keys(), cause.to_owned());
        self.call(move |access| {
            for (id, before) in open(access, &ids, "tried again")? {
                access.execute(
                    "UPDATE dispatches SET attempts = 1, failures = 1, turn_id = NULL, next_try_at = ?2 WHERE id = ?1",
                    (id, retry_at),
                )?;
                change(access, id, before, State::Failed, Some(&cause))?;
            }
            Ok(())
        })
        .await
    }
}

fn adopt(
    access: &Access<'_>,
    ids: &[String],
    turn_id: &str,
    session_key: &str,
) -> Result<Adoption, Fault> {
    let mut first = None;
    for (id, before) in open(access, ids, "given to a turn")? {
        access.execute(
            "UPDATE dispatches SET attempts = attempts + 1, turn_id = ?2, session_key = ?3, next_try_at = NULL
             WHERE id = ?1",
            (id, turn_id, session_key),
        )?;
        change(access, id, before, State::Adopted, None)?;
        first.get_or_insert((id, before));
    }
    let Some((id, before)) = first else { return Ok(Adoption::default()) };
    let sql = "SELECT attempts, claimed_at FROM dispatches WHERE id = ?1";
    let known = access.first(sql, [id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (attempt, claimed_at) = known.unwrap_or_default();
    Ok(Adoption { attempt, is_repeated: before == State::Failed, claimed_at })
}

/// The first dispatch, which must not be answered yet, and those of the others that are not.
fn open<'ids>(
    access: &Access<'_>,
    ids: &'ids [String],
    step: &'static str,
) -> Result<Vec<(&'ids String, State)>, Fault> {
    let Some(first) = ids.first() else { return Ok(Vec::new()) };
    let state = state(access, first)?;
    if !state.is_unanswered() {
        return Err(Error::Order { id: first.clone(), state, step }.into());
    }
    let mut open = vec![(first, state)];
    open.extend(others(access, ids)?);
    Ok(open)
}

fn others<'ids>(
    access: &Access<'_>,
    ids: &'ids [String],
) -> Result<Vec<(&'ids String, State)>, Fault> {
    let mut open = Vec::new();
    for id in ids.iter().skip(1) {
        let state = state(access, id)?;
        if state.is_unanswered() {
            open.push((id, state));
        }
    }
    Ok(open)
}
