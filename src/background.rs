//! Work that must not slow the host down.

use std::panic::resume_unwind;
use std::thread;

/// How far the work stands back behind the host's own threads, as the system counts niceness (0 to 19).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Runs work on a thread of its own that gives way to the host's, together with all threads that it starts, and waits for it.
///
/// Copying a large transcript keeps every processor busy for a tenth of a second. At equal priority the host's event loop would
/// wait for its turn meanwhile; where nothing else runs, the work is as quick as ever.
pub fn run<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let result = thread::scope(|scope| {
        scope
            .spawn(|| {
                give_way();
                work()
            })
            .join()
    });
    result.unwrap_or_else(|panic| resume_unwind(panic))
}

/// On Linux niceness belongs to the thread. It is never raised again, which would need a privilege; the thread ends instead.
#[cfg(target_os = "linux")]
fn give_way() {
    // Without it the work is done all the same.
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use rustix::process::getpriority_process;

    use super::*;

    fn niceness() -> Option<i32> {
        getpriority_process(None).ok()
    }

    #[test]
    fn the_work_and_what_it_starts_give_way_and_the_caller_does_not() {
        let before = niceness();
        let inside =
            run(|| thread::scope(|scope| (niceness(), scope.spawn(niceness).join().unwrap())));
        assert_eq!(inside, (Some(NICENESS), Some(NICENESS)));
        assert_eq!(niceness(), before);
    }

    #[test]
    #[should_panic(expected = "as it was")]
    fn a_panic_comes_out_as_it_was() {
        run(|| panic!("as it was"));
    }
}
