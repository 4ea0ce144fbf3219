//! The rules: which sender may cause a turn in which place.

use std::collections::{HashMap, HashSet};

/// Who may cause turns. Without any setting that is every member of the organisation, everywhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Access {
    /// In direct chats.
    pub(super) direct: Rule,
    /// In groups.
    pub(super) groups: Rule,
    /// By tasks.
    pub(super) tasks: Rule,
    /// Which agents may, wherever anybody may; without it the rules of the places hold for agents, too.
    pub(super) agents: Option<Rule>,
    /// Chats with rules of their own, by their ids.
    pub(super) chats: HashMap<String, ChatAccess>,
}

/// Which senders may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Rule {
    /// Every member of the organisation whom the server names.
    #[default]
    Organisation,
    /// Everybody, also whom the server does not name.
    Everybody,
    /// Those with these ids.
    Listed(HashSet<String>),
    /// Nobody.
    Nobody,
}

/// The rules of one chat.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ChatAccess {
    /// Who may, in place of the rule for all chats of its kind.
    pub(super) allow: Option<Rule>,
    /// Who may not, whatever else says so.
    pub(super) deny: HashSet<String>,
    /// Most turns of one sender in an hour.
    pub(super) turns: Option<usize>,
}

/// Who wants a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Applicant<'event> {
    /// The person with this id.
    Person(&'event str),
    /// The agent with this id, or somebody of whom the server does not say that it is a person.
    Agent(&'event str),
    /// Some member; the server does not say which one.
    Somebody,
    /// The server says nothing of the sender, or nothing that can be read.
    Nameless,
}

/// Where it wants one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'event> {
    /// In the direct chat with this id.
    Direct(&'event str),
    /// In the group with this id.
    Group(&'event str),
    /// In a chat of which the server does not say what it is.
    Chat(&'event str),
    /// About a task.
    Task,
}

impl Rule {
    fn admits(&self, applicant: Applicant<'_>) -> bool {
        match self {
            Self::Everybody => true,
            Self::Organisation => applicant != Applicant::Nameless,
            Self::Listed(ids) => applicant.id().is_some_and(|id| ids.contains(id)),
            Self::Nobody => false,
        }
    }
}

impl<'event> Applicant<'event> {
    /// Its id, where it is known.
    pub(crate) fn id(self) -> Option<&'event str> {
        match self {
            Self::Person(id) | Self::Agent(id) => Some(id),
            Self::Somebody | Self::Nameless => None,
        }
    }
}

impl<'event> Place<'event> {
    /// The id of the chat.
    pub(crate) fn chat(self) -> Option<&'event str> {
        match self {
            Self::Direct(id) | Self::Group(id) | Self::Chat(id) => Some(id),
            Self::Task => None,
        }
    }
}

impl Access {
    /// Whether somebody may cause a turn.
    pub(crate) fn admits(&self, applicant: Applicant<'_>, place: Place<'_>) -> bool {
        let own = place.chat().and_then(|id| self.chats.get(id));
        if own.is_some_and(|own| own.denies(applicant)) {
            return false;
        }
        match (own.and_then(|own| own.allow.as_ref()), place) {
            (Some(rule), _) => self.admits_by(rule, true, applicant),
            (None, Place::Direct(_)) => self.admits_by(&self.direct, false, applicant),
            (None, Place::Group(_)) => self.admits_by(&self.groups, false, applicant),
            (None, Place::Task) => self.admits_by(&self.tasks, false, applicant),
            // It may be either.
            (None, Place::Chat(_)) => [&self.direct, &self.groups]
                .into_iter()
                .all(|rule| self.admits_by(rule, false, applicant)),
        }
    }

    /// The rule of direct chats in the words of hosts (`org`, `allowlist`, `open`, `disabled`), and the ids on its list, sorted.
    pub fn direct_policy(&self) -> (&'static str, Vec<String>) {
        match &self.direct {
            Rule::Organisation => ("org", Vec::new()),
            Rule::Everybody => ("open", vec!["*".to_owned()]),
            Rule::Nobody => ("disabled", Vec::new()),
            Rule::Listed(ids) => {
                let mut ids: Vec<String> = ids.iter().cloned().collect();
                ids.sort();
                ("allowlist", ids)
            }
        }
    }

    /// Most turns of one sender in an hour in this place, where it has a limit of its own.
    pub(crate) fn turns(&self, place: Place<'_>) -> Option<usize> {
        self.chats.get(place.chat()?)?.turns
    }

    /// By the rule of a place; `is_own` when it was written for this one chat.
    fn admits_by(&self, rule: &Rule, is_own: bool, applicant: Applicant<'_>) -> bool {
        let Some(agents) = &self.agents else { return rule.admits(applicant) };
        match (applicant, rule) {
            (_, Rule::Nobody) => false,
            (Applicant::Person(_), _) => rule.admits(applicant),
            (Applicant::Agent(_), Rule::Listed(_)) if is_own => {
                agents.admits(applicant) || rule.admits(applicant)
            }
            (Applicant::Agent(_), _) => agents.admits(applicant),
            // It may be an agent.
            (Applicant::Somebody | Applicant::Nameless, _) => {
                rule.admits(applicant) && agents.admits(applicant)
            }
        }
    }
}

impl ChatAccess {
    /// Whoever is not named may be one of those who are denied.
    fn denies(&self, applicant: Applicant<'_>) -> bool {
        match applicant.id() {
            Some(id) => self.deny.contains(id),
            None => !self.deny.is_empty(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Applicant::{Agent, Nameless, Person, Somebody};
    use super::*;

    const DIRECT: Place<'_> = Place::Direct("cht_ada");
    const GROUP: Place<'_> = Place::Group("cht_launch");
    const EITHER: Place<'_> = Place::Chat("cht_x");
    const ADA: Applicant<'_> = Person("usr_ada");
    const EVE: Applicant<'_> = Person("usr_eve");
    const BOT: Applicant<'_> = Agent("usr_bot");

    /// Of these applicants, those who may, each as one letter.
    fn admitted(settings: &Value, place: Place<'_>) -> String {
        let access = Access::parse(settings).unwrap();
        let all = [('a', ADA), ('e', EVE), ('b', BOT), ('s', Somebody), ('n', Nameless)];
        all.iter()
            .filter(|(_, who)| access.admits(*who, place))
            .map(|(letter, _)| *letter)
            .collect()
    }

    #[test]
    fn every_rule_in_every_place() {
        let ada = json!(["usr_ada"]);
        let chat = |own: Value| json!({ "access": { "chats": { "cht_launch": own } } });
        // Settings; who may in a direct chat, in a group, in a chat of either kind, by a task.
        for (settings, direct, group, either, task) in [
            (json!({}), "aebs", "aebs", "aebs", "aebs"),
            (json!({ "dmPolicy": "org", "groupPolicy": "org" }), "aebs", "aebs", "aebs", "aebs"),
            (json!({ "dmPolicy": "open" }), "aebsn", "aebs", "aebs", "aebs"),
            (json!({ "dmPolicy": "open", "allowFrom": ["*"] }), "aebsn", "aebsn", "aebsn", "aebsn"),
            (json!({ "allowFrom": ["*"] }), "aebsn", "aebsn", "aebsn", "aebsn"),
            (json!({ "dmPolicy": "disabled" }), "", "aebs", "", "aebs"),
            (json!({ "groupPolicy": "disabled" }), "aebs", "", "", "aebs"),
            (json!({ "dmPolicy": "disabled", "allowFrom": ada }), "", "a", "", "a"),
            (json!({ "allowFrom": ada }), "a", "a", "a", "a"),
            (json!({ "allowFrom": ["parall:prll://usr_ada"] }), "a", "a", "a", "a"),
            (json!({ "dmPolicy": "allowlist", "allowFrom": ada }), "a", "a", "a", "a"),
            (json!({ "dmPolicy": "allowlist" }), "", "aebs", "", "aebs"),
            (json!({ "allowFrom": ada, "groupPolicy": "org" }), "a", "aebs", "a", "a"),
            (json!({ "allowFrom": ada, "groupAllowFrom": ["usr_eve"] }), "a", "e", "", "a"),
            (
                json!({ "groupPolicy": "allowlist", "groupAllowFrom": ["usr_eve"] }),
                "aebs",
                "e",
                "e",
                "aebs",
            ),
            (json!({ "allowFrom": ada, "access": { "tasks": "org" } }), "a", "a", "a", "aebs"),
            (json!({ "access": { "tasks": "none" } }), "aebs", "aebs", "aebs", ""),
            (json!({ "access": { "tasks": ["usr_eve"] } }), "aebs", "aebs", "aebs", "e"),
            (json!({ "access": { "agents": "none" } }), "ae", "ae", "ae", "ae"),
            (json!({ "access": { "agents": "org" } }), "aebs", "aebs", "aebs", "aebs"),
            (json!({ "access": { "agents": ["usr_bot"] } }), "aeb", "aeb", "aeb", "aeb"),
            (json!({ "access": { "agents": ["usr_other"] } }), "ae", "ae", "ae", "ae"),
            (json!({ "allowFrom": ada, "access": { "agents": "org" } }), "ab", "ab", "ab", "ab"),
            (
                json!({ "dmPolicy": "disabled", "access": { "agents": "org" } }),
                "",
                "aebs",
                "",
                "aebs",
            ),
            (json!({ "dmPolicy": "open", "access": { "agents": "none" } }), "ae", "ae", "ae", "ae"),
            (chat(json!({ "allow": ["usr_eve"] })), "aebs", "e", "aebs", "aebs"),
            (chat(json!({ "allow": "none" })), "aebs", "", "aebs", "aebs"),
            (chat(json!({ "allow": "open" })), "aebs", "aebsn", "aebs", "aebs"),
            (chat(json!({ "deny": ["usr_eve"] })), "aebs", "ab", "aebs", "aebs"),
            (
                chat(json!({ "allow": ["usr_eve", "usr_ada"], "deny": ["usr_eve"] })),
                "aebs",
                "a",
                "aebs",
                "aebs",
            ),
            (chat(json!({ "allow": "open", "deny": ["usr_eve"] })), "aebs", "ab", "aebs", "aebs"),
            (
                json!({ "groupPolicy": "disabled", "access": { "chats": { "cht_launch": { "allow": "org" } } } }),
                "aebs",
                "aebs",
                "",
                "aebs",
            ),
            (
                json!({ "access": { "agents": "none", "chats": { "prll://cht_launch": { "allow": ["usr_bot"] } } } }),
                "ae",
                "b",
                "ae",
                "ae",
            ),
            (
                json!({ "access": { "agents": "none", "chats": { "cht_launch": { "allow": "org" } } } }),
                "ae",
                "ae",
                "ae",
                "ae",
            ),
        ] {
            let found =
                [DIRECT, GROUP, EITHER, Place::Task].map(|place| admitted(&settings, place));
            assert_eq!(found, [direct, group, either, task], "{settings}");
        }
    }

    #[test]
    fn an_id_admits_itself_alone() {
        let access = Access::parse(&json!({ "allowFrom": ["usr_ada"] })).unwrap();
        for id in
            ["usr_Ada", "USR_ADA", "usr_ad", "usr_adaa", "usr_ada ", "prll://usr_ada", "*", ""]
        {
            assert!(!access.admits(Person(id), DIRECT), "{id}");
        }
    }

    #[test]
    fn the_turns_of_a_chat_are_those_of_that_chat() {
        let settings = json!({ "access": { "chats": { "cht_launch": { "turns": 3 } } } });
        let access = Access::parse(&settings).unwrap();
        let turns = [GROUP, Place::Chat("cht_launch"), DIRECT, Place::Task]
            .map(|place| access.turns(place));
        assert_eq!(turns, [Some(3), Some(3), None, None]);
    }
}
