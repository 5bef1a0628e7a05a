//! Copies of all files, for a backup or another folder, while somebody works on them.
//!
//! A file is never changed once it has its name, so on the same disk a second name is a copy.

use std::{
    ffi::OsString,
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use super::STAGING;
use crate::data_dir::create_private;

/// What was copied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Files.
    pub files: u64,
    /// Their length together.
    pub bytes: u64,
}

/// A file could not be copied.
#[derive(Debug, thiserror::Error)]
#[error("{} could not be copied", path.display())]
pub struct CopyError {
    /// Which file.
    pub path: PathBuf,
    /// What the system said.
    pub source: io::Error,
}

/// Copies the files of one folder to another, but for those that are there already. Blocks for as long as
/// that takes.
pub(crate) fn copy_files(from: &Path, to: &Path) -> Result<Copied, CopyError> {
    let mut copied = Copied::default();
    copy_folder(from, to, to, &mut copied)?;
    Ok(copied)
}

fn copy_folder(
    from: &Path,
    to: &Path,
    target: &Path,
    copied: &mut Copied,
) -> Result<(), CopyError> {
    let failed = |path: &Path, source| CopyError { path: path.to_owned(), source };
    create_private(to).map_err(|source| failed(to, source))?;
    for entry in fs::read_dir(from).map_err(|source| failed(from, source))? {
        let entry = entry.map_err(|source| failed(from, source))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let Ok(kind) = entry.file_type() else { continue };
        // What is half-written belongs to nobody yet.
        let is_half = entry.file_name().to_string_lossy().contains('#');
        // The target may lie within.
        if kind.is_dir() && entry.file_name() != STAGING && path != target {
            copy_folder(&path, &place, target, copied)?;
        } else if kind.is_file() && !is_half {
            match copy_file(&path, &place) {
                Ok(bytes) => {
                    copied.files += 1;
                    copied.bytes += bytes;
                }
                // Its time was over, or its video was deleted, since the folder was read.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(source) => return Err(failed(&path, source)),
            }
        }
    }
    // What was copied is to be there after a power cut.
    sync(to).map_err(|source| failed(to, source))
}

#[cfg(unix)]
fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Elsewhere a folder cannot be opened.
#[cfg(not(unix))]
fn sync(_: &Path) -> io::Result<()> {
    Ok(())
}

fn copy_file(from: &Path, to: &Path) -> io::Result<u64> {
    let length = fs::metadata(from)?.len();
    let is_there = fs::metadata(to).is_ok_and(|there| there.len() == length);
    if is_there || fs::hard_link(from, to).is_ok() {
        return Ok(length);
    }
    // It gets its name when it is whole.
    let mut half = OsString::from(to);
    half.push("#0");
    let bytes = fs::copy(from, &half)?;
    fs::File::open(&half)?.sync_all()?;
    fs::rename(&half, to)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_files_are_copied_and_a_copy_that_broke_off_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        for (name, content) in
            [("videos/a.mp4", "film"), ("videos/a.mp4#1", "fi"), ("staging/b", "?")]
        {
            fs::create_dir_all(from.join(name).parent().unwrap()).unwrap();
            fs::write(from.join(name), content).unwrap();
        }
        fs::create_dir_all(to.join("videos")).unwrap();
        fs::write(to.join("videos/a.mp4"), "f").unwrap();

        let copied = copy_files(&from, &to).unwrap();
        let again = copy_files(&from, &to).unwrap();

        assert_eq!((copied, again), (Copied { files: 1, bytes: 4 }, copied));
        assert_eq!(fs::read_to_string(to.join("videos/a.mp4")).unwrap(), "film");
        assert_eq!(fs::read_dir(to.join("videos")).unwrap().count(), 1);
        assert!(!to.join("staging").exists());
    }
}
