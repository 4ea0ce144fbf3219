//! Texts of the host: what people get to see of them, and what counts as an answer.

use crate::orchestrator::context::Context;
use crate::orchestrator::host::{Level, ReplyPart};
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

/// What people get to see of a part, if anything.
pub(crate) fn visible_text(part: &ReplyPart) -> Option<String> {
    let text = part.text.as_deref().unwrap_or_default().trim_end();
    let text = if text.trim() == SILENCE { "" } else { text };
    let media = match part.media_url.as_deref().map(str::trim) {
        None | Some("") => "",
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => url,
        // A path of the host's machine is nobody's business.
        Some(_) => "(A file belongs here that this channel cannot send yet.)",
    };
    let separator = if text.trim().is_empty() || media.is_empty() { "" } else { "\n\n" };
    let visible = format!("{text}{separator}{media}");
    (!visible.trim().is_empty()).then_some(visible)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(text: &str, media: Option<&str>) -> ReplyPart {
        ReplyPart {
            kind: "final".into(),
            text: Some(text.into()),
            media_url: media.map(str::to_owned),
        }
    }

    #[test]
    fn silence_is_not_sent() {
        assert_eq!(visible_text(&part(" NO_REPLY\n", None)), None);
        assert_eq!(visible_text(&part("  ", None)), None);
        assert_eq!(
            visible_text(&part("NO_REPLY is a word", None)).as_deref(),
            Some("NO_REPLY is a word")
        );
    }

    #[test]
    fn a_file_of_the_hosts_machine_is_announced_without_its_path() {
        let text = visible_text(&part("Here", Some("/home/me/secret.png"))).unwrap();
        assert!(text.starts_with("Here\n\n") && !text.contains("secret"));
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
