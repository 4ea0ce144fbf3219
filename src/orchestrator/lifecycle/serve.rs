//! The tasks of a running account: what is set up in which order.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join5;
use tokio::sync::mpsc;

use super::monitor;
use super::open_journal::open_journal;
use super::options::AccountOptions;
use super::recovery::{self, Left, LeftRun};
use super::takeover;
use crate::api::Agent;
use crate::api::retry::{Mendable, Policy, retry_noting};
use crate::error::chain;
use crate::orchestrator::access::gate::AccessGate;
use crate::orchestrator::context::{Context, Stopped};
use crate::orchestrator::delivery::completion::Completion;
use crate::orchestrator::delivery::outbox::{Outbox, Replies};
use crate::orchestrator::host::Level;
use crate::orchestrator::in_flight::InFlight;
use crate::orchestrator::intake::admission::Admission;
use crate::orchestrator::intake::events::Intake;
use crate::orchestrator::intake::handover::{CutOff, Handover};
use crate::orchestrator::intake::loading::attachments;
use crate::orchestrator::intake::loading::claims::{CLAIMED_AT_ONCE, Claims};
use crate::orchestrator::intake::loading::loader::Loader;
use crate::orchestrator::intake::loading::senders::Senders;
use crate::orchestrator::intake::loading::sources::Sources;
use crate::orchestrator::intake::missed::catch_up::CatchUp;
use crate::orchestrator::intake::missed::history::History;
use crate::orchestrator::intake::references::Reference;
use crate::orchestrator::lanes::forks::Forks;
use crate::orchestrator::lanes::runner::Runner;
use crate::orchestrator::lanes::scheduler::Lanes;
use crate::orchestrator::loops::guard::LoopGuard;
use crate::orchestrator::media::fetcher::Fetcher;
use crate::orchestrator::persist::PersistError;
use crate::orchestrator::platform::{self, Platform};
use crate::orchestrator::turn::registry::OpenTurns;

/// Asking again what the server refused; somebody has to change something first.
const REFUSED: Policy = Policy::steady(Duration::from_secs(60));
/// How many socket events may wait for the intake before the socket stops reading.
const SOCKET_EVENTS: usize = 32;

/// What the handle of an account and its tasks share.
pub(crate) struct Service {
    /// The account.
    pub context: Arc<Context>,
    /// Its id in the host.
    pub account_id: String,
    /// Turns whose replies are awaited.
    pub turns: Arc<OpenTurns>,
    /// The way to the chats.
    pub outbox: Arc<Outbox>,
    /// What agents may cause.
    pub loops: Arc<LoopGuard>,
    /// The platform configuration, where it is kept in line.
    pub platform: Option<Arc<Platform>>,
}

impl Service {
    /// The parts of an account that are there before anything is known of it.
    pub(crate) fn new(
        context: Arc<Context>,
        account_id: String,
        replies: Replies,
        loops: LoopGuard,
        platform: Option<Platform>,
    ) -> Self {
        let (turns, loops) = (Arc::<OpenTurns>::default(), Arc::new(loops));
        let outbox =
            Outbox::new(Arc::clone(&context), Arc::clone(&turns), Arc::clone(&loops), replies);
        let (outbox, platform) = (Arc::new(outbox), platform.map(Arc::new));
        Self { context, account_id, turns, outbox, loops, platform }
    }
}

/// Serves the account until it stops.
pub(crate) async fn serve(service: Arc<Service>, options: AccountOptions) {
    let context = &service.context;
    if context.journal.get().is_none() && open_journal(context, &options).await.is_err() {
        return;
    }
    // Before anything else: what the host says may be about what the last process left.
    let Ok(left) = recovery::read(context, &service.turns, &service.outbox).await else { return };
    let Some(agent) = introduce(context).await else { return };
    // Only this function sets it.
    let _ = context.agent_id.set(agent.id.clone());
    let name = agent.display_name.as_deref().unwrap_or("agent");
    context.log(Level::Info, format!("serving as {name} ({})", agent.id));
    // Without a result the account stops.
    let _ = work(&service, options, agent, left).await;
}

/// Sets the parts of the account to work and keeps the connection.
async fn work(
    service: &Service,
    options: AccountOptions,
    agent: Agent,
    mut left: Left,
) -> Result<(), Stopped> {
    let Service { context, turns, outbox, loops, platform, .. } = service;
    let journal = context.journal()?;
    let session = format!("agent:{}:parall:{}-{}", options.agent_id, options.account_id, agent.id)
        .to_lowercase();
    loops.restore(context).await?;
    let cursor = context.record("reading the event cursor", || journal.cursor()).await?;

    let in_flight = Arc::new(InFlight::new(options.max_waiting));
    let history = Arc::new(History::load(context).await?);
    let catch_up = CatchUp {
        context: Arc::clone(context),
        agent: agent.clone(),
        history: Arc::clone(&history),
    };
    let senders = Arc::new(Senders::new(Arc::clone(context)));
    let access = AccessGate::new(
        Arc::clone(context),
        options.access.clone(),
        Arc::clone(outbox),
        options.replies,
    );
    let admission = Arc::new(Admission {
        agent,
        access: access.await?,
        loops: Arc::clone(loops),
        senders: Arc::clone(&senders),
    });
    let completion =
        Completion::new(Arc::clone(context), Arc::clone(&in_flight), Arc::clone(turns));
    let runner = Runner {
        context: Arc::clone(context),
        outbox: Arc::clone(outbox),
        turns: Arc::clone(turns),
        completion: Arc::clone(&completion),
        turn_limit: options.turn_limit(),
    };
    let lanes =
        Lanes::new(runner, Forks(Arc::clone(context)), session.clone(), options.lane_limits());
    let runs = std::mem::take(&mut left.runs);
    let running: Vec<String> = runs.iter().map(|run| run.turn.session_key.clone()).collect();
    let followed = runs.iter().filter(|run| run.event_key.is_some()).count();
    let (references, queue) = mpsc::unbounded_channel();
    let cut_off = recovery::resume(&completion, outbox, &session, &references, left, followed);
    let goes_on = |run: &LeftRun| run.event_key.is_some() && run.turn.session_key == session;
    let is_main_held = runs.iter().any(goes_on);
    // The end of a run whose event is over must not free main for a turn beside one that continues.
    for run in runs
        .into_iter()
        .filter(|run| goes_on(run) || !is_main_held || run.turn.session_key != session)
    {
        takeover::hold(context, turns, &lanes, &session, options.turn_limit(), run);
    }
    context.spawn(prepare(
        Arc::clone(context),
        platform.clone(),
        Arc::clone(&lanes),
        session,
        running,
    ));

    let sources = Arc::new(Sources::new(Arc::clone(context)));
    let claims = Claims {
        context: Arc::clone(context),
        in_flight: Arc::clone(&in_flight),
        completion: Arc::clone(&completion),
        admission: Arc::clone(&admission),
        history: Arc::clone(&history),
        sources: Arc::clone(&sources),
    };
    let loader = Loader {
        context: Arc::clone(context),
        in_flight,
        completion: Arc::clone(&completion),
        history,
        sources,
        senders,
    };
    let intake =
        Intake::new(catch_up, Arc::clone(&completion), platform.clone(), references.clone())
            .await?;
    let (socket_events, socket_queue) = mpsc::channel(SOCKET_EVENTS);
    context.spawn(Arc::clone(&lanes).run_main());
    let fetcher = Arc::new(Fetcher::new(Arc::clone(context), options.media));
    context.spawn(sweep(Arc::clone(context), Arc::clone(&fetcher)));
    context.spawn(load(
        claims,
        loader,
        fetcher,
        queue,
        Handover { admission, completion: Arc::clone(&completion), lanes },
        cut_off,
    ));
    context.spawn(monitor::watch(completion, references));
    context.spawn(intake.run(socket_queue));
    if let Some(platform) = platform {
        context.spawn(platform::keep_fresh(Arc::clone(context), Arc::clone(platform)));
    }
    context.server.connect(cursor, socket_events, context.work.clone()).await;
    Ok(())
}

/// What comes before the first turn: it is to run with the newest configuration, and in a fork of this start.
async fn prepare(
    context: Arc<Context>,
    platform: Option<Arc<Platform>>,
    lanes: Arc<Lanes>,
    session: String,
    running: Vec<String>,
) {
    platform::refresh(&context, platform.as_deref()).await;
    Forks(Arc::clone(&context)).sweep(&session, &running).await;
    lanes.open();
}

/// Claims, loads and hands over what is met, until the account stops.
async fn load(
    claims: Claims,
    loader: Loader,
    fetcher: Arc<Fetcher>,
    references: mpsc::UnboundedReceiver<Reference>,
    handover: Handover,
    cut_off: CutOff,
) {
    let work = loader.context.work.clone();
    let (claimed, queue) = mpsc::channel(CLAIMED_AT_ONCE);
    let (events, found) = mpsc::unbounded_channel();
    let (admitted, waiting) = mpsc::unbounded_channel();
    let (complete, ready) = mpsc::unbounded_channel();
    let all = join5(
        claims.run(references, claimed),
        loader.run(queue, events),
        handover.admit(cut_off, found, admitted),
        attachments::run(&fetcher, waiting, complete),
        handover.run(ready),
    );
    // Nothing of it ends before the account does.
    let _ = work.run_until_cancelled(Box::pin(all)).await;
}

/// Removes old files until the account stops.
async fn sweep(context: Arc<Context>, fetcher: Arc<Fetcher>) {
    let _ = context.work.run_until_cancelled(fetcher.keep_small()).await;
}

/// Asks who this agent is until the server says so; before that nothing can be distinguished from the agent's own messages.
async fn introduce(context: &Context) -> Option<Agent> {
    let mut trouble = context.status.trouble();
    let note = |Mendable(error): &Mendable<_>, pause| {
        let text = format!("cannot start: {}", chain(error));
        context.note_failure(&mut trouble, Level::Error, text, false, pause);
    };
    let ask = || async {
        let asked = context.persist("asking who this agent is", || context.server.agent()).await;
        match asked {
            Ok(agent) => Ok(Some(agent)),
            Err(PersistError::Closed) => Ok(None),
            Err(PersistError::Refused(error)) => Err(Mendable(error)),
        }
    };
    retry_noting(REFUSED, &context.work, note, ask).await.ok()?
}
