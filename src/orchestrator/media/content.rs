//! What a file is, judged by its content.

/// How much of a file is looked at.
pub(super) const HEAD: usize = 64 * 1024;
/// Longest media type that is believed.
const LONGEST_TYPE: usize = 100;
/// What nobody knows.
const UNKNOWN: &str = "application/octet-stream";
/// Kinds of documents that are archives inside.
const ARCHIVES: [&str; 5] = ["openxmlformats", "opendocument", "epub", "java-archive", "+zip"];
/// Kinds of documents that share the old container of Microsoft.
const CONTAINERS: [&str; 3] = ["application/msword", "application/vnd.ms-", "application/x-ole"];

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Content {
    /// Its media type.
    pub mime_type: String,
    /// What its sender says, where that is something that the content is not.
    pub announced: Option<String>,
}

/// Judges a file by its beginning. What the sender says, and the name, only choose among what the content may be.
pub(super) fn judge(head: &[u8], announced: Option<&str>, name: &str) -> Content {
    let announced = announced.and_then(plain_type);
    let mime_type = find(head, announced.as_deref(), name);
    let major = |mime_type: &str| mime_type.split('/').next().unwrap_or_default().to_owned();
    let is_claim = |mime_type: &str| {
        matches!(major(mime_type).as_str(), "image" | "audio" | "video")
            || mime_type == "application/pdf"
    };
    let is_drawing = |mime_type: &str| mime_type == "image/svg+xml";
    let is_other = |claimed: &String| {
        is_claim(claimed) && !is_drawing(claimed) && major(claimed) != major(&mime_type)
            || claimed == "application/pdf" && mime_type != *claimed
    };
    let announced = announced.filter(is_other);
    Content { mime_type, announced }
}

fn find(head: &[u8], announced: Option<&str>, name: &str) -> String {
    let is_one_of = |kinds: &[&str]| {
        announced.filter(|mime_type| kinds.iter().any(|kind| mime_type.contains(kind)))
    };
    if is_text(head) {
        let guess = mime_guess::from_path(name).first_raw();
        let named = [announced, guess].into_iter().flatten().find(|one| is_text_type(one));
        return named.unwrap_or("text/plain").to_owned();
    }
    match infer::get(head).map(|found| found.mime_type()) {
        Some("application/zip") => is_one_of(&ARCHIVES).unwrap_or("application/zip").to_owned(),
        Some(found) if is_text_type(found) => UNKNOWN.to_owned(),
        Some(found) => is_one_of(&CONTAINERS)
            .filter(|_| found.starts_with("application/"))
            .unwrap_or(found)
            .to_owned(),
        None => announced
            .filter(|one| one.starts_with("application/") && *one != "application/pdf")
            .filter(|one| !is_text_type(one))
            .unwrap_or(UNKNOWN)
            .to_owned(),
    }
}

/// A media type in lower case without parameters; nothing when it is none.
fn plain_type(text: &str) -> Option<String> {
    let text = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_token = |part: &str| {
        !part.is_empty()
            && part.chars().all(|one| one.is_ascii_alphanumeric() || "!#$&-^_.+".contains(one))
    };
    let (major, minor) = text.split_once('/')?;
    (text.len() <= LONGEST_TYPE && is_token(major) && is_token(minor)).then_some(text)
}

fn is_text_type(mime_type: &str) -> bool {
    let minor = mime_type.strip_prefix("application/").unwrap_or_default();
    mime_type.starts_with("text/")
        || ["+json", "+xml", "+yaml"].iter().any(|ending| minor.ends_with(ending))
        || matches!(
            minor,
            "json"
                | "xml"
                | "yaml"
                | "x-yaml"
                | "toml"
                | "javascript"
                | "x-sh"
                | "sql"
                | "x-ndjson"
        )
}

/// Whether a beginning is text: UTF-8 that may be cut in the middle of a character, without control characters that no text has.
fn is_text(head: &[u8]) -> bool {
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        // Cut by us, at most.
        Err(error) if error.error_len().is_none() && head.len() >= HEAD => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    let fits =
        |one: char| !one.is_control() || matches!(one, '\t' | '\n' | '\r' | '\u{c}' | '\u{1b}');
    // Of a document that says it is one the text is only the wrapping.
    !valid.starts_with("%PDF-") && valid.chars().all(|one| fits(one) || one == '\u{8}')
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
    const ZIP: &[u8] = b"PK\x03\x04\x14\0\0\0\x08\0";

    #[test]
    fn the_content_says_what_a_file_is() {
        let docx = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        for (head, announced, name, found) in [
            (PNG, Some("image/png"), "a.png", "image/png"),
            (PNG, Some("text/plain"), "a.txt", "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", None, "a", "image/jpeg"),
            (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", Some("image/png"), "a", "application/pdf"),
            (b"%PDF-1.4\n1 0 obj\n", None, "a", "application/pdf"),
            (ZIP, Some("application/zip"), "a.zip", "application/zip"),
            (ZIP, Some(docx), "a.docx", docx),
            (ZIP, Some("image/png"), "a.png", "application/zip"),
            (b"a,b\n1,2\n", Some("text/csv; charset=utf-8"), "a.csv", "text/csv"),
            (b"a,b\n1,2\n", None, "a.csv", "text/csv"),
            (b"{}", Some("application/json"), "a", "application/json"),
            (b"Hello", Some("image/png"), "a.png", "text/plain"),
            (b"<html>login</html>", Some("image/png"), "a.png", "text/plain"),
            (b"<svg xmlns='x'/>", Some("image/svg+xml"), "a.svg", "text/plain"),
            (b"\0\x01\x02\xff", Some("image/png"), "a.png", UNKNOWN),
            (b"\0\x01\x02\xff", Some("application/x-own"), "a", "application/x-own"),
            (b"\0\x01\x02\xff", Some("bad type\r\nX: y/z"), "a", UNKNOWN),
            (b"\0\x01\x02\xff", None, "a", UNKNOWN),
        ] {
            assert_eq!(judge(head, announced, name).mime_type, found, "{announced:?} {name}");
        }
    }

    #[test]
    fn a_false_claim_is_told() {
        let told = |head: &[u8], announced: &str| judge(head, Some(announced), "a").announced;
        assert_eq!(told(b"Hello", "image/PNG").as_deref(), Some("image/png"));
        assert_eq!(told(ZIP, "application/pdf").as_deref(), Some("application/pdf"));
        assert_eq!(told(PNG, "image/jpeg"), None);
        assert_eq!(told(b"Hello", "text/csv"), None);
        assert_eq!(told(b"<svg/>", "image/svg+xml"), None);
    }

    #[test]
    fn a_text_that_is_cut_in_the_middle_of_a_character_is_a_text() {
        let long = "日本".repeat(HEAD);
        assert_eq!(judge(&long.as_bytes()[..HEAD], None, "a").mime_type, "text/plain");
        assert_eq!(judge(&"日".as_bytes()[..2], None, "a").mime_type, UNKNOWN);
    }
}
