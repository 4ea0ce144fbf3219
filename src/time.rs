//! Times as JavaScript and file names write them, in UTC. The calendar is `jiff`'s.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

/// RFC 3339 with milliseconds.
const ISO: &str = "%Y-%m-%dT%H:%M:%S%.3fZ";
/// Part of a file name.
const STAMP: &str = "%Y%m%dT%H%M%SZ";

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since the epoch, as JavaScript counts them.
pub(crate) fn now_milliseconds() -> f64 {
    as_javascript(now())
}

/// Milliseconds as a number of JavaScript.
#[expect(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
pub(crate) fn as_javascript(milliseconds: u64) -> f64 {
    milliseconds as f64
}

/// Milliseconds since 1970 in the form `2026-01-02T03:04:05.678Z`. A time beyond the year 9999 counts as 1970.
pub(crate) fn iso(milliseconds: u64) -> String {
    written(milliseconds, ISO)
}

/// The same as part of a file name, such as `20261122T093000Z`.
pub(crate) fn stamp(milliseconds: u64) -> String {
    written(milliseconds, STAMP)
}

fn written(milliseconds: u64, format: &str) -> String {
    let time =
        i64::try_from(milliseconds).ok().and_then(|time| Timestamp::from_millisecond(time).ok());
    time.unwrap_or_default().strftime(format).to_string()
}

/// The milliseconds since 1970 of a time in the form that [`iso`] writes. Nothing for any other form.
pub(crate) fn parse_iso(text: &str) -> Option<u64> {
    let time = text.parse::<Timestamp>().ok()?;
    let milliseconds = u64::try_from(time.as_millisecond()).ok()?;
    (iso(milliseconds) == text).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_parts_of_file_names() {
        assert_eq!(stamp(0), "19700101T000000Z");
        assert_eq!(stamp(951_782_400_000), "20000229T000000Z");
        assert_eq!(stamp(1_795_339_859_999), "20261122T093059Z");
        assert_eq!(stamp(u64::MAX), "19700101T000000Z");
    }

    #[test]
    fn dates_are_those_of_javascript() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_775_000_000_123, "2026-03-31T23:33:20.123Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(iso(milliseconds), text);
            assert_eq!(parse_iso(text), Some(milliseconds));
        }
        for wrong in [
            "",
            "2026-02-30T00:00:00.000Z",
            "2026-01-01",
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:00:00.000+01:00",
        ] {
            assert_eq!(parse_iso(wrong), None, "{wrong}");
        }
    }
}
