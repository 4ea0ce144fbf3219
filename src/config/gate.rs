//! Keeps writes of the user's configuration and agent turns apart.
//!
//! Hosts react to a changed configuration, and a turn that is under way should not notice. A waiting write never holds up a
//! turn; a turn that begins during a write waits for its few milliseconds.

use std::sync::Arc;

use tokio::sync::{Mutex, OwnedMutexGuard, watch};

/// The gate of one account. Clones are the same gate.
#[derive(Debug, Clone)]
pub struct Gate {
    turns: Arc<watch::Sender<usize>>,
    writing: Arc<Mutex<()>>,
}

/// A turn is under way until this is dropped.
#[derive(Debug)]
pub struct TurnGuard(Arc<watch::Sender<usize>>);

/// No turn begins until this is dropped.
#[derive(Debug)]
pub struct Idle(#[expect(dead_code, reason = "holding it is its purpose")] OwnedMutexGuard<()>);

impl Default for Gate {
    fn default() -> Self {
        Self { turns: Arc::new(watch::Sender::new(0)), writing: Arc::default() }
    }
}

impl Gate {
    /// Announces a turn; waits for a write that is under way.
    pub async fn turn(&self) -> TurnGuard {
        let _writing = self.writing.lock().await;
        self.turns.send_modify(|count| *count += 1);
        TurnGuard(Arc::clone(&self.turns))
    }

    /// Waits until no turn is under way, and keeps new ones from beginning.
    pub async fn idle(&self) -> Idle {
        let mut turns = self.turns.subscribe();
        loop {
            // The sender lives as long as this gate, so waiting cannot fail.
            let _ = turns.wait_for(|count| *count == 0).await;
            let writing = Arc::clone(&self.writing).lock_owned().await;
            if *self.turns.borrow() == 0 {
                return Idle(writing);
            }
        }
    }
}

impl Drop for TurnGuard {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test]
    async fn a_write_waits_for_turns_and_holds_none_up_while_it_waits() {
        let gate = Gate::default();
        let first = gate.turn().await;
        let mut idle = Box::pin(gate.idle());
        assert!(idle.as_mut().now_or_never().is_none());
        let second = gate.turn().now_or_never().expect("a turn begins at once");
        drop(first);
        assert!(idle.as_mut().now_or_never().is_none());
        drop(second);
        idle.await;
    }

    #[tokio::test]
    async fn a_turn_waits_for_a_write() {
        let gate = Gate::default();
        let idle = gate.idle().await;
        let mut turn = Box::pin(gate.turn());
        assert!(turn.as_mut().now_or_never().is_none());
        drop(idle);
        turn.await;
    }
}
