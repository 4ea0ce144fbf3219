//! What was read and has no room yet, and frames that wait for the list.

use std::collections::VecDeque;

use super::references::Reference;
use crate::api::Frame;

/// How many frames may wait, and their bytes; then the socket stops reading.
const MOST: usize = 256;
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// What waits, in the order in which it came.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// What was missed. It goes before all frames.
    pub missed: VecDeque<Reference>,
    frames: VecDeque<Frame>,
    bytes: usize,
}

impl Held {
    /// Whether another frame can be kept.
    pub(crate) fn has_room(&self) -> bool {
        self.frames.len() < MOST && self.bytes < MOST_BYTES
    }

    /// Keeps a frame.
    pub(crate) fn push(&mut self, frame: Frame) {
        self.bytes += size(&frame);
        self.frames.push_back(frame);
    }

    /// Takes the oldest frame out.
    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.frames.pop_front()?;
        self.bytes -= size(&frame);
        Some(frame)
    }
}

/// Bytes of a frame, roughly.
fn size(frame: &Frame) -> usize {
    frame.data.as_ref().map_or(0, |data| data.get().len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn frame(bytes: usize) -> Frame {
        serde_json::from_str(&json!({ "type": "x", "data": "a".repeat(bytes) }).to_string())
            .unwrap()
    }

    #[test]
    fn there_is_room_until_frames_or_bytes_are_too_many() {
        let mut held = Held::default();
        held.push(frame(MOST_BYTES));
        assert!(!held.has_room());
        assert!(held.pop().is_some());
        for _ in 0..MOST {
            assert!(held.has_room());
            held.push(frame(1));
        }
        assert!(!held.has_room());
    }
}
