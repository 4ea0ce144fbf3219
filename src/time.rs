//! Time as JavaScript writes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MILLISECONDS_A_DAY: u64 = 86_400_000;

/// Now, in milliseconds since 1970.
pub(crate) fn now() -> u64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}

/// Milliseconds since 1970 in the form `2026-01-02T03:04:05.678Z`.
pub(crate) fn iso(milliseconds: u64) -> String {
    let (days, rest) = (milliseconds / MILLISECONDS_A_DAY, milliseconds % MILLISECONDS_A_DAY);
    let (year, month, day) = civil(days);
    let (seconds, millisecond) = (rest / 1000, rest % 1000);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millisecond:03}Z")
}

/// The date of a day counted from 1970, in the Gregorian calendar. Years begin in March here, so that the leap day is a year's
/// last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The milliseconds since 1970 of a time in the form that [`iso`] writes. Nothing for any other form.
pub(crate) fn parse_iso(text: &str) -> Option<u64> {
    let number =
        |from: usize, length: usize| -> Option<u64> { text.get(from..from + length)?.parse().ok() };
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let time = number(11, 2)? * 3_600_000
        + number(14, 2)? * 60_000
        + number(17, 2)? * 1000
        + number(20, 3)?;
    let march_year = year.checked_sub(u64::from(month <= 2))?;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day.checked_sub(1)?;
    let days =
        march_year * 365 + march_year / 4 - march_year / 100 + march_year / 400 + day_of_year;
    let milliseconds = days.checked_sub(719_468)? * MILLISECONDS_A_DAY + time;
    (iso(milliseconds) == text).then_some(milliseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

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
