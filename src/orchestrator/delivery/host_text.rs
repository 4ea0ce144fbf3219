//! Texts of the host: what people get to see of them, and what counts as an answer.

use url::Url;

use crate::orchestrator::context::Context;
use crate::orchestrator::host::Level;
use crate::orchestrator::turn::open_turn::OpenTurn;

/// What the agent answers when it does not want to say anything; a convention of the host.
const SILENCE: &str = "NO_REPLY";
/// How the notice begins with which `OpenClaw` 2026.9 announces that it continues with a turn that a crash cut off.
const CONTINUES: &str = "I'm continuing your interrupted request now";

/// Notes that people do not get to see a text.
pub(crate) fn keep_back(context: &Context, turn: &OpenTurn) {
    let text =
        format!("an answer to {} in {} is kept back", turn.fixed.source.id, turn.fixed.target);
    context.log(Level::Debug, text);
}

/// Whether a text only says that the host continues with what a crash cut off.
pub(crate) fn is_notice(text: &str) -> bool {
    text.trim_start().starts_with(CONTINUES)
}

/// What people get to see, if anything: a text with the addresses that belong to it, and files of this machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Content {
    /// The text.
    pub text: String,
    /// Paths as the host gave them, each once.
    pub files: Vec<String>,
}

/// What people get to see of a text and its media.
pub(crate) fn visible(text: &str, media: &[String]) -> Option<Content> {
    let text = text.trim_end();
    let mut text = if text.trim() == SILENCE { String::new() } else { text.to_owned() };
    let mut files: Vec<String> = Vec::new();
    for one in media.iter().map(|one| one.trim()).filter(|one| !one.is_empty()) {
        if one.starts_with("https://") || one.starts_with("http://") {
            if !text.trim().is_empty() {
                text.push_str("\n\n");
            }
            text.push_str(one);
        } else {
            let path = local_path(one);
            if !files.contains(&path) {
                files.push(path);
            }
        }
    }
    (!text.trim().is_empty() || !files.is_empty()).then_some(Content { text, files })
}

/// The same for what is sent on purpose, in which no word means silence.
pub(crate) fn sendable(text: &str, media: &[String]) -> Option<Content> {
    if text.trim() == SILENCE {
        Some(Content { text: text.to_owned(), ..Content::default() })
    } else {
        visible(text, media)
    }
}

/// A path, where it is written as an address too.
fn local_path(text: &str) -> String {
    let path = Url::parse(text).ok().filter(|url| url.scheme() == "file");
    let path = path.and_then(|url| url.to_file_path().ok()?.into_os_string().into_string().ok());
    path.unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(text: &str, media: &[&str]) -> Option<(String, Vec<String>)> {
        let media: Vec<String> = media.iter().map(|one| (*one).to_owned()).collect();
        visible(text, &media).map(|content| (content.text, content.files))
    }

    #[test]
    fn silence_is_not_sent() {
        assert_eq!(seen(" NO_REPLY\n", &[]), None);
        assert_eq!(seen("  ", &["", " "]), None);
        assert_eq!(seen("NO_REPLY is a word", &[]).unwrap().0, "NO_REPLY is a word");
        assert_eq!(seen("NO_REPLY", &["/a"]).unwrap(), (String::new(), vec!["/a".to_owned()]));
    }

    #[test]
    fn addresses_in_the_web_are_text_and_all_else_is_a_file() {
        let (text, files) =
            seen("Here", &["/w/a b.png", "https://a.example/x", "./c.png", "file:///w/a%20b.png"])
                .unwrap();
        assert_eq!(text, "Here\n\nhttps://a.example/x");
        assert_eq!(files, ["/w/a b.png", "./c.png"]);
    }

    #[test]
    fn only_the_hosts_announcement_is_a_notice() {
        assert!(is_notice(
            "I'm continuing your interrupted request now (the gateway has just restarted)."
        ));
        assert!(!is_notice("I'm continuing tomorrow."));
        assert!(!is_notice("You asked why I said: I'm continuing your interrupted request now"));
    }
}
