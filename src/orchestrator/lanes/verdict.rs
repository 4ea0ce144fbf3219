//! How an attempt at an event ends.

/// What became of one attempt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The answer, or what there is of it, is in the chat.
    Answered,
    /// The agent chose to say nothing.
    Silent,
    /// Try again.
    Again(String),
    /// The host neither ran the turn nor answered by itself. It may still do so: it must not take the next attempt for
    /// another message.
    NotRun,
    /// It was called off because the account had stopped. That does not count as an attempt.
    CalledOff,
    /// An operator ended it. Nothing that it was for is tried again.
    Ended,
    /// Trying again would not help.
    Hopeless(String),
}
