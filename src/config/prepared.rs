//! The configurations at hand before anything is applied, and what there is to say about them.

use super::outcome::{Change, Note, Outcome, Status};
use super::platform::cache::Cached;
use super::platform::config::{LeftOut, PlatformConfig};
use super::platform::refusal::Refusal;
use super::platform::source::Answer;
use super::platform::trust::Trust;
use crate::api::PlatformConfigAnswer;
use crate::error::chain;
use crate::level::Level;
use crate::text;

/// How many paths a note names at most, and how long a path may be in characters.
const NAMED: (usize, usize) = (20, 120);
/// How many left-out paths an outcome holds.
const MOST_LEFT_OUT: usize = 1000;
/// Characters of a note, and of a version in an outcome.
const LONGEST_NOTE: usize = 4000;
const LONGEST_VERSION: usize = 200;

/// The configurations at hand and what is known about them.
pub(super) struct Prepared {
    pub(super) cached: Option<PlatformConfig>,
    pub(super) fetched: Option<PlatformConfig>,
    pub(super) status: Status,
    notes: Vec<Note>,
}

impl Prepared {
    /// Nothing but what is wrong with the account's settings.
    pub(super) fn new(trust: &Trust) -> Self {
        let mut prepared =
            Self { cached: None, fetched: None, status: Status::Unchanged, notes: Vec::new() };
        for warning in trust.warnings() {
            prepared.note(Level::Warn, warning);
        }
        prepared
    }

    /// Takes the last known good configuration into account.
    pub(super) fn take_cached(&mut self, cached: Cached) {
        match cached {
            Cached::Nothing => {}
            Cached::Good(config) => self.cached = Some(*config),
            Cached::Refused(refusal) => self
                .note(Level::Warn, format!("The cached platform config is not used: {refusal}.")),
            Cached::SetAside(path) => self.note(
                Level::Warn,
                format!(
                    "The cached platform config was damaged. It is now called {}.",
                    path.display()
                ),
            ),
            Cached::Unreadable(error) => self.note(
                Level::Warn,
                format!("The cached platform config is not used: {}.", chain(&error)),
            ),
        }
    }

    pub(super) fn note(&mut self, level: Level, message: impl AsRef<str>) {
        // Paths and reasons may hold what the platform sent.
        let message = text::one_line(message.as_ref(), LONGEST_NOTE);
        self.notes.push(Note { level, message });
    }

    /// Takes the platform's answer into account.
    pub(super) fn judge(&mut self, answer: Answer, trust: &Trust) {
        match answer {
            Ok(PlatformConfigAnswer::Absent) if self.cached.is_some() => {
                self.status = Status::Cached;
                self.note(
                    Level::Info,
                    "Parall sends no configuration now. The last known good one stays.",
                );
            }
            Ok(PlatformConfigAnswer::Absent) => {
                self.status = Status::Absent;
                self.note(Level::Info, "Parall sends no configuration. Yours stays as it is.");
            }
            Ok(PlatformConfigAnswer::Unchanged) if self.cached.is_some() => {
                self.status = Status::Unchanged;
            }
            Ok(PlatformConfigAnswer::Unchanged) => {
                self.fail("the server says it has not changed, but no version was named");
            }
            Ok(PlatformConfigAnswer::Changed(text)) => match PlatformConfig::parse(&text, trust) {
                Ok(config) => {
                    self.status = Status::Updated;
                    self.fetched = Some(config);
                }
                Err(refusal) => self.refuse(&refusal),
            },
            Err(error) => self.fail(&chain(&*error)),
        }
    }

    fn fail(&mut self, reason: &str) {
        if self.cached.is_some() {
            self.status = Status::Cached;
            self.note(Level::Warn, format!("The platform config could not be fetched, the last known good one is used: {reason}."));
        } else {
            self.status = Status::Unavailable;
            self.note(
                Level::Error,
                format!("The platform config could not be fetched and none is known: {reason}."),
            );
        }
    }

    pub(super) fn refuse(&mut self, refusal: &Refusal) {
        self.fetched = None;
        self.status = Status::Refused;
        let rest = if self.cached.is_some() {
            "The last known good one stays."
        } else {
            "Nothing is changed."
        };
        self.note(Level::Error, format!("The platform config is refused: {refusal}. {rest}"));
    }

    /// The end: `config` is what the user's file now follows.
    pub(super) fn outcome(
        mut self,
        config: Option<PlatformConfig>,
        changes: Vec<Change>,
    ) -> Outcome {
        let (version, left_out) = config.map(|config| (config.version, config.left_out)).unzip();
        let LeftOut { not_allowed, unknown } = left_out.unwrap_or_default();
        let (count, width) = NAMED;
        if !not_allowed.is_empty() {
            let paths = text::list(&not_allowed, count, width);
            self.note(
                Level::Warn,
                format!("Left out, because Parall may not decide it on this host: {paths}."),
            );
        }
        if !unknown.is_empty() {
            let paths = text::list(&unknown, count, width);
            self.note(
                Level::Info,
                format!("Left out, because not every OpenClaw knows it: {paths}."),
            );
        }
        let left_out = not_allowed.iter().chain(&unknown).take(MOST_LEFT_OUT);
        let left_out = left_out.map(|path| text::one_line(path, width)).collect();
        let version = version.map(|version| text::one_line(&version, LONGEST_VERSION));
        Outcome {
            status: self.status,
            version,
            written: false,
            changes,
            left_out,
            notes: self.notes,
        }
    }
}
