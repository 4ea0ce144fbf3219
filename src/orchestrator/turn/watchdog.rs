//! The time limit of turns: one that runs for too long is called off.

use std::future::Future;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::host::{Level, TurnOutcome};

/// How long a turn may run unless an account says otherwise, in minutes.
pub const DEFAULT_TURN_MINUTES: u32 = 60;
/// How long a host may take to end a turn that was called off before the status says that it does not.
const CALL_OFF_LIMIT: Duration = Duration::from_secs(30);
/// How often the status tells anew how old such a turn is.
const AGE_INTERVAL: Duration = Duration::from_secs(60);

/// How a watched run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Watched {
    /// By itself, or called off by somebody else.
    Ended(TurnOutcome),
    /// It ran for too long and was called off. The text says so.
    CalledOff(String),
}

/// A run and what is needed to watch it.
pub(crate) struct Watch<'run> {
    /// The account.
    pub context: &'run Context,
    /// Id of the turn.
    pub turn_id: &'run str,
    /// The session it runs in.
    pub session_key: &'run str,
    /// Its event, for the operator.
    pub event_key: &'run str,
    /// How long it may take; for ever without a limit.
    pub limit: Option<Duration>,
}

impl Watch<'_> {
    /// Waits for the end of a run. One that takes too long is called off, and has ended when this comes back: a session never
    /// has two turns. As long as the host does not end it, the status says so.
    pub(crate) async fn over(
        &self,
        run: impl Future<Output = TurnOutcome>,
    ) -> Result<Watched, Stopped> {
        let Self { context, turn_id, session_key, event_key, limit } = self;
        let started = Instant::now();
        let mut run = std::pin::pin!(run);
        tokio::select! {
            biased;
            outcome = &mut run => return Ok(Watched::Ended(outcome)),
            () = context.work.cancelled() => return Err(Stopped),
            () = expire(*limit) => {}
        }
        let minutes = limit.unwrap_or_default().as_secs() / 60;
        let text = format!("the turn ran for more than {minutes} minutes and was called off");
        context.log(Level::Warn, format!("{event_key}: {text} ({turn_id} in {session_key})"));
        context.host.call_off((*turn_id).to_owned());
        let mut trouble = context.status.trouble();
        let mut pause = CALL_OFF_LIMIT;
        loop {
            tokio::select! {
                biased;
                _ = &mut run => return Ok(Watched::CalledOff(text)),
                () = context.work.cancelled() => return Err(Stopped),
                () = sleep(pause) => {}
            }
            pause = AGE_INTERVAL;
            let age = started.elapsed().as_secs() / 60;
            let text = format!(
                "turn {turn_id} on {event_key} was called off and does not end; it is {age} minutes old and holds {session_key} until the gateway is restarted"
            );
            trouble.failed(text, false);
        }
    }
}

/// Waits for the limit, for ever without one.
async fn expire(limit: Option<Duration>) {
    match limit {
        Some(limit) => sleep(limit).await,
        None => std::future::pending().await,
    }
}
