//! Who may cause turns, for the audits of hosts.

use napi::Env;
use napi_derive::napi;
use serde_json::Value;

use super::promise::to_js;
use crate::orchestrator::{Access, Error};

/// Who may write in direct chats, in the words of hosts.
#[napi(object, object_from_js = false)]
pub struct DirectAccess {
    /// `org` for members of the organisation, `allowlist`, `open` or `disabled`.
    pub dm_policy: String,
    /// Ids of the members on the list; `*` alone when it is open.
    pub allow_from: Vec<String>,
}

/// Reads `dmPolicy`, `allowFrom`, `groupPolicy`, `groupAllowFrom`, `groups` and `access` of a section.
#[napi(catch_unwind)]
pub fn describe_access(
    env: Env,
    #[napi(ts_arg_type = "object")] settings: Value,
) -> napi::Result<DirectAccess> {
    let access = Access::parse(&settings).map_err(|error| to_js(env, &Error::from(error)))?;
    let (policy, allow_from) = access.direct_policy();
    Ok(DirectAccess { dm_policy: policy.to_owned(), allow_from })
}
