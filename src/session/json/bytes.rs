//! Finding the few bytes that matter inside a JSON string.
//!
//! `memchr` finds two of them and not control characters, and begins anew at every escape: with it the whole scan takes 1.9 times
//! as long, with the plain loop below, which compilers do not turn into vector code, 3.5 times (measured as in the module above).

/// One bit for each byte of a text from `at` on that ends a plain run inside a JSON string: a quote, a backslash or a control
/// character. `BLOCKS` blocks of 16 bytes are looked at; what lies behind the end of the text has no bit.
#[inline]
pub(crate) fn specials<const BLOCKS: usize>(text: &[u8], at: usize) -> u64 {
    const { assert!(BLOCKS <= 4, "64 bits") };
    let rest = text.get(at..).unwrap_or_default();
    let mut mask = 0;
    for block in 0..BLOCKS {
        let start = block * 16;
        let bits = match rest.get(start..).and_then(<[u8]>::first_chunk) {
            Some(block) => block_specials(block),
            None => block_specials(&padded(rest.get(start..).unwrap_or_default())),
        };
        mask |= u64::from(bits) << start;
    }
    mask
}

/// The last bytes of a text, followed by spaces.
#[cold]
fn padded(rest: &[u8]) -> [u8; 16] {
    let mut block = [b' '; 16];
    block[..rest.len()].copy_from_slice(rest);
    block
}

/// SSE2 is part of every x86-64.
#[cfg(target_arch = "x86_64")]
#[inline]
fn block_specials(block: &[u8; 16]) -> u16 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_loadu_si128, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128,
        _mm_set1_epi8,
    };

    // SAFETY: the functions ask for nothing but SSE2, which every x86-64 has, and the load reads the 16 bytes of the block.
    let mask = unsafe {
        let bytes = _mm_loadu_si128(block.as_ptr().cast());
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"'.cast_signed()));
        let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control))
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "one bit for each of 16 bytes"
    )]
    let mask = mask as u16;
    mask
}

#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn block_specials(block: &[u8; 16]) -> u16 {
    plain_specials(block)
}

/// The same for other processors.
#[cfg(any(test, not(target_arch = "x86_64")))]
fn plain_specials(block: &[u8; 16]) -> u16 {
    let is_special = |byte: u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    block.iter().rev().fold(0, |mask, byte| mask << 1 | u16::from(is_special(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_special_byte_is_found_at_every_place_and_no_other() {
        for byte in 0..=u8::MAX {
            let is_special = matches!(byte, b'"' | b'\\' | 0..=0x1f);
            for place in 0..64 {
                let mut text = [b'a'; 64];
                text[place] = byte;
                let expected = if is_special { 1 << place } else { 0 };
                assert_eq!(specials::<4>(&text, 0), expected, "byte {byte} at {place}");
                let block: &[u8; 16] = text[place / 16 * 16..][..16].try_into().unwrap();
                assert_eq!(u64::from(plain_specials(block)) << (place / 16 * 16), expected);
            }
        }
    }

    #[test]
    fn there_is_nothing_behind_the_end() {
        assert_eq!(specials::<1>(b"ab\"", 1), 0b10);
        assert_eq!(specials::<4>(b"\"", 1), 0);
        assert_eq!(specials::<4>(b"\"", 9), 0);
    }
}
