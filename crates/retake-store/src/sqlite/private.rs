//! The files of a ledger are its owner's alone: prompts are in them, and the secrets of webhooks.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
};

/// What SQLite puts beside a database. It gives them the permissions that the database has.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The permissions that an owner can have.
#[cfg(unix)]
const OWNERS: u32 = 0o700;

/// Makes an empty file that only its owner can read. There must be none.
pub(super) fn create(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Takes the files of a database from everybody but their owner, and makes an empty one if there is none.
pub(super) fn keep_private(path: &Path) {
    let made = create(path);
    // Why it cannot be made is said by whoever opens it.
    if !made.is_err_and(|error| error.kind() == io::ErrorKind::AlreadyExists) {
        return;
    }
    tighten(path);
    for end in BESIDE {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        tighten(&PathBuf::from(name));
    }
}

#[cfg(unix)]
fn tighten(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;

    let Ok(found) = path.metadata() else { return };
    let mode = found.permissions().mode() & 0o777;
    if mode == mode & OWNERS {
        return;
    }
    let tightened = std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & OWNERS));
    if let Err(error) = tightened {
        tracing::warn!(
            file.path = %path.display(),
            %error,
            "others can read this file of the ledger, and its permissions cannot be changed"
        );
    }
}

#[cfg(not(unix))]
fn tighten(_path: &Path) {}
