//! The life of an event with its times, for an operator. A running account writes it and never reads it.

use serde::Serialize;

use super::record::COLUMNS;
use crate::journal::database::access::Access;
use crate::journal::error::Fault;
use crate::journal::{DispatchRecord, Error, Journal};

/// Most steps that are kept of one event; later ones are not noted.
const MOST_STEPS: u32 = 64;
/// Most characters of a step's detail.
const MOST_CHARACTERS: u32 = 500;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// What is known of it now.
    pub record: DispatchRecord,
    /// What happened to it, in order.
    pub steps: Vec<Step>,
    /// The parts of its answer, in order.
    pub parts: Vec<TracedPart>,
}

/// Something that happened to an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When, milliseconds since the epoch.
    pub at: i64,
    /// `came`, `loaded`, `released`, or the state that it has since then.
    pub step: String,
    /// The session of a turn, or why.
    pub detail: Option<String>,
}

/// A part of an answer, without its words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TracedPart {
    /// When it last changed, milliseconds since the epoch.
    pub at: i64,
    /// Where it goes.
    pub target: String,
    /// `intended`, `delivered` or `refused`.
    pub state: String,
    /// The message or comment that it is now.
    pub message_id: Option<String>,
    /// Why it was refused.
    pub cause: Option<String>,
}

impl Journal {
    /// The newest events of a dispatch id, or of the id of a message or task: at most so many, the oldest first.
    pub async fn trace(&self, id: &str, most: u32) -> Result<Vec<Trace>, Error> {
        let id = id.to_owned();
        self.call(move |access| {
            let sql = format!(
                "SELECT {COLUMNS} FROM dispatches WHERE id = ?1 OR source_id = ?1
                 ORDER BY sequence DESC LIMIT ?2"
            );
            let records = access.all(&sql, (&id, most), DispatchRecord::read)?;
            if records.is_empty() {
                return Err(Error::Unknown { kind: "event", id }.into());
            }
            records.into_iter().rev().map(|record| trace(access, record)).collect()
        })
        .await
    }
}

fn trace(access: &Access<'_>, record: DispatchRecord) -> Result<Trace, Fault> {
    let came = Step { at: record.claimed_at, step: "came".to_owned(), detail: None };
    let later = access.all(
        "SELECT at, step, detail FROM steps WHERE dispatch = ?1 ORDER BY ordinal",
        [record.sequence],
        |row| Ok(Step { at: row.get(0)?, step: row.get(1)?, detail: row.get(2)? }),
    )?;
    let parts = access.all(
        "SELECT changed_at, target, state, message_id, cause FROM parts WHERE dispatch = ?1 ORDER BY ordinal",
        [record.sequence],
        |row| {
            Ok(TracedPart {
                at: row.get(0)?,
                target: row.get(1)?,
                state: row.get(2)?,
                message_id: row.get(3)?,
                cause: row.get(4)?,
            })
        },
    )?;
    let steps = std::iter::once(came).chain(later).collect();
    Ok(Trace { record, steps, parts })
}

/// Notes that something happened to an event. A turn is noted with its session.
pub(super) fn note_step(
    access: &Access<'_>,
    id: &str,
    step: &str,
    detail: Option<&str>,
) -> Result<(), Fault> {
    access.execute(
        "INSERT INTO steps (dispatch, ordinal, at, step, detail)
         SELECT sequence, noted, ?3, ?2, substr(coalesce(?4, iif(?2 = 'adopted', session_key, NULL)), 1, ?5)
         FROM (SELECT sequence, session_key,
                   (SELECT coalesce(max(ordinal) + 1, 0) FROM steps WHERE dispatch = sequence) AS noted
               FROM dispatches WHERE id = ?1)
         WHERE noted < ?6",
        (id, step, access.now, detail, MOST_CHARACTERS, MOST_STEPS),
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;
    use crate::journal::{Details, NewDispatch};

    const DAY: i64 = 24 * 60 * 60 * 1_000;

    /// A journal with a message that waits, and its clock.
    async fn begun() -> (Journal, Arc<AtomicI64>) {
        let time = Arc::new(AtomicI64::new(1_000));
        let clock = Arc::clone(&time);
        let journal = Journal::in_memory(Arc::new(move || clock.load(Ordering::Relaxed))).unwrap();
        journal.claim(NewDispatch::message("dsp_1", "msg_1")).await.unwrap();
        (journal, time)
    }

    async fn steps(journal: &Journal) -> Vec<(i64, String, Option<String>)> {
        let traces = journal.trace("msg_1", 20).await.unwrap();
        traces[0].steps.iter().map(|one| (one.at, one.step.clone(), one.detail.clone())).collect()
    }

    #[tokio::test]
    async fn every_step_has_its_time_and_its_reason() {
        let (journal, time) = begun().await;
        let tick = || time.fetch_add(1_000, Ordering::Relaxed);
        tick();
        let details = Details { target: "cht_1".into(), ..Details::default() };
        journal.describe("dsp_1", details).await.unwrap();
        tick();
        journal.adopt(["dsp_1"], "turn-1", "agent:main:x").await.unwrap();
        tick();
        journal.release(["dsp_1"]).await.unwrap();
        journal.adopt(["dsp_1"], "turn-2", "agent:main:x:fork:1").await.unwrap();
        journal.fail(["dsp_1"], "no model", 0).await.unwrap();
        tick();
        journal.no_reply(["dsp_1"], Some("silent")).await.unwrap();
        journal.acknowledged("dsp_1").await.unwrap();
        let found = steps(&journal).await;
        let expected = [
            (1_000, "came", None),
            (2_000, "loaded", None),
            (3_000, "adopted", Some("agent:main:x")),
            (4_000, "released", Some("the account stopped")),
            (4_000, "adopted", Some("agent:main:x:fork:1")),
            (4_000, "failed", Some("no model")),
            (5_000, "no_reply", Some("silent")),
            (5_000, "acknowledged", None),
        ];
        let owned = |(at, step, detail): (i64, &str, Option<&str>)| {
            (at, step.to_owned(), detail.map(str::to_owned))
        };
        assert_eq!(found, expected.map(owned));
    }

    #[tokio::test]
    async fn steps_are_bounded_in_number_length_and_time() {
        let (journal, time) = begun().await;
        for _ in 0..100 {
            journal.adopt(["dsp_1"], "turn", "s").await.unwrap();
            journal.fail(["dsp_1"], &"x".repeat(10_000), 0).await.unwrap();
        }
        let found = steps(&journal).await;
        assert_eq!(found.len(), 1 + MOST_STEPS as usize);
        assert_eq!(found[2].2.as_ref().map(String::len), Some(MOST_CHARACTERS as usize));
        time.store(1_000 + 100 * DAY, Ordering::Relaxed);
        journal.prune().await.unwrap();
        assert_eq!(steps(&journal).await.len(), found.len(), "it is not over yet");
        journal.no_reply(["dsp_1"], None).await.unwrap();
        journal.acknowledged("dsp_1").await.unwrap();
        time.fetch_add(6 * DAY, Ordering::Relaxed);
        journal.prune().await.unwrap();
        assert_eq!(steps(&journal).await.len(), found.len());
        time.fetch_add(2 * DAY, Ordering::Relaxed);
        journal.prune().await.unwrap();
        assert_eq!(steps(&journal).await.len(), 1);
    }

    #[tokio::test]
    async fn an_id_that_nobody_knows_is_an_error() {
        let (journal, _) = begun().await;
        let error = journal.trace("msg_2", 20).await.unwrap_err();
        assert!(matches!(error, Error::Unknown { id, .. } if id == "msg_2"));
    }
}
