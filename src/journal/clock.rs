//! The time that a journal writes down and counts with.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time, milliseconds since the epoch.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The machine's time of now, and from there what really passes, also while the machine sleeps. Somebody who sets the
/// machine's clock, be it by a day, changes nothing for a running account.
pub fn system_clock() -> Clock {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    steady(now, since_boot)
}

fn steady(now: Duration, passed: impl Fn() -> Duration + Send + Sync + 'static) -> Clock {
    let begin = passed();
    Arc::new(move || {
        let time = now + passed().saturating_sub(begin);
        i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
    })
}

/// What has passed since the machine was started.
#[cfg(target_os = "linux")]
fn since_boot() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::try_from(time).unwrap_or_default()
}

/// What has passed since this was first asked.
#[cfg(not(target_os = "linux"))]
fn since_boot() -> Duration {
    static BEGIN: std::sync::OnceLock<std::time::Instant> = std::sync::OnceLock::new();
    BEGIN.get_or_init(std::time::Instant::now).elapsed()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[test]
    fn only_what_passes_moves_the_clock() {
        let passed = Arc::new(AtomicU64::new(500));
        let counted = Arc::clone(&passed);
        let clock = steady(Duration::from_secs(1), move || {
            Duration::from_millis(counted.load(Ordering::Relaxed))
        });
        assert_eq!(clock(), 1_000);
        passed.store(750, Ordering::Relaxed);
        assert_eq!(clock(), 1_250);
    }

    #[test]
    fn it_starts_with_the_machines_time_and_goes_on() {
        let machine = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let clock = system_clock();
        let first = clock();
        assert!(first >= i64::try_from(machine.as_millis()).unwrap());
        while clock() == first {
            std::thread::yield_now();
        }
        assert!(clock() > first);
    }
}
