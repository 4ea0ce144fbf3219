//! The simulated connection: it breaks, comes back, replays, doubles and reorders.

use std::sync::Arc;
use std::time::Duration;

use parall::api::Frame;
use parall::api::socket::SocketEvent;
use serde_json::value::RawValue;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::parall_state::{knows_history, queue_frame};
use super::plan::Plan;
use super::world::{State, World};

/// Keeps a connection until the shutdown.
pub(crate) async fn connect(
    world: Arc<World>,
    mut cursor: Option<u64>,
    events: mpsc::Sender<SocketEvent>,
    shutdown: CancellationToken,
) {
    let connection = async {
        let mut attempt = 1;
        loop {
            events.send(SocketEvent::Connecting { attempt }).await.ok()?;
            world.dawdle(world.plan.faults.call_delay).await;
            let refused = {
                let now = world.now();
                let mut state = world.state();
                now < state.parall.away_until || state.happens(world.plan.faults.call_fails)
            };
            if !refused {
                attempt = 1;
                stream(&world, &mut cursor, &events).await?;
            }
            attempt += 1;
            let retry_in = {
                let mut state = world.state();
                Duration::from_millis(if state.calm { 100 } else { state.dice.u64(1..5_000) })
            };
            let error = "the simulated connection broke".to_owned();
            events.send(SocketEvent::Disconnected { error, attempt, retry_in }).await.ok()?;
            tokio::time::sleep(retry_in).await;
        }
    };
    let _: Option<Option<()>> = tokio::select! {
        biased;
        () = shutdown.cancelled() => None,
        ended = connection => Some(ended),
    };
    set_connected(&world, false);
}

/// One connection from hello to its end.
async fn stream(
    world: &World,
    cursor: &mut Option<u64>,
    events: &mpsc::Sender<SocketEvent>,
) -> Option<()> {
    let ends_at = {
        let now = world.now();
        let mut state = world.state();
        let mean = i64::try_from(world.plan.faults.connection).unwrap() * 2_000;
        let ends_at = (mean > 0 && !state.calm).then(|| now + state.dice.i64(1..mean));
        state.parall.outgoing.clear();
        // An inbox server forgets the frames of the past or replays them, as it likes.
        let replays = world.plan.announces || state.dice.bool();
        if replays && (cursor.is_some() || world.plan.announces) {
            let first = usize::try_from(cursor.unwrap_or_default()).unwrap();
            let last = replayed(&mut state, &world.plan);
            for position in first..last {
                queue_frame(&mut state, position, now, &world.plan);
            }
        }
        ends_at
    };
    set_connected(world, true);
    events.send(SocketEvent::Connected).await.ok()?;
    loop {
        let now = world.now();
        let next = {
            let mut state = world.state();
            if ends_at.is_some_and(|at| now >= at && !state.calm) || now < state.parall.away_until {
                drop(state);
                set_connected(world, false);
                return Some(());
            }
            let outgoing = &mut state.parall.outgoing;
            let next = (0..outgoing.len()).min_by_key(|index| (outgoing[*index].0, *index));
            match next {
                Some(index) if outgoing[index].0 <= now => Ok(outgoing.remove(index).1),
                Some(index) => Err(Some(outgoing[index].0)),
                None => Err(None),
            }
        };
        match next {
            Ok(position) => {
                let frame = frame(world, position);
                *cursor = (*cursor).max(frame.seq);
                events.send(SocketEvent::Frame(frame)).await.ok()?;
            }
            Err(due) => {
                let until = [due, ends_at].into_iter().flatten().filter(|at| *at > now).min();
                let pause = until.map_or(Duration::from_secs(3_600), |at| {
                    Duration::from_millis((at - now).cast_unsigned())
                });
                // A timeout is as good as a frame.
                let _ = tokio::time::timeout(pause, world.frames.notified()).await;
            }
        }
    }
}

/// Up to where frames of the past can be replayed.
fn replayed(state: &mut State, plan: &Plan) -> usize {
    let all = state.parall.frames.len();
    if plan.forgets && knows_history(state) {
        *state.parall.replayed.get_or_insert(all)
    } else {
        all
    }
}

fn frame(world: &World, position: usize) -> Frame {
    let state = world.state();
    let frame = &state.parall.frames[position];
    Frame {
        kind: frame.kind.to_owned(),
        seq: Some(position as u64 + 1),
        data: Some(RawValue::from_string(frame.data.clone()).unwrap()),
    }
}

fn set_connected(world: &World, connected: bool) {
    let now = world.now();
    {
        let mut state = world.state();
        if state.parall.connected != connected {
            state.parall.connected_changed = now;
        }
        state.parall.connected = connected;
    }
    world.trace(|| format!("connected: {connected}"));
}
