//! The folder in which a gateway keeps everything, and who may use it.
//!
//! One process at a time holds a data directory. The hold is a lock of the operating
//! system on `retake.lock`, so it ends with its process however that ends: there is
//! nothing stale to clean up after a crash. The holder announces its URL in `server.json`,
//! so that other processes can talk to it instead. That file is believed only while the
//! lock is held: without a holder it is a leftover.
//!
//! Prompts, videos and secrets are in it, so what is made in it is its owner's alone, and what was made by an
//! older version becomes so. The folder itself may be somebody's mount point: it is left as it is, with a warning.
//!
//! A folder that is neither empty nor marked as ours is refused. A typing error in
//! `data_dir` must not fill somebody's home folder with videos, or sweep it.

use std::{
    fs::{self, File, TryLockError},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use retake_core::ids::fresh_secret;
use serde::{Deserialize, Serialize};

/// The format of the folder that this version reads and writes.
const FORMAT: &str = "retake data directory, format 1";
const FORMAT_FAMILY: &str = "retake data directory, format ";

/// A folder that is ours and can be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataDir {
    path: PathBuf,
}

/// The hold of this process on a data directory. Dropped, it is given up.
#[derive(Debug)]
pub struct Held {
    data_dir: DataDir,
    announced: bool,
    secret: String,
    /// Closing it releases the lock.
    _lock: File,
}

/// Who has a data directory, and how to talk to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Holder {
    /// Where it answers.
    pub url: String,
    /// With what it lets in who can read its folder.
    pub secret: String,
}

impl std::fmt::Debug for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Holder").field("url", &self.url).finish_non_exhaustive()
    }
}

/// What the holder tells about itself.
#[derive(Debug, Serialize, Deserialize)]
struct Announcement {
    url: String,
    /// Lets commands in that can read this folder.
    secret: String,
    pid: u32,
    version: String,
}

/// Why a folder cannot serve as the data directory.
#[derive(Debug, thiserror::Error)]
pub enum DataDirError {
    #[error("the data directory {} is a file: set data_dir to a folder, or move the file away", path.display())]
    NotAFolder { path: PathBuf },

    #[error(
        "the folder {} holds other things (`{found}`): set data_dir to an empty or a new folder",
        path.display()
    )]
    Foreign { path: PathBuf, found: String },

    #[error(
        "{} is damaged: it has to read `{FORMAT}`; write that into it if the folder is a data directory",
        path.display()
    )]
    BadMarker { path: PathBuf },

    #[error(
        "the data directory {} was written by another version of retake ({found}): use that version, \
         or set data_dir to a new folder",
        path.display()
    )]
    OtherFormat { path: PathBuf, found: String },

    #[error(
        "the data directory {} cannot be created: create it yourself, or set data_dir to a folder \
         you may write",
        path.display()
    )]
    Create {
        path: PathBuf,
        #[source]
        source: io::Error,
    },

    #[error(
        "the data directory {} cannot be written: free some space, change its permissions, or set \
         data_dir to another folder",
        path.display()
    )]
    Unwritable {
        path: PathBuf,
        #[source]
        source: io::Error,
    },

    #[error("the data directory is in use by {}", holder.as_ref().map_or("another retake", |it| &it.url))]
    HeldBy { holder: Option<Holder> },
}

impl DataDir {
    /// Makes the folder ready: creates what is missing, for its owner alone, and makes sure
    /// that it is ours and can be written.
    ///
    /// # Errors
    ///
    /// [`DataDirError`], for every reason but being held.
    pub fn prepare(path: &Path) -> Result<Self, DataDirError> {
        let data_dir = Self { path: path.to_owned() };
        if path.exists() && !path.is_dir() {
            return Err(DataDirError::NotAFolder { path: path.to_owned() });
        }
        create_private(path)
            .map_err(|source| DataDirError::Create { path: path.to_owned(), source })?;
        data_dir.adopt()?;
        for folder in [data_dir.assets_path(), data_dir.work_path()] {
            create_private(&folder).map_err(|source| data_dir.unwritable(source))?;
        }
        data_dir.tighten();
        // On a full disk the process that holds the folder can still be talked to.
        if data_dir.running_server().is_none() {
            data_dir.try_writing().map_err(|source| data_dir.unwritable(source))?;
        }
        Ok(data_dir)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The database file of the ledger.
    pub fn ledger_path(&self) -> PathBuf {
        self.path.join("ledger.db")
    }

    /// The same while it is moved to a database, and when that was broken off.
    pub fn moving_ledger_path(&self) -> PathBuf {
        self.path.join("ledger.moving.db")
    }

    /// The same once it was moved to a database, where its jobs go on.
    pub fn moved_ledger_path(&self) -> PathBuf {
        self.path.join("ledger.moved.db")
    }

    /// Where finished videos and references are kept.
    pub fn assets_path(&self) -> PathBuf {
        self.path.join("assets")
    }

    /// Where files are while they are being made.
    pub fn work_path(&self) -> PathBuf {
        self.path.join("work")
    }

    /// The bytes that are free on its disk.
    ///
    /// # Errors
    ///
    /// [`DataDirError::Unwritable`] when the system does not say.
    pub fn free_space(&self) -> Result<u64, DataDirError> {
        fs4::available_space(&self.path).map_err(|source| self.unwritable(source))
    }

    /// Takes hold of the folder for this process, unless another has it.
    ///
    /// # Errors
    ///
    /// [`DataDirError::HeldBy`], with the URL of the holder once it has announced it, or
    /// [`DataDirError::Unwritable`] when there can be no lock.
    pub fn try_hold(&self) -> Result<Held, DataDirError> {
        match self.try_lock()? {
            Some(lock) => {
                // Left by a process that was killed; nobody may believe it from now on.
                let _ = fs::remove_file(self.announcement_path());
                let secret = fresh_secret();
                Ok(Held { data_dir: self.clone(), announced: false, secret, _lock: lock })
            }
            None => Err(DataDirError::HeldBy { holder: self.announced() }),
        }
    }

    /// The process that holds the folder, if one does and has announced itself.
    pub fn running_server(&self) -> Option<Holder> {
        match self.try_lock() {
            Ok(None) => self.announced(),
            Ok(Some(_)) | Err(_) => None,
        }
    }

    fn try_lock(&self) -> Result<Option<File>, DataDirError> {
        let path = self.path.join("retake.lock");
        let mut options = File::options();
        options.create(true).truncate(false).write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let lock = options.open(&path).map_err(|source| self.unwritable(source))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(lock)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(self.unwritable(source)),
        }
    }

    /// Takes what an older version, or another hand, left open to others from everybody but its owner.
    fn tighten(&self) {
        let ledgers = [self.ledger_path(), self.moving_ledger_path(), self.moved_ledger_path()];
        let ledgers = ledgers.iter().flat_map(|ledger| {
            ["", "-wal", "-shm", "-journal"].map(|end| {
                let mut name = ledger.as_os_str().to_owned();
                name.push(end);
                PathBuf::from(name)
            })
        });
        let others = ["format", "retake.lock", "server.json"].map(|name| self.path.join(name));
        let folders = [self.assets_path(), self.work_path()];
        for path in folders.into_iter().chain(others).chain(ledgers) {
            if let Err(error) = make_private(&path) {
                tracing::warn!(
                    path = %path.display(), %error,
                    "others can get at this part of the data directory, and its permissions cannot be changed"
                );
            }
        }
        if is_open_to_others(&self.path) {
            tracing::warn!(
                path = %self.path.display(),
                "others can look into the data directory; `chmod 700` keeps its names from them"
            );
        }
    }

    /// Marks a new folder as ours, or makes sure that an old one is.
    fn adopt(&self) -> Result<(), DataDirError> {
        let marker = self.path.join("format");
        match fs::read_to_string(&marker) {
            Ok(text) if text.trim() == FORMAT => Ok(()),
            Ok(text) => Err(match text.trim().strip_prefix(FORMAT_FAMILY) {
                Some(number) => DataDirError::OtherFormat {
                    path: self.path.clone(),
                    found: format!("format {number}"),
                },
                None => DataDirError::BadMarker { path: marker.clone() },
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                if let Some(found) = self.something_foreign()? {
                    // Another process may just have made the folder ours.
                    return match fs::read_to_string(&marker) {
                        Ok(text) if text.trim() == FORMAT => Ok(()),
                        _ => Err(self.foreign(&found)),
                    };
                }
                replace(&marker, format!("{FORMAT}\n").as_bytes())
                    .map_err(|source| self.unwritable(source))
            }
            Err(source) => Err(self.unwritable(source)),
        }
    }

    /// Something in an unmarked folder that nobody would call empty. Hidden files do not
    /// count, nor does what a file system puts at its own root.
    fn something_foreign(&self) -> Result<Option<String>, DataDirError> {
        let entries = fs::read_dir(&self.path).map_err(|source| self.unwritable(source))?;
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name().display().to_string()));
        Ok(names.into_iter().find(|name| !name.starts_with('.') && name != "lost+found"))
    }

    fn try_writing(&self) -> io::Result<()> {
        let probe = self.path.join(format!(".probe-{}", std::process::id()));
        fs::write(&probe, b"?").and_then(|()| fs::remove_file(&probe)).inspect_err(|_| {
            let _ = fs::remove_file(&probe);
        })
    }

    fn announcement_path(&self) -> PathBuf {
        self.path.join("server.json")
    }

    fn announced(&self) -> Option<Holder> {
        let text = fs::read(self.announcement_path()).ok()?;
        let Announcement { url, secret, .. } = serde_json::from_slice(&text).ok()?;
        Some(Holder { url, secret })
    }

    fn foreign(&self, found: &str) -> DataDirError {
        DataDirError::Foreign { path: self.path.clone(), found: found.to_owned() }
    }

    fn unwritable(&self, source: io::Error) -> DataDirError {
        DataDirError::Unwritable { path: self.path.clone(), source }
    }
}

impl Held {
    pub fn data_dir(&self) -> &DataDir {
        &self.data_dir
    }

    /// The secret that lets the holder's own commands in.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// Tells other processes where this one answers.
    ///
    /// # Errors
    ///
    /// [`DataDirError::Unwritable`] when it cannot be written down.
    pub fn announce(&mut self, url: &str) -> Result<(), DataDirError> {
        let announcement = Announcement {
            url: url.to_owned(),
            secret: self.secret.clone(),
            pid: std::process::id(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        serde_json::to_vec_pretty(&announcement)
            .map_err(io::Error::from)
            .and_then(|text| replace(&self.data_dir.announcement_path(), &text))
            .map_err(|source| self.data_dir.unwritable(source))?;
        self.announced = true;
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.announced {
            let _ = fs::remove_file(self.data_dir.announcement_path());
        }
    }
}

/// Creates a folder, and those above it, that only its owner can enter.
pub(crate) fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// The permissions that an owner can have.
#[cfg(unix)]
const OWNERS: u32 = 0o700;

/// Takes a file or a folder from everybody but its owner, if it is there.
#[cfg(unix)]
fn make_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;

    // What is only linked to from here is somewhere else, and somebody else's.
    match fs::symlink_metadata(path) {
        Ok(found) if is_open(&found) && !found.is_symlink() => {
            let mode = found.permissions().mode() & OWNERS;
            fs::set_permissions(path, fs::Permissions::from_mode(mode))
        }
        _ => Ok(()),
    }
}

/// Whether others than its owner can look into a folder.
#[cfg(unix)]
fn is_open_to_others(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|found| is_open(&found))
}

#[cfg(unix)]
fn is_open(found: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    found.permissions().mode() & 0o777 & !OWNERS != 0
}

/// Elsewhere a folder has the permissions of the one that it is in.
#[cfg(not(unix))]
fn make_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> bool {
    false
}

/// Puts a file of the owner's in place in one step: a reader finds all of it, or the old one.
fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().display();
    let beside = path.with_file_name(format!(".{name}-{}", std::process::id()));
    let written = write_private(&beside, content).and_then(|()| fs::rename(&beside, path));
    written.inspect_err(|_| {
        let _ = fs::remove_file(&beside);
    })
}

fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn somewhere() -> (tempfile::TempDir, DataDir) {
        let folder = tempfile::tempdir().unwrap();
        let data_dir = DataDir::prepare(&folder.path().join("new/retake")).unwrap();
        (folder, data_dir)
    }

    #[test]
    fn a_new_folder_is_made_ready_and_found_ready_again() {
        let (_folder, data_dir) = somewhere();

        assert_eq!(DataDir::prepare(data_dir.path()).unwrap(), data_dir);
        assert!(data_dir.assets_path().is_dir() && data_dir.work_path().is_dir());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(data_dir.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_was_open_to_others_is_its_owners_alone_and_the_folder_stays_as_it_is() {
        use std::os::unix::fs::PermissionsExt as _;

        let (_folder, data_dir) = somewhere();
        let ledger = data_dir.ledger_path();
        let names = ["assets", "work", "format", "retake.lock", "ledger.db", "ledger.db-wal"];
        let mode = |name: &str| {
            fs::metadata(data_dir.path().join(name)).unwrap().permissions().mode() & 0o777
        };
        drop(data_dir.try_hold().unwrap());
        assert_eq!(mode("retake.lock"), 0o600);
        for file in [ledger.clone(), ledger.with_extension("db-wal")] {
            fs::write(file, "").unwrap();
        }
        for name in names.iter().chain(&[".", "server.json"]) {
            let path = data_dir.path().join(name);
            let open = fs::Permissions::from_mode(if path.is_dir() { 0o755 } else { 0o644 });
            fs::set_permissions(path, open).ok();
        }

        DataDir::prepare(data_dir.path()).unwrap();

        let modes: Vec<_> = names.iter().map(|name| mode(name)).collect();
        assert_eq!(modes, [0o700, 0o700, 0o600, 0o600, 0o600, 0o600]);
        assert_eq!(mode("."), 0o755, "it may be a mount point");
    }

    #[test]
    fn a_folder_of_other_things_is_not_adopted() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "").unwrap();

        let error = DataDir::prepare(folder.path()).unwrap_err();

        assert!(matches!(&error, DataDirError::Foreign { found, .. } if found == "thesis.tex"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing was left behind");
    }

    #[test]
    fn a_file_in_its_place_and_another_format_are_refused() {
        let (_folder, data_dir) = somewhere();
        let format = data_dir.path().join("format");

        let error = DataDir::prepare(&format).unwrap_err();
        assert!(matches!(error, DataDirError::NotAFolder { .. }));

        fs::write(&format, format!("{FORMAT_FAMILY}2\n")).unwrap();
        let error = DataDir::prepare(data_dir.path()).unwrap_err();
        assert!(matches!(error, DataDirError::OtherFormat { found, .. } if found == "format 2"));
    }

    #[test]
    fn a_damaged_marker_is_named_with_what_it_has_to_say() {
        let (_folder, data_dir) = somewhere();
        fs::write(data_dir.path().join("format"), "junk").unwrap();

        let error = DataDir::prepare(data_dir.path()).unwrap_err();

        assert!(error.to_string().contains(FORMAT), "{error}");
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_refused() {
        let (_folder, data_dir) = somewhere();

        let error = DataDir::prepare(&data_dir.path().join("format/below")).unwrap_err();

        assert!(matches!(error, DataDirError::Create { .. }), "{error}");
    }

    #[test]
    fn one_holds_the_folder_and_the_other_learns_where_it_answers() {
        let (_folder, first) = somewhere();
        let second = DataDir::prepare(first.path()).unwrap();

        let mut held = first.try_hold().unwrap();
        let error = second.try_hold().unwrap_err();
        assert!(matches!(error, DataDirError::HeldBy { holder: None }));

        held.announce("http://127.0.0.1:4242").unwrap();
        let error = second.try_hold().unwrap_err();
        assert!(
            matches!(error, DataDirError::HeldBy { holder: Some(it) } if it.url.ends_with(":4242"))
        );
        let holder = second.running_server().unwrap();
        assert_eq!(
            (holder.url.as_str(), &*holder.secret),
            ("http://127.0.0.1:4242", held.secret())
        );

        drop(held);
        assert_eq!(second.running_server(), None);
        second.try_hold().unwrap();
    }

    #[test]
    fn an_announcement_without_a_holder_is_not_believed() {
        let (_folder, data_dir) = somewhere();
        let leftover = r#"{"url":"http://127.0.0.1:1","pid":1,"version":"0"}"#;
        fs::write(data_dir.announcement_path(), leftover).unwrap();

        assert_eq!(data_dir.running_server(), None);
        let _held = data_dir.try_hold().unwrap();
        let error = data_dir.try_hold().unwrap_err();
        assert!(matches!(error, DataDirError::HeldBy { holder: None }));
    }
}
