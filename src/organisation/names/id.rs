//! Ids as people and agents write them.

/// What an id names, by its prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A person or an agent, `usr_`.
    User,
    /// A chat, `cht_`.
    Chat,
    /// A message, `msg_`.
    Message,
    /// A task, `tsk_`.
    Task,
    /// A project, `prj_`.
    Project,
}

impl Kind {
    /// How its ids begin.
    pub fn prefix(self) -> &'static str {
        PREFIXES.iter().find(|(_, kind)| *kind == self).map_or("", |(prefix, _)| prefix)
    }
}

/// What may be before an id, the longer ones first. Its case does not count.
const SCHEMES: [&str; 4] = ["parall:prll://", "parall://", "parall:", "prll://"];
const PREFIXES: [(&str, Kind); 5] = [
    ("usr_", Kind::User),
    ("cht_", Kind::Chat),
    ("msg_", Kind::Message),
    ("tsk_", Kind::Task),
    ("prj_", Kind::Project),
];

/// A bare id of a known kind. Its case is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id<'a> {
    /// What it names.
    pub kind: Kind,
    /// Such as `cht_8f2k`.
    pub text: &'a str,
}

impl<'a> Id<'a> {
    /// Reads `cht_...`, also behind `prll://`, `parall:`, `parall://` or `parall:prll://`, and without the `#...` by which hosts tell turns about the same
    /// message apart. Nothing for anything else, such as a name.
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = bare(text);
        let (prefix, kind) = PREFIXES.iter().find(|(prefix, _)| text.starts_with(prefix))?;
        let rest = &text[prefix.len()..];
        let is_id = !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-');
        is_id.then_some(Self { kind: *kind, text })
    }
}

/// A text without the decoration that ids come in. Ids of no known kind keep working: 1.12.0 knew messages as bare ULIDs.
pub fn bare(text: &str) -> &str {
    let text = text.trim_ascii();
    let text = SCHEMES.iter().find_map(|scheme| strip_scheme(text, scheme)).unwrap_or(text);
    match text.split_once('#') {
        Some((id, _)) if !id.is_empty() => id,
        _ => text,
    }
}

fn strip_scheme<'a>(text: &'a str, scheme: &str) -> Option<&'a str> {
    let head = text.get(..scheme.len())?;
    head.eq_ignore_ascii_case(scheme).then(|| &text[scheme.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_an_id_is_one_id_and_case_is_kept() {
        for text in [
            "cht_Ab1",
            " parall:cht_Ab1",
            "prll://cht_Ab1 ",
            "PARALL:prll://cht_Ab1",
            "cht_Ab1#a1b2c3d4",
            "prll://cht_Ab1#2",
        ] {
            assert_eq!(Id::parse(text), Some(Id { kind: Kind::Chat, text: "cht_Ab1" }), "{text}");
        }
        let kinds = ["usr_1", "msg_1", "tsk_1", "prj_1"].map(|text| Id::parse(text).unwrap().kind);
        assert_eq!(kinds, [Kind::User, Kind::Message, Kind::Task, Kind::Project]);
    }

    #[test]
    fn a_name_is_no_id() {
        for text in
            ["", "cht_", "Ada", "general", "cht_a/../b", "parall:", "CHT_1", "#1", "#launch"]
        {
            assert_eq!(Id::parse(text), None, "{text}");
        }
        assert_eq!(bare("#12"), "#12", "the short name of a task is not cut");
    }
}
