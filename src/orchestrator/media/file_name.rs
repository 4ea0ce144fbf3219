//! The names of kept files: safe, the same at every attempt, and recognisable as ours.
//!
//! A name is `<readable>---<uuid>.<extension>`, the form that hosts give to files of their own media folder: they show the agent
//! the readable part. The UUID is of version 8, begins with the bytes of "parall", and is derived from message and attachment.

use sha2::{Digest, Sha256};

use crate::api::Attachment;
use crate::text::hex;

/// The first six bytes of every such UUID: "parall".
const MARK: &str = "---70617261-6c6c-8";
/// Characters of a UUID with the separator before it.
const UUID_LENGTH: usize = 39;
/// Most characters and most bytes of the readable part; a name has 255 bytes on most disks.
const LONGEST: (usize, usize) = (60, 120);
/// Longest extension.
const LONGEST_EXTENSION: usize = 10;
/// What a name becomes of which nothing is left.
const NAMELESS: &str = "file";

/// The name under which an attachment is kept. `ordinal` is its place on the message.
pub(super) fn kept_name(message_id: &str, ordinal: usize, attachment: &Attachment) -> String {
    let given = attachment.file_name.as_deref().unwrap_or_default();
    let given = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let (stem, extension) = match given.rsplit_once('.') {
        Some((stem, extension)) if is_extension(extension) => (stem, Some(extension.to_owned())),
        _ => (given, usual_extension(attachment)),
    };
    let extension = extension.map(|extension| format!(".{}", extension.to_ascii_lowercase()));
    format!(
        "{}{}{}",
        readable(stem),
        mark(message_id, ordinal, attachment),
        extension.unwrap_or_default()
    )
}

/// Whether a file of this name is one that was kept here, or a part of one.
pub(super) fn is_kept(name: &str) -> bool {
    name.rfind(MARK).is_some_and(|start| {
        let end = start + UUID_LENGTH;
        name.is_char_boundary(end)
            && name[start..end].chars().all(|one| one == '-' || one.is_ascii_hexdigit())
    })
}

fn mark(message_id: &str, ordinal: usize, attachment: &Attachment) -> String {
    let source = format!("{message_id}\n{ordinal}\n{}", attachment.id);
    let digits = hex(&Sha256::digest(source)[..10]);
    // A UUID has its version here and its variant at the beginning of the fourth group.
    format!("{MARK}{}-a{}-{}", &digits[..3], &digits[3..6], &digits[6..18])
}

fn readable(stem: &str) -> String {
    let mut name = String::new();
    for (count, character) in stem.chars().enumerate() {
        let character = if character.is_alphanumeric() || matches!(character, '-' | '.') {
            character
        } else {
            '_'
        };
        if count >= LONGEST.0 || name.len() + character.len_utf8() > LONGEST.1 {
            break;
        }
        if !(matches!(character, '_' | '.') && (name.is_empty() || name.ends_with(['_', '.']))) {
            name.push(character);
        }
    }
    let name = name.trim_matches(['_', '.', '-']);
    if name.is_empty() { NAMELESS.to_owned() } else { name.to_owned() }
}

fn is_extension(text: &str) -> bool {
    (1..=LONGEST_EXTENSION).contains(&text.len())
        && text.chars().all(|one| one.is_ascii_alphanumeric())
}

/// What files of the announced type are called: mostly like the type.
fn usual_extension(attachment: &Attachment) -> Option<String> {
    let mime_type = attachment.mime_type.as_deref()?;
    let extension = match mime_type {
        "text/plain" => "txt",
        "text/markdown" => "md",
        "audio/mpeg" => "mp3",
        _ => mime_type.split_once('/')?.1,
    };
    let is_usual = mime_guess::from_ext(extension).iter_raw().any(|known| known == mime_type);
    (is_usual && is_extension(extension)).then(|| extension.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(file_name: Option<&str>, mime_type: Option<&str>) -> String {
        let attachment = Attachment {
            id: "att_1".to_owned(),
            file_name: file_name.map(str::to_owned),
            mime_type: mime_type.map(str::to_owned),
            file_size: None,
            url: None,
        };
        kept_name("msg_1", 0, &attachment)
    }

    /// The name without what makes it unique.
    fn visible(name: &str) -> String {
        let start = name.rfind(MARK).unwrap();
        format!("{}{}", &name[..start], &name[start + UUID_LENGTH..])
    }

    #[test]
    fn hostile_names_become_plain_ones() {
        for (given, kept) in [
            (Some("../../x"), "x"),
            (Some("..\\..\\boot.ini"), "boot.ini"),
            (Some("/etc/passwd"), "passwd"),
            (Some(".."), "file"),
            (Some(".bashrc"), "file.bashrc"),
            (Some(""), "file"),
            (None, "file"),
            (Some("a\0b\nc.txt"), "a_b_c.txt"),
            (Some("report (final) [v2].PDF"), "report_final_v2.pdf"),
            (Some("abc\u{202e}fdp.exe"), "abc_fdp.exe"),
            (Some("Übersicht 日本.png"), "Übersicht_日本.png"),
            (Some("$(rm -rf ~).sh"), "rm_-rf.sh"),
            (Some("archive.tar.gz"), "archive.tar.gz"),
            (Some("name.with a long ending"), "name.with_a_long_ending"),
        ] {
            assert_eq!(visible(&named(given, None)), kept, "{given:?}");
        }
    }

    #[test]
    fn a_name_of_ten_thousand_characters_fits_on_every_disk() {
        for character in ["x", "日", "😀", "."] {
            let name = named(Some(&format!("{}.png", character.repeat(10_000))), None);
            assert!(name.len() <= 200, "{}", name.len());
            assert_eq!(std::path::Path::new(&name).extension().unwrap(), "png");
        }
    }

    #[test]
    fn a_name_without_extension_gets_the_usual_one() {
        assert_eq!(visible(&named(Some("photo"), Some("image/png"))), "photo.png");
        assert_eq!(visible(&named(Some("photo"), Some("nothing/known"))), "photo");
    }

    #[test]
    fn names_are_those_of_the_hosts_the_same_each_time_and_ours() {
        let name = named(Some("a.png"), None);
        assert_eq!(name, named(Some("a.png"), None));
        let (start, uuid) = name.strip_suffix(".png").unwrap().split_once("---").unwrap();
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!((start, lengths), ("a", vec![8, 4, 4, 4, 12]));
        assert!(is_kept(&name) && is_kept(&format!("{name}.x1.partial")));
        for foreign in
            ["a.png", "a---12345678-1234-4234-a234-123456789012.png", "---70617261-6c6c-8"]
        {
            assert!(!is_kept(foreign), "{foreign}");
        }
    }
}
