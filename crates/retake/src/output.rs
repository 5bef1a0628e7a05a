//! Where a finished video goes.
//!
//! Everything that can be known before a render is checked before it: a render of ten
//! minutes must not end at a file that exists. A file appears whole or not at all: it is
//! written beside its place under another name, checked against what the server says of
//! it, and renamed. Nothing is overwritten without `--force`.

use std::{
    fs, io,
    io::{IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use futures::StreamExt as _;
use reqwest::Response;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::{
    exit::{Exit, Failure, innermost},
    follow::resume,
    gateway::CallError,
    printer::output_failure,
    session::{Context, Session},
    wire::{Output, Video},
};

/// The ending of a name of ours for a file that is no MP4.
const WEBM: &str = "webm";
/// Longest name made from a prompt, in characters.
const LONGEST_NAME: usize = 48;

/// A place for one video.
#[derive(Debug)]
pub(crate) enum Destination {
    Stdout,
    /// A file that appears when it is complete.
    File {
        path: PathBuf,
        force: bool,
        /// Whether the name is ours, and not one that the user chose.
        is_ours: bool,
    },
    /// Something that is written to as it is: a pipe, a device.
    Device(PathBuf),
}

/// Why a file did not arrive.
enum Broken {
    /// On the way to us; it may be sent again.
    Sending(reqwest::Error),
    Writing(Failure),
}

impl Destination {
    /// The place a user means, found fit to be written.
    pub(crate) fn choose(asked: Option<&Path>, prompt: &str, force: bool) -> Result<Self, Failure> {
        match asked {
            Some(path) if path == Path::new("-") => stdout(),
            Some(path) => Self::at(path.to_owned(), prompt, force, false),
            None => Self::of_our_naming(Path::new(""), prompt, force),
        }
    }

    /// A place in a folder under a name of ours. How that ends is known only when the video is there, so it has to be
    /// free either way.
    fn of_our_naming(folder: &Path, prompt: &str, force: bool) -> Result<Self, Failure> {
        let path = folder.join(name_for(prompt));
        Self::at(path.with_extension(WEBM), prompt, force, true)?;
        Self::at(path, prompt, force, true)
    }

    fn at(path: PathBuf, prompt: &str, force: bool, is_ours: bool) -> Result<Self, Failure> {
        let Ok(found) = fs::symlink_metadata(&path) else {
            return new_file(path, force, is_ours);
        };
        let shown = path.display();
        let kind = fs::metadata(&path).map_or(found.file_type(), |target| target.file_type());
        if kind.is_dir() {
            return Err(cannot_write(format!("`{shown}` is a folder"))
                .hint(format!("name a file in it: -o {}", path.join(name_for(prompt)).display())));
        }
        if !kind.is_file() && !kind.is_symlink() {
            return Ok(Self::Device(path));
        }
        if !force {
            return Err(cannot_write(format!("`{shown}` exists already"))
                .hint("choose another name with -o FILE, or overwrite it with --force"));
        }
        // A link stays a link: what it leads to is replaced.
        new_file(fs::canonicalize(&path).unwrap_or(path), force, is_ours)
    }

    /// The place for this file as it is shown to the user; nothing for stdout. A name of ours ends as its type asks.
    pub(crate) fn path(&self, file: Option<&Output>) -> Option<PathBuf> {
        match self {
            Self::Stdout => None,
            Self::File { path, is_ours: true, .. }
                if file.is_some_and(|file| file.media_type == "video/webm") =>
            {
                Some(path.with_extension(WEBM))
            }
            Self::File { path, .. } | Self::Device(path) => Some(path.clone()),
        }
    }

    pub(crate) const fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    /// Brings a finished video here. A download that breaks off is begun anew.
    pub(crate) async fn fetch(
        &self,
        context: &Context,
        session: &mut Session,
        video: &Video,
    ) -> Result<(), Failure> {
        loop {
            let error = match session.gateway().content(video.id()).await {
                Ok(response) => {
                    let url = response.url().clone();
                    match self.take(response, video.known.retake.output.as_ref()).await {
                        Ok(()) => return Ok(()),
                        Err(Broken::Writing(failure)) => return Err(kept(failure, video.id())),
                        Err(Broken::Sending(source)) => CallError::Unreachable { url, source },
                    }
                }
                Err(error) => error,
            };
            if matches!(self, Self::Stdout | Self::Device(_)) {
                return Err(kept(error.into(), video.id()));
            }
            session.recover(context, error).await.map_err(|failure| resume(failure, video.id()))?;
        }
    }

    async fn take(&self, response: Response, expected: Option<&Output>) -> Result<(), Broken> {
        match self {
            Self::Stdout => copy(response, &mut io::stdout(), expected, &output_failure).await,
            Self::Device(path) => {
                let failure = |error: &io::Error| cannot_write_to(path, error);
                let mut device = fs::File::options()
                    .write(true)
                    .open(path)
                    .map_err(|error| Broken::Writing(failure(&error)))?;
                copy(response, &mut device, expected, &failure).await
            }
            Self::File { path, force, .. } => {
                let path = &self.path(expected).unwrap_or_else(|| path.clone());
                let failure = |error: &io::Error| cannot_write_to(path, error);
                let writing = |error: io::Error| Broken::Writing(failure(&error));
                let mut beside = beside(path).map_err(writing)?;
                copy(response, beside.as_file_mut(), expected, &failure).await?;
                beside.as_file().sync_all().map_err(writing)?;
                let placed = if *force {
                    beside.persist(path).map(drop)
                } else {
                    beside.persist_noclobber(path).map(drop)
                };
                placed.map_err(|error| writing(error.error))
            }
        }
    }
}

fn stdout() -> Result<Destination, Failure> {
    if io::stdout().is_terminal() {
        return Err(Failure::new(Exit::BadInput, "a terminal cannot show a video")
            .hint("send it on, as in `retake generate … -o - | mpv -`, or name a file"));
    }
    Ok(Destination::Stdout)
}

/// A file to be, in a folder that takes new files.
fn new_file(path: PathBuf, force: bool, is_ours: bool) -> Result<Destination, Failure> {
    let folder = folder_of(&path);
    if !folder.is_dir() {
        let shown = folder.display();
        return Err(cannot_write(format!("there is no folder `{shown}` for the video"))
            .hint(format!("create it with `mkdir -p {shown}`, or choose another with -o FILE")));
    }
    if path.file_name().is_none() {
        return Err(cannot_write(format!("`{}` names no file", path.display()))
            .hint("choose a name with -o FILE"));
    }
    // Removed again when it is dropped: only whether it works is of interest.
    beside(&path).map_err(|error| cannot_write_to(&path, &error))?;
    Ok(Destination::File { path, force, is_ours })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A file with a name nobody else has, in the folder of `path`.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".retake-").suffix(".part");
    // As any new file of the user's; left to itself, a temporary one is more private.
    #[cfg(unix)]
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    #[cfg(unix)]
    builder.permissions(permissions);
    builder.tempfile_in(folder_of(path))
}

async fn copy(
    response: Response,
    target: &mut impl Write,
    expected: Option<&Output>,
    failure: &(dyn Fn(&io::Error) -> Failure + Sync),
) -> Result<(), Broken> {
    let (mut digest, mut length) = (Sha256::new(), 0_u64);
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|error| Broken::Sending(error.without_url()))?;
        target.write_all(&chunk).map_err(|error| Broken::Writing(failure(&error)))?;
        digest.update(&chunk);
        length += chunk.len() as u64;
    }
    target.flush().map_err(|error| Broken::Writing(failure(&error)))?;
    let halves = digest.finalize().into_iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let digest: String = halves.filter_map(|half| char::from_digit(half.into(), 16)).collect();
    if is_as_told(length, &digest, expected) {
        return Ok(());
    }
    Err(Broken::Writing(Failure::new(
        Exit::Failed,
        format!("the video arrived damaged: {length} bytes with SHA-256 {digest}"),
    )))
}

fn is_as_told(length: u64, digest: &str, expected: Option<&Output>) -> bool {
    let Some(expected) = expected else { return true };
    expected.bytes.is_none_or(|bytes| bytes == length)
        && expected.sha256.as_deref().is_none_or(|told| told.eq_ignore_ascii_case(digest))
}

/// A file name that reminds of the prompt: its words in small letters, joined by hyphens.
fn name_for(prompt: &str) -> String {
    let lower = prompt.to_lowercase();
    let mut name = String::new();
    for word in lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        if name.chars().count() + 1 + word.chars().count() > LONGEST_NAME {
            break;
        }
        if !name.is_empty() {
            name.push('-');
        }
        name += word;
    }
    if name.is_empty() {
        // One endless word, as in scripts without spaces, or none at all.
        name = lower.chars().filter(|c| c.is_alphanumeric()).take(LONGEST_NAME).collect();
    }
    if name.is_empty() { "video.mp4".to_owned() } else { format!("{name}.mp4") }
}

fn cannot_write(message: String) -> Failure {
    Failure::new(Exit::CannotWrite, message)
}

fn cannot_write_to(path: &Path, error: &io::Error) -> Failure {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on that disk",
        io::ErrorKind::AlreadyExists => "choose another name, or overwrite it with --force",
        _ => "choose another place with -o FILE",
    };
    cannot_write(format!("cannot write `{}`: {}", path.display(), innermost(error))).hint(hint)
}

/// The video is not lost with the file that could not be written.
fn kept(failure: Failure, id: &str) -> Failure {
    match failure.exit {
        Exit::Success => failure,
        _ => failure.hint(format!("the video is kept: `retake videos download {id} -o FILE`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reminds_of_its_prompt_and_stays_in_its_folder() {
        let names = [
            "A golden retriever, running!",
            "../../etc/passwd",
            "",
            "猫が公園を走る",
            "a very long prompt that goes on and on about a great many different things",
        ]
        .map(name_for);

        insta::assert_snapshot!(names.join("\n"), @r"
        a-golden-retriever-running.mp4
        etc-passwd.mp4
        video.mp4
        猫が公園を走る.mp4
        a-very-long-prompt-that-goes-on-and-on-about-a.mp4
        ");
    }

    #[test]
    fn a_name_of_ours_ends_as_the_type_of_the_file_asks_and_a_chosen_one_stays() {
        let webm = Output { media_type: "video/webm".into(), ..Output::default() };
        let file = |is_ours| Destination::File { path: "a.mp4".into(), force: false, is_ours };

        assert_eq!(file(true).path(Some(&webm)), Some("a.webm".into()));
        assert_eq!(file(false).path(Some(&webm)), Some("a.mp4".into()));
        assert_eq!(file(true).path(Some(&Output::default())), Some("a.mp4".into()));
    }

    #[test]
    fn a_name_of_ours_has_to_be_free_under_either_ending_before_anything_is_paid() {
        for taken in ["a-kite.mp4", "a-kite.webm"] {
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(taken), "precious").unwrap();

            let refused = Destination::of_our_naming(folder.path(), "a kite", false).unwrap_err();

            assert_eq!(refused.exit, Exit::CannotWrite);
            assert!(refused.message().contains(taken), "{}", refused.message());
            assert!(Destination::of_our_naming(folder.path(), "a kite", true).is_ok());
        }
    }

    #[test]
    fn a_file_that_is_not_as_told_is_noticed() {
        let told = Output { bytes: Some(3), sha256: Some("AB".into()), ..Output::default() };

        assert!(is_as_told(3, "ab", Some(&told)));
        assert!(!is_as_told(2, "ab", Some(&told)));
        assert!(!is_as_told(3, "ac", Some(&told)));
        assert!(is_as_told(3, "ac", None));
    }
}
