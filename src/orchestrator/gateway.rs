//! One running account: the handle that the host holds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Error;
use super::host::{Host, Level, ReplyPart};
use super::intake::Intake;
use super::lane::Lane;
use super::seen::Seen;
use super::server::Server;
use super::shared::{PersistError, Replies, Shared};
use super::target::Target;
use crate::api::{Agent, Client, ClientOptions};
use crate::error::chain;

/// How long everything may take to end; the host expects three seconds at most.
const STOP_LIMIT: Duration = Duration::from_millis(2_500);
/// How long to wait before asking again what the server refused; somebody has to change something first.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// How many socket events may wait for the intake before the socket stops reading.
const SOCKET_EVENTS: usize = 256;

/// What an account needs to run.
#[derive(Debug)]
pub struct GatewayOptions {
    /// Server, key and organisation.
    pub client: ClientOptions,
    /// The account.
    pub account: AccountOptions,
}

/// What an account is, apart from its server.
#[derive(Debug, Clone)]
pub struct AccountOptions {
    /// Account id of the host.
    pub account_id: String,
    /// The host's agent that answers.
    pub agent_id: String,
    /// Which answers go out.
    pub replies: Replies,
}

/// A running account. Dropping the handle stops it without waiting.
pub struct Gateway {
    shared: Arc<Shared>,
    publisher: Mutex<Option<JoinHandle<()>>>,
}

impl Gateway {
    /// Starts an account. Must be called on a tokio runtime; everything else happens in tasks.
    pub fn start(options: GatewayOptions, host: Arc<dyn Host>) -> Result<Self, Error> {
        let client = Client::new(options.client).map_err(|error| Error::Setup(Box::new(error)))?;
        for warning in client.warnings() {
            host.log(Level::Warn, warning.clone());
        }
        Ok(Self::serve(Arc::new(client), options.account, host))
    }

    /// Starts an account on any server.
    pub fn serve(server: Arc<dyn Server>, options: AccountOptions, host: Arc<dyn Host>) -> Self {
        let shared =
            Arc::new(Shared::new(server, Arc::clone(&host), options.replies, Duration::MAX));
        shared.status.update(|status| status.running = true);
        let publisher =
            tokio::spawn(Arc::clone(&shared.status).publish(host, shared.shutdown.clone()));
        shared.tasks.spawn(serve(Arc::clone(&shared), options.account_id, options.agent_id));
        Self { shared, publisher: Mutex::new(Some(publisher)) }
    }

    /// Delivers a part of a turn's answer; comes back when it stands in the chat.
    pub async fn deliver(&self, turn_id: &str, part: ReplyPart) -> Result<(), Error> {
        let turn = self.shared.turns.by_id(turn_id);
        let turn = turn.ok_or_else(|| Error::UnknownTurn { turn_id: turn_id.to_owned() })?;
        self.shared.tasks.track_future(self.shared.outbox.deliver(&self.shared, &turn, part)).await
    }

    /// Sends text to a target and returns the id of the message or comment.
    pub async fn send_text(
        &self,
        to: &str,
        text: &str,
        thread: Option<&str>,
    ) -> Result<String, Error> {
        let target: Target = to.parse()?;
        self.shared
            .tasks
            .track_future(self.shared.outbox.send(&self.shared, &target, text, thread))
            .await
    }

    /// Ends every task, socket and timer of the account, within three seconds.
    pub async fn close(&self) {
        self.shared.work.cancel();
        self.shared.tasks.close();
        if tokio::time::timeout(STOP_LIMIT, self.shared.tasks.wait()).await.is_err() {
            self.shared
                .log(Level::Warn, "some requests were still on their way when the account stopped");
        }
        self.shared.shutdown.cancel();
        let publisher = self.publisher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(publisher) = publisher {
            // It only fails when it panicked, and then there is nothing left to wait for.
            let _ = publisher.await;
        }
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.shared.shutdown.cancel();
    }
}

async fn serve(shared: Arc<Shared>, account_id: String, agent_id: String) {
    let Some(agent) = introduce(&shared).await else { return };
    shared.log(
        Level::Info,
        format!("serving as {} ({})", agent.display_name.as_deref().unwrap_or("agent"), agent.id),
    );
    let session_key = format!("agent:{agent_id}:parall:{account_id}-{}", agent.id).to_lowercase();
    let seen = Arc::new(Seen::default());
    let (lane_events, lane_queue) = mpsc::unbounded_channel();
    let (socket_events, socket_queue) = mpsc::channel(SOCKET_EVENTS);
    let lane = Lane { shared: Arc::clone(&shared), seen: Arc::clone(&seen), session_key };
    let intake = Intake::new(Arc::clone(&shared), seen, agent, lane_events);
    shared.tasks.spawn(lane.run(lane_queue));
    shared.tasks.spawn(intake.run(socket_queue));
    shared.server.connect(None, socket_events, shared.work.clone()).await;
}

/// Asks who this agent is until the server says so; nothing can be told from the agent's own messages before.
async fn introduce(shared: &Shared) -> Option<Agent> {
    loop {
        let refused =
            match shared.persist("asking who this agent is", || shared.server.agent()).await {
                Ok(agent) => return Some(agent),
                Err(PersistError::Closed) => return None,
                Err(PersistError::Refused(error)) => error,
            };
        shared.status.update(|status| status.last_error = Some(chain(&refused)));
        shared.log(Level::Error, format!("cannot start: {}", chain(&refused)));
        tokio::select! {
            () = tokio::time::sleep(REFUSED_PAUSE) => {}
            () = shared.work.cancelled() => return None,
        }
    }
}
