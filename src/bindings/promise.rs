//! Errors and promises on their way to JavaScript.

use std::future::Future;

use napi::bindgen_prelude::{AsyncBlock, AsyncBlockBuilder, ToNapiValue, Unknown};
use napi::{Env, JsError, JsValue, Status};

use crate::error::{Coded, chain};

/// Runs a future of the core and settles a JavaScript promise with its result; an error arrives with its stable `code`.
///
/// A plain `async fn` cannot carry a custom code, hence this detour.
pub fn promise<T, E, F>(env: Env, future: F) -> napi::Result<AsyncBlock<T>>
where
    T: ToNapiValue + Send + 'static,
    E: Coded,
    F: Future<Output = Result<T, E>> + Send + 'static,
{
    AsyncBlockBuilder::build_with_map(
        &env,
        async move { Ok(future.await) },
        |env, result: Result<T, E>| result.map_err(|error| to_js(env, &error)),
    )
}

/// The JavaScript form of an error: `message` with the whole chain of causes, and `code`.
pub(crate) fn to_js(env: Env, error: &dyn Coded) -> napi::Error {
    let text = chain(error);
    let plain = napi::Error::new(Status::GenericFailure, text.clone());
    let build = || -> napi::Result<napi::Error> {
        let value: Unknown<'_> = JsError::from(plain).into_unknown(env);
        let mut object = value.coerce_to_object()?;
        object.set("code", error.code())?;
        Ok(napi::Error::from(object.to_unknown()))
    };
    build().unwrap_or_else(|_| napi::Error::from_reason(text))
}
