//! One running account: the handle that the host holds.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;

use super::monitor;
use super::platform::{self, HostFiles, Platform};
use super::recovery::recover;
use crate::api::{Agent, Client, ClientOptions};
use crate::error::chain;
use crate::journal::{self, Condition, Holder, Journal, Lease, Opened, system_clock};
use crate::orchestrator::context::{Context, PersistError, Replies, Stopped};
use crate::orchestrator::error::Error;
use crate::orchestrator::host::{Host, Level, ReplyPart};
use crate::orchestrator::in_flight::InFlight;
use crate::orchestrator::intake::admission::{Gate, LOOP_BUDGET_NOTE};
use crate::orchestrator::intake::catch_up::CatchUp;
use crate::orchestrator::intake::events::Intake;
use crate::orchestrator::intake::history::History;
use crate::orchestrator::intake::loader::{CALLS_AT_ONCE, Chats, Loader};
use crate::orchestrator::intake::loop_budget::{BudgetLimits, LoopBudget};
use crate::orchestrator::lanes::forks::Forks;
use crate::orchestrator::lanes::runner::Runner;
use crate::orchestrator::lanes::scheduler::Lanes;
use crate::orchestrator::server::Server;
use crate::orchestrator::status::trouble::Trouble;
use crate::orchestrator::target::Target;

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
    context: Mutex<Option<Arc<Context>>>,
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
        let mut context =
            Context::new(Arc::new(client.clone()), host, options.account.replies, Duration::MAX);
        context.platform = options
            .host_files
            .map(|files| Platform::new(client, api_key, files, context.gate.clone()));
        Ok(Self::launch(context, options.account))
    }

    /// Starts an account on any server.
    pub fn serve(server: Arc<dyn Server>, options: AccountOptions, host: Arc<dyn Host>) -> Self {
        let context = Context::new(server, host, options.replies, Duration::MAX);
        Self::launch(context, options)
    }

    /// Starts an account on any server with a journal that is open already; `options.state_folder` does not count then.
    pub fn serve_with(
        server: Arc<dyn Server>,
        journal: Journal,
        options: AccountOptions,
        host: Arc<dyn Host>,
    ) -> Self {
        let context = Context::new(server, host, options.replies, Duration::MAX);
        // Nobody else has it yet.
        let _ = context.journal.set(journal);
        Self::launch(context, options)
    }

    fn launch(context: Context, options: AccountOptions) -> Self {
        let context = Arc::new(context);
        context.status.update(|status| status.running = true);
        let (status, host) = (Arc::clone(&context.status), Arc::clone(&context.host));
        let publisher = tokio::spawn(status.publish(host, context.shutdown.clone()));
        context.spawn(serve(Arc::clone(&context), options));
        Self { context: Mutex::new(Some(context)), publisher: Mutex::new(Some(publisher)) }
    }

    fn context(&self) -> Result<Arc<Context>, Error> {
        let context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        context.clone().ok_or(Error::Closed)
    }

    /// The account, while it works.
    fn working(&self) -> Result<Arc<Context>, Error> {
        self.context().and_then(|context| {
            if context.work.is_cancelled() { Err(Error::Closed) } else { Ok(context) }
        })
    }

    /// Delivers a part of a turn's answer; comes back when it stands in the chat.
    pub async fn deliver(&self, turn_id: &str, part: ReplyPart) -> Result<(), Error> {
        let context = self.context()?;
        let turn = context.turns.by_id(turn_id);
        if context.work.is_cancelled() {
            if let Some(turn) = turn {
                turn.cut_off();
            }
            return Err(Error::Closed);
        }
        let turn = turn.ok_or_else(|| Error::UnknownTurn { turn_id: turn_id.to_owned() })?;
        context.tasks.track_future(context.outbox.deliver(&context, &turn, part)).await
    }

    /// Sends text to a target and returns the id of the message or comment.
    pub async fn send_text(
        &self,
        to: &str,
        text: &str,
        thread: Option<&str>,
    ) -> Result<String, Error> {
        let target: Target = to.parse()?;
        let context = self.working()?;
        let recovered = context.turns.wait_recovered(RECOVERY_LIMIT);
        context.work.run_until_cancelled(recovered).await.ok_or(Error::Closed)?;
        context.tasks.track_future(context.outbox.send(&context, &target, text, thread)).await
    }

    /// Waits for the end of the account: with the reason when it cannot go on and has to be started again, with nothing when it
    /// is closed. The future does not keep the account.
    pub fn ended(&self) -> impl Future<Output = Option<String>> + Send + use<> {
        let account =
            self.context().map(|context| (context.failure.subscribe(), context.shutdown.clone()));
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
        let Ok(context) = self.context() else { return };
        context.work.cancel();
        context.tasks.close();
        if tokio::time::timeout(STOP_LIMIT, context.tasks.wait()).await.is_err() {
            context
                .log(Level::Warn, "some requests were still on their way when the account stopped");
        }
        if let Some(journal) = context.journal.get() {
            journal.close().await;
        }
        context.shutdown.cancel();
        let publisher = self.publisher.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(publisher) = publisher {
            // It only fails when it panicked, and then there is nothing left to wait for.
            let _ = publisher.await;
        }
        self.context.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Ok(context) = self.context() {
            context.shutdown.cancel();
        }
    }
}

async fn serve(context: Arc<Context>, options: AccountOptions) {
    if context.journal.get().is_none() && open_journal(&context, &options).await.is_err() {
        return;
    }
    let Some(agent) = introduce(&context).await else { return };
    // Only this function sets it.
    let _ = context.agent_id.set(agent.id.clone());
    let name = agent.display_name.as_deref().unwrap_or("agent");
    context.log(Level::Info, format!("serving as {name} ({})", agent.id));
    // Without a result the account stops.
    let _ = work(context, options, agent).await;
}

/// Sets the parts of the account to work and keeps the connection.
async fn work(context: Arc<Context>, options: AccountOptions, agent: Agent) -> Result<(), Stopped> {
    let journal = context.journal()?;
    let session = format!("agent:{}:parall:{}-{}", options.agent_id, options.account_id, agent.id)
        .to_lowercase();
    let saved =
        context.record("reading the loop budget", || journal.note(LOOP_BUDGET_NOTE)).await?;
    let limits = BudgetLimits { turns: options.agent_turns, ..BudgetLimits::default() };
    let cursor = context.record("reading the event cursor", || journal.cursor()).await?;

    let in_flight = Arc::new(InFlight::new(options.max_waiting));
    let history = Arc::new(History::load(&context).await?);
    let catch_up = CatchUp {
        context: Arc::clone(&context),
        agent: agent.clone(),
        history: Arc::clone(&history),
    };
    let gate = Gate::new(agent, LoopBudget::restore(saved.as_deref(), limits));
    let runner = Runner { context: Arc::clone(&context), in_flight: Arc::clone(&in_flight) };
    let forks = Forks(Arc::clone(&context));
    // Before the first turn, so that it runs with the newest configuration.
    platform::refresh(&context).await;
    forks.sweep(&session).await;
    let lanes = Lanes::new(runner, forks, session.clone(), options.max_forks);
    let (references, queue) = mpsc::unbounded_channel();
    recover(&context, &in_flight, &session, &references).await?;

    let loader = Loader {
        context: Arc::clone(&context),
        in_flight: Arc::clone(&in_flight),
        gate,
        history,
        chats: Chats::default(),
        calls: Semaphore::new(CALLS_AT_ONCE),
    };
    let intake = Intake::new(catch_up, Arc::clone(&in_flight), references.clone());
    let (socket_events, socket_queue) = mpsc::channel(SOCKET_EVENTS);
    context.spawn(Arc::clone(&lanes).run_main());
    context.spawn(loader.run(queue, lanes));
    context.spawn(monitor::watch(Arc::clone(&context), in_flight, references));
    context.spawn(intake.run(socket_queue));
    context.server.connect(cursor, socket_events, context.work.clone()).await;
    Ok(())
}

/// Opens the journal as soon as no other gateway serves the account. Without it the account can do nothing: the status says
/// so until it is there.
async fn open_journal(context: &Context, options: &AccountOptions) -> Result<(), Stopped> {
    let mut trouble = context.status.trouble();
    loop {
        let opened = tokio::select! {
            biased;
            opened = try_open_journal(context, options, &mut trouble) => opened,
            () = context.work.cancelled() => return Err(Stopped),
        };
        let text = match opened {
            Ok(journal) => {
                // Only this function sets it.
                let _ = context.journal.set(journal);
                return Ok(());
            }
            Err(error) => format!("cannot start: {}", chain(&error)),
        };
        context.pause(&mut trouble, Level::Error, text, true, OPEN_PAUSE).await?;
    }
}

async fn try_open_journal(
    context: &Context,
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
        context.log(Level::Warn, text.clone());
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
        context.log(Level::Error, text.clone());
        context.status.update(|status| status.journal_rebuilt = Some(text));
    }
    Ok(journal)
}

/// Asks who this agent is until the server says so; nothing can be told from the agent's own messages before.
async fn introduce(context: &Context) -> Option<Agent> {
    let mut trouble = context.status.trouble();
    loop {
        let refused =
            match context.persist("asking who this agent is", || context.server.agent()).await {
                Ok(agent) => return Some(agent),
                Err(PersistError::Closed) => return None,
                Err(PersistError::Refused(error)) => error,
            };
        let text = format!("cannot start: {}", chain(&refused));
        context.pause(&mut trouble, Level::Error, text, false, REFUSED_PAUSE).await.ok()?;
    }
}
