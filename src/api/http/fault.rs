//! A request that came to no success, as an error.

use std::time::Duration;

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use url::Url;

use super::failure;
use super::network::cause;
use crate::api::error::Error;
use crate::api::wire::Route;
use crate::text::one_line;

/// A server's wish for a pause is cut to this, so that one odd answer does not stop an account for days.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// A request without an answer.
pub(in crate::api) fn failed(
    route: &'static Route,
    time_limit: Duration,
    error: reqwest::Error,
) -> Error {
    let method = route.method.clone();
    let path = route.path;
    if error.is_connect() {
        Error::Connect { method, path, source: cause(error) }
    } else if error.is_timeout() {
        Error::Timeout { method, path, after: time_limit }
    } else {
        Error::Interrupted { method, path, source: cause(error) }
    }
}

/// A refused request.
pub(in crate::api) fn refused(
    route: &'static Route,
    status: StatusCode,
    retry_after: Option<Duration>,
    refusal: failure::Refusal,
) -> Error {
    Error::Status {
        method: route.method.clone(),
        path: route.path,
        status: status.as_u16(),
        error_code: refusal.code,
        message: refusal.message,
        retry_after,
    }
}

/// A redirect, named by the host it leads to and nothing else of its address.
pub(in crate::api) fn redirected(
    route: &'static Route,
    status: StatusCode,
    headers: &HeaderMap,
) -> Error {
    let target_host = headers.get(LOCATION).and_then(|value| {
        Url::parse(value.to_str().ok()?).ok()?.host_str().map(|host| one_line(host, 100))
    });
    Error::Redirect {
        method: route.method.clone(),
        path: route.path,
        status: status.as_u16(),
        target_host,
    }
}

/// `Retry-After` in seconds, with or without a fraction. The form with a date is not read: it needs two clocks that agree.
pub(in crate::api) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds: f64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    if seconds.is_nan() || seconds < 0.0 {
        return None;
    }
    Some(Duration::from_secs_f64(seconds.min(LONGEST_RETRY_AFTER.as_secs_f64())))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn retry_after_takes_fractions_and_is_bounded() {
        let table = [
            ("4", Some(4_000)),
            ("0.5", Some(500)),
            (" 0 ", Some(0)),
            ("1e12", Some(3_600_000)),
            ("inf", Some(3_600_000)),
            ("-1", None),
            ("NaN", None),
            ("soon", None),
            ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ];
        for (text, expected) in table {
            let headers =
                HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(text).unwrap())]);
            assert_eq!(retry_after(&headers), expected.map(Duration::from_millis), "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
