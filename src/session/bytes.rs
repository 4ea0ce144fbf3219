//! Finding the few bytes that matter inside a JSON string.

/// The first position from `at` on whose byte ends a plain run inside a JSON string: a quote, a backslash or a control
/// character. The length of the text if there is none.
#[inline]
pub(crate) fn find_special(text: &[u8], mut at: usize) -> usize {
    while let Some((block, _)) = text.get(at..).and_then(<[u8]>::split_first_chunk::<16>) {
        let mask = special_mask(block);
        if mask != 0 {
            return at + mask.trailing_zeros() as usize;
        }
        at += block.len();
    }
    text.get(at..)
        .and_then(|rest| rest.iter().position(|byte| is_special(*byte)))
        .map_or(text.len(), |offset| at + offset)
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

/// One bit for each special byte. SSE2 is part of every x86-64.
#[cfg(target_arch = "x86_64")]
#[inline]
fn special_mask(block: &[u8; 16]) -> u32 {
    use std::arch::x86_64::{
        _mm_cmpeq_epi8, _mm_min_epu8, _mm_movemask_epi8, _mm_or_si128, _mm_set_epi64x,
        _mm_set1_epi8,
    };

    let [low, high] = halves(block).map(u64::cast_signed);
    // SAFETY: the functions ask for nothing but SSE2, which every x86-64 has.
    unsafe {
        let bytes = _mm_set_epi64x(high, low);
        let quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'"'.cast_signed()));
        let backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(b'\\'.cast_signed()));
        let control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, backslash), control)).cast_unsigned()
    }
}

/// One bit for each special byte, eight bytes at a time in a plain register.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn special_mask(block: &[u8; 16]) -> u32 {
    let [low, high] = halves(block);
    if has_special(low) || has_special(high) {
        return block.iter().rev().fold(0, |mask, byte| mask << 1 | u32::from(is_special(*byte)));
    }
    0
}

/// Whether any of eight bytes is special. May be wrong in one direction only: it never misses one.
#[cfg(any(test, not(target_arch = "x86_64")))]
const fn has_special(word: u64) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGHS: u64 = 0x8080_8080_8080_8080;
    const fn has_zero(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & HIGHS
    }
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
    has_zero(word ^ (ONES * 0x22)) | has_zero(word ^ (ONES * 0x5c)) | control != 0
}

#[inline]
fn halves(block: &[u8; 16]) -> [u64; 2] {
    let whole = u128::from_le_bytes(*block);
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is meant")]
    let low = whole as u64;
    [low, (whole >> 64) as u64]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_found_at_every_place_and_no_other() {
        for byte in 0..=u8::MAX {
            for place in 0..40 {
                let mut text = [b'a'; 40];
                text[place] = byte;
                let expected = if is_special(byte) { place } else { text.len() };
                assert_eq!(find_special(&text, 0), expected, "byte {byte} at {place}");
            }
        }
    }

    #[test]
    fn the_portable_form_never_misses_a_special_byte() {
        for byte in 0..=u8::MAX {
            for place in 0..8 {
                let mut word = [0xff; 8];
                word[place] = byte;
                assert!(
                    has_special(u64::from_le_bytes(word)) || !is_special(byte),
                    "byte {byte} at {place}"
                );
            }
        }
    }

    #[test]
    fn a_start_behind_the_end_finds_nothing() {
        assert_eq!(find_special(b"\"", 5), 1);
    }
}
