//! Session keys, and how forks of ours are called.

use sha2::{Digest, Sha256};

use crate::session::Error;
use crate::text::hex;

/// Separates an orchestrator's key and the id of a fork.
const FORK: &str = ":fork:";
/// Bytes of an id that are chance; the rest says whose fork it is.
const CHANCE: usize = 10;

/// A key as the hosts store it: trimmed, lower case.
pub fn normalize(session_key: &str) -> Result<String, Error> {
    let key = session_key.trim().to_lowercase();
    if key.is_empty() { Err(Error::EmptyKey) } else { Ok(key) }
}

/// Whose forks they are: the account, and the session that they are forks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    account_id: String,
    orchestrator_key: String,
}

impl Owner {
    /// The owner with an account id and the key of its orchestrator session.
    pub fn new(account_id: &str, orchestrator_key: &str) -> Result<Self, Error> {
        Ok(Self { account_id: account_id.into(), orchestrator_key: normalize(orchestrator_key)? })
    }

    /// The key of the orchestrator session, as the hosts store it.
    pub fn orchestrator_key(&self) -> &str {
        &self.orchestrator_key
    }

    /// A new session id: a UUID of the free version 8 whose last six bytes follow from the others and the owner. So a transcript
    /// that a killed process left behind is known as ours by its name alone, and nothing else ever is.
    pub(crate) fn new_session_id(&self) -> String {
        let mut chance = [0; CHANCE];
        fastrand::fill(&mut chance);
        chance[6] = chance[6] & 0x0f | 0x80;
        chance[8] = chance[8] & 0x3f | 0x80;
        self.session_id(chance)
    }

    /// Whether a session id was made by [`Owner::new_session_id`].
    pub(crate) fn made(&self, session_id: &str) -> bool {
        let digits: String = session_id.chars().filter(|character| *character != '-').collect();
        let mut chance = [0; CHANCE];
        let is_hex = chance.iter_mut().enumerate().all(|(index, byte)| {
            let parsed = digits
                .get(index * 2..index * 2 + 2)
                .and_then(|pair| u8::from_str_radix(pair, 16).ok());
            parsed.map(|parsed| *byte = parsed).is_some()
        });
        is_hex && chance[6] >> 4 == 8 && self.session_id(chance) == session_id
    }

    fn session_id(&self, chance: [u8; CHANCE]) -> String {
        let mark = Sha256::new()
            .chain_update(b"parall fork\0")
            .chain_update(&self.account_id)
            .chain_update(b"\0")
            .chain_update(&self.orchestrator_key)
            .chain_update(b"\0")
            .chain_update(chance)
            .finalize();
        let mut id = hex(&[&chance[..], &mark[..16 - CHANCE]].concat());
        for place in [8, 13, 18, 23] {
            id.insert(place, '-');
        }
        id
    }

    /// The session key of a fork.
    pub(crate) fn fork_key(&self, session_id: &str) -> String {
        format!("{}{FORK}{session_id}", self.orchestrator_key)
    }

    /// The session id in the key of one of this owner's forks.
    pub(crate) fn fork_id<'k>(&self, session_key: &'k str) -> Option<&'k str> {
        let (parent, id) = split_fork_key(session_key)?;
        (parent == self.orchestrator_key).then_some(id)
    }
}

/// The orchestrator's key and the session id in the key of a fork.
pub(crate) fn split_fork_key(session_key: &str) -> Option<(&str, &str)> {
    session_key.rsplit_once(FORK).filter(|(parent, id)| !parent.is_empty() && is_uuid(id))
}

/// The file name of a fork: `timestamp` is the header's, in which two characters are not allowed in every file name.
pub(crate) fn file_name(timestamp: &str, session_id: &str) -> String {
    format!("{}_{session_id}.jsonl", timestamp.replace([':', '.'], "-"))
}

/// The session id in the file name of a fork.
pub(crate) fn id_in_file_name(name: &str) -> Option<&str> {
    let (timestamp, id) = name.strip_suffix(".jsonl")?.split_once('_')?;
    let is_timestamp = timestamp.len() == 24
        && timestamp
            .bytes()
            .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'T' | b'Z'));
    (is_timestamp && is_uuid(id)).then_some(id)
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owner_knows_its_own_ids_and_no_others() {
        let owner = Owner::new("default", " Agent:Main:Parall ").unwrap();
        let other = Owner::new("second", "agent:main:parall").unwrap();
        for _ in 0..1000 {
            let id = owner.new_session_id();
            assert!(is_uuid(&id) && owner.made(&id) && !other.made(&id), "{id}");
        }
        for foreign in [
            "",
            "x",
            "11111111-2222-4333-8444-555555555555",
            "11111111-2222-8333-8444-555555555555",
        ] {
            assert!(!owner.made(foreign), "{foreign}");
        }
    }

    #[test]
    fn fork_keys_and_file_names_give_the_id_back() {
        let owner = Owner::new("a", "agent:main:parall:x").unwrap();
        let id = owner.new_session_id();
        assert_eq!(owner.fork_id(&owner.fork_key(&id)), Some(&*id));
        assert_eq!(id_in_file_name(&file_name("2026-01-02T03:04:05.678Z", &id)), Some(&*id));
        for foreign in [
            format!("{id}.jsonl"),
            format!("x_{id}.jsonl"),
            format!("../2026-01-02T03-04-05-678Z_{id}.jsonl"),
        ] {
            assert_eq!(id_in_file_name(&foreign), None, "{foreign}");
        }
        for foreign in
            ["agent:main:parall:x", "agent:main:parall:x:fork:1", "agent:main:parall:x:fork:../x"]
        {
            assert_eq!(split_fork_key(foreign), None, "{foreign}");
        }
    }
}
