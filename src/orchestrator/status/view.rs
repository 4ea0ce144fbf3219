//! Everything an operator sees of one account, in one piece: for the page, the commands and the metrics.
//!
//! What waits, runs and failed comes from the journal, so that it is the same beside a gateway and without one. What only a
//! running account knows is `null` without one. Lists are cut and texts shortened; nothing of what people wrote is in it.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use super::activity::Counts;
use super::board::Status;
use crate::journal::{DispatchRecord, Error, ForkRecord, Journal, Overview};
use crate::orchestrator::loops::budget::usage::Usage;
use crate::orchestrator::loops::guard::LoopGuard;
use crate::text::one_line;

/// Most entries of a list.
const MOST_LISTED: u32 = 50;
/// Most characters of a text.
const MOST_CHARACTERS: usize = 300;

/// What an operator sees. Times are milliseconds since the epoch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct View {
    /// Account id of the host.
    account_id: String,
    /// What the running account knows.
    live: Option<Live>,
    /// The sessions that have a turn, main first.
    lanes: Vec<Lane>,
    /// What waits.
    queue: Queue,
    /// What was given up, the newest first.
    dead_letters: Listed<Entry>,
    /// Forks that are not removed, the oldest first.
    forks: Listed<Fork>,
    /// What agents caused each other.
    loops: Usage,
    /// Bytes of the journal on disk.
    journal_bytes: u64,
}

/// What only a running account knows.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Live {
    /// `usr_...`, as soon as the server has said so.
    pub(crate) agent_id: Option<String>,
    /// As the host has it.
    pub(crate) status: Status,
    /// What is wrong at this moment, the newest first.
    pub(crate) problems: Vec<String>,
    /// Turns since the account started.
    pub(crate) activity: Counts,
    /// How many turns agents may cause each other in an hour.
    pub(crate) agent_turns: usize,
}

/// A session that has a turn. Several messages may be in one turn.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Lane {
    session_key: String,
    is_fork: bool,
    since: i64,
    events: Vec<Entry>,
}

/// What waits, and how much of everything there is.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Queue {
    waiting: u32,
    running: u32,
    finishing: u32,
    dead: u32,
    oldest_pending_at: Option<i64>,
    events: Listed<Entry>,
}

/// The first entries of a list, and how many there are besides.
#[derive(Debug, Serialize)]
struct Listed<T> {
    items: Vec<T>,
    more: u32,
}

/// A dispatch.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    id: String,
    state: &'static str,
    source_id: String,
    target: Option<String>,
    sender_id: Option<String>,
    attempts: u32,
    cause: Option<String>,
    claimed_at: i64,
    changed_at: i64,
    next_try_at: Option<i64>,
}

/// A fork.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Fork {
    session_key: String,
    target: String,
    state: &'static str,
    created_at: i64,
}

impl View {
    /// What a journal knows, and what the running account adds. An account that could not start yet has no journal.
    pub(crate) async fn read(
        journal: Option<&Journal>,
        account_id: &str,
        live: Option<Live>,
    ) -> Result<Self, Error> {
        let (overview, loops) = match journal {
            Some(journal) => {
                (journal.overview(MOST_LISTED).await?, LoopGuard::usage_in(journal).await?)
            }
            None => (Overview::default(), Usage::default()),
        };
        let Overview { counters, running, waiting, dead, forks } = overview;
        let keys: HashSet<&str> = forks.iter().map(|fork| fork.fork.session_key.as_str()).collect();
        let lanes = lanes(running, &keys);
        let (first, others) = forks.split_at(forks.len().min(MOST_LISTED as usize));
        Ok(Self {
            account_id: one_line(account_id, MOST_CHARACTERS),
            live,
            lanes,
            queue: Queue {
                waiting: counters.waiting,
                running: counters.running,
                finishing: counters.finishing,
                dead: counters.dead,
                oldest_pending_at: counters.oldest_pending_at,
                events: entries(waiting, counters.waiting + counters.finishing),
            },
            dead_letters: entries(dead, counters.dead),
            forks: Listed {
                items: first.iter().map(Fork::from).collect(),
                more: u32::try_from(others.len()).unwrap_or(u32::MAX),
            },
            loops,
            journal_bytes: counters.bytes,
        })
    }

    /// The view as JSON.
    pub(crate) fn json(&self) -> String {
        // Numbers, strings and booleans always serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The running dispatches by session, main first and then the forks in the order of their names.
fn lanes(running: Vec<DispatchRecord>, forks: &HashSet<&str>) -> Vec<Lane> {
    let mut lanes: BTreeMap<(bool, String), Lane> = BTreeMap::new();
    for record in running {
        let session_key = record.session_key.clone().unwrap_or_default();
        let is_fork = forks.contains(session_key.as_str());
        let lane = lanes.entry((is_fork, session_key.clone())).or_insert_with(|| Lane {
            session_key: one_line(&session_key, MOST_CHARACTERS),
            is_fork,
            since: record.changed_at,
            events: Vec::new(),
        });
        lane.since = lane.since.min(record.changed_at);
        lane.events.push(Entry::from(record));
    }
    lanes.into_values().collect()
}

fn entries(records: Vec<DispatchRecord>, total: u32) -> Listed<Entry> {
    let items: Vec<Entry> = records.into_iter().map(Entry::from).collect();
    let more = total.saturating_sub(u32::try_from(items.len()).unwrap_or(u32::MAX));
    Listed { items, more }
}

impl From<DispatchRecord> for Entry {
    fn from(record: DispatchRecord) -> Self {
        let (target, sender_id) = match record.details {
            Some(details) => {
                (Some(short(&details.target)), details.sender_id.as_deref().map(short))
            }
            None => (None, None),
        };
        Self {
            // It is named in decisions, so it stays as it is: ids are bounded where they come in.
            id: record.id,
            state: record.state.as_str(),
            source_id: short(&record.source_id),
            target,
            sender_id,
            attempts: record.attempts,
            cause: record.cause.as_deref().map(short),
            claimed_at: record.claimed_at,
            changed_at: record.changed_at,
            next_try_at: record.next_try_at,
        }
    }
}

impl From<&ForkRecord> for Fork {
    fn from(record: &ForkRecord) -> Self {
        Self {
            session_key: short(&record.fork.session_key),
            target: short(&record.fork.target),
            state: record.state.as_str(),
            created_at: record.created_at,
        }
    }
}

fn short(text: &str) -> String {
    one_line(text, MOST_CHARACTERS)
}

/// What the journal in a folder knows of an account, as JSON: for an operator's command beside a gateway or without one.
pub async fn account_view(folder: std::path::PathBuf, account: String) -> Result<String, Error> {
    let account_id = account.clone();
    let read = async move |journal: Journal| View::read(Some(&journal), &account_id, None).await;
    Ok(Journal::beside(folder, account, read).await?.json())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::journal::{Details, NewDispatch, NewFork, system_clock};

    async fn claimed(journal: &Journal, number: u32) -> String {
        let id = format!("dsp_{number}");
        journal.claim(NewDispatch::message(&id, &format!("msg_{number}"))).await.unwrap();
        id
    }

    async fn shown(journal: &Journal) -> Value {
        let view = View::read(Some(journal), "default", None).await.unwrap();
        serde_json::from_str(&view.json()).unwrap()
    }

    #[tokio::test]
    async fn turns_are_shown_by_lane_and_several_messages_may_be_in_one() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        let fork = NewFork {
            session_key: "agent:main:x:fork:1".into(),
            session_id: None,
            transcript: None,
            target: "cht_2".into(),
        };
        journal.fork_creating(fork).await.unwrap();
        for (number, session) in
            [(1, "agent:main:x"), (2, "agent:main:x:fork:1"), (3, "agent:main:x")]
        {
            let id = claimed(&journal, number).await;
            journal.adopt([&id], &format!("turn-{number}"), session).await.unwrap();
        }
        claimed(&journal, 4).await;
        let view = shown(&journal).await;
        let ids = |events: &Value| -> Vec<String> {
            let ids = events.as_array().unwrap().iter();
            ids.map(|event| event["id"].as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(view["lanes"][0]["isFork"], json!(false));
        assert_eq!(ids(&view["lanes"][0]["events"]), ["dsp_1", "dsp_3"]);
        assert_eq!(view["lanes"][1]["isFork"], json!(true));
        assert_eq!(ids(&view["lanes"][1]["events"]), ["dsp_2"]);
        assert_eq!(ids(&view["queue"]["events"]["items"]), ["dsp_4"]);
        assert_eq!(view["forks"]["items"][0]["target"], json!("cht_2"));
        assert_eq!(view["live"], Value::Null);
    }

    #[tokio::test]
    async fn ten_thousand_events_and_a_thousand_dead_letters_make_a_small_view() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        for number in 0..11_000 {
            let id = claimed(&journal, number).await;
            if number < 1_000 {
                journal.dead_letter(&id, "no <script> reply").await.unwrap();
            }
        }
        let view = shown(&journal).await;
        assert_eq!(view["queue"]["waiting"], json!(10_000));
        assert_eq!(view["queue"]["events"]["more"], json!(9_950));
        assert_eq!(view["queue"]["events"]["items"][0]["id"], json!("dsp_1000"));
        assert_eq!(view["deadLetters"]["more"], json!(950));
        assert_eq!(view["deadLetters"]["items"][0]["id"], json!("dsp_999"));
        assert!(view.to_string().len() < 40_000, "{}", view.to_string().len());
    }

    #[tokio::test]
    async fn texts_of_others_are_short_single_lines() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        let id = claimed(&journal, 1).await;
        let hostile = format!("\u{202e}<script>\n{}", "x".repeat(10_000));
        let details = Details {
            target: hostile.clone(),
            sender_id: Some(hostile.clone()),
            ..Details::default()
        };
        journal.describe(&id, details).await.unwrap();
        journal.dead_letter(&id, &hostile).await.unwrap();
        let entry = &shown(&journal).await["deadLetters"]["items"][0];
        for field in ["target", "senderId", "cause"] {
            let text = entry[field].as_str().unwrap();
            assert!(text.starts_with("<script> xxx"), "{text}");
            assert!(text.chars().count() <= MOST_CHARACTERS + 1);
        }
    }
}
