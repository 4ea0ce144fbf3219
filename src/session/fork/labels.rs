//! Labels: marks that people set on entries. A fork gets them anew, behind its last entry.

use std::collections::{HashMap, HashSet};

use crate::session::Error;
use crate::session::json::object::Object;
use crate::session::json::text::{is_truthy, quote};
use crate::session::transcript::id::Id;
use crate::session::transcript::index::Index;
use crate::session::transcript::line::Kind;
use crate::session::transcript::source::OpenTranscript;

/// A label as it holds now: values as spelt in the line that set it last.
struct Label {
    target: Vec<u8>,
    text: Vec<u8>,
    timestamp: Option<Vec<u8>>,
}

/// The lines that set, for the fork, every label whose target is on its path, chained behind `last` (an id as spelt).
///
/// All labels of the file count, on whatever branch and however late they were set: the last word holds, and clearing a label
/// gives up its place in the order. In a context, labels before their target do not count. They keep the time at which they were set.
pub(crate) fn recreate(
    source: &OpenTranscript,
    index: &Index,
    on_path: &HashSet<usize>,
    mut last: Vec<u8>,
    is_context: bool,
) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    let mut used = HashSet::new();
    for label in in_force(source, index, on_path, is_context)? {
        let id = quote(&new_id(index, &mut used));
        out.extend_from_slice(format!(r#"{{"type":"label","id":{id},"parentId":"#).as_bytes());
        out.extend_from_slice(&last);
        if let Some(timestamp) = label.timestamp {
            out.extend_from_slice(br#","timestamp":"#);
            out.extend_from_slice(&timestamp);
        }
        out.extend_from_slice(br#","targetId":"#);
        out.extend_from_slice(&label.target);
        out.extend_from_slice(br#","label":"#);
        out.extend_from_slice(&label.text);
        out.extend_from_slice(b"}\n");
        last = id.into_bytes();
    }
    Ok(out)
}

fn in_force(
    source: &OpenTranscript,
    index: &Index,
    on_path: &HashSet<usize>,
    is_context: bool,
) -> Result<Vec<Label>, Error> {
    let mut labels: Vec<Option<Label>> = Vec::new();
    let mut places: HashMap<Id, usize> = HashMap::new();
    let lines = index.entries().iter().enumerate();
    for (position, entry) in lines.filter(|(_, entry)| entry.kind == Kind::Label) {
        let line = source.read(entry.range())?;
        let Some(object) = Object::parse(&line) else { continue };
        let id = index.ids().of(object.get("targetId"));
        let Some(target) = object.get("targetId") else { continue };
        let is_marked =
            |holder: usize| on_path.contains(&holder) && (!is_context || holder < position);
        if !index.find(id).is_some_and(is_marked) {
            continue;
        }
        match object.get("label").filter(|text| is_truthy(text)) {
            None => {
                if let Some(place) = places.remove(&id) {
                    labels[place] = None;
                }
            }
            Some(text) => {
                let place = *places.entry(id).or_insert_with(|| {
                    labels.push(None);
                    labels.len() - 1
                });
                labels[place] = Some(Label {
                    target: target.to_vec(),
                    text: text.to_vec(),
                    timestamp: object.get("timestamp").map(<[u8]>::to_vec),
                });
            }
        }
    }
    Ok(labels.into_iter().flatten().collect())
}

/// An id of eight hexadecimal digits, as the hosts make them, that neither the transcript nor `used` has.
pub(crate) fn new_id(index: &Index, used: &mut HashSet<u32>) -> String {
    loop {
        let number = fastrand::u32(..);
        let id = format!("{number:08x}");
        if index.find(index.ids().of_string(id.as_bytes())).is_none() && used.insert(number) {
            return id;
        }
    }
}
