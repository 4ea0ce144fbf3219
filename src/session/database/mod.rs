//! The context of a transcript that a host keeps in a database.
//!
//! Nothing here opens that database. A second copy of `SQLite` in one process must not: when it closes the file, the system drops
//! the locks that the host's copy holds on it, and the two do not see each other's read marks. So the rows are read by the
//! host's own copy, on another thread, and handed over here, newest first, until they decide what the model is shown.

mod messages;
mod rows;

use crate::session::Error;
use crate::session::database::messages::{Message, batches, shown};
use crate::session::database::rows::{Row, unpack};
use crate::session::transcript::context::context;
use crate::session::transcript::id::Ids;
use crate::session::transcript::index::{Index, Rules};
use crate::session::transcript::line::{Line, parse};
use crate::session::transcript::scan::Located;
use crate::session::transcript::tokens::{Fit, Weight, fit, left_out};
use crate::session::transcript::tree::{Cut, Unselected, select};

/// Most bytes of rows that are kept while the context is looked for.
const LONGEST: usize = 256 << 20;

/// A context as messages for the host's own function that appends them to a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageContext {
    /// JSON arrays of messages, oldest first, each small enough to be handed over without holding the host up.
    pub batches: Vec<String>,
    /// The entry cut at.
    pub last_entry_id: String,
    /// How many tokens it has.
    pub tokens: u64,
    /// Messages that were left out because of the budget.
    pub left_out: usize,
}

/// What the rows that were handed over say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Older rows are needed.
    More,
    /// The context.
    Found(MessageContext),
    /// No turn has been completed yet.
    NoAnswer,
}

/// Looks for the context of the last completed turn.
#[derive(Default)]
pub struct ContextReader {
    ids: Ids,
    /// Newest first.
    rows: Vec<(Row, Option<Line>)>,
    bytes: usize,
    budget: Option<u64>,
}

impl ContextReader {
    /// A reader that knows no row yet. The budget is in tokens.
    pub fn new(budget: Option<u64>) -> Self {
        Self { budget, ..Self::default() }
    }

    /// Takes the next older rows, packed as [`unpack`] describes; `is_all` says that there are no others.
    pub fn add(&mut self, packed: &[u8], is_all: bool) -> Result<Progress, Error> {
        for row in unpack(packed)? {
            self.bytes += row.len();
            if self.bytes > LONGEST {
                return Err(Error::TooLong { limit: LONGEST });
            }
            let line = parse(&row, &self.ids);
            self.rows.push((row, line));
        }
        match self.find(is_all)? {
            Some(progress) => Ok(progress),
            None if is_all => Ok(Progress::NoAnswer),
            None => Ok(Progress::More),
        }
    }

    /// Nothing if older rows decide.
    fn find(&self, is_all: bool) -> Result<Option<Progress>, Error> {
        let mut index = Index::new(Rules::Database, self.ids.clone(), is_all);
        for (place, (_, line)) in self.rows.iter().enumerate().rev() {
            if let Some(line) = line {
                let (start, end) = (place as u64, place as u64 + 1);
                index.push(Located { start, end, is_terminated: true, line: line.clone() });
            }
        }
        let path = match select(&index, &Cut::LastCompleted) {
            Ok(path) if path.entries.is_empty() => return Ok(is_all.then_some(Progress::NoAnswer)),
            Ok(path) => path,
            Err(Unselected::NoSuchEntry | Unselected::Undecided) => return Ok(None),
        };
        let Ok(found) = context(&index, &path) else { return Ok(None) };
        let Some(found) = found else { return Ok(Some(Progress::NoAnswer)) };
        let row = |position: usize| {
            let place = usize::try_from(index.entries()[position].range().start);
            &*self.rows[place.unwrap_or_default()].0
        };
        let path: Vec<_> = path
            .entries
            .iter()
            .map(|position| (index.entries()[*position].kind, row(*position)))
            .collect();
        let shown = shown(&path, found);
        let last = path.last().map_or(&[][..], |(_, row)| *row);
        self.within_budget(shown.summary, shown.messages, shown.fresh, last).map(Some)
    }

    fn within_budget(
        &self,
        summary: Option<Message>,
        mut messages: Vec<Message>,
        fresh: usize,
        last: &[u8],
    ) -> Result<Progress, Error> {
        let weights: Vec<Weight> = messages.iter().map(Message::weight).collect();
        let length = summary.as_ref().map_or(0, |summary| summary.weight().tokens);
        let budget = self.budget.unwrap_or(u64::MAX);
        let (start, tokens) = match fit(&weights, fresh, length, budget) {
            Fit::All { tokens } => (0, tokens),
            Fit::From { start, tokens } => (start, tokens),
            Fit::Nothing { tokens } => return Err(Error::OverBudget { tokens, budget }),
        };
        messages.drain(..start);
        let note = (start > 0).then(|| left_out(start));
        let head = Message::head(summary, note.as_deref());
        Ok(Progress::Found(MessageContext {
            batches: batches(head.into_iter().chain(messages)),
            last_entry_id: messages::id_of(last),
            tokens,
            left_out: start,
        }))
    }
}

#[cfg(test)]
mod tests;
