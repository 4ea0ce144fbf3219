//! Bringing the user's file in line, with as little change as possible and none when none is needed.

use std::env;
use std::fs::File;
use std::path::{Path, absolute};
use std::time::SystemTime;

use super::plan::{Blocked, Plan, plan};
use crate::config::Error;
use crate::config::outcome::Change;
use crate::config::platform::config::PlatformConfig;
#[cfg(feature = "testing")]
use crate::fs::Step;
use crate::fs::{self, ReplaceOptions};

/// Environment variables that make hosts treat their configuration as fixed.
const READ_ONLY_VARIABLES: [&str; 2] = ["OPENCLAW_NIX_MODE", "OPENCLAW_CONFIG_READONLY"];
/// How often an edit is made anew because another program wrote the file meanwhile.
const ATTEMPTS: usize = 5;

/// What is to be in line with what.
#[derive(Clone, Copy)]
pub(in crate::config) struct Target<'a> {
    /// The user's `openclaw.json`.
    pub(in crate::config) path: &'a Path,
    /// The account's API key.
    pub(in crate::config) key: &'a str,
    /// See [`ReplaceOptions::observer`].
    #[cfg(feature = "testing")]
    pub(in crate::config) observer: Option<&'a (dyn Fn(Step) + Send + Sync)>,
}

impl Target<'_> {
    /// What would change.
    pub(in crate::config) fn compare(
        &self,
        config: &PlatformConfig,
    ) -> Result<Vec<Change>, Blocked> {
        Ok(self.plan(config)?.changes)
    }

    /// Changes what has to change. Another program that writes at the same moment keeps its change: the edit is made anew.
    ///
    /// `remember` is called before the first write, once it is clear that the configuration itself is a good one.
    pub(in crate::config) fn apply(
        &self,
        config: &PlatformConfig,
        remember: &mut dyn FnMut(),
    ) -> Result<Vec<Change>, Blocked> {
        let mut attempt = 1;
        loop {
            let plan = self.plan(config);
            if attempt == 1 && !matches!(plan, Err(Blocked::Refused(_))) {
                remember();
            }
            let plan = plan?;
            match self.write(&plan) {
                Err(Error::File(fs::Error::Changed { .. })) if attempt < ATTEMPTS => attempt += 1,
                Err(error) => return Err(error.into()),
                Ok(()) => return Ok(plan.changes),
            }
        }
    }

    fn plan(&self, config: &PlatformConfig) -> Result<Plan, Blocked> {
        let path = absolute(self.path).unwrap_or_else(|_| self.path.into());
        plan(&path, config, self.key)
    }

    #[cfg_attr(
        not(feature = "testing"),
        expect(clippy::unused_self, reason = "only tests observe the steps")
    )]
    fn write(&self, plan: &Plan) -> Result<(), Error> {
        // All checks come before the first write.
        for file in &plan.files {
            check_writable(&file.path)?;
        }
        for file in &plan.files {
            if file.old.is_none() && file.path.exists() {
                return Err(fs::Error::Changed { path: file.path.clone() }.into());
            }
            let options = ReplaceOptions {
                secret: file.secret,
                expected: file.old.as_deref(),
                #[cfg(feature = "testing")]
                observer: self.observer.map(|observer| observer as &dyn Fn(Step)),
            };
            fs::replace(&file.path, &file.new, &options)?;
        }
        if !plan.files.is_empty() && plan.files.iter().all(|file| file.path != plan.main) {
            touch(&plan.main);
        }
        Ok(())
    }
}

/// Gives a file the present time. Some hosts watch the user's own file only and would not notice a change of an included one.
fn touch(path: &Path) {
    // Without rights for it the host notices the change at its next start.
    let _ = File::options()
        .append(true)
        .open(path)
        .and_then(|file| file.set_modified(SystemTime::now()));
}

/// Whether the file's owner lets programs change it.
fn check_writable(path: &Path) -> Result<(), Error> {
    if READ_ONLY_VARIABLES.iter().any(|name| env::var(name).is_ok_and(|value| value == "1")) {
        return Err(Error::ReadOnly {
            path: path.into(),
            reason: "this installation of OpenClaw is managed from elsewhere",
        });
    }
    let is_protected =
        std::fs::metadata(path).is_ok_and(|metadata| metadata.permissions().readonly());
    if is_protected {
        return Err(Error::ReadOnly { path: path.into(), reason: "it is write-protected" });
    }
    Ok(())
}
