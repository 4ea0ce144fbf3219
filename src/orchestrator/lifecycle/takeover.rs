//! Runs that an earlier start of the account began in this process and that still continue, as after a hot reload.
//!
//! Their replies come to this start, and their events do not run again. Until such a run has ended, its session has no other
//! turn.

use std::sync::Arc;
use std::time::Duration;

use super::recovery::LeftRun;
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::host::Level;
use crate::orchestrator::lanes::scheduler::{Held, Lanes};
use crate::orchestrator::turn::registry::OpenTurns;
use crate::orchestrator::turn::watchdog::{Watch, Watched};

/// Follows a run to its end and keeps its lane until then.
pub(crate) fn hold(
    context: &Arc<Context>,
    turns: &Arc<OpenTurns>,
    lanes: &Arc<Lanes>,
    main: &str,
    limit: Option<Duration>,
    run: LeftRun,
) {
    let LeftRun { turn, event_key, fork, outcome } = run;
    let about = event_key.as_deref().unwrap_or("an event that is over");
    let text = format!("turn {} on {about} continues in {}", turn.id, turn.session_key);
    context.log(Level::Info, text);
    let (task, turns) = (Arc::clone(context), Arc::clone(turns));
    let (session_key, target) = (turn.session_key.clone(), turn.target.parse());
    let ended = async move {
        let _no_config_writes = task.gate.turn().await;
        let watch = Watch {
            context: &task,
            turn_id: &turn.id,
            session_key: &turn.session_key,
            event_key: event_key.as_deref().unwrap_or("an event that is over"),
            limit,
        };
        let mut watched = watch.over(task.host.follow_turn(turn.id.clone())).await?;
        // Before its lane gets to it: from now on the host may answer by itself.
        if let (Watched::Ended(outcome), Some(key)) = (&mut watched, &event_key) {
            outcome.started = turns.returned(key, outcome);
        }
        outcome.send_replace(Some(watched));
        Ok::<(), Stopped>(())
    };
    match (target, fork) {
        (Ok(target), _) if session_key == main => lanes.hold(Held::Main(target), ended),
        (Ok(target), Some(fork)) => lanes.hold(Held::Fork(fork, target), ended),
        // A session that this start does not use: there is only the outcome to wait for.
        (_, _) => context.spawn(async move {
            let _ = ended.await;
        }),
    }
}
