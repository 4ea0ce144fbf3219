//! The life of a dispatch, from claim to acknowledgement.

use super::record::COLUMNS;
use super::trace::note_step;
use crate::journal::database::access::Access;
use crate::journal::error::Fault;
use crate::journal::{Claim, Details, DispatchRecord, Error, Journal, NewDispatch, State};

impl Journal {
    /// Admits a dispatch. The same id is new only once.
    pub async fn claim(&self, dispatch: NewDispatch) -> Result<Claim, Error> {
        self.call(move |access| claim(access, &dispatch)).await
    }

    /// Admits dispatches, all or none, in their order. They are in the file then; whatever the journal learns later brings them
    /// to the disk. A loss of power before that leaves nothing that says that they came, and the server still has them.
    pub async fn claim_all(&self, dispatches: Vec<NewDispatch>) -> Result<Vec<Claim>, Error> {
        self.call_written(move |access| {
            dispatches.iter().map(|dispatch| claim(access, dispatch)).collect()
        })
        .await
    }

    /// Adds what its source says, within half a second: nothing waits for it.
    pub async fn describe(&self, id: &str, details: Details) -> Result<(), Error> {
        let id = id.to_owned();
        self.call_later(move |access| describe(access, &id, &details)).await
    }

    /// Gives a dispatch up until an operator decides.
    pub async fn dead_letter(&self, id: &str, cause: &str) -> Result<(), Error> {
        let (id, cause) = (id.to_owned(), cause.to_owned());
        self.call(move |access| {
            let before = unanswered(access, &id, "given up")?;
            change(access, &id, before, State::Dead, Some(&cause))
        })
        .await
    }

    /// The server knows that it is over, or there is no server to tell. Refused as long as a part of the answer is on its
    /// way.
    pub async fn acknowledged(&self, id: &str) -> Result<(), Error> {
        let id = id.to_owned();
        self.call(move |access| acknowledged(access, id)).await
    }

    /// One dispatch, also when it is over.
    pub async fn dispatch(&self, id: &str) -> Result<Option<DispatchRecord>, Error> {
        let id = id.to_owned();
        self.call(move |access| {
            let sql = format!("SELECT {COLUMNS} FROM dispatches WHERE id = ?1");
            access.first(&sql, [&id], DispatchRecord::read)
        })
        .await
    }
}

fn claim(access: &Access<'_>, dispatch: &NewDispatch) -> Result<Claim, Fault> {
    if let Some((id, state)) = same(access, dispatch)? {
        return Ok(Claim::Same { id, state });
    }
    let inserted = access.execute(
        "INSERT INTO dispatches (id, origin, source_type, source_id, event_type, state, claimed_at, changed_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'claimed', ?6, ?6) ON CONFLICT DO NOTHING",
        (
            &dispatch.id,
            dispatch.origin,
            &dispatch.source_type,
            &dispatch.source_id,
            &dispatch.event_type,
            access.now,
        ),
    )?;
    if inserted == 1 {
        return Ok(Claim::New);
    }
    Ok(match state(access, &dispatch.id)? {
        State::Acknowledged => Claim::Done,
        State::Dead => Claim::Dead { cause: cause(access, &dispatch.id)? },
        state => Claim::Running(state),
    })
}

/// The same event under another id: a message is new only once, by whatever way it comes. A task may be assigned again, so
/// its dispatches are different events. An announcement is about the same assignment as a dispatch before it, or as the first one
/// after it, which is noted: every other one assigns the task again.
fn same(access: &Access<'_>, dispatch: &NewDispatch) -> Result<Option<(String, State)>, Fault> {
    if dispatch.event_type.is_some() || dispatch.source_id.is_empty() {
        return Ok(None);
    }
    let found = access.first(
        "SELECT id, state FROM dispatches
         WHERE source_id = ?1 AND source_type = ?2 AND event_type IS NULL
            AND (?2 = 'message' OR id = ?3 OR ?4 = 'announcement'
                OR origin = 'announcement' AND coalesce(merged_with, ?3) = ?3)
         ORDER BY id <> ?3, sequence LIMIT 1",
        (&dispatch.source_id, &dispatch.source_type, &dispatch.id, dispatch.origin),
        |row| Ok((row.get::<_, String>(0)?, row.get(1)?)),
    )?;
    let same = found.filter(|(id, _)| *id != dispatch.id);
    if let Some((id, _)) = &same {
        access.execute(
            "UPDATE dispatches SET merged_with = ?2
             WHERE id = ?1 AND origin = 'announcement' AND merged_with IS NULL",
            (id, &dispatch.id),
        )?;
    }
    Ok(same)
}

fn describe(access: &Access<'_>, id: &str, details: &Details) -> Result<(), Fault> {
    let changed = access.execute(
        "UPDATE dispatches SET target = ?2, thread_root_id = ?3, sender_id = ?4, sender_kind = ?5, created_at = ?6,
             no_reply = ?7
         WHERE id = ?1",
        (
            id,
            &details.target,
            &details.thread_root_id,
            &details.sender_id,
            &details.sender_kind,
            &details.created_at,
            details.no_reply,
        ),
    )?;
    if changed == 0 { Err(unknown(id).into()) } else { note_step(access, id, "loaded", None) }
}

/// Marks the answer as complete; nothing changes when it is already.
pub(in crate::journal) fn complete(access: &Access<'_>, id: &str) -> Result<(), Fault> {
    match state(access, id)? {
        State::Answered => Ok(()),
        before if before.is_unanswered() => change(access, id, before, State::Answered, None),
        state => Err(Error::Order { id: id.to_owned(), state, step: "answered" }.into()),
    }
}

fn acknowledged(access: &Access<'_>, id: String) -> Result<(), Fault> {
    let before = match state(access, &id)? {
        State::Acknowledged => return Ok(()),
        before @ (State::Answered | State::NoReply) => before,
        state => return Err(Error::Order { id, state, step: "acknowledged" }.into()),
    };
    let open = access.first(
        "SELECT count(*) FROM parts JOIN dispatches ON sequence = dispatch
         WHERE id = ?1 AND parts.state = 'intended'",
        [&id],
        |row| row.get(0),
    )?;
    match open.unwrap_or_default() {
        0 => {
            // The words are in the chat; what is kept serves to recognise them.
            access.execute(
                "UPDATE parts SET text = '', files = '[]', uploaded = NULL WHERE dispatch = (SELECT sequence FROM dispatches WHERE id = ?1)",
                [&id],
            )?;
            change(access, &id, before, State::Acknowledged, None)
        }
        parts => Err(Error::Undelivered { id, parts }.into()),
    }
}

/// The state of a dispatch that must exist.
pub(in crate::journal) fn state(access: &Access<'_>, id: &str) -> Result<State, Fault> {
    access
        .first("SELECT state FROM dispatches WHERE id = ?1", [id], |row| row.get(0))?
        .ok_or_else(|| unknown(id).into())
}

/// The state of a dispatch whose answer must not be complete.
fn unanswered(access: &Access<'_>, id: &str, step: &'static str) -> Result<State, Fault> {
    let state = state(access, id)?;
    if state.is_unanswered() {
        Ok(state)
    } else {
        Err(Error::Order { id: id.to_owned(), state, step }.into())
    }
}

/// Moves a dispatch on. Without a new cause the old one stays while it is open.
pub(in crate::journal) fn change(
    access: &Access<'_>,
    id: &str,
    before: State,
    after: State,
    cause: Option<&str>,
) -> Result<(), Fault> {
    access.execute(
        "UPDATE dispatches SET state = ?3, cause = coalesce(?4, cause), changed_at = ?5 WHERE id = ?1 AND state = ?2",
        (id, before, after, cause, access.now),
    )?;
    note_step(access, id, after.as_str(), cause)
}

fn cause(access: &Access<'_>, id: &str) -> Result<String, Fault> {
    let cause: Option<Option<String>> =
        access.first("SELECT cause FROM dispatches WHERE id = ?1", [id], |row| row.get(0))?;
    Ok(cause.flatten().unwrap_or_default())
}

fn unknown(id: &str) -> Error {
    Error::Unknown { kind: "dispatch", id: id.to_owned() }
}
