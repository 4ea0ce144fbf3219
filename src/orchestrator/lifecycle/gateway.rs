//! One running account: the handle that the host holds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

use super::options::AccountOptions;
use super::serve::{Service, serve};
use crate::api::{Client, ClientOptions, NewMessage};
use crate::journal::Journal;
use crate::orchestrator::context::Context;
use crate::orchestrator::error::Error;
use crate::orchestrator::host::{Host, Level, Outgoing, ReplyPart};
use crate::orchestrator::loops::guard::LoopGuard;
use crate::orchestrator::platform::{HostFiles, Platform};
use crate::orchestrator::server::Server;
use crate::orchestrator::target::Target;
use crate::orchestrator::turn::registry::OpenTurns;

/// How long everything may take to end; the host expects three seconds at most.
const STOP_LIMIT: Duration = Duration::from_millis(2_500);
/// How long a text of the host waits until it is known which turns the last run left open.
const RECOVERY_LIMIT: Duration = Duration::from_secs(30);

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

/// A running account. Dropping the handle stops it without waiting.
pub struct Gateway {
    /// Given up when the account is closed: it holds the host's functions, which may hold this handle in turn, and the
    /// connections to the server.
    service: Mutex<Option<Arc<Service>>>,
    publisher: Mutex<Option<JoinHandle<()>>>,
}

impl Gateway {
    /// Starts an account. Must be called on a tokio runtime; everything else happens in tasks.
    pub fn start(options: GatewayOptions, host: Arc<dyn Host>) -> Result<Self, Error> {
        let api_key = options.client.api_key.clone();
        let client = Client::new(options.client).map_err(|error| Error::Setup(Box::new(error)))?;
        let (warned, log) = (client.clone(), Arc::clone(&host));
        // Reads certificate files.
        tokio::task::spawn_blocking(move || {
            warned.warnings().into_iter().for_each(|warning| log.log(Level::Warn, warning));
        });
        let context = Context::new(Arc::new(client.clone()), host, Duration::MAX);
        let platform = options
            .host_files
            .map(|files| Platform::new(client, api_key, files, context.gate.clone()));
        Ok(Self::launch(context, platform, options.account))
    }

    /// Starts an account on any server.
    pub fn serve(server: Arc<dyn Server>, options: AccountOptions, host: Arc<dyn Host>) -> Self {
        let context = Context::new(server, host, Duration::MAX);
        Self::launch(context, None, options)
    }

    /// Starts an account on any server with a journal that is open already; `options.state_folder` does not count then.
    pub fn serve_with(
        server: Arc<dyn Server>,
        journal: Journal,
        options: AccountOptions,
        host: Arc<dyn Host>,
    ) -> Self {
        let context = Context::new(server, host, Duration::MAX);
        // Nobody else has it yet.
        let _ = context.journal.set(journal);
        Self::launch(context, None, options)
    }

    fn launch(mut context: Context, platform: Option<Platform>, options: AccountOptions) -> Self {
        context.max_text_bytes = options.max_text_bytes;
        let context = Arc::new(context);
        context.status.update(|status| status.running = true);
        let (status, host) = (Arc::clone(&context.status), Arc::clone(&context.host));
        let publisher = tokio::spawn(status.publish(host, context.shutdown.clone()));
        let service = Arc::new(Service::new(
            Arc::clone(&context),
            options.account_id.clone(),
            options.replies,
            LoopGuard::new(options.agent_turns),
            platform,
        ));
        context.spawn(serve(Arc::clone(&service), options));
        Self { service: Mutex::new(Some(service)), publisher: Mutex::new(Some(publisher)) }
    }

    pub(super) fn service(&self) -> Result<Arc<Service>, Error> {
        let service = self.service.lock().unwrap_or_else(PoisonError::into_inner);
        service.clone().ok_or(Error::Closed)
    }

    /// Delivers a part of a turn's answer; comes back when it is in the chat.
    pub async fn deliver(&self, turn_id: &str, part: ReplyPart) -> Result<(), Error> {
        let service = self.service()?;
        let Service { context, turns, outbox, .. } = &*service;
        wait_recovered(context, turns).await?;
        context.tasks.track_future(outbox.deliver(turn_id, part)).await
    }

    /// Sends text to a target and returns the id of the message or comment. `run` is the id of the turn from whose run it is
    /// sent, where the host shows that.
    pub async fn send_text(
        &self,
        to: &str,
        text: &str,
        thread: Option<&str>,
        run: Option<&str>,
    ) -> Result<String, Error> {
        let text = Outgoing { text: text.to_owned(), ..Outgoing::default() };
        self.send(to, &text, thread, run).await
    }

    /// The same with files.
    pub async fn send(
        &self,
        to: &str,
        outgoing: &Outgoing,
        thread: Option<&str>,
        run: Option<&str>,
    ) -> Result<String, Error> {
        let target: Target = to.parse()?;
        let service = self.service()?;
        let Service { context, turns, outbox, .. } = &*service;
        if context.work.is_cancelled() {
            return Err(Error::Closed);
        }
        wait_recovered(context, turns).await?;
        context.tasks.track_future(outbox.send(&target, outgoing, thread, run)).await
    }

    /// Sends a message that answers nothing, in the order of its chat, and returns its id.
    pub async fn send_message(&self, chat: &str, message: &NewMessage) -> Result<String, Error> {
        let target: Target = chat.parse()?;
        let service = self.service()?;
        let Service { context, outbox, .. } = &*service;
        context.tasks.track_future(outbox.send_message(&target, message)).await
    }

    /// Waits for the end of the account: with the reason when it cannot continue and has to be started again, with nothing when it
    /// is closed. The future does not keep the account.
    pub fn ended(&self) -> impl Future<Output = Option<String>> + Send + use<> {
        let account = self
            .service()
            .map(|service| (service.context.failure.subscribe(), service.context.shutdown.clone()));
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
        let Ok(service) = self.service() else { return };
        let context = &service.context;
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
        self.service.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

/// Waits until it is known which turns the last process left open: before that nobody can say where a text belongs.
async fn wait_recovered(context: &Context, turns: &OpenTurns) -> Result<(), Error> {
    let recovered = turns.wait_recovered(RECOVERY_LIMIT);
    match context.work.run_until_cancelled(recovered).await {
        Some(true) => Ok(()),
        Some(false) => Err(Error::NotRecovered),
        None => Err(Error::Closed),
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        if let Ok(service) = self.service() {
            service.context.shutdown.cancel();
        }
    }
}
