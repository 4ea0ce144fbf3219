//! Forks and what they have to tell main.

use rusqlite::Row;

use crate::journal::database::access::Access;
use crate::journal::database::text_enum::text_enum;
use crate::journal::error::Fault;
use crate::journal::{Error, Journal};

text_enum! {
    /// How far a fork has come. A removed one has no row.
    pub enum ForkState {
        /// It is being made: there may be a store entry or a transcript.
        Creating = "creating",
        /// It runs turns.
        Running = "running",
        /// It has answered; what is left of it is to be removed.
        Answered = "answered",
    }
}

/// A fork that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFork {
    /// Its session key, lower case.
    pub session_key: String,
    /// Its session id, when it is chosen beforehand.
    pub session_id: Option<String>,
    /// Its transcript file, when it is chosen beforehand.
    pub transcript: Option<String>,
    /// The chat or task that it serves.
    pub target: String,
}

/// A fork as the journal knows it. Times are milliseconds since the epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkRecord {
    /// What it is.
    pub fork: NewFork,
    /// How far it has come.
    pub state: ForkState,
    /// When it was begun.
    pub created_at: i64,
    /// When it last changed.
    pub changed_at: i64,
}

/// Something that a fork answered, for main to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewResult {
    /// The dispatch that was answered; each has one result.
    pub dispatch_id: String,
    /// The fork.
    pub session_key: String,
    /// The chat or task.
    pub target: String,
    /// Its name for people.
    pub chat_label: String,
    /// Who asked.
    pub sender_name: String,
    /// What was asked, shortened by the caller.
    pub question: String,
    /// What was answered, shortened by the caller; empty when nothing was.
    pub answer: String,
}

/// A result as main gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkResult {
    /// What it is.
    pub result: NewResult,
    /// When it was answered, milliseconds since the epoch.
    pub answered_at: i64,
}

impl ForkRecord {
    pub(in crate::journal) const COLUMNS: &str =
        "session_key, session_id, transcript, target, state, created_at, changed_at";

    pub(in crate::journal) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            fork: NewFork {
                session_key: row.get(0)?,
                session_id: row.get(1)?,
                transcript: row.get(2)?,
                target: row.get(3)?,
            },
            state: row.get(4)?,
            created_at: row.get(5)?,
            changed_at: row.get(6)?,
        })
    }
}

impl Journal {
    /// A fork is about to be made. Call it before anything of it exists, so that a crash leaves no orphan.
    pub async fn fork_creating(&self, fork: NewFork) -> Result<(), Error> {
        self.call(move |access| {
            access.execute(
                "INSERT INTO forks (session_key, session_id, transcript, target, state, created_at, changed_at)
                 VALUES (?1, ?2, ?3, ?4, 'creating', ?5, ?5)
                 ON CONFLICT DO UPDATE SET session_id = excluded.session_id, transcript = excluded.transcript,
                     target = excluded.target, state = excluded.state, changed_at = excluded.changed_at",
                (&fork.session_key, &fork.session_id, &fork.transcript, &fork.target, access.now),
            )?;
            Ok(())
        })
        .await
    }

    /// The fork exists and may run turns.
    pub async fn fork_running(&self, session_key: &str) -> Result<(), Error> {
        self.set_fork_state(session_key, ForkState::Running).await
    }

    /// The fork has no more events; what is left of it is to be removed.
    pub async fn fork_answered(&self, session_key: &str) -> Result<(), Error> {
        self.set_fork_state(session_key, ForkState::Answered).await
    }

    async fn set_fork_state(&self, session_key: &str, state: ForkState) -> Result<(), Error> {
        let key = session_key.to_owned();
        self.call(move |access| {
            let changed = access.execute(
                "UPDATE forks SET state = ?2, changed_at = ?3 WHERE session_key = ?1",
                (&key, state, access.now),
            )?;
            existing(changed, key)
        })
        .await
    }

    /// Nothing is left of the fork. Its results stay.
    pub async fn fork_removed(&self, session_key: &str) -> Result<(), Error> {
        let key = session_key.to_owned();
        self.call(move |access| {
            access.execute("DELETE FROM forks WHERE session_key = ?1", [&key])?;
            Ok(())
        })
        .await
    }

    /// All forks, oldest first.
    pub async fn forks(&self) -> Result<Vec<ForkRecord>, Error> {
        self.call(forks).await
    }

    /// Leaves a result for main. A second one for the same dispatch is ignored.
    pub async fn add_result(&self, result: NewResult) -> Result<(), Error> {
        self.call(move |access| {
            access.execute(
                "INSERT INTO results (dispatch_id, session_key, target, chat_label, sender_name, question, answer, answered_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT DO NOTHING",
                (
                    &result.dispatch_id,
                    &result.session_key,
                    &result.target,
                    &result.chat_label,
                    &result.sender_name,
                    &result.question,
                    &result.answer,
                    access.now,
                ),
            )?;
            Ok(())
        })
        .await
    }

    /// The turn has reported to main: its results are never reported again.
    pub async fn confirm_results(&self, turn_id: &str) -> Result<(), Error> {
        let turn_id = turn_id.to_owned();
        self.call(move |access| {
            // The row stays for a while, so that the same result cannot be added again.
            access.execute(
                "UPDATE results SET told_at = ?2, question = '', answer = '' WHERE told_in = ?1 AND told_at IS NULL",
                (&turn_id, access.now),
            )?;
            Ok(())
        })
        .await
    }

    /// The turn did not tell main: its results wait for another one.
    pub async fn release_results(&self, turn_id: &str) -> Result<(), Error> {
        let turn_id = turn_id.to_owned();
        self.call(move |access| {
            access.execute(
                "UPDATE results SET told_in = NULL WHERE told_in = ?1 AND told_at IS NULL",
                [&turn_id],
            )?;
            Ok(())
        })
        .await
    }
}

/// All forks, oldest first.
pub(in crate::journal) fn forks(access: &Access<'_>) -> Result<Vec<ForkRecord>, Fault> {
    let sql = format!("SELECT {} FROM forks ORDER BY created_at, session_key", ForkRecord::COLUMNS);
    access.all(&sql, [], ForkRecord::read)
}

const UNTOLD: &str = "SELECT dispatch_id, session_key, target, chat_label, sender_name, question, answer, answered_at
    FROM results WHERE told_at IS NULL";

/// All results that main does not know yet.
pub(in crate::journal) fn untold(access: &Access<'_>) -> Result<Vec<ForkResult>, Fault> {
    access.all(UNTOLD, [], read_result)
}

/// Binds all results that nobody has to a turn of main and returns what is bound to it, oldest first.
pub(super) fn take_results(access: &Access<'_>, turn_id: &str) -> Result<Vec<ForkResult>, Fault> {
    access.execute(
        "UPDATE results SET told_in = ?1 WHERE told_in IS NULL AND told_at IS NULL",
        [turn_id],
    )?;
    let sql = format!("{UNTOLD} AND told_in = ?1 ORDER BY sequence");
    access.all(&sql, [turn_id], read_result)
}

fn read_result(row: &Row<'_>) -> rusqlite::Result<ForkResult> {
    Ok(ForkResult {
        result: NewResult {
            dispatch_id: row.get(0)?,
            session_key: row.get(1)?,
            target: row.get(2)?,
            chat_label: row.get(3)?,
            sender_name: row.get(4)?,
            question: row.get(5)?,
            answer: row.get(6)?,
        },
        answered_at: row.get(7)?,
    })
}

fn existing(changed: usize, session_key: String) -> Result<(), Fault> {
    match changed {
        0 => Err(Error::Unknown { kind: "fork", id: session_key }.into()),
        _ => Ok(()),
    }
}
