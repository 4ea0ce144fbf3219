//! What an operator sees of a running account, and decides.

use super::gateway::Gateway;
use crate::journal::Journal;
use crate::orchestrator::context::Stopped;
use crate::orchestrator::error::Error;
use crate::orchestrator::host::Level;
use crate::orchestrator::status::view::{Live, View};

impl Gateway {
    /// Everything an operator sees, as JSON.
    pub async fn view(&self) -> Result<String, Error> {
        let service = self.service()?;
        let context = &service.context;
        let journal = context.journal.get();
        let now = journal.map(Journal::now).unwrap_or_default();
        let live = Live {
            agent_id: context.agent_id.get().cloned(),
            status: context.status.snapshot(),
            problems: context.status.problems(),
            activity: context.activity.snapshot(now),
            agent_turns: service.loops.most_turns(),
        };
        Ok(View::read(journal, &service.account_id, Some(live)).await?.json())
    }

    /// Has a failed dispatch or a dead letter tried again, with all attempts before it.
    pub async fn retry(&self, id: &str) -> Result<(), Error> {
        Ok(self.journal()?.retry(id).await?)
    }

    /// Gives a dead letter up for good.
    pub async fn discard(&self, id: &str) -> Result<(), Error> {
        Ok(self.journal()?.discard(id).await?)
    }

    /// Ends the turn that runs for an event. What it has not sent is not sent, and the event becomes a dead letter.
    pub fn stop(&self, id: &str) -> Result<(), Error> {
        let service = self.service()?;
        let not_running = || Error::NotRunning { id: id.to_owned() };
        let turn = service.turns.stop(id).ok_or_else(not_running)?;
        service.context.log(Level::Info, format!("{id}: {turn} is stopped by an operator"));
        service.context.host.call_off(turn);
        Ok(())
    }

    fn journal(&self) -> Result<Journal, Error> {
        let service = self.service()?;
        let journal = service.context.journal().map_err(|Stopped| Error::NotRecovered)?;
        Ok(journal.clone())
    }
}
