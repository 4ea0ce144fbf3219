//! How much of a model's context a fork fills, and what has to be left out so that it fits.

use serde_json::Value;

use crate::session::json::object::Object;

/// Bytes of text that usually make a token. Scripts with longer encodings have more tokens a character, too.
const BYTES_A_TOKEN: u64 = 4;
/// What a picture counts, whatever its size: about the most that models charge for one.
const PICTURE: u64 = 1600;
/// What a message costs beside its text.
const MESSAGE: u64 = 8;

/// How much one thing that the model is shown counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Weight {
    /// Tokens, estimated.
    pub(crate) tokens: u64,
    /// Whether it begins a turn: something that a person said.
    pub(crate) begins_turn: bool,
    /// Of an answer: all tokens up to its end, as the model counted them.
    pub(crate) counted: Option<u64>,
}

impl Weight {
    /// Of a message as JSON text.
    pub(crate) fn of_message(message: &[u8]) -> Self {
        let Some(object) = Object::parse(message) else { return Self::of_text(message.len()) };
        let role = object.get("role").unwrap_or_default();
        let content = ["content", "output", "command"]
            .iter()
            .filter_map(|name| object.get(name))
            .map(size_of)
            .sum::<u64>();
        Self {
            tokens: content + MESSAGE,
            begins_turn: role == b"\"user\"",
            counted: object.get("usage").filter(|_| role == b"\"assistant\"").and_then(counted),
        }
    }

    /// Of a text with this many bytes.
    pub(crate) fn of_text(bytes: usize) -> Self {
        Self { tokens: (bytes as u64).div_ceil(BYTES_A_TOKEN) + MESSAGE, ..Self::default() }
    }
}

/// Tokens of a message's content: text, thoughts, calls with their arguments, pictures.
fn size_of(content: &[u8]) -> u64 {
    // What Rust cannot hold as text, a lone surrogate, counts as long as it is spelt.
    let Ok(value) = serde_json::from_slice::<Value>(content) else {
        return (content.len() as u64).div_ceil(BYTES_A_TOKEN);
    };
    let mut pictures = 0;
    let bytes = match &value {
        Value::String(text) => text.len(),
        Value::Array(parts) => parts
            .iter()
            .map(|part| {
                let is_picture = part["type"] == "image";
                pictures += u64::from(is_picture);
                if is_picture { 0 } else { length(part) }
            })
            .sum(),
        _ => 0,
    };
    (bytes as u64).div_ceil(BYTES_A_TOKEN) + pictures * PICTURE
}

fn length(part: &Value) -> usize {
    let text = |name: &str| part[name].as_str().map_or(0, str::len);
    let arguments = match &part["arguments"] {
        Value::Null => 0,
        arguments => arguments.to_string().len(),
    };
    text("text") + text("thinking") + text("name") + arguments
}

/// What the model counted, if it did.
fn counted(usage: &[u8]) -> Option<u64> {
    let usage: Value = serde_json::from_slice(usage).ok()?;
    let parts = ["input", "cacheRead", "cacheWrite", "output"];
    let sum: f64 = parts.iter().filter_map(|name| usage[name].as_f64()).sum();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let sum = sum as u64;
    (sum > 0).then_some(sum)
}

/// What a context may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fit {
    /// All of it.
    All {
        /// How much that is.
        tokens: u64,
    },
    /// Everything from this place on.
    From {
        /// A place where a turn begins.
        start: usize,
        /// How much that is, with the summary before it.
        tokens: u64,
    },
    /// Not even the newest turn.
    Nothing {
        /// How much the whole is.
        tokens: u64,
    },
}

/// Fits a context into a budget by leaving out its oldest turns. `shown` are its parts in the order in which the model sees
/// them, the summary of a compaction apart; those from `fresh` on were said after the last compaction, so what the model counted
/// for them counted the summary. Each part has to be a whole turn's beginning for the rest to begin there.
pub(crate) fn fit(shown: &[Weight], fresh: usize, summary: u64, budget: u64) -> Fit {
    let estimated: u64 = summary + shown.iter().map(|weight| weight.tokens).sum::<u64>();
    let counted =
        shown.iter().rposition(|weight| weight.counted.is_some()).filter(|at| *at >= fresh);
    let total = counted.map_or(estimated, |at| {
        let later: u64 = shown[at + 1..].iter().map(|weight| weight.tokens).sum();
        shown[at].counted.unwrap_or_default() + later
    });
    if total <= budget {
        return Fit::All { tokens: total };
    }
    // What the model counted beyond the estimate, the system prompt for one, weighs on every turn.
    let scaled = |tokens: u64| {
        let exact =
            u128::from(tokens) * u128::from(total.max(estimated)) / u128::from(estimated.max(1));
        u64::try_from(exact).unwrap_or(u64::MAX)
    };
    let mut best = None;
    let mut sum = summary + MESSAGE;
    for (start, weight) in shown.iter().enumerate().rev() {
        sum += weight.tokens;
        if scaled(sum) > budget {
            break;
        }
        if weight.begins_turn {
            best = Some(Fit::From { start, tokens: scaled(sum) });
        }
    }
    best.unwrap_or(Fit::Nothing { tokens: total })
}

/// The line that says what was left out.
pub(crate) fn left_out(messages: usize) -> String {
    format!(
        "[Left out of this copy of the conversation: {messages} earlier messages, which would not fit into the model's context]"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(tokens: u64, counted: Option<u64>) -> [Weight; 2] {
        let half = tokens / 2;
        [
            Weight { tokens: half, begins_turn: true, counted: None },
            Weight { tokens: half, begins_turn: false, counted },
        ]
    }

    #[test]
    fn the_models_own_count_goes_before_the_estimate() {
        let shown = [turn(100, Some(5000)), turn(40, None)].concat();
        assert_eq!(fit(&shown, 0, 0, 6000), Fit::All { tokens: 5040 });
        assert_eq!(
            fit(&shown, 2, 30, 6000),
            Fit::All { tokens: 170 },
            "counted before the compaction"
        );
    }

    #[test]
    fn the_newest_turns_that_fit_stay_and_are_whole() {
        let shown = [turn(1000, None), turn(300, None), turn(300, None)].concat();
        assert_eq!(fit(&shown, 0, 50, 700), Fit::From { start: 2, tokens: 658 });
        assert_eq!(fit(&shown, 0, 50, 600), Fit::From { start: 4, tokens: 358 });
        assert_eq!(fit(&shown, 0, 50, 300), Fit::Nothing { tokens: 1650 });
    }

    #[test]
    fn what_the_model_counted_beyond_the_estimate_weighs_on_every_turn() {
        let shown = [turn(1000, Some(1000)), turn(1000, Some(4000))].concat();
        assert_eq!(fit(&shown, 0, 0, 2100), Fit::From { start: 2, tokens: 2016 });
        assert_eq!(fit(&shown, 0, 0, 1900), Fit::Nothing { tokens: 4000 });
    }

    #[test]
    fn text_thoughts_calls_and_pictures_count() {
        let tokens = |message: &str| Weight::of_message(message.as_bytes()).tokens - MESSAGE;
        assert_eq!(tokens(r#"{"role":"user","content":"12345678"}"#), 2);
        assert_eq!(
            tokens(r#"{"content":[{"type":"text","text":"1234"},{"type":"image","data":"AAAA"}]}"#),
            1601
        );
        assert_eq!(
            tokens(
                r#"{"content":[{"type":"thinking","thinking":"1234"},{"type":"toolCall","name":"exec","arguments":{"a":1}}]}"#
            ),
            4
        );
        assert_eq!(tokens(r#"{"content":"\ud800"}"#), 2, "as long as it is spelt");
        assert_eq!(tokens("{}"), 0);
        let answer = Weight::of_message(
            br#"{"role":"assistant","usage":{"input":5,"cacheRead":7,"output":1,"cost":{}}}"#,
        );
        assert_eq!(answer.counted, Some(13));
        assert!(Weight::of_message(br#"{"role":"user","content":[]}"#).begins_turn);
    }
}
