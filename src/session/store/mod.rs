//! The session store, `sessions.json`: one JSON object from session keys to entries.
//!
//! It belongs to the host and can be 100 MB long. It is edited as text: entries that are not meant keep every byte.

pub(crate) mod cleanup;
pub(crate) mod key;
pub(crate) mod resolve;

use std::path::Path;

use crate::fs::lock::{Lock, SESSION_STORE, sweep_unfinished};
use crate::fs::{ReplaceOptions, read, read_with_room, replace, sweep_locked};
use crate::session::Error;
use crate::session::json::text::{decode, quote};
use crate::session::json::{Member, scan};
use crate::session::store::key::normalize;

/// More than what is around a member: quotes, colon, comma, spaces, and escapes in its key.
const PUNCTUATION: usize = 256;

/// The entry of a session as JSON text, if there is one: under the very key, or else under one that differs in case only.
pub fn read_entry(store: &Path, session_key: &str) -> Result<Option<String>, Error> {
    let Some(text) = read(store)? else { return Ok(None) };
    let key = normalize(session_key)?;
    let members = members(store, &text)?;
    let named = |wanted: &dyn Fn(&[u8]) -> bool| {
        members.iter().rev().find(|member| wanted(&text[member.key.clone()]))
    };
    let found = named(&|raw| *decode(raw) == *session_key.as_bytes())
        .or_else(|| named(&|raw| is_key(raw, &key)));
    Ok(found.map(|member| String::from_utf8_lossy(&text[member.value.clone()]).into_owned()))
}

/// Sets the entry of a session (a JSON object as text). The key is stored in lower case; other spellings of it go away.
///
/// Only for hosts that lock this file (see [`crate::fs::lock`]); others have to be asked to write it themselves.
pub fn upsert_entry(store: &Path, session_key: &str, entry: &str) -> Result<(), Error> {
    let key = normalize(session_key)?;
    let entry = entry.trim();
    if !entry.starts_with('{') || scan(entry.as_bytes(), true, &mut |_| {}).is_err() {
        return Err(Error::BadEntry { session_key: key });
    }
    edit(store, key.len() + entry.len() + PUNCTUATION, |text, members| {
        let same = matching(text, members, &key);
        let kept = same
            .iter()
            .copied()
            .rfind(|place| *decode(&text[members[*place].key.clone()]) == *key.as_bytes());
        if let Some(place) = kept
            && same.len() == 1
        {
            if text[members[place].value.clone()] == *entry.as_bytes() {
                return false;
            }
            text.splice(members[place].value.clone(), entry.bytes());
        } else {
            let last_end = remove(text, members, &same);
            append(text, last_end, &key, entry);
        }
        true
    })
}

/// Removes the entry of a session, under every spelling of its key. `false` if there was none.
pub fn delete_entry(store: &Path, session_key: &str) -> Result<bool, Error> {
    Ok(delete_entries(store, &[session_key])? > 0)
}

/// Removes the entries of several sessions at once and says how many there were.
pub fn delete_entries(store: &Path, session_keys: &[&str]) -> Result<usize, Error> {
    let keys = session_keys.iter().map(|key| normalize(key)).collect::<Result<Vec<_>, _>>()?;
    // What killed processes left behind. Whoever is killed in an edit leaves a fork to delete, so it goes soon enough here.
    sweep_unfinished(store);
    let mut count = 0;
    edit(store, 0, |text, members| {
        sweep_locked(store);
        let mut places: Vec<usize> =
            keys.iter().flat_map(|key| matching(text, members, key)).collect();
        places.sort_unstable();
        places.dedup();
        count = places.len();
        remove(text, members, &places);
        count > 0
    })?;
    Ok(count)
}

/// Shows every key of the store with its entry, as JSON text.
pub(crate) fn for_each(store: &Path, mut show: impl FnMut(&str, &[u8])) -> Result<(), Error> {
    let Some(text) = read(store)? else { return Ok(()) };
    for member in members(store, &text)? {
        show(&String::from_utf8_lossy(&decode(&text[member.key])), &text[member.value]);
    }
    Ok(())
}

/// Reads (with room for so many further bytes), changes and replaces the store under the host's lock. Nothing is written if
/// `change` says that nothing changed.
fn edit(
    store: &Path,
    room: usize,
    change: impl FnOnce(&mut Vec<u8>, &[Member]) -> bool,
) -> Result<(), Error> {
    let _lock = Lock::acquire(store, SESSION_STORE)?;
    let mut text = read_with_room(store, room)?.unwrap_or_else(|| b"{}".to_vec());
    let members = members(store, &text)?;
    if change(&mut text, &members) {
        replace(store, &text, &ReplaceOptions { secret: true, ..ReplaceOptions::default() })?;
    }
    Ok(())
}

/// The members of the store's object. What is not one JSON object is an error and never overwritten.
fn members(store: &Path, text: &[u8]) -> Result<Vec<Member>, Error> {
    let bad = |position| Error::BadStore { path: store.into(), position };
    let mut members = Vec::new();
    scan(text, true, &mut |member| {
        if member.depth == 1 {
            members.push(member);
        }
    })
    .map_err(bad)?;
    let start = text.iter().position(|byte| !byte.is_ascii_whitespace()).unwrap_or_default();
    if text.get(start) == Some(&b'{') { Ok(members) } else { Err(bad(start)) }
}

/// The places of all spellings of a key.
fn matching(text: &[u8], members: &[Member], key: &str) -> Vec<usize> {
    (0..members.len()).filter(|place| is_key(&text[members[*place].key.clone()], key)).collect()
}

/// Whether a key, as spelt in the store, is `key` to the hosts.
fn is_key(raw: &[u8], key: &str) -> bool {
    let is_plain = raw.is_ascii() && !raw.contains(&b'\\');
    match std::str::from_utf8(raw) {
        Ok(raw) if is_plain => raw.trim().eq_ignore_ascii_case(key),
        _ => normalize(&String::from_utf8_lossy(&decode(raw))).is_ok_and(|other| other == key),
    }
}

/// Takes the members at `places` (ascending) out of the text. Answers where the last of those that stay ends, if any stays.
fn remove(text: &mut Vec<u8>, members: &[Member], places: &[usize]) -> Option<usize> {
    let start = |place: usize| members[place].key.start - 1;
    let end = |place: usize| members[place].value.end;
    let stays = |place: &usize| !places.contains(place);
    let last = (0..members.len()).rev().find(stays);
    let mut last_end = last.map(end);
    if let Some(last) = last {
        // Behind the last one that stays everything goes at once, with the comma before it.
        text.drain(end(last)..end(members.len() - 1));
        for place in places.iter().copied().filter(|place| *place < last).rev() {
            text.drain(start(place)..start(place + 1));
            last_end = last_end.map(|end| end - (start(place + 1) - start(place)));
        }
    } else if !members.is_empty() {
        text.drain(start(0)..end(members.len() - 1));
    }
    last_end
}

/// Adds a member behind the one that ends at `last_end`, in the form in which the hosts write the file.
fn append(text: &mut Vec<u8>, last_end: Option<usize>, key: &str, entry: &str) {
    let member = format!("\n  {}: {entry}", quote(key));
    if let Some(end) = last_end {
        text.splice(end..end, format!(",{member}").into_bytes());
    } else {
        text.clear();
        text.extend_from_slice(format!("{{{member}\n}}").as_bytes());
    }
}
