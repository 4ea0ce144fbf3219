//! The agent's tools for JavaScript.

use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::AsyncBlock;
use napi_derive::napi;

use super::gateway::{Gateway, GatewayOptions};
use super::promise::{promise, to_js};
use crate::api::{Client, ClientOptions};
use crate::orchestrator::Error as AccountError;
use crate::tools::{self as core, Origin};

/// Where a call of a tool comes from.
#[napi(object, object_to_js = false)]
pub struct ToolOrigin {
    /// Folders that files may be sent from; relative paths are meant from the first one.
    pub folders: Vec<String>,
    /// Id of the turn from whose run the tool is called.
    pub run: Option<String>,
}

/// The tools of one account.
#[napi]
pub struct AgentTools(Arc<core::Tools>);

/// Opens the tools of an account; with its gateway, what they write goes through the account's own outbox. Opens no connection.
#[napi(catch_unwind)]
pub fn open_tools(
    env: Env,
    options: GatewayOptions,
    gateway: Option<&Gateway>,
) -> napi::Result<AgentTools> {
    // An account that does not start does not act either.
    options.access().map_err(|error| to_js(env, &AccountError::from(error)))?;
    let client = Client::new(ClientOptions::from(options)).map_err(|error| to_js(env, &error))?;
    Ok(AgentTools(Arc::new(core::Tools::new(client, gateway.map(Gateway::core)))))
}

#[napi]
impl AgentTools {
    /// Runs a tool on the JSON text of its parameters; resolves to the text for the model, of at most 24,000 characters.
    #[napi(catch_unwind, ts_return_type = "Promise<string>")]
    pub fn call(
        &self,
        env: Env,
        name: String,
        parameters: String,
        origin: ToolOrigin,
    ) -> napi::Result<AsyncBlock<String>> {
        let tools = Arc::clone(&self.0);
        let ToolOrigin { folders, run } = origin;
        let origin = Origin { folders: folders.into_iter().map(Into::into).collect(), run };
        promise(env, async move { tools.call(&name, &parameters, &origin).await })
    }
}
