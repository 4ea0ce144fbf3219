//! From names to ids: exact, then a unique beginning, else an error that lists what it may mean.

mod id;

pub use id::{Id, Kind, bare};

use super::Organisation;
use super::error::{Candidate, Error, shown};
use super::list::{PagedList, Paging};
use super::object::{candidate, text, user_id, user_name};

/// The word for the caller itself, where a user is asked for.
const ME: &str = "me";

/// Where a text can go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A chat.
    Chat(String),
    /// The direct chat with a user.
    User(String),
    /// A task, by a comment.
    Task(String),
}

impl Organisation {
    /// The id of a member: `usr_...`, `me`, or a name with or without `@`.
    pub async fn user_id(&self, name: &str) -> Result<String, Error> {
        match id(name, Kind::User, "member")? {
            Some(id) => Ok(id),
            None if name.trim().eq_ignore_ascii_case(ME) => self.my_id().await,
            None => pick("member", without_mark(name, '@'), self.people_named().await?),
        }
    }

    /// The id of a chat of the caller: `cht_...`, or a name with or without `#`.
    pub async fn chat_id(&self, name: &str) -> Result<String, Error> {
        match id(name, Kind::Chat, "chat")? {
            Some(id) => Ok(id),
            None => pick("chat", without_mark(name, '#'), self.chats_named().await?),
        }
    }

    /// The id of a task: `tsk_...`, its short name such as `FP-1`, or its title.
    pub async fn task_id(&self, name: &str) -> Result<String, Error> {
        if let Some(id) = id(name, Kind::Task, "task")? {
            return Ok(id);
        }
        let tasks = self.list(PagedList::Tasks, &Paging::all(), &[("scope", "all")]).await?.items;
        let called =
            |key| tasks.iter().filter_map(move |task| candidate(text(task, "id"), text(task, key)));
        let name = name.trim();
        // Short names are unique; a title that looks like one must not hide it.
        match called("identifier").find(|task| task.name.eq_ignore_ascii_case(name)) {
            Some(task) => Ok(task.id),
            None => pick("task", name, called("title").collect()),
        }
    }

    /// The id of a project: `prj_...`, its key or its name.
    pub async fn project_id(&self, name: &str) -> Result<String, Error> {
        if let Some(id) = id(name, Kind::Project, "project")? {
            return Ok(id);
        }
        let projects = self.projects().await?.items;
        let called =
            |key| projects.iter().filter_map(move |one| candidate(text(one, "id"), text(one, key)));
        let name = name.trim();
        match called("key").find(|project| project.name.eq_ignore_ascii_case(name)) {
            Some(project) => Ok(project.id),
            None => pick("project", name, called("name").collect()),
        }
    }

    /// Where a text goes: a chat, a member's direct chat or a task, by id; a chat or a member, by name.
    pub async fn place(&self, name: &str) -> Result<Place, Error> {
        match Id::parse(name) {
            Some(Id { kind: Kind::Chat, text }) => return Ok(Place::Chat(text.to_owned())),
            Some(Id { kind: Kind::User, text }) => return Ok(Place::User(text.to_owned())),
            Some(Id { kind: Kind::Task, text }) => return Ok(Place::Task(text.to_owned())),
            Some(Id { text, .. }) => {
                let (what, prefix) = ("chat, member or task", "cht_..., usr_..., tsk_");
                return Err(Error::WrongId { what, prefix, id: text.to_owned() });
            }
            None => {}
        }
        let mut candidates = self.chats_named().await?;
        candidates.extend(self.people_named().await?);
        let id = pick("chat or member", without_mark(without_mark(name, '@'), '#'), candidates)?;
        Ok(match Id::parse(&id) {
            Some(Id { kind: Kind::User, .. }) => Place::User(id),
            _ => Place::Chat(id),
        })
    }

    async fn people_named(&self) -> Result<Vec<Candidate>, Error> {
        let members = self.members().await?.items;
        Ok(members.iter().filter_map(|one| candidate(user_id(one), user_name(one))).collect())
    }

    async fn chats_named(&self) -> Result<Vec<Candidate>, Error> {
        let chats = self.list(PagedList::Chats, &Paging::all(), &[]).await?.items;
        let named = chats.iter().filter(|chat| text(chat, "name").is_some());
        Ok(named.filter_map(|chat| candidate(text(chat, "id"), text(chat, "name"))).collect())
    }
}

/// The id of a message: anything but an id of another kind. Those of 1.12.0 have no prefix.
pub fn message_id(name: &str) -> Result<String, Error> {
    match Id::parse(name) {
        Some(Id { kind: Kind::Message, text }) => Ok(text.to_owned()),
        Some(Id { text, .. }) => {
            Err(Error::WrongId { what: "message", prefix: "msg_", id: text.to_owned() })
        }
        None => Ok(bare(name).to_owned()),
    }
}

/// The id that a text is, nothing when it is a name.
fn id(name: &str, kind: Kind, what: &'static str) -> Result<Option<String>, Error> {
    if name.trim().is_empty() {
        let reason = "it is empty".to_owned();
        return Err(Error::Invalid { what: "the name", reason });
    }
    match Id::parse(name) {
        Some(id) if id.kind == kind => Ok(Some(id.text.to_owned())),
        Some(Id { text, .. }) => {
            Err(Error::WrongId { what, prefix: kind.prefix(), id: text.to_owned() })
        }
        None => Ok(None),
    }
}

fn without_mark(name: &str, mark: char) -> &str {
    let name = name.trim();
    name.strip_prefix(mark).unwrap_or(name)
}

/// The one candidate that a name means.
pub(in crate::organisation) fn pick(
    what: &'static str,
    name: &str,
    candidates: Vec<Candidate>,
) -> Result<String, Error> {
    let wanted = name.to_lowercase();
    let tests: [&dyn Fn(&str) -> bool; 3] =
        [&|name_of| name_of == name, &|name_of| name_of.to_lowercase() == wanted, &|name_of| {
            name_of.to_lowercase().starts_with(&wanted)
        }];
    for test in tests {
        let mut found: Vec<_> =
            candidates.iter().filter(|candidate| test(&candidate.name)).cloned().collect();
        found.dedup_by(|one, other| one.id == other.id);
        match found.len() {
            0 => {}
            1 => return Ok(found.remove(0).id),
            _ => {
                let name = shown(name);
                return Err(Error::AmbiguousName { what, name, candidates: found });
            }
        }
    }
    let is_alike = |candidate: &Candidate| {
        let name = candidate.name.to_lowercase();
        wanted.split_whitespace().any(|word| name.contains(word))
    };
    let alike: Vec<_> =
        candidates.iter().filter(|candidate| is_alike(candidate)).cloned().collect();
    let candidates = if alike.is_empty() { candidates } else { alike };
    Err(Error::UnknownName { what, name: shown(name), candidates })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn people() -> Vec<Candidate> {
        [
            ("usr_1", "Ada"),
            ("usr_2", "Ada Weber"),
            ("usr_3", "Ben"),
            ("usr_4", "ben"),
            ("usr_5", "Émile"),
        ]
        .map(|(id, name)| Candidate { id: id.into(), name: name.into() })
        .into()
    }

    fn ids(candidates: &[Candidate]) -> Vec<&str> {
        candidates.iter().map(|candidate| candidate.id.as_str()).collect()
    }

    #[test]
    fn an_exact_name_wins_then_its_case_then_a_unique_beginning() {
        for (name, id) in [("Ada", "usr_1"), ("ada w", "usr_2"), ("ben", "usr_4"), ("émi", "usr_5")]
        {
            assert_eq!(pick("member", name, people()).unwrap(), id, "{name}");
        }
    }

    #[test]
    fn a_name_that_may_mean_several_is_refused_with_all_of_them() {
        let error = pick("member", "BEN", people()).unwrap_err();
        assert!(matches!(error, Error::AmbiguousName { .. }));
        assert_eq!(ids(error.candidates()), ["usr_3", "usr_4"]);
        let error = pick("member", "a", people()).unwrap_err();
        assert_eq!(ids(error.candidates()), ["usr_1", "usr_2"]);
    }

    #[test]
    fn a_name_that_nobody_has_is_answered_with_what_is_alike_or_with_all() {
        let error = pick("member", "Grace Weber", people()).unwrap_err();
        assert_eq!(ids(error.candidates()), ["usr_2"]);
        assert_eq!(pick("member", "Zoe", people()).unwrap_err().candidates().len(), 5);
    }

    #[test]
    fn an_id_of_another_kind_is_no_name() {
        let error = id("cht_1", Kind::User, "member").unwrap_err();
        assert_eq!(error.to_string(), "cht_1 is not the id of a member (usr_...)");
        assert_eq!(id("prll://usr_1#3", Kind::User, "member").unwrap().as_deref(), Some("usr_1"));
        assert_eq!(message_id("01JWC0").unwrap(), "01JWC0");
        assert!(message_id("tsk_1").is_err());
    }
}
