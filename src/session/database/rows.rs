//! Rows of a transcript as they come from the thread that reads the database.

use std::io::Read;

use ruzstd::decoding::StreamingDecoder;

use crate::session::Error;

/// The JSON text of an event.
pub(super) type Row = Vec<u8>;

/// Text as it is.
const PLAIN: u8 = 0;
/// Text in a Zstandard frame.
const ZSTANDARD: u8 = 1;
/// Most bytes of one event once it is unpacked. Hosts compress nothing that is longer.
const LONGEST_EVENT: u64 = 4 << 20;

/// Takes rows apart: each one a byte that says how it is kept (0 as it is, 1 compressed by Zstandard), its length in four bytes,
/// lowest first, and itself.
pub(super) fn unpack(mut packed: &[u8]) -> Result<Vec<Row>, Error> {
    let mut rows = Vec::new();
    while let Some((encoding, rest)) = packed.split_first() {
        let (length, rest) = rest.split_first_chunk().ok_or(Error::BadRow { reason: "cut off" })?;
        let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
        let (row, rest) =
            rest.split_at_checked(length).ok_or(Error::BadRow { reason: "cut off" })?;
        packed = rest;
        rows.push(match *encoding {
            PLAIN => row.to_vec(),
            ZSTANDARD => decompress(row)?,
            _ => return Err(Error::BadRow { reason: "kept in an unknown form" }),
        });
    }
    Ok(rows)
}

fn decompress(mut row: &[u8]) -> Result<Row, Error> {
    let bad = Error::BadRow { reason: "not a Zstandard frame" };
    let Ok(decoder) = StreamingDecoder::new(&mut row) else { return Err(bad) };
    let mut text = Vec::new();
    match decoder.take(LONGEST_EVENT + 1).read_to_end(&mut text) {
        Ok(_) if text.len() as u64 <= LONGEST_EVENT => Ok(text),
        Ok(_) => Err(Error::BadRow { reason: "longer than any event" }),
        Err(_) => Err(bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packed(encoding: u8, row: &[u8]) -> Vec<u8> {
        [&[encoding][..], &u32::try_from(row.len()).unwrap().to_le_bytes(), row].concat()
    }

    #[test]
    fn rows_come_as_they_are_or_compressed() {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let text = "é".repeat(2000).into_bytes();
        let small = compress_to_vec(&*text, CompressionLevel::Fastest);
        let both = [packed(0, b"{}"), packed(1, &small), packed(0, b"")].concat();
        assert_eq!(unpack(&both).unwrap(), [b"{}".to_vec(), text, vec![]]);
    }

    #[test]
    fn what_is_damaged_or_unknown_is_an_error() {
        for wrong in [vec![0, 1], vec![0, 9, 0, 0, 0, 1], packed(2, b"{}"), packed(1, b"{}")] {
            assert!(matches!(unpack(&wrong), Err(Error::BadRow { .. })), "{wrong:?}");
        }
    }

    #[test]
    fn a_small_frame_cannot_become_a_large_event() {
        use ruzstd::encoding::{CompressionLevel, compress_to_vec};
        let bomb = compress_to_vec(&*vec![b' '; 5 << 20], CompressionLevel::Fastest);
        assert!(matches!(
            unpack(&packed(1, &bomb)),
            Err(Error::BadRow { reason: "longer than any event" })
        ));
    }
}
