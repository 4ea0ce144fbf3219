//! When a file can be taken for unchanged without reading it.

use std::fs::Metadata;
use std::time::{SystemTime, UNIX_EPOCH};

/// Clocks of file systems tick: a change so soon after the last one may show the same time. Nanoseconds.
const TICK: i64 = 100_000_000;
/// The same for file systems that count whole or even seconds.
const SLOW_TICK: i64 = 2_100_000_000;
const SECOND: i64 = 1_000_000_000;

/// What the file system says about a file. Times in nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::wiki::workspace) struct Stat {
    pub(in crate::wiki::workspace) size: i64,
    pub(in crate::wiki::workspace) modified: i64,
    pub(in crate::wiki::workspace) changed: i64,
    pub(in crate::wiki::workspace) inode: i64,
}

impl Stat {
    #[cfg(unix)]
    pub(in crate::wiki::workspace) fn of(metadata: &Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self {
            size: metadata.size().cast_signed(),
            modified: metadata.mtime().wrapping_mul(SECOND).wrapping_add(metadata.mtime_nsec()),
            changed: metadata.ctime().wrapping_mul(SECOND).wrapping_add(metadata.ctime_nsec()),
            inode: metadata.ino().cast_signed(),
        }
    }

    /// Windows tells neither the time of a change of attributes nor, in the standard library, the file's number.
    #[cfg(not(unix))]
    pub(in crate::wiki::workspace) fn of(metadata: &Metadata) -> Self {
        let nanoseconds = |time: std::io::Result<SystemTime>| time.map_or(0, since_1970);
        Self {
            size: metadata.len().cast_signed(),
            modified: nanoseconds(metadata.modified()),
            changed: nanoseconds(metadata.created()),
            inode: 0,
        }
    }

    /// Whether this is the same file with the same contents as far as its times tell. A rename changes `changed`.
    pub(in crate::wiki::workspace) fn is_same_after_rename(&self, other: &Self) -> bool {
        (self.size, self.modified, self.inode) == (other.size, other.modified, other.inode)
    }

    /// Whether a look at this time, in nanoseconds, came late enough that any later change shows in the times.
    pub(in crate::wiki::workspace) fn is_settled(&self, seen: i64) -> bool {
        self.is_settled_since(self.modified.max(self.changed), seen)
    }

    /// The same for a file that we wrote and then renamed: its writing counts, not the rename.
    pub(in crate::wiki::workspace) fn is_settled_after_rename(&self, seen: i64) -> bool {
        self.is_settled_since(self.modified, seen)
    }

    fn is_settled_since(&self, last: i64, seen: i64) -> bool {
        let tick = if self.modified % SECOND == 0 { SLOW_TICK } else { TICK };
        seen.saturating_sub(last) > tick
    }
}

/// Now, in nanoseconds since 1970.
pub(in crate::wiki::workspace) fn now() -> i64 {
    since_1970(SystemTime::now())
}

fn since_1970(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|elapsed| i64::try_from(elapsed.as_nanos()).ok())
        .unwrap_or_default()
}
