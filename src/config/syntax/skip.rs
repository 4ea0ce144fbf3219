//! Finding the end of a part of a JSON5 text that is nobody's business here.

/// Nesting that is still read. Hosts and the second parser recurse, so deeper files would end the process.
const MAX_DEPTH: usize = 128;

/// How many bytes follow until the bracket that is open at the start is closed, itself included; else where and why not.
///
/// Looks for brackets, strings and comments only. Whatever else may be wrong inside is for the second parser to find.
pub(in crate::config) fn length_to_close(bytes: &[u8]) -> Result<usize, (usize, &'static str)> {
    let mut depth = 1;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b'{' | b'[' if depth == MAX_DEPTH => return Err((at, "too many levels")),
            b'{' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b']' if depth == 1 => return Ok(at + 1),
            b'}' | b']' => {
                depth -= 1;
                at + 1
            }
            b'"' | b'\'' => end_of_string(bytes, at).ok_or((at, "a string without end"))?,
            b'/' => end_of_comment(bytes, at).ok_or((at, "a comment without end"))?,
            _ => at + 1,
        };
    }
    Err((bytes.len(), "expected a closing bracket, found the end of the file"))
}

fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let quote = bytes[start];
    let mut at = start + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Of a slash that begins no comment the second parser knows that it is wrong.
fn end_of_comment(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = &bytes[start..];
    match rest.get(1) {
        Some(b'/') => {
            let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            Some(length.map_or(bytes.len(), |length| start + length))
        }
        Some(b'*') => {
            rest[2..].windows(2).position(|pair| pair == b"*/").map(|length| start + 2 + length + 2)
        }
        _ => Some(start + 1),
    }
}
