//! A key that the server refuses: a single refusal proves nothing, so it is confirmed before the account is blocked.

use std::time::Duration;

use tokio::time::Instant;

use super::context::{Context, Stopped};
use super::host::Level;
use super::persist::SERVER;
use crate::api::retry::{Failure, retry_noting};
use crate::api::{self, Class};
use crate::error::chain;
use crate::orchestrator::status::problems::About;

/// How long to wait before asking again whether the key is valid; somebody has to change something first.
const REFUSED_PAUSE: Duration = Duration::from_secs(5 * 60);

/// Why nobody knows yet that the key is valid. It is asked until somebody does.
struct Unconfirmed(api::Error);

impl Unconfirmed {
    fn is_refused(&self) -> bool {
        matches!(self.0.class(), Class::Unauthorized | Class::Forbidden)
    }
}

impl Failure for Unconfirmed {
    fn class(&self) -> Class {
        Class::Transient
    }

    fn retry_after(&self) -> Option<Duration> {
        if self.is_refused() { Some(REFUSED_PAUSE) } else { self.0.retry_after() }
    }
}

impl Context {
    /// The server refused the key of a call that began at `since`. Comes back as soon as the server knows the key, which may
    /// be at once. As long as it does not, the account is blocked and says why; the server is asked again every few minutes, and
    /// only by one caller.
    pub(crate) async fn confirm_key(
        &self,
        since: Instant,
        error: &api::Error,
    ) -> Result<(), Stopped> {
        let waiting = async {
            let mut confirmed_at = self.key_confirmed_at.lock().await;
            if confirmed_at.is_none_or(|at| at < since) {
                self.wait_for_key(error).await?;
                *confirmed_at = Some(Instant::now());
            }
            Ok(())
        };
        self.work.run_until_cancelled(waiting).await.unwrap_or(Err(Stopped))
    }

    /// Whether somebody asks whether the key is valid.
    pub(crate) fn is_confirming_key(&self) -> bool {
        self.key_confirmed_at.try_lock().is_err()
    }

    async fn wait_for_key(&self, error: &api::Error) -> Result<(), Stopped> {
        let mut trouble = self.status.trouble();
        let mut is_blocked = false;
        let note = |unconfirmed: &Unconfirmed, pause| {
            if !unconfirmed.is_refused() {
                let text = format!("asking whether the key is valid: {}", chain(&unconfirmed.0));
                self.note_failure(&mut trouble, Level::Warn, text, false, pause);
            } else if !std::mem::replace(&mut is_blocked, true) {
                let reason = format!("{}; renew api_key in channels.parall", chain(error));
                self.log(Level::Error, format!("account blocked: {reason}"));
                self.status.raise(About::Key, reason, true);
            }
        };
        let ask = || async { self.server.agent().await.map_err(Unconfirmed) };
        retry_noting(SERVER, &self.work, note, ask).await.map_err(|_| Stopped)?;
        if is_blocked {
            self.log(Level::Info, "the server knows the key again");
            self.status.solve(About::Key);
        }
        Ok(())
    }
}
