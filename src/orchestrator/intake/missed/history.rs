//! How far every chat was read on a server without dispatch inbox, so that what came in while nobody listened can be found.
//!
//! Places are message ids and server times, never times of this machine: its clock may be wrong.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use hashlink::LinkedHashSet;
use serde::{Deserialize, Serialize};

use crate::api::{Message, moment};
use crate::journal::Journal;
use crate::orchestrator::context::{Context, Stopped};

/// Name of the journal's note that keeps the places.
const HISTORY_NOTE: &str = "history";
/// Name of the journal's note that keeps what was missed.
const MISSED_NOTE: &str = "missed";
/// Of how many missed events it is remembered that they were missed.
const MOST_MISSED: usize = 5_000;

/// A place in a chat. Everything up to there has been admitted, or needs nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    /// The message; empty where only the time is known, and at the beginning of a chat.
    id: String,
    /// When it was written, as [`moment`] tells; empty when the server does not say.
    at: String,
}

impl Mark {
    /// The place of a message.
    pub(crate) fn of(message: &Message) -> Self {
        let at = message.created_at.as_deref().and_then(moment).unwrap_or_default();
        Self { id: message.id.clone(), at }
    }

    /// When the message was written; empty when the server does not say.
    pub(crate) fn at(&self) -> &str {
        &self.at
    }

    /// How many messages of a page, newest first, are behind this place, and whether the page reaches it. The message itself
    /// may have been deleted; then its time counts.
    pub(crate) fn divide(&self, page: &[Message]) -> (usize, bool) {
        let older = |message: &Message| {
            let at = Mark::of(message).at;
            !at.is_empty() && at < self.at
        };
        let reached = page
            .iter()
            .position(|message| message.id == self.id)
            .or_else(|| page.iter().position(older));
        (reached.unwrap_or(page.len()), reached.is_some())
    }
}

/// What moves on when an event is claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A chat, up to a message.
    Chat(String, Mark),
    /// A task is known.
    Task(String),
}

/// The places of all chats.
#[derive(Debug, Default)]
pub(crate) struct History(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Nothing before the first look at the server's chats.
    known: Option<Marks>,
    /// How many events of a chat are on their way to the journal.
    unclaimed: HashMap<String, usize>,
    /// The oldest first.
    missed: LinkedHashSet<String>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Marks {
    chats: BTreeMap<String, Mark>,
    /// Tasks that waited for the agent when they were last listed, and those admitted since.
    tasks: BTreeSet<String>,
    /// The newest server time when all chats were last read. What is older in a chat nobody knew was not for this agent.
    until: String,
}

impl History {
    /// What an earlier run of the account noted.
    pub(crate) async fn load(context: &Context) -> Result<Self, Stopped> {
        let journal = context.journal()?;
        let known = context
            .record("reading how far chats were read", || journal.note(HISTORY_NOTE))
            .await?;
        let missed =
            context.record("reading what was missed", || journal.note(MISSED_NOTE)).await?;
        // A note that cannot be read is as good as none: the account starts with what comes now.
        let known = known.and_then(|note| serde_json::from_str(&note).ok());
        let missed: Vec<String> =
            missed.and_then(|note| serde_json::from_str(&note).ok()).unwrap_or_default();
        Ok(Self(Mutex::new(State {
            known,
            unclaimed: HashMap::new(),
            missed: missed.into_iter().collect(),
        })))
    }

    /// Whether the server's chats were ever looked at.
    pub(crate) fn has_begun(&self) -> bool {
        self.state().known.is_some()
    }

    /// Begins with what is there: nothing of it is news.
    pub(crate) async fn begin(
        &self,
        context: &Context,
        chats: BTreeMap<String, Mark>,
        tasks: BTreeSet<String>,
    ) -> Result<(), Stopped> {
        let until = chats.values().map(|mark| mark.at.clone()).max().unwrap_or_default();
        let journal = context.journal()?;
        self.change(journal, |state| state.known = Some(Marks { chats, tasks, until }));
        context.record("noting how far chats were read", || journal.flush()).await
    }

    /// The server has an inbox by now, so nothing here counts any more.
    pub(crate) fn forget(&self, journal: &Journal) {
        if self.has_begun() {
            self.change(journal, |state| state.known = None);
        }
    }

    /// Up to where a chat is known. One that is met for the first time is known up to the last complete look.
    pub(crate) fn mark(&self, chat: &str) -> Mark {
        let mut state = self.state();
        let Some(known) = &mut state.known else { return Mark::default() };
        let first = || Mark { id: String::new(), at: known.until.clone() };
        // Noted with the next change. Until then a start finds the same.
        known.chats.entry(chat.to_owned()).or_insert_with(first).clone()
    }

    /// Whether a task is no news.
    pub(crate) fn knows_task(&self, id: &str) -> bool {
        self.state().known.as_ref().is_some_and(|known| known.tasks.contains(id))
    }

    /// An event is on its way to the journal. Its chat is known up to before it at most: the first look at a chat may have
    /// seen the message before its frame came.
    pub(crate) fn taken(&self, journal: &Journal, place: &Place) {
        let Place::Chat(chat, mark) = place else { return };
        let is_behind = {
            let mut state = self.state();
            *state.unclaimed.entry(chat.clone()).or_default() += 1;
            let known = state.known.as_ref().and_then(|known| known.chats.get(chat));
            known.is_some_and(|known| !mark.at.is_empty() && mark.at <= known.at)
        };
        if is_behind {
            self.change(journal, |state| {
                if let Some(known) = &mut state.known {
                    known
                        .chats
                        .insert(chat.clone(), Mark { id: String::new(), at: mark.at.clone() });
                }
            });
        }
    }

    /// Events are in the journal, after all earlier ones of their chats.
    pub(crate) fn claimed(&self, journal: &Journal, places: Vec<Place>) {
        self.change(journal, |state| places.into_iter().for_each(|place| state.claimed(place)));
    }

    /// Nothing up to there needs anything. A chat of which something is on its way keeps its place.
    pub(crate) fn pass(&self, journal: &Journal, places: Vec<(String, Mark)>) {
        if places.is_empty() {
            return;
        }
        self.change(journal, |state| {
            for (chat, mark) in places {
                if !state.unclaimed.contains_key(&chat) {
                    state.advance(chat, mark);
                }
            }
        });
    }

    /// All chats and tasks were looked at; what is not listed is gone.
    pub(crate) fn complete(
        &self,
        journal: &Journal,
        chats: &BTreeSet<String>,
        tasks: Option<&BTreeSet<String>>,
        newest: &str,
    ) {
        self.change(journal, |state| {
            let Some(known) = &mut state.known else { return };
            known.chats.retain(|id, _| chats.contains(id));
            if let Some(tasks) = tasks {
                known.tasks.retain(|id| tasks.contains(id));
            }
            if newest > known.until.as_str() {
                newest.clone_into(&mut known.until);
            }
        });
    }

    /// These events came in while nobody listened.
    pub(crate) fn note_missed(&self, journal: &Journal, keys: impl Iterator<Item = String>) {
        let mut state = self.state();
        for key in keys {
            state.missed.insert(key);
            if state.missed.len() > MOST_MISSED {
                state.missed.pop_front();
            }
        }
        // Texts always serialise.
        let keys: Vec<&String> = state.missed.iter().collect();
        journal.set_note(MISSED_NOTE, serde_json::to_string(&keys).unwrap_or_default());
    }

    /// Whether an event came in while nobody listened.
    pub(crate) fn was_missed(&self, key: &str) -> bool {
        self.state().missed.contains(key)
    }

    fn change(&self, journal: &Journal, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        // Maps of texts always serialise.
        let note = state.known.as_ref().and_then(|known| serde_json::to_string(known).ok());
        journal.set_note(HISTORY_NOTE, note.unwrap_or_default());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn claimed(&mut self, place: Place) {
        match place {
            Place::Chat(chat, mark) => {
                if let Some(count) = self.unclaimed.get_mut(&chat) {
                    *count -= 1;
                    if *count == 0 {
                        self.unclaimed.remove(&chat);
                    }
                }
                self.advance(chat, mark);
            }
            Place::Task(id) => {
                if let Some(known) = &mut self.known {
                    known.tasks.insert(id);
                }
            }
        }
    }

    /// Moves a chat's place, never back: frames of the past may come again.
    fn advance(&mut self, chat: String, mark: Mark) {
        let Some(known) = &mut self.known else { return };
        let place = known.chats.entry(chat).or_default();
        if mark.at.is_empty() {
            place.id = mark.id;
        } else if mark.at >= place.at {
            *place = mark;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::system_clock;

    fn message(number: u32) -> Message {
        let text = format!(
            r#"{{"id":"msg_{number}","chat_id":"cht_1","created_at":"2026-11-22T08:00:{number:02}Z"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    fn place(number: u32) -> Place {
        Place::Chat("cht_1".to_owned(), Mark::of(&message(number)))
    }

    #[test]
    fn a_page_is_divided_at_the_mark_or_where_it_was() {
        let page: Vec<Message> = [9, 7, 5].map(message).into();
        assert_eq!(Mark::of(&message(7)).divide(&page), (1, true));
        assert_eq!(Mark::of(&message(8)).divide(&page), (1, true), "deleted meanwhile");
        assert_eq!(Mark::of(&message(3)).divide(&page), (3, false));
        assert_eq!(Mark::default().divide(&page), (3, false), "an empty chat was known");
    }

    #[tokio::test]
    async fn places_move_forward_with_what_is_claimed_and_survive() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        let history = History::default();
        history.claimed(&journal, vec![place(1)]);
        assert_eq!(history.mark("cht_1"), Mark::default(), "nothing is known yet");
        history.state().known = Some(Marks::default());
        history.taken(&journal, &place(5));
        history.pass(&journal, vec![("cht_1".to_owned(), Mark::of(&message(9)))]);
        assert_eq!(history.mark("cht_1"), Mark::default(), "5 is on its way");
        history.claimed(&journal, vec![place(5)]);
        history.claimed(&journal, vec![place(3)]);
        assert_eq!(history.mark("cht_1"), Mark::of(&message(5)));
        let note = journal.note(HISTORY_NOTE).await.unwrap().unwrap();
        let known: Marks = serde_json::from_str(&note).unwrap();
        assert_eq!(known.chats["cht_1"], Mark::of(&message(5)));
    }

    #[test]
    fn a_message_that_is_not_claimed_is_never_behind_the_place_of_its_chat() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        let history = History::default();
        let chats = BTreeMap::from([("cht_1".to_owned(), Mark::of(&message(7)))]);
        history.state().known = Some(Marks { chats, ..Marks::default() });
        history.taken(&journal, &place(7));
        assert_eq!(history.mark("cht_1").divide(&[7, 6].map(message)), (1, true));
        history.claimed(&journal, vec![place(7)]);
        assert_eq!(history.mark("cht_1").divide(&[7, 6].map(message)), (0, true));
    }

    #[test]
    fn an_unknown_chat_is_known_up_to_the_last_complete_look() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        let history = History::default();
        history.state().known = Some(Marks::default());
        history.complete(&journal, &BTreeSet::new(), None, Mark::of(&message(7)).at());
        let mark = history.mark("cht_new");
        assert_eq!(mark.divide(&[9, 6].map(message)), (1, true));
        history.complete(&journal, &BTreeSet::from(["cht_new".to_owned()]), None, "9");
        assert_eq!(history.mark("cht_new"), mark, "it keeps its place until it is read");
    }

    #[test]
    fn what_was_missed_is_remembered_within_bounds() {
        let journal = Journal::in_memory(system_clock()).unwrap();
        let history = History::default();
        history.note_missed(&journal, (0..=MOST_MISSED).map(|number| number.to_string()));
        assert!(!history.was_missed("0"));
        assert!(history.was_missed("1") && history.was_missed("5000"));
    }
}
