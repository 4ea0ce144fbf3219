//! A running socket loop and what it tells.

use parall::api::socket::{self, SocketEvent};
use parall::api::{Client, Frame};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::soon;

/// A socket loop in the background; stops when dropped.
pub(crate) struct Running {
    events: mpsc::Receiver<SocketEvent>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(client: Client, cursor: Option<u64>) -> Self {
        Self::start_with(client, cursor, 64)
    }

    pub(crate) fn start_with(client: Client, cursor: Option<u64>, queue: usize) -> Self {
        let (sender, events) = mpsc::channel(queue);
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(socket::run(client, cursor, sender, shutdown.clone()));
        Self { events, shutdown, task }
    }

    /// The next event; `None` when the loop has ended.
    pub(crate) async fn next(&mut self) -> Option<SocketEvent> {
        soon(self.events.recv()).await
    }

    /// The first event that gives something.
    pub(crate) async fn find<T>(&mut self, pick: impl Fn(SocketEvent) -> Option<T>) -> T {
        loop {
            let event = self.next().await.expect("the loop goes on");
            if let Some(found) = pick(event) {
                return found;
            }
        }
    }

    pub(crate) async fn connected(&mut self) {
        self.find(|event| matches!(event, SocketEvent::Connected).then_some(())).await;
    }

    /// The next frame of this kind.
    pub(crate) async fn frame(&mut self, kind: &str) -> Frame {
        self.find(|event| match event {
            SocketEvent::Frame(frame) if frame.kind == kind => Some(frame),
            _ => None,
        })
        .await
    }

    /// Why the connection went.
    pub(crate) async fn disconnected(&mut self) -> String {
        self.find(|event| match event {
            SocketEvent::Disconnected { error, .. } => Some(error),
            _ => None,
        })
        .await
    }

    pub(crate) fn cancel(&self) {
        self.shutdown.cancel();
    }

    /// Stops listening, as when the account's task is gone.
    pub(crate) fn stop_listening(&mut self) {
        self.events.close();
        while self.events.try_recv().is_ok() {}
    }

    /// Waits for the end of the loop.
    pub(crate) async fn ended(mut self) {
        let task = std::mem::replace(&mut self.task, tokio::spawn(async {}));
        soon(task).await.unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}
