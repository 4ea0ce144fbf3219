//! What is said of senders who may not cause turns: in the status at once, in the log once an hour, and to a person in a direct
//! chat once a day.

use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LinkedHashMap;
use tokio::time::Instant;

use crate::journal::Journal;
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::host::Level;
use crate::orchestrator::lanes::limits::HOUR;

/// Name of the journal's note that keeps who was told when.
const TOLD_NOTE: &str = "access_told";
/// A day in milliseconds.
const DAY: i64 = 24 * 60 * 60 * 1_000;
/// Most senders whose refusals are remembered. Of the log the oldest is forgotten; who was told is never forgotten within a day, so
/// nobody else is told then.
const MOST_SENDERS: usize = 1_000;

/// What was said, and to whom.
#[derive(Debug, Default)]
pub(super) struct Refusals(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When the log last named a sender, the newest last.
    logged: LinkedHashMap<String, Instant>,
    /// When a sender was last told, milliseconds since 1970, the newest last.
    told: LinkedHashMap<String, i64>,
}

impl Refusals {
    /// Takes over what the last start of the account left in the journal.
    pub(super) async fn restore(&self, context: &Context) -> Result<(), Stopped> {
        let journal = context.journal()?;
        let saved = context.record("reading who was refused", || journal.note(TOLD_NOTE)).await?;
        // What cannot be read is as if nobody was told.
        let told: Vec<(String, i64)> =
            saved.and_then(|saved| serde_json::from_str(&saved).ok()).unwrap_or_default();
        self.state().told = told.into_iter().take(MOST_SENDERS).collect();
        Ok(())
    }

    /// Counts a refusal in the status, and names the sender in the log unless that was done within the hour.
    pub(super) fn note(&self, context: &Context, sender: &str, text: &str) {
        context.status.update(|status| {
            status.refused += 1;
            status.last_refused = Some(text.to_owned());
        });
        if self.is_news(sender, Instant::now()) {
            context.log(Level::Warn, format!("{text}; more of it is not logged for an hour"));
        }
    }

    fn is_news(&self, sender: &str, now: Instant) -> bool {
        let logged = &mut self.state().logged;
        if logged.get(sender).is_some_and(|at| now.saturating_duration_since(*at) < HOUR) {
            return false;
        }
        logged.remove(sender);
        logged.insert(sender.to_owned(), now);
        if logged.len() > MOST_SENDERS {
            logged.pop_front();
        }
        true
    }

    /// Whether a sender is to be told now; then the journal knows it already, so that a crash lets nobody be told twice.
    pub(super) async fn begin_to_tell(
        &self,
        context: &Context,
        sender: &str,
    ) -> Result<bool, Stopped> {
        let journal = context.journal()?;
        let Some(note) = self.remember(sender, journal) else { return Ok(false) };
        journal.set_note(TOLD_NOTE, note);
        context.record("noting who was refused", || journal.flush()).await?;
        Ok(true)
    }

    /// Remembers that a sender is told now, and returns all that is to be remembered; nothing if it must not be told.
    fn remember(&self, sender: &str, journal: &Journal) -> Option<String> {
        let now = journal.now();
        let told = &mut self.state().told;
        // A clock that was set back must not make a day longer.
        told.iter_mut().for_each(|(_, at)| *at = (*at).min(now));
        while told.front().is_some_and(|(_, at)| now - at >= DAY) {
            told.pop_front();
        }
        if told.contains_key(sender) || told.len() >= MOST_SENDERS {
            return None;
        }
        told.insert(sender.to_owned(), now);
        let told: Vec<(&String, &i64)> = told.iter().collect();
        // Texts and numbers always serialise.
        Some(serde_json::to_string(&told).unwrap_or_default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn nobody_is_told_twice_a_day_and_no_crowd_makes_room_for_that() {
        let now = Arc::new(AtomicI64::new(1_000 * DAY));
        let clock = Arc::clone(&now);
        let journal = Journal::in_memory(Arc::new(move || clock.load(Ordering::Relaxed))).unwrap();
        let refusals = Refusals::default();
        assert!(refusals.remember("usr_eve", &journal).is_some());
        assert!(refusals.remember("usr_eve", &journal).is_none());
        for number in 0..3 * MOST_SENDERS {
            refusals.remember(&number.to_string(), &journal);
        }
        assert_eq!(refusals.state().told.len(), MOST_SENDERS);
        assert!(refusals.remember("usr_eve", &journal).is_none());
        now.fetch_sub(DAY / 2, Ordering::Relaxed);
        assert!(refusals.remember("usr_eve", &journal).is_none());
        now.fetch_add(DAY, Ordering::Relaxed);
        assert!(refusals.remember("usr_eve", &journal).is_some());
        assert_eq!(refusals.state().told.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_names_a_sender_once_an_hour() {
        let refusals = Refusals::default();
        let now = Instant::now();
        assert!(refusals.is_news("usr_eve", now));
        assert!(!refusals.is_news("usr_eve", now + HOUR - Duration::from_secs(1)));
        assert!(refusals.is_news("usr_ben", now));
        assert!(refusals.is_news("usr_eve", now + HOUR));
        for number in 0..2 * MOST_SENDERS {
            refusals.is_news(&number.to_string(), now);
        }
        assert_eq!(refusals.state().logged.len(), MOST_SENDERS);
    }
}
