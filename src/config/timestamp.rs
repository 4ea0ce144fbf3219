//! Times as JavaScript writes them.

use std::time::{SystemTime, UNIX_EPOCH};

const SECONDS_A_DAY: u64 = 86_400;
/// Days of four centuries, of a century, of four years and of a year without leap day.
const DAYS_400_YEARS: u64 = 146_097;
const DAYS_100_YEARS: u64 = 36_524;
const DAYS_4_YEARS: u64 = 1_461;
const DAYS_A_YEAR: u64 = 365;
/// Days from 0000-03-01, the day after a leap day, to 1970-01-01.
const DAYS_TO_1970: u64 = 719_468;

/// RFC 3339 in UTC with milliseconds, such as `2026-11-22T08:30:00.000Z`. Times before 1970 count as 1970.
pub(super) fn timestamp(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, milliseconds) = (since.as_secs(), since.subsec_millis());
    let (year, month, day) = date(seconds / SECONDS_A_DAY);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milliseconds:03}Z")
}

/// Year, month and day of a day counted from 1970-01-01. Years are taken to begin in March, so that the leap day is the last.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let days = days_since_1970 + DAYS_TO_1970;
    let (era, day_of_era) = (days / DAYS_400_YEARS, days % DAYS_400_YEARS);
    let leap_free = day_of_era - day_of_era / (DAYS_4_YEARS - 1) + day_of_era / DAYS_100_YEARS
        - day_of_era / (DAYS_400_YEARS - 1);
    let year_of_era = leap_free / DAYS_A_YEAR;
    let day_of_year =
        day_of_era - (DAYS_A_YEAR * year_of_era + year_of_era / 4 - year_of_era / 100);
    // March to January have 153 days in every five months.
    let months = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * months + 2) / 5 + 1;
    let month = if months < 10 { months + 3 } else { months - 9 };
    (400 * era + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn known_moments_are_written_as_javascript_writes_them() {
        for (milliseconds, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_336_200_123, "2026-11-22T08:30:00.123Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_millis(milliseconds)), text);
        }
    }
}
