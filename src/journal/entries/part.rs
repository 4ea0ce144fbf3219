//! The parts of answers: written down before they are sent, so that after a crash they are sent under the same key.

use rusqlite::Row;
use rusqlite::types::Type;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::dispatch::state;
use crate::journal::database::access::Access;
use crate::journal::database::text_enum::text_enum;
use crate::journal::error::Fault;
use crate::journal::{Error, Journal};
use crate::text::hex;

text_enum! {
    /// What became of a part.
    pub enum PartState {
        /// To be sent, or sent with unknown outcome.
        Intended = "intended",
        /// It is in the chat.
        Delivered = "delivered",
        /// The server will never take it.
        Refused = "refused",
    }
}

/// A part that is about to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPart {
    /// Its place in the answer, counted from zero.
    pub ordinal: u32,
    /// The idempotency key it is sent under.
    pub key: String,
    /// `cht_...` or `tsk_...`.
    pub target: String,
    /// The thread it belongs to.
    pub thread_root_id: Option<String>,
    /// The words.
    pub text: String,
    /// Paths of the files that go with them, in order.
    pub files: Vec<String>,
}

/// What a part with files is once they are at the server: it is sent like this and in no other way, because the server takes a
/// key with one message alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uploaded {
    /// The words, with what is to be said of files that could not be sent.
    pub text: String,
    /// The files that could, in order.
    pub attachment_ids: Vec<String>,
}

/// What to do with a part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Send it. It may have been sent before under the same key, with unknown outcome.
    Send,
    /// Do not send it: it is in the chat already.
    Delivered {
        /// Id of the message or comment.
        message_id: String,
    },
    /// Do not send it: the server will never take it.
    Refused {
        /// Why.
        cause: String,
    },
    /// Do not send it: the answer is complete without it, or the dispatch is over. It was not journaled.
    TooLate,
}

/// A part as the journal knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartRecord {
    /// What was to be sent. The text is gone once the dispatch is over.
    pub part: NewPart,
    /// What became of it.
    pub state: PartState,
    /// Id of the message or comment that it is now.
    pub message_id: Option<String>,
    /// Why the server would not take it.
    pub cause: Option<String>,
    /// Its files are at the server.
    pub uploaded: Option<Uploaded>,
}

/// The columns that [`PartRecord::read`] takes, in its order.
pub(in crate::journal) const COLUMNS: &str = "ordinal, key, parts.target, parts.thread_root_id, text, parts.state, message_id, parts.cause, files, uploaded";

impl PartRecord {
    pub(in crate::journal) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            part: NewPart {
                ordinal: row.get(0)?,
                key: row.get(1)?,
                target: row.get(2)?,
                thread_root_id: row.get(3)?,
                text: row.get(4)?,
                files: json(row, 8)?.unwrap_or_default(),
            },
            state: row.get(5)?,
            message_id: row.get(6)?,
            cause: row.get(7)?,
            uploaded: json(row, 9)?,
        })
    }

    fn intent(self) -> Intent {
        match self.state {
            PartState::Intended => Intent::Send,
            PartState::Delivered => {
                Intent::Delivered { message_id: self.message_id.unwrap_or_default() }
            }
            PartState::Refused => Intent::Refused { cause: self.cause.unwrap_or_default() },
        }
    }
}

/// A column that holds JSON, if anything.
fn json<T: DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.map(|text| serde_json::from_str(&text)).transpose().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
    })
}

impl Journal {
    /// Writes parts of an answer down before they are sent and says for each what to do with it. A part that is written down
    /// already keeps what became of it. All or nothing is recorded.
    pub async fn intend(
        &self,
        dispatch_id: &str,
        parts: Vec<NewPart>,
    ) -> Result<Vec<Intent>, Error> {
        let id = dispatch_id.to_owned();
        self.call(move |access| {
            let open = state(access, &id)?.is_unanswered();
            parts.iter().map(|part| intend(access, &id, part, open)).collect()
        })
        .await
    }

    /// The files of a part are at the server. What was noted first counts, and is returned.
    pub async fn part_uploaded(
        &self,
        dispatch_id: &str,
        ordinal: u32,
        uploaded: Uploaded,
    ) -> Result<Uploaded, Error> {
        let id = dispatch_id.to_owned();
        self.call(move |access| {
            let text = serde_json::to_string(&uploaded).unwrap_or_default();
            access.execute(
                "UPDATE parts SET uploaded = ?3, changed_at = ?4 WHERE uploaded IS NULL AND ordinal = ?2
                 AND dispatch = (SELECT sequence FROM dispatches WHERE id = ?1)",
                (&id, ordinal, text, access.now),
            )?;
            let sql = "SELECT uploaded FROM parts JOIN dispatches ON sequence = dispatch WHERE id = ?1 AND ordinal = ?2";
            let noted = access.first(sql, (&id, ordinal), |row| json(row, 0))?.flatten();
            noted.ok_or_else(|| Error::Unknown { kind: "part", id: format!("{id}:{ordinal}") }.into())
        })
        .await
    }

    /// A part is in the chat.
    pub async fn part_delivered(
        &self,
        dispatch_id: &str,
        ordinal: u32,
        message_id: &str,
    ) -> Result<(), Error> {
        let (id, message_id) = (dispatch_id.to_owned(), message_id.to_owned());
        self.call(move |access| {
            settle(access, &id, ordinal, PartState::Delivered, Some(&message_id), None)
        })
        .await
    }

    /// The server will never take a part.
    pub async fn part_refused(
        &self,
        dispatch_id: &str,
        ordinal: u32,
        cause: &str,
    ) -> Result<(), Error> {
        let (id, cause) = (dispatch_id.to_owned(), cause.to_owned());
        self.call(move |access| {
            settle(access, &id, ordinal, PartState::Refused, None, Some(&cause))
        })
        .await
    }

    /// The parts of a dispatch in order.
    pub async fn parts(&self, dispatch_id: &str) -> Result<Vec<PartRecord>, Error> {
        let id = dispatch_id.to_owned();
        self.call(move |access| {
            let sql = format!(
                "SELECT {COLUMNS} FROM parts JOIN dispatches ON sequence = dispatch WHERE id = ?1 ORDER BY ordinal"
            );
            access.all(&sql, [&id], PartRecord::read)
        })
        .await
    }

    /// Whether a message or comment is known as a delivered part.
    pub async fn is_delivered(&self, message_id: &str) -> Result<bool, Error> {
        let id = message_id.to_owned();
        self.call(move |access| {
            access
                .first("SELECT 1 FROM parts WHERE message_id = ?1", [&id], |_| Ok(()))
                .map(|found| found.is_some())
        })
        .await
    }
}

fn intend(access: &Access<'_>, id: &str, part: &NewPart, open: bool) -> Result<Intent, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM parts JOIN dispatches ON sequence = dispatch WHERE id = ?1 AND ordinal = ?2"
    );
    match access.first(&sql, (id, part.ordinal), PartRecord::read)? {
        Some(known) if known.part.key == part.key => return Ok(known.intent()),
        None if !open => return Ok(Intent::TooLate),
        Some(_) => {
            return Err(Error::PartConflict { id: id.to_owned(), ordinal: part.ordinal }.into());
        }
        None => {}
    }
    access.execute(
        "INSERT INTO parts (dispatch, ordinal, key, target, thread_root_id, text, digest, state, changed_at, turn_id, files)
         SELECT sequence, ?2, ?3, ?4, ?5, ?6, ?7, 'intended', ?8, turn_id, ?9 FROM dispatches WHERE id = ?1",
        (
            id,
            part.ordinal,
            &part.key,
            &part.target,
            &part.thread_root_id,
            &part.text,
            digest(&part.target, &part.text),
            access.now,
            serde_json::to_string(&part.files).unwrap_or_default(),
        ),
    )?;
    Ok(Intent::Send)
}

fn settle(
    access: &Access<'_>,
    id: &str,
    ordinal: u32,
    state: PartState,
    message_id: Option<&str>,
    cause: Option<&str>,
) -> Result<(), Fault> {
    let changed = access.execute(
        "UPDATE parts SET state = ?3, message_id = ?4, cause = ?5, changed_at = ?6
         WHERE dispatch = (SELECT sequence FROM dispatches WHERE id = ?1) AND ordinal = ?2",
        (id, ordinal, state, message_id, cause, access.now),
    )?;
    if changed == 0 {
        return Err(Error::Unknown { kind: "part", id: format!("{id}:{ordinal}") }.into());
    }
    Ok(())
}

/// What recognises words sent to a target.
pub(in crate::journal) fn digest(target: &str, text: &str) -> String {
    let digest = Sha256::new_with_prefix(target).chain_update([0]).chain_update(text).finalize();
    hex(&digest[..16])
}
