//! What was learnt about transcripts, kept so that the next fork of a growing one reads only what is new.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use crate::session::Error;
use crate::session::transcript::index::Index;
use crate::session::transcript::scan::{Watcher, scan};
use crate::session::transcript::source::{Fingerprint, OpenTranscript};

/// Transcripts remembered at a time.
const REMEMBERED: usize = 4;
/// An index with more entries than this is not kept: it would hold some 40 MB.
const LARGEST: usize = 500_000;

/// Indexes of the transcripts forked last. Cheap to make; share one so that it is of use.
#[derive(Default)]
pub struct IndexCache {
    known: Mutex<Vec<CachedIndex>>,
}

/// The index of the lines up to `end`, which is a line's start.
struct CachedIndex {
    path: Arc<Path>,
    index: Arc<Index>,
    fingerprint: Fingerprint,
    end: u64,
}

impl IndexCache {
    /// A cache that knows nothing yet.
    pub const fn new() -> Self {
        Self { known: Mutex::new(Vec::new()) }
    }

    /// The index of a transcript; reads what is not known yet, and shows it to a watcher.
    pub(crate) fn index(
        &self,
        source: &OpenTranscript,
        watcher: Option<Watcher<'_>>,
    ) -> Result<Arc<Index>, Error> {
        let (mut index, start) = match self.take(&source.path) {
            Some(known) if known.fingerprint.matches(source)? => (known.index, known.end),
            _ => (Arc::new(Index::default()), source.content_start()?),
        };
        let mut end = start;
        let mut is_complete = true;
        let grown = Arc::make_mut(&mut index);
        let ids = grown.ids().clone();
        scan(source, start..source.size, &ids, watcher, &mut |located| {
            is_complete = located.is_terminated;
            end = located.end + 1;
            grown.push(located);
        })?;
        // A last line without its line feed may be rewritten; an index that holds it cannot be continued.
        if is_complete && index.entries().len() <= LARGEST {
            let path = source.path.as_path().into();
            let fingerprint = source.fingerprint_of(end)?;
            if source.is_unchanged()? {
                self.put(CachedIndex { path, index: Arc::clone(&index), fingerprint, end });
            }
        }
        Ok(index)
    }

    /// Whether an earlier state of this transcript is remembered.
    pub(crate) fn knows(&self, source: &OpenTranscript) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().any(|known| *known.path == *source.path)
    }

    fn take(&self, path: &Path) -> Option<CachedIndex> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let place = known.iter().position(|known| &*known.path == path)?;
        Some(known.remove(place))
    }

    fn put(&self, fresh: CachedIndex) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|other| other.path != fresh.path);
        if known.len() == REMEMBERED {
            known.remove(0);
        }
        known.push(fresh);
    }
}
