//! How much memory this library holds: what Rust has allocated and what `SQLite` has. Thread stacks and the library's own
//! code are not in it, nor is anything of the host's.
//!
//! The status publishes this number. Resident memory cannot take its place: it is the whole host's, and the host's own heap moves
//! by more than a leak of ours would. Crates that count (`cap`, `stats_alloc`) are these few lines around a limit or six counters that
//! nobody needs, and allocators with statistics of their own bring a second heap into every host. Counting on top of the system's
//! costs two relaxed additions a call.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// The system's allocator, counting what it gives out.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the promises; counting allocates nothing.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc`.
        counted(unsafe { System.alloc(layout) }, 0, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the promises of `GlobalAlloc::alloc_zeroed`.
        counted(unsafe { System.alloc_zeroed(layout) }, 0, layout.size())
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the promises of `GlobalAlloc::realloc`.
        counted(unsafe { System.realloc(pointer, layout, size) }, layout.size(), size)
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the promises of `GlobalAlloc::dealloc`.
        unsafe { System.dealloc(pointer, layout) };
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
    }
}

/// Counts `size` bytes instead of `before`, unless there were none to have.
fn counted(pointer: *mut u8, before: usize, size: usize) -> *mut u8 {
    if !pointer.is_null() {
        ALLOCATED.fetch_add(size, Ordering::Relaxed);
        ALLOCATED.fetch_sub(before, Ordering::Relaxed);
    }
    pointer
}

/// Bytes in use now, by all accounts of this process.
pub(crate) fn in_use() -> usize {
    // SAFETY: it may be called at any time from any thread.
    let sqlite = unsafe { rusqlite::ffi::sqlite3_memory_used() };
    ALLOCATED.load(Ordering::Relaxed) + usize::try_from(sqlite).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Far more than all other tests together allocate meanwhile.
    const MUCH: usize = 512 * 1024 * 1024;

    #[test]
    fn what_is_allocated_counts_until_it_is_given_back() {
        let before = in_use();
        let mut bytes: Vec<u8> = Vec::with_capacity(MUCH);
        assert!(in_use() > before + MUCH / 2);
        bytes.reserve_exact(2 * MUCH);
        assert!(in_use() > before + MUCH);
        drop(bytes);
        assert!(in_use() < before + MUCH / 2);
    }

    #[test]
    fn what_sqlite_holds_counts() {
        let database = rusqlite::Connection::open_in_memory().unwrap();
        database
            .execute_batch("CREATE TABLE a (b BLOB); INSERT INTO a VALUES (zeroblob(1000000))")
            .unwrap();
        // SAFETY: it may be called at any time from any thread.
        assert!(unsafe { rusqlite::ffi::sqlite3_memory_used() } > 1_000_000);
    }
}
