//! One running account: the handle that the host holds.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::Error;
use super::catch_up::CatchUp;
use super::forks::Forks;
use super::gate::{Gate, LOOP_BUDGET_NOTE};
use super::history::History;
use super::host::{Host, Level, ReplyPart};
use super::intake::Intake;
use super::lanes::Lanes;
use super::loader::{CALLS_AT_ONCE, Chats, Loader};
use super::loop_budget::{BudgetLimits, LoopBudget};
use super::monitor;
use super::platform::{self, HostFiles, Platform};
use super::recovery::recover;
use super::runner::Runner;
use super::seen::Seen;
use super::server::Server;
use super::shared::{PersistError, Replies, Shared, Stopped};
use super::target::Target;
use super::trouble::Trouble;
use crate::api::{Agent, Client, ClientOptions};
use crate::error::chain;
use crate::journal::{self, Condition, Holder, Journal, Lease, Opened, system_clock};

/// How long everything may take to end; the host expects three seconds at most.
const STOP_LIMIT: Duration = Duration::from_millis(2_500);
/// How long a text of the host waits until it is known which turns the last run left open.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait before asking again what the server refused; somebody has to change something first.
const REFUSED_PAUSE: Duration = Duration::from_secs(60);
/// How long to wait before trying again to open the journal.
const OPEN_PAUSE: Duration = Duration::from_secs(10);
/// How many socket events may wait for the intake before the socket stops reading.
const SOCKET_EVENTS: usize = 32;

/// What an account needs to run.
#[derive(Debug)]
pub struct GatewayOptions {
    /// Server, key and organisation.
    pub client: ClientOptions,
    /// The account.
    pub account: AccountOptions,
    /// The host's files that the platform configuration goes into; without them it is not looked at.
    pub host_files: Option<HostFiles>,
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
    /// How many events may wait here; the rest waits at the server.
    pub max_waiting: usize,
}

/// A running account. Dropping the handle stops it without waiting.
pub struct Gateway {
    /// Given up when the account is closed: it holds the host's functions, which may hold this handle in turn, and the
    /// connections to the server.
    shared: Mutex<Option<Arc<Shared>>>,
    publisher: Mutex<Option<JoinHandle<()>>>,
}

impl Gateway {
    /// Starts an account. Must be called on a tokio runtime; everything else happens in tasks.
    pub fn start(options: GatewayOptions, host: Arc<dyn Host>) -> Result<Self, Error> {
        let api_key = options.client.api_key.clone();
        let client = Client::new(options.client).map_err(|error| Error::Setup(Box::new(error)))?;
        for warning in client.warnings() {
            host.log(Level::Warn, warning.clone());
        }
        let mut shared =
            Shared::new(Arc::new(client.clone()), host, options.account.replies, Duration::MAX);
        shared.platform = options
            .host_files
            .map(|files| Platform::new(client, api_key, files, shared.gate.clone()));
        Ok(Self::launch(shared, options.account))
    }

    /// Starts an account on any server.
    pub fn serve(server: Arc<dyn Server>, options: AccountOptions, host: Arc<dyn Host>) -> Self {
        let shared = Shared::new(server, host, options.replies, Duration::MAX);
        Self::launch(shared, options)
    }

    /// Starts an account on any server with a journal that is open already; `options.state_folder` does not count then.
    pub fn serve_with(
        server: Arc<dyn Server>,
        journal: Journal,
        options: AccountOptions,
        host: Arc<dyn Host>,
    ) -> Self {
        let shared = Shared::new(server, host, options.replies, Duration::MAX);
        // Nobody else has it yet.
        let _ = shared.journal.set(journal);
        Self::launch(shared, options)
    }

    fn launch(shared: Shared, options: AccountOptions) -> Self {
        let shared = Arc::new(shared);
        shared.status.update(|status| status.running = true);
        let (status, host) = (Arc::clone(&shared.status), Arc::clone(&shared.host));
        let publisher = tokio::spawn(status.publish(host, shared.shutdown.clone()));
        shared.spawn(serve(Arc::clone(&shared), options));
        Self { shared: Mutex::new(Some(shared)), publisher: Mutex::new(Some(publisher)) }
    }

    fn shared(&self) -> Result<Arc<Shared>, Error> {
        let shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.clone().ok_or(Error::Closed)
    }

    /// The account, while it works.
    fn working(&self) -> Result<Arc<Shared>, Error> {
        self.shared().and_then(|shared| {
            if shared.work.is_cancelled() { Err(Error::Closed) } else { Ok(shared) }
        })
    }

    /// Delivers a part of a turn's answer; comes back when it stands in the chat.
    pub async fn deliver(&self, turn_id: &str, part: ReplyPart) -> Result<(), Error> {
        let shared = self.shared()?;
        let turn = shared.turns.by_id(turn_id);
        if shared.work.is_cancelled() {
            if let Some(turn) = turn {
                turn.cut_off();
            }
            return Err(Error::Closed);
        }
        let turn = turn.ok_or_else(|| Error::UnknownTurn { turn_id: turn_id.to_owned() })?;
        shared.tasks.track_future(shared.outbox.deliver(&shared, &turn, part)).await
    }

    /// Sends text to a target and returns the id of the message or comment.
    pub async fn send_text(
        &self,
        to: &str,
        text: &str,
        thread: Option<&str>,
    ) -> Result<String, Error> {
        let target: Target = to.parse()?;
        let shared = self.working()?;
        let recovered = shared.turns.wait_recovered(RECOVERY_LIMIT);
        shared.work.run_until_cancelled(recovered).await.ok_or(Error::Closed)?;
        shared.tasks.track_future(shared.outbox.send(&shared, &target, text, thread)).await
    }

    /// Waits for the end of the account: with the reason when it cannot go on and has to be started again, with nothing when it
    /// is closed. The future does not keep the account.
    pub fn ended(&self) -> impl Future<Output = Option<String>> + Send + use<> {
        let account =
            self.shared().map(|shared| (shared.failure.subscribe(), shared.shutdown.clone()));
        async move {
            let (mut failure, shutdown) = account.ok()?;
            tokio::select! {
                biased;
                failed = failure.wait_for(Option::is_some) => failed.ok().and_then(|reason| reason.clone()),
                () = shutdown.cancelled() => None,
            }
        }
    }

    /// Ends every task, socket and timer of the account, within three seconds.
    pub async fn close(&self) {
        let Ok(shared) = self.shared() else { return };
        shared.work.cancel();
        shared.tasks.close();
        if tokio::time::timeout(STOP_LIMIT, shared.tasks.wait()).await.is_err() {
            shared
                .log(Level::Warn, "some requests were still on their way when the account stopped");
        }
        if let Some(journal) = shared.journal.get() {
            journal.close().await;
        }
        shared.shutdown.cancel();
        let publisher = self.publisher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(publisher) = publisher {
            // It only fails when it panicked, and then there is nothing left to wait for.
            let _ = publisher.await;
        }
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Ok(shared) = self.shared() {
            shared.shutdown.cancel();
        }
    }
}

async fn serve(shared: Arc<Shared>, options: AccountOptions) {
    if shared.journal.get().is_none() && open_journal(&shared, &options).await.is_err() {
        return;
    }
    let Some(agent) = introduce(&shared).await else { return };
    // Only this function sets it.
    let _ = shared.agent_id.set(agent.id.clone());
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

    let seen = Arc::new(Seen::new(options.max_waiting));
    let history = Arc::new(History::load(&shared).await?);
    let catch_up = CatchUp {
        shared: Arc::clone(&shared),
        agent: agent.clone(),
        history: Arc::clone(&history),
    };
    let gate = Gate::new(agent, LoopBudget::restore(saved.as_deref(), limits));
    let runner = Runner { shared: Arc::clone(&shared), seen: Arc::clone(&seen) };
    let forks = Forks(Arc::clone(&shared));
    // Before the first turn, so that it runs with the newest configuration.
    platform::refresh(&shared).await;
    forks.sweep(&session).await;
    let lanes = Lanes::new(runner, forks, session.clone(), options.max_forks);
    let (references, queue) = mpsc::unbounded_channel();
    recover(&shared, &seen, &session, &references).await?;

    let loader = Loader {
        shared: Arc::clone(&shared),
        seen: Arc::clone(&seen),
        gate,
        history,
        chats: Chats::default(),
        calls: Semaphore::new(CALLS_AT_ONCE),
    };
    let intake = Intake::new(catch_up, Arc::clone(&seen), references.clone());
    let (socket_events, socket_queue) = mpsc::channel(SOCKET_EVENTS);
    shared.spawn(Arc::clone(&lanes).run_main());
    shared.spawn(loader.run(queue, lanes));
    shared.spawn(monitor::watch(Arc::clone(&shared), seen, references));
    shared.spawn(intake.run(socket_queue));
    shared.server.connect(cursor, socket_events, shared.work.clone()).await;
    Ok(())
}

/// Opens the journal as soon as no other gateway serves the account. Without it the account can do nothing: the status says
/// so until it is there.
async fn open_journal(shared: &Shared, options: &AccountOptions) -> Result<(), Stopped> {
    let mut trouble = shared.status.trouble();
    loop {
        let opened = tokio::select! {
            biased;
            opened = try_open_journal(shared, options, &mut trouble) => opened,
            () = shared.work.cancelled() => return Err(Stopped),
        };
        let text = match opened {
            Ok(journal) => {
                // Only this function sets it.
                let _ = shared.journal.set(journal);
                return Ok(());
            }
            Err(error) => format!("cannot start: {}", chain(&error)),
        };
        shared.pause(&mut trouble, Level::Error, text, true, OPEN_PAUSE).await?;
    }
}

async fn try_open_journal(
    shared: &Shared,
    options: &AccountOptions,
    trouble: &mut Trouble<'_>,
) -> Result<Journal, journal::Error> {
    let Some(folder) = &options.state_folder else { return Journal::in_memory(system_clock()) };
    let held = |holder: Option<&Holder>| {
        let who = holder.map_or_else(
            || "another process".to_owned(),
            |holder| format!("process {} on {}", holder.pid, holder.host),
        );
        let text = format!("waiting: {who} serves this account already");
        shared.log(Level::Warn, text.clone());
        trouble.failed(text, false);
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
    let mut trouble = shared.status.trouble();
    loop {
        let refused =
            match shared.persist("asking who this agent is", || shared.server.agent()).await {
                Ok(agent) => return Some(agent),
                Err(PersistError::Closed) => return None,
                Err(PersistError::Refused(error)) => error,
            };
        let text = format!("cannot start: {}", chain(&refused));
        shared.pause(&mut trouble, Level::Error, text, false, REFUSED_PAUSE).await.ok()?;
    }
}
