//! Accounts for JavaScript.

use napi::ValueType;
use napi::bindgen_prelude::{JsValue, Object, Unknown};
use napi_derive::napi;
use serde_json::Value;

use crate::account::{list_account_ids, resolve_account};

/// What `resolveParallAccount` takes.
#[napi(object, object_to_js = false)]
pub struct ResolveAccountParams<'env> {
    /// The host's whole configuration.
    #[napi(ts_type = "object")]
    pub cfg: Object<'env>,
    /// Account id; when left out the one that `defaultAccount` names, else `default`, else the first one.
    pub account_id: Option<String>,
}

/// An account as the host sees it.
#[napi(object, object_from_js = false)]
pub struct ResolvedAccount {
    /// Account id.
    pub account_id: String,
    /// True unless the section or the account says `enabled: false`.
    pub enabled: bool,
    /// True when URL, key and organisation are all known and nothing else keeps the account from starting.
    pub configured: bool,
    /// What is set for the account in `channels.parall`, completed from the environment. `parall_url`, `api_key` and `org_id` are always texts,
    /// empty when unknown.
    #[napi(ts_type = "Record<string, unknown>")]
    pub config: Value,
}

/// The account ids of a configuration: those in `channels.parall.accounts`, and `default` before them when the section has a key of its own or
/// names no account; none when there is no section.
#[napi(catch_unwind)]
pub fn list_parall_account_ids(#[napi(ts_arg_type = "object")] cfg: Object<'_>) -> Vec<String> {
    list_account_ids(section(&cfg).as_ref())
}

/// Resolves an account; `PRLL_API_URL`, `PRLL_API_KEY`, `PRLL_ORG_ID` and `PRLL_WS_URL` fill what the configuration leaves out.
#[napi(catch_unwind)]
pub fn resolve_parall_account(params: ResolveAccountParams<'_>) -> ResolvedAccount {
    let environment = |name: &str| std::env::var(name).ok();
    let account =
        resolve_account(section(&params.cfg).as_ref(), params.account_id.as_deref(), environment);
    ResolvedAccount {
        account_id: account.account_id,
        enabled: account.enabled,
        configured: account.configured,
        config: Value::Object(account.config),
    }
}

/// `channels.parall`, the only part that is converted: the rest may hold anything.
fn section(cfg: &Object<'_>) -> Option<Value> {
    let channels = cfg.get::<Unknown<'_>>("channels").ok()??;
    // Of `null` and of values that are no objects, JavaScript would throw when asked for a property.
    let is_object = channels.get_type().is_ok_and(|kind| kind == ValueType::Object);
    is_object.then(|| channels.coerce_to_object().ok()?.get::<Value>("parall").ok()?)?
}
