//! How a file is replaced, and in which steps.

/// How a file is to be replaced.
#[derive(Default, Clone, Copy)]
pub struct ReplaceOptions<'a> {
    /// The new contents hold a secret: nobody but the owner may read the file afterwards. Without it an existing file keeps
    /// the mode its user gave it. A new file is always for its owner alone.
    pub secret: bool,
    /// What the file held when the new contents were made from it. If it holds something else by now, nothing is written and
    /// the answer is [`Error::Changed`].
    pub expected: Option<&'a [u8]>,
    /// Called after every step that a crash could follow.
    #[cfg(feature = "testing")]
    pub observer: Option<&'a dyn Fn(Step)>,
}

/// The steps of a replacement, in their order. The last four belong to writing in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The empty temporary file is beside the target.
    Created,
    /// It holds the new contents.
    Written,
    /// Its mode, owner and access list are those of the target.
    Attributed,
    /// It is on the disk.
    Synced,
    /// It has taken the target's name.
    Renamed,
    /// The new name is on the disk.
    FolderSynced,
    /// A copy of the old contents is on the disk.
    BackedUp,
    /// Part of the new contents is in the target. Only here a crash leaves a mixture, beside its backup.
    HalfWritten,
    /// The target holds the new contents and they are on the disk.
    Overwritten,
    /// The backup is gone.
    BackupRemoved,
}

impl ReplaceOptions<'_> {
    #[cfg(feature = "testing")]
    pub(super) fn reached(&self, step: Step) {
        if let Some(observer) = self.observer {
            observer(step);
        }
    }

    #[cfg(not(feature = "testing"))]
    #[expect(clippy::unused_self, reason = "tests have an observer here")]
    pub(super) fn reached(&self, _step: Step) {}
}
