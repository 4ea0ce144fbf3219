//! Work that must not slow the host down.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

use tokio::sync::{Semaphore, oneshot};

/// Pieces of work at once; more wait. Each may wait for a file's lock for tens of seconds.
const MOST_AT_ONCE: usize = 16;
static PLACES: Semaphore = Semaphore::const_new(MOST_AT_ONCE);

/// How far the work stands back behind the host's own threads, as the system counts niceness (0 to 19).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Runs blocking work on a low-priority thread of its own, together with all threads that it starts.
///
/// Copying a large transcript keeps every processor busy for a tenth of a second. At equal priority the host's event loop would
/// wait for its turn meanwhile; where nothing else runs, the work is as quick as ever. The runtime's few threads for blocking
/// work stay free for what the connection needs, such as name look-ups.
///
/// # Errors
/// The system gives no more threads, or the work panicked.
pub async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<T> {
    // It is never closed.
    let _place = PLACES.acquire().await.map_err(io::Error::other)?;
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new().name("parall-work".to_owned()).spawn(move || {
        give_way();
        // Nobody waits any more when the runtime has ended.
        let _ = sender.send(catch_unwind(AssertUnwindSafe(work)));
    })?;
    match receiver.await {
        Ok(Ok(result)) => Ok(result),
        // Its own words are in the standard error, and may quote what nobody else is to read.
        Ok(Err(_panic)) => Err(io::Error::other("the work ended with a panic")),
        Err(error) => Err(io::Error::other(error)),
    }
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

    #[tokio::test]
    async fn the_work_and_what_it_starts_give_way_and_the_caller_does_not() {
        let before = niceness();
        let work = || (niceness(), thread::scope(|scope| scope.spawn(niceness).join().unwrap()));
        assert_eq!(run(work).await.unwrap(), (Some(NICENESS), Some(NICENESS)));
        assert_eq!(niceness(), before);
    }

    #[tokio::test]
    async fn a_panic_is_an_error_without_its_words() {
        let error = run(|| -> () { panic!("the words") }).await.unwrap_err();
        assert!(!error.to_string().contains("the words"), "{error}");
        assert_eq!(run(|| 1).await.unwrap(), 1);
    }

    #[test]
    fn work_that_blocks_leaves_the_threads_of_the_runtime_free() {
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
        let (release, released) = std::sync::mpsc::channel::<()>();
        runtime.unwrap().block_on(async move {
            let waiting = tokio::spawn(run(move || released.recv().is_ok()));
            tokio::task::spawn_blocking(move || release.send(()).unwrap()).await.unwrap();
            assert!(waiting.await.unwrap().unwrap());
        });
    }
}
