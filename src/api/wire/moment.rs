//! Server times, made comparable without trusting the clock of this machine.

/// Digits of a second's fraction that are compared.
const FRACTION: usize = 9;

/// A form of an RFC 3339 time in UTC whose texts sort as the times do; nothing for any other text.
///
/// Servers leave the fraction out or write as many digits as they like, so the texts themselves do not sort.
pub fn moment(text: &str) -> Option<String> {
    let utc = text.strip_suffix(['Z', 'z']).or_else(|| text.strip_suffix("+00:00"))?;
    let (seconds, fraction) = utc.split_once('.').unwrap_or((utc, ""));
    let shape = |character: char| if character.is_ascii_digit() { '0' } else { character };
    let digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    let known = seconds.chars().map(shape).eq("0000-00-00T00:00:00".chars());
    let fraction = &fraction[..if digits { fraction.len().min(FRACTION) } else { 0 }];
    (known && digits).then(|| format!("{seconds}.{fraction:0<FRACTION$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_whatever_their_fraction() {
        let times = [
            "2026-11-22T08:00:00Z",
            "2026-11-22T08:00:00.0001Z",
            "2026-11-22T08:00:00.5+00:00",
            "2026-11-22T08:00:00.51z",
            "2026-11-22T08:00:01Z",
        ];
        assert!(times.map(|time| moment(time).unwrap()).is_sorted());
        assert_eq!(moment("2026-11-22T08:00:00Z"), moment("2026-11-22T08:00:00.000+00:00"));
    }

    #[test]
    fn what_is_no_time_in_utc_is_not_compared() {
        for text in ["", "Z", "2026-11-22", "2026-11-22T08:00:00+02:00", "2026-11-22T08:00:00.5é5Z"]
        {
            assert_eq!(moment(text), None, "{text}");
        }
    }
}
