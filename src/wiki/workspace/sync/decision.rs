//! What a sync does with one path. Pure.

use crate::wiki::hash::Hash;

/// What becomes of a path, by what it holds in the base, here and on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Decision {
    /// The server has nothing new; what was edited here stays edited.
    Keep,
    /// Both sides hold the same; only the base learns of it.
    Agreed,
    /// Nothing was edited here: the server's state is taken over.
    Take,
    /// Both sides have a new state of the file.
    Merge,
    /// Edited here, deleted on the server: the file stays, as a new one.
    DeletedThere,
    /// Deleted here, changed on the server: the deletion stays.
    DeletedHere,
}

/// Decides. An absent hash is an absent file.
pub(super) fn decide(base: Option<Hash>, here: Option<Hash>, there: Option<Hash>) -> Decision {
    if there == base {
        return Decision::Keep;
    }
    if here == there {
        return Decision::Agreed;
    }
    if here == base {
        return Decision::Take;
    }
    match (here, there) {
        (Some(_), Some(_)) => Decision::Merge,
        (Some(_), None) => Decision::DeletedThere,
        (None, _) => Decision::DeletedHere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_of_three_states_is_decided() {
        let (a, b, c) = (Some(Hash::of(b"a")), Some(Hash::of(b"b")), Some(Hash::of(b"c")));
        let table = [
            (None, None, None, Decision::Keep),
            (None, a, None, Decision::Keep),
            (a, a, a, Decision::Keep),
            (a, b, a, Decision::Keep),
            (a, None, a, Decision::Keep),
            (None, None, a, Decision::Take),
            (a, a, b, Decision::Take),
            (a, a, None, Decision::Take),
            (None, a, a, Decision::Agreed),
            (a, b, b, Decision::Agreed),
            (a, None, None, Decision::Agreed),
            (None, a, b, Decision::Merge),
            (a, b, c, Decision::Merge),
            (a, b, None, Decision::DeletedThere),
            (a, None, b, Decision::DeletedHere),
        ];
        for (base, here, there, expected) in table {
            assert_eq!(decide(base, here, there), expected, "{base:?} {here:?} {there:?}");
        }
    }
}
