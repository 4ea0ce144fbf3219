//! Files that the agent sends: what it may send, and their way to the server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::split::{PART_LIMIT, split};
use crate::api::LocalFile;
use crate::error::chain;
use crate::journal::Uploaded;
use crate::orchestrator::context::Context;
use crate::orchestrator::error::Error;
use crate::orchestrator::host::Level;
use crate::orchestrator::persist::PersistError;
use crate::orchestrator::target::Target;
use crate::orchestrator::turn::untrusted::name;
use crate::organisation::{MOST_FILES, allowed_file, mime_type_of, unfit};

/// How long a file is tried before its message goes without it.
const PATIENCE: Duration = Duration::from_secs(5 * 60);
/// Why a task gets no file.
const NO_COMMENT: &str = "a comment on a task takes no files";
/// Why a file is not touched.
const FORBIDDEN: &str = "it is not there, or in no folder from which the agent may send";

/// A file that is not sent, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsent {
    /// Its name, without the folders of this machine.
    pub name: String,
    /// Why; the end of a sentence.
    pub reason: String,
}

impl Unsent {
    /// The file at a path.
    pub(crate) fn new(path: &str, reason: impl Into<String>) -> Self {
        let file_name = Path::new(path).file_name().map(|name| name.to_string_lossy());
        let name = name(&file_name.unwrap_or_default());
        let name = if name.is_empty() { "a file".to_owned() } else { name };
        Self { name, reason: reason.into() }
    }

    /// What people read in its place.
    pub(crate) fn line(&self) -> String {
        format!("({} could not be sent: {}.)", self.name, self.reason)
    }
}

/// Those of the files that may be sent to a target, and the others: a file has to lie really in one of `folders`, the first of which
/// is the agent's workspace.
pub(crate) async fn sorted(
    wanted: Vec<String>,
    folders: &[String],
    target: &Target,
) -> (Vec<String>, Vec<Unsent>) {
    if matches!(target, Target::Task(_)) {
        return (Vec::new(), wanted.iter().map(|path| Unsent::new(path, NO_COMMENT)).collect());
    }
    if wanted.is_empty() {
        return (wanted, Vec::new());
    }
    let folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
    let sort = move || {
        let (mut files, mut unsent) = (Vec::new(), Vec::new());
        for path in &wanted {
            let real = allowed_file(Path::new(path), &folders);
            match real.and_then(|real| real.into_os_string().into_string().ok()) {
                Some(real) => files.push(real),
                None => unsent.push(Unsent::new(path, FORBIDDEN)),
            }
        }
        (files, unsent)
    };
    // It ends with the runtime alone.
    tokio::task::spawn_blocking(sort).await.unwrap_or_default()
}

/// An error for the first of what cannot be sent.
pub(crate) fn refuse(unsent: Vec<Unsent>) -> Result<(), Error> {
    match unsent.into_iter().next() {
        Some(Unsent { name, reason }) => Err(Error::File { name, reason }),
        None => Ok(()),
    }
}

/// A text and what goes with it as messages: the text in as many as it needs, and with the last of them the first files.
pub(crate) fn pieces(text: &str, files: &[String]) -> Vec<(String, Vec<String>)> {
    let mut texts = split(text, PART_LIMIT);
    let mut groups = files.chunks(MOST_FILES).map(<[String]>::to_vec);
    let last = texts.pop().unwrap_or_default();
    let before = texts.into_iter().map(|text| (text, Vec::new()));
    let with_files = (last, groups.next().unwrap_or_default());
    before.chain([with_files]).chain(groups.map(|group| (String::new(), group))).collect()
}

/// A text with a line for each file that is not sent.
pub(crate) fn with_lines(text: &str, unsent: &[Unsent]) -> String {
    let text = (!text.trim().is_empty()).then(|| text.to_owned());
    let lines = unsent.iter().map(Unsent::line).collect::<Vec<_>>().join("\n");
    let lines = (!lines.is_empty()).then_some(lines);
    text.into_iter().chain(lines).collect::<Vec<_>>().join("\n\n")
}

/// Uploads files in their order.
///
/// # Errors
/// [`Error::Closed`] when the account stops.
pub(crate) async fn upload(
    context: &Context,
    files: &[String],
) -> Result<(Vec<String>, Vec<Unsent>), Error> {
    let (mut ids, mut unsent) = (Vec::new(), Vec::new());
    for path in files {
        // A call under way is cut short: an upload that nobody names is nothing.
        let uploading = context.work.run_until_cancelled(one(context, path));
        match uploading.await.ok_or(Error::Closed)? {
            Ok(id) => ids.push(id),
            Err(Failed::Stopped) => return Err(Error::Closed),
            Err(Failed::Because(reason)) => {
                let lost = Unsent::new(path, reason);
                context.log(Level::Warn, format!("{}: {}", lost.name, lost.reason));
                unsent.push(lost);
            }
        }
    }
    Ok((ids, unsent))
}

/// A part once its files are at the server.
pub(crate) async fn uploaded(
    context: &Context,
    text: &str,
    files: &[String],
) -> Result<Uploaded, Error> {
    let (attachment_ids, unsent) = upload(context, files).await?;
    Ok(Uploaded { text: with_lines(text, &unsent), attachment_ids })
}

enum Failed {
    Stopped,
    Because(String),
}

async fn one(context: &Context, path: &str) -> Result<String, Failed> {
    // What is wrong with the file is no failure of the server, and is not tried again.
    let upload = || async {
        match open(path).await {
            Ok(file) => context.server.upload_file(file).await.map(Ok),
            Err(reason) => Ok(Err(reason)),
        }
    };
    match context.persist_for(PATIENCE, "uploading a file", upload).await {
        Ok(Ok(id)) => Ok(id),
        Ok(Err(reason)) => Err(Failed::Because(reason)),
        Err(PersistError::Closed) => Err(Failed::Stopped),
        Err(PersistError::Refused(error)) => Err(Failed::Because(chain(&error))),
    }
}

/// The file at a path without symbolic links, as [`allowed_file`] gave it: what has become a link since then is not followed.
async fn open(path: &str) -> Result<LocalFile, String> {
    let fail = |error: std::io::Error| format!("it cannot be read: {error}");
    if tokio::fs::canonicalize(path).await.map_err(fail)? != Path::new(path) {
        return Err("it has been replaced by a link".to_owned());
    }
    let file = tokio::fs::File::open(path).await.map_err(fail)?;
    let metadata = file.metadata().await.map_err(fail)?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    if let Some(reason) = unfit(metadata.len()) {
        return Err(format!("it {reason}"));
    }
    let file_name = Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(LocalFile {
        name: file_name.unwrap_or_else(|| "file".to_owned()),
        mime_type: mime_type_of(Path::new(path)),
        size: usize::try_from(metadata.len()).unwrap_or(usize::MAX),
        file,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_file_and_no_folder() {
        let unsent = Unsent::new("/home/me/[x] (y)/a]\n[From: boss.png", "it is empty");
        assert_eq!(unsent.line(), "(a From: boss.png could not be sent: it is empty.)");
        assert_eq!(Unsent::new("/", "x").line(), "(a file could not be sent: x.)");
    }

    #[test]
    fn the_first_files_go_with_the_end_of_the_text() {
        let files: Vec<String> = (0..9).map(|number| number.to_string()).collect();
        let long = "x".repeat(PART_LIMIT + 1);
        let made = pieces(&long, &files);
        let counts: Vec<usize> = made.iter().map(|(_, files)| files.len()).collect();
        assert_eq!(counts, [0, MOST_FILES, 1]);
        let length: usize = made.iter().map(|(text, _)| text.len()).sum();
        assert_eq!((length, made[2].0.as_str()), (PART_LIMIT + 1, ""));
        assert_eq!(pieces("", &files[..1]), [(String::new(), vec!["0".to_owned()])]);
        assert_eq!(pieces("a", &[]), [("a".to_owned(), Vec::new())]);
    }

    #[test]
    fn a_text_keeps_its_words_before_the_lines() {
        let unsent = [Unsent::new("/a", "x")];
        assert_eq!(with_lines("Here", &unsent), "Here\n\n(a could not be sent: x.)");
        assert_eq!(with_lines(" ", &unsent), "(a could not be sent: x.)");
        assert_eq!(with_lines("Here", &[]), "Here");
    }
}
