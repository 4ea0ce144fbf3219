//! What a fork takes of a transcript in a file: which entries, and a summary before them if some had to be left out.

use std::collections::HashSet;

use crate::session::Error;
use crate::session::fork::copy::Head;
use crate::session::fork::labels::new_id;
use crate::session::json::object::Object;
use crate::session::json::text::{inner, quote};
use crate::session::transcript::context::{Context, context};
use crate::session::transcript::index::Index;
use crate::session::transcript::line::{Answer, Kind};
use crate::session::transcript::source::OpenTranscript;
use crate::session::transcript::tokens::{Fit, Weight, fit, left_out};
use crate::session::transcript::tree::{Cut, History, Unselected, select};
use crate::time::{iso, now};

/// The entries that a fork takes.
#[derive(Default)]
pub(crate) struct Selection {
    /// Positions in the index, oldest first; none if the model has not answered yet.
    pub(crate) path: Vec<usize>,
    /// Precedes them if some were left out.
    pub(crate) head: Option<Head>,
    /// Messages that were left out because of the budget.
    pub(crate) left_out: usize,
}

/// Why there is no selection.
pub(crate) enum Failure {
    /// There is no such entry, or what was read does not decide it.
    Unselected,
    /// Something else went wrong.
    Error(Error),
}

impl From<Unselected> for Failure {
    fn from(_: Unselected) -> Self {
        Self::Unselected
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Selects what a fork takes. A budget, in tokens, is for contexts only.
pub(crate) fn selection(
    source: &OpenTranscript,
    index: &Index,
    cut: &Cut,
    history: History,
    budget: Option<u64>,
) -> Result<Selection, Failure> {
    let path = select(index, cut)?;
    if history == History::Full {
        let is_answer = |position: &usize| index.entries()[*position].answer != Answer::None;
        let has_answer = path.entries.iter().any(is_answer);
        return Ok(Selection {
            path: if has_answer { path.entries } else { Vec::new() },
            ..Selection::default()
        });
    }
    let Some(shown) = context(index, &path)? else { return Ok(Selection::default()) };
    let whole = Selection { path: path.entries[shown.copied..].to_vec(), ..Selection::default() };
    match budget {
        Some(budget) => Ok(within(source, index, &path.entries, shown, budget)?.unwrap_or(whole)),
        None => Ok(whole),
    }
}

/// A context cut down to a budget; nothing if it fits as it is.
fn within(
    source: &OpenTranscript,
    index: &Index,
    path: &[usize],
    shown: Context,
    budget: u64,
) -> Result<Option<Selection>, Error> {
    let weigh = |position: &usize| weight(source, index, *position);
    // Most often the last answer counted everything, and nothing else need be read.
    if let Some(last) = path.last().map(weigh).transpose()?
        && shown.boundary.is_none_or(|boundary| boundary + 1 < path.len())
        && last.counted.is_some_and(|tokens| tokens <= budget)
    {
        return Ok(None);
    }
    let is_shown = |place: &usize| !index.is_boundary(index.entries()[path[*place]].kind);
    let places: Vec<usize> = (shown.first..path.len()).filter(is_shown).collect();
    let weights = places.iter().map(|place| weigh(&path[*place])).collect::<Result<Vec<_>, _>>()?;
    let summary = match shown.boundary {
        Some(boundary) => summary_of(source, index, path[boundary])?,
        None => None,
    };
    let fresh =
        shown.boundary.map_or(0, |boundary| places.partition_point(|place| *place < boundary));
    let length = summary.as_ref().map_or(0, |text| Weight::of_text(text.len()).tokens);
    match fit(&weights, fresh, length, budget) {
        Fit::All { .. } => Ok(None),
        Fit::Nothing { tokens } => Err(Error::OverBudget { tokens, budget }),
        Fit::From { start, tokens } => {
            let left_out = weights[..start].iter().filter(|weight| weight.tokens > 0).count();
            Ok(Some(Selection {
                path: places[start..].iter().map(|place| path[*place]).collect(),
                head: Some(head(index, summary.as_deref(), left_out, tokens)),
                left_out,
            }))
        }
    }
}

/// How much an entry counts once the model is shown it.
fn weight(source: &OpenTranscript, index: &Index, position: usize) -> Result<Weight, Error> {
    let entry = &index.entries()[position];
    if !matches!(entry.kind, Kind::Message | Kind::Known) {
        return Ok(Weight::default());
    }
    let line = source.read(entry.range())?;
    let Some(object) = Object::parse(&line) else {
        return Err(Error::Unstable { path: source.path.clone() });
    };
    let text =
        |name| object.get(name).map_or_else(Weight::default, |text| Weight::of_text(text.len()));
    Ok(match (entry.kind, object.get("type").unwrap_or_default()) {
        (Kind::Message, _) => object.get("message").map(Weight::of_message).unwrap_or_default(),
        (_, b"\"custom_message\"") => text("content"),
        (_, b"\"branch_summary\"") => text("summary"),
        _ => Weight::default(),
    })
}

/// What a compaction says, as spelt between its quotes.
fn summary_of(
    source: &OpenTranscript,
    index: &Index,
    position: usize,
) -> Result<Option<Vec<u8>>, Error> {
    let line = source.read(index.entries()[position].range())?;
    let object = Object::parse(&line);
    Ok(object.as_ref().and_then(|object| object.get("summary")).and_then(inner).map(<[u8]>::to_vec))
}

/// A compaction that keeps nothing before it, since there is nothing: it says what the last one said, and what is missing.
fn head(index: &Index, summary: Option<&[u8]>, missing: usize, tokens: u64) -> Head {
    let id = quote(&new_id(index, &mut HashSet::new())).into_bytes();
    let mut line = br#"{"type":"compaction","id":"#.to_vec();
    line.extend_from_slice(&id);
    line.extend_from_slice(
        format!(r#","parentId":null,"timestamp":"{}","summary":""#, iso(now())).as_bytes(),
    );
    if let Some(summary) = summary.filter(|summary| !summary.is_empty()) {
        line.extend_from_slice(summary);
        line.extend_from_slice(br"\n\n");
    }
    line.extend_from_slice(left_out(missing).as_bytes());
    line.extend_from_slice(br#"","firstKeptEntryId":"#);
    line.extend_from_slice(&id);
    line.extend_from_slice(format!(r#","tokensBefore":{tokens}}}"#).as_bytes());
    Head { line, id }
}

#[cfg(test)]
mod tests;
