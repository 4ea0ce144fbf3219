//! How far a stream of events is dealt with when some of it takes longer than the rest.

use std::collections::{BTreeMap, BTreeSet};

/// Events that are open, and positions that wait for earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    next: u64,
    open: BTreeSet<u64>,
    waiting: BTreeMap<u64, u64>,
}

impl Progress {
    /// An event begins; its number.
    pub(crate) fn begin(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        self.open.insert(number);
        number
    }

    /// An event that came at a position is dealt with. Gives the position up to which everything is, where that has moved.
    pub(crate) fn end(&mut self, number: u64, position: Option<u64>) -> Option<u64> {
        self.open.remove(&number);
        if let Some(position) = position {
            self.waiting.insert(number, position);
        }
        let still = match self.open.first() {
            Some(first) => self.waiting.split_off(first),
            None => BTreeMap::new(),
        };
        std::mem::replace(&mut self.waiting, still).into_values().max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_counts_when_everything_before_it_is_dealt_with() {
        let mut progress = Progress::default();
        let numbers: Vec<u64> = (0..4).map(|_| progress.begin()).collect();
        assert_eq!(progress.end(numbers[1], Some(11)), None);
        assert_eq!(progress.end(numbers[2], None), None);
        assert_eq!(progress.end(numbers[0], Some(10)), Some(11));
        assert_eq!(progress.end(numbers[3], Some(9)), Some(9));
    }
}
