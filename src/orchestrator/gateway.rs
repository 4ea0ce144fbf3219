//! One running account: the handle that the host holds.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::Error;
use super::forks::Forks;
use super::gate::{Gate, LOOP_BUDGET_NOTE};
use super::host::{Host, Level, ReplyPart};
use super::intake::Intake;
use super::lanes::Lanes;
use super::loader::{Chats, Loader};
use super::loop_budget::{BudgetLimits, LoopBudget};
use super::monitor;
use super::recovery::recover;
use super::runner::Runner;
use super::seen::Seen;
use super::server::Server;
use super::shared::{PersistError, Replies, Shared, Stopped};
use super::target::Target;
use crate::api::{Agent, Client, ClientOptions};
use crate::error::chain;
use crate::journal::{self, Condition, Holder, Journal, Lease, Opened, system_clock};

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
    /// Folder for what must survive the process; without one it lives in memory.
    pub state_folder: Option<PathBuf>,
    /// Most forks at once; none with zero.
    pub max_forks: usize,
    /// How many turns agents may cause each other in an hour.
    pub agent_turns: usize,
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
        Self::begin(server, None, options, host)
    }

    /// Starts an account on any server with a journal that is open already; `options.state_folder` does not count then.
    pub fn serve_with(
        server: Arc<dyn Server>,
        journal: Journal,
        options: AccountOptions,
        host: Arc<dyn Host>,
    ) -> Self {
        Self::begin(server, Some(journal), options, host)
    }

    fn begin(
        server: Arc<dyn Server>,
        journal: Option<Journal>,
        options: AccountOptions,
        host: Arc<dyn Host>,
    ) -> Self {
        let shared = Shared::new(server, Arc::clone(&host), options.replies, Duration::MAX);
        if let Some(journal) = journal {
            // Nobody else has it yet.
            let _ = shared.journal.set(journal);
        }
        let shared = Arc::new(shared);
        shared.status.update(|status| status.running = true);
        let publisher =
            tokio::spawn(Arc::clone(&shared.status).publish(host, shared.shutdown.clone()));
        shared.tasks.spawn(serve(Arc::clone(&shared), options));
        Self { shared, publisher: Mutex::new(Some(publisher)) }
    }

    /// Delivers a part of a turn's answer; comes back when it stands in the chat.
    pub async fn deliver(&self, turn_id: &str, part: ReplyPart) -> Result<(), Error> {
        self.check_open()?;
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
        self.check_open()?;
        self.shared
            .tasks
            .track_future(self.shared.outbox.send(&self.shared, &target, text, thread))
            .await
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.shared.work.is_cancelled() { Err(Error::Closed) } else { Ok(()) }
    }

    /// Ends every task, socket and timer of the account, within three seconds.
    pub async fn close(&self) {
        self.shared.work.cancel();
        self.shared.tasks.close();
        if tokio::time::timeout(STOP_LIMIT, self.shared.tasks.wait()).await.is_err() {
            self.shared
                .log(Level::Warn, "some requests were still on their way when the account stopped");
        }
        if let Some(journal) = self.shared.journal.get() {
            journal.close().await;
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

async fn serve(shared: Arc<Shared>, options: AccountOptions) {
    if shared.journal.get().is_none() && open_journal(&shared, &options).await.is_err() {
        return;
    }
    let Some(agent) = introduce(&shared).await else { return };
    let name = agent.display_name.as_deref().unwrap_or("agent");
    shared.log(Level::Info, format!("serving as {name} ({})", agent.id));
    // Without a result the account stops.
    let _ = work(shared, options, agent).await;
}

/// Sets the parts of the account to work and keeps the connection.
async fn work(shared: Arc<Shared>, options: AccountOptions, agent: Agent) -> Result<(), Stopped> {
    let journal = shared.journal()?;
    let session = format!("agent:{}:parall:{}-{}", options.agent_id, options.account_id, agent.id)
        .to_lowercase();
    let saved = shared.record("reading the loop budget", || journal.note(LOOP_BUDGET_NOTE)).await?;
    let limits = BudgetLimits { turns: options.agent_turns, ..BudgetLimits::default() };
    let cursor = shared.record("reading the event cursor", || journal.cursor()).await?;

    let seen = Arc::new(Seen::default());
    let gate = Gate::new(agent, LoopBudget::restore(saved.as_deref(), limits));
    let runner = Runner { shared: Arc::clone(&shared), seen: Arc::clone(&seen) };
    let forks = Forks(Arc::clone(&shared));
    forks.sweep(&session).await;
    let lanes = Lanes::new(runner, forks, session.clone(), options.max_forks);
    let (references, queue) = mpsc::unbounded_channel();
    recover(&shared, &seen, &session, &references).await?;

    let loader = Loader {
        shared: Arc::clone(&shared),
        seen: Arc::clone(&seen),
        gate,
        chats: Chats::default(),
    };
    let intake = Intake::new(Arc::clone(&shared), Arc::clone(&seen), references.clone());
    let (socket_events, socket_queue) = mpsc::channel(SOCKET_EVENTS);
    shared.tasks.spawn(Arc::clone(&lanes).run_main());
    shared.tasks.spawn(loader.run(queue, lanes));
    shared.tasks.spawn(monitor::watch(Arc::clone(&shared), seen, references));
    shared.tasks.spawn(intake.run(socket_queue));
    shared.server.connect(cursor, socket_events, shared.work.clone()).await;
    Ok(())
}

/// Opens the journal as soon as no other gateway serves the account. What is wrong with it stands in the status.
async fn open_journal(shared: &Shared, options: &AccountOptions) -> Result<(), Stopped> {
    loop {
        let opened = tokio::select! {
            biased;
            opened = try_open_journal(shared, options) => opened,
            () = shared.work.cancelled() => return Err(Stopped),
        };
        let error = match opened {
            Ok(journal) => {
                shared.status.update(|status| status.last_error = None);
                // Only this function sets it.
                let _ = shared.journal.set(journal);
                return Ok(());
            }
            Err(error) => chain(&error),
        };
        shared.log(Level::Error, format!("cannot start: {error}"));
        shared.status.update(|status| status.last_error = Some(error));
        tokio::select! {
            biased;
            () = tokio::time::sleep(REFUSED_PAUSE) => {}
            () = shared.work.cancelled() => return Err(Stopped),
        }
    }
}

async fn try_open_journal(
    shared: &Shared,
    options: &AccountOptions,
) -> Result<Journal, journal::Error> {
    let Some(folder) = &options.state_folder else { return Journal::in_memory(system_clock()) };
    let held = |holder: Option<&Holder>| {
        let who = holder.map_or_else(
            || "another process".to_owned(),
            |holder| format!("process {} on {}", holder.pid, holder.host),
        );
        let text = format!("waiting: {who} serves this account already");
        shared.log(Level::Warn, text.clone());
        shared.status.update(|status| status.last_error = Some(text));
    };
    let lease = Lease::acquire(folder, &options.account_id, held).await?;
    // Opening only fails to return when the runtime ends.
    let opened = tokio::task::spawn_blocking(move || Journal::open(lease, system_clock()));
    let Opened { journal, condition } = opened.await.map_err(|_| journal::Error::Closed)??;
    if let Condition::Rebuilt { set_aside, cause } = condition {
        let text = format!(
            "the journal was damaged ({cause}) and is kept as {}; what the server still lists comes again",
            set_aside.display()
        );
        shared.log(Level::Error, text.clone());
        shared.status.update(|status| status.journal_rebuilt = Some(text));
    }
    Ok(journal)
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
            biased;
            () = tokio::time::sleep(REFUSED_PAUSE) => {}
            () = shared.work.cancelled() => return None,
        }
    }
}
