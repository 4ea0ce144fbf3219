//! The lock files of `OpenClaw` 2026.4.2, beside the file they protect.
//!
//! Measured on that host: `<file>.lock` is created exclusively and holds `{pid, createdAt, starttime}`; who finds one waits,
//! unless it is stale, and then removes it. The host's process is ours too, so a lock that names our own process id can be
//! the host's: it is honoured as long as it tells when the process started.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime};

use super::temporary;
use super::{Error, Identity, sweep};
use crate::time::{iso, now, parse_iso};

/// A lock file is a hundred bytes long; more is not read.
const LONGEST: u64 = 64 << 10;
/// The wait before another try, in milliseconds. The host's own waits grow to a second, with which one of several busy writers
/// can starve; locks are held for milliseconds, so ours stay short, and chance keeps two of us from always coming second.
const WAIT_MS: RangeInclusive<u64> = 20..=60;

/// How patient a lock is.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// How long to wait for another holder.
    pub timeout: Duration,
    /// The age from which on a lock is taken over although its holder is alive. One that names nobody is waited for that much
    /// longer.
    pub stale_after: Duration,
}

/// The host's timing for its session store.
pub const SESSION_STORE: Timing =
    Timing { timeout: Duration::from_secs(10), stale_after: Duration::from_secs(30) };

/// Removes what killed processes left of locks on a file that they were about to take.
pub fn sweep_unfinished(file: &Path) {
    if let Ok(path) = lock_path(file) {
        sweep(&path);
    }
}

/// A held lock; dropping it gives it back.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    identity: Identity,
}

impl Lock {
    /// Takes the lock for a file, waiting for another holder. Hold it for milliseconds.
    ///
    /// The file itself need not exist, its folder must. [`Error::Locked`] if the holder does not give it back in time. A lock
    /// that names nobody was left by a host that was killed while it wrote it; nobody gives it back, so it is waited for until
    /// it is stale.
    pub fn acquire(file: &Path, timing: Timing) -> Result<Self, Error> {
        let path = lock_path(file)?;
        let failed = |source| Error::Write { action: "lock", path: file.into(), source };
        let start = Instant::now();
        loop {
            if let Some(lock) = Self::create(&path)? {
                return Ok(lock);
            }
            let time_limit = match reclaim(&path, timing.stale_after).map_err(failed)? {
                Found::Nothing => continue,
                Found::Holder => timing.timeout,
                Found::Nobody => timing.timeout + timing.stale_after,
            };
            if start.elapsed() >= time_limit {
                return Err(Error::Locked { path: file.into() });
            }
            let wait = Duration::from_millis(fastrand::u64(WAIT_MS));
            sleep(wait.min(time_limit.saturating_sub(start.elapsed())));
        }
    }

    /// Creates the lock file, unless there is one.
    ///
    /// It gets its name only when it is complete: an empty one, left by a process that was killed between creating and writing
    /// it, would be respected for as long as a lock can be.
    fn create(path: &Path) -> Result<Option<Self>, Error> {
        let mut complete = temporary::beside(path)?;
        let failed = |source| Error::Write { action: "lock", path: path.into(), source };
        let identity = complete
            .as_file()
            .metadata()
            .map(|metadata| Identity::of(&metadata))
            .map_err(failed)?;
        complete.write_all(payload().as_bytes()).map_err(failed)?;
        match fs::hard_link(complete.path(), path) {
            Ok(()) => Ok(Some(Self { path: path.into(), identity })),
            Err(source) if source.kind() == ErrorKind::AlreadyExists => Ok(None),
            Err(_) => Self::create_in_place(path).map_err(failed),
        }
    }

    /// The same where the file system has no hard links.
    fn create_in_place(path: &Path) -> io::Result<Option<Self>> {
        let mut file = match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(file) => file,
            Err(source) if source.kind() == ErrorKind::AlreadyExists => return Ok(None),
            Err(source) => return Err(source),
        };
        let identity = file.metadata().map(|metadata| Identity::of(&metadata));
        match identity.and_then(|identity| file.write_all(payload().as_bytes()).map(|()| identity))
        {
            Ok(identity) => Ok(Some(Self { path: path.into(), identity })),
            Err(source) => {
                let _ = fs::remove_file(path);
                Err(source)
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| Identity::of(&metadata) == self.identity);
        if is_ours {
            // If it stays, it is stale as soon as this process ends.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Where the lock of a file is: links in the folder's path are followed, the file itself may be one.
fn lock_path(file: &Path) -> Result<PathBuf, Error> {
    let folder =
        file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder =
        folder.canonicalize().map_err(|source| Error::Read { path: folder.into(), source })?;
    let mut name = file.file_name().unwrap_or_default().to_os_string();
    name.push(".lock");
    Ok(folder.join(name))
}

/// What a lock of ours says. Where the start of a process is unknown, any number keeps the host from taking the lock for an
/// orphan.
fn payload() -> String {
    let (pid, created_at) = (process::id(), iso(now()));
    let start_time = start_time(pid).unwrap_or(0);
    format!(
        "{{\n  \"pid\": {pid},\n  \"createdAt\": \"{created_at}\",\n  \"starttime\": {start_time}\n}}"
    )
}

/// What prevents taking a lock.
enum Found {
    /// There is no lock any more.
    Nothing,
    /// Somebody holds it, or is just removing it.
    Holder,
    /// It does not say who holds it.
    Nobody,
}

/// Removes a lock that is stale.
///
/// Two of us must not both find the same lock stale and the slower one remove the quicker one's new lock: so the removal itself
/// is done under a lock of the system's on the stale file.
fn reclaim(path: &Path, stale_after: Duration) -> io::Result<Found> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(source) if source.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(source) => return Err(source),
    };
    if file.try_lock().is_err() {
        return Ok(Found::Holder);
    }
    let metadata = file.metadata()?;
    let mut text = Vec::new();
    (&mut file).take(LONGEST).read_to_end(&mut text)?;
    let holder = Holder::read(&text);
    if !holder.is_stale(stale_after, metadata.modified()?) {
        return Ok(if holder.pid.is_some() { Found::Holder } else { Found::Nobody });
    }
    match fs::symlink_metadata(path) {
        Ok(named) if Identity::of(&named) == Identity::of(&metadata) => fs::remove_file(path)?,
        Ok(_) => return Ok(Found::Holder),
        Err(source) if source.kind() == ErrorKind::NotFound => {}
        Err(source) => return Err(source),
    }
    Ok(Found::Nothing)
}

/// What a lock file says about its holder; what it does not say, or not in the host's form, is absent.
struct Holder {
    pid: Option<u32>,
    /// Milliseconds since 1970.
    created_at: Option<u64>,
    start_time: Option<u64>,
}

impl Holder {
    fn read(text: &[u8]) -> Self {
        let value: serde_json::Value = serde_json::from_slice(text).unwrap_or_default();
        Self {
            pid: value["pid"]
                .as_u64()
                .and_then(|pid| u32::try_from(pid).ok())
                .filter(|pid| *pid > 0),
            created_at: value["createdAt"].as_str().and_then(parse_iso),
            start_time: value["starttime"].as_u64(),
        }
    }

    fn is_stale(&self, stale_after: Duration, modified: SystemTime) -> bool {
        if self.pid.is_some_and(|pid| self.is_gone(pid)) {
            return true;
        }
        let is_old = |age: Duration| age > stale_after;
        let age =
            self.created_at.map(|created| Duration::from_millis(now().saturating_sub(created)));
        if age.is_some_and(is_old) {
            return true;
        }
        let is_certain = self.pid.is_some() && age.is_some();
        !is_certain && modified.elapsed().is_ok_and(is_old)
    }

    /// Whether the process that took the lock is not there any more. Its number may have been given to another one.
    fn is_gone(&self, pid: u32) -> bool {
        match (start_time(pid), self.start_time) {
            // Where processes can be seen, a lock of our own process without its start is neither ours nor the host's.
            (Some(_), None) => pid == process::id(),
            (Some(actual), Some(stated)) => actual != stated,
            (None, _) => CAN_SEE_PROCESSES,
        }
    }
}

/// Elsewhere a lock goes stale by age alone.
const CAN_SEE_PROCESSES: bool = cfg!(target_os = "linux");

/// When a process started, in clock ticks since boot. Nothing if it is dead or a zombie.
#[cfg(target_os = "linux")]
fn start_time(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the program's name in brackets, which may itself hold brackets and spaces.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    if matches!(fields.next()?, "Z" | "X") {
        return None;
    }
    // The state was field 3; the start is field 22.
    fields.nth(18)?.parse().ok()
}

#[cfg(not(target_os = "linux"))]
fn start_time(_pid: u32) -> Option<u64> {
    None
}
