//! The asset store: finished videos, and pictures and videos that were uploaded, behind an object store.
//!
//! A file arrives in `staging/` and is moved to its place only when it is whole and checked, so a key
//! under `videos/`, `pictures/` or `uploads/` always names a finished file. Keys are made here, from digests of the
//! content, never from what a caller wrote. The same content is kept once, whoever it belongs to, so a file is
//! removed only when the ledger knows nobody who needs it; a [`Pin`] holds it until its job is on record.

mod copies;
mod reader;
mod staged;
mod sweep;

use std::{
    collections::HashMap,
    io::{self, SeekFrom},
    ops::Range,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use futures::{TryStreamExt as _, stream::BoxStream};
use object_store::{
    GetOptions, GetResultPayload, ObjectStore, ObjectStoreExt as _, local::LocalFileSystem,
    path::Path as Key,
};
use retake_core::{fault::chain, ids::VideoId};
use retake_store::{FileType, Ledger, StoreError};
use sha2::{Digest as _, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt as _, AsyncSeekExt as _},
};
use tokio_util::io::ReaderStream;

pub use self::copies::{Copied, CopyError};
use crate::{
    data_dir::create_private,
    disk::{Disk, DiskError},
};

pub(crate) use self::{
    copies::copy_files,
    reader::AssetReader,
    staged::{Arrived, Staged},
    sweep::sweep,
};

/// Bytes of a local file that are read at once.
const PIECE: usize = 256 * 1024;

const STAGING: &str = "staging";
const VIDEOS: &str = "videos";
const PICTURES: &str = "pictures";
const UPLOADS: &str = "uploads";

/// Where files are kept.
#[derive(Clone, Debug)]
pub(crate) struct Assets {
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
    disk: Disk,
    /// Files that are about to be recorded, and how often.
    pins: Arc<Mutex<HashMap<String, u32>>>,
}

/// What there is of a finished video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    Video,
    Thumbnail,
    Spritesheet,
}

impl Variant {
    /// The key of this variant, given the video's. An MP4's variants are named without its ending.
    pub(crate) fn key(self, video: &str) -> String {
        let stem = video.strip_suffix(".mp4").unwrap_or(video);
        match self {
            Self::Video => video.to_owned(),
            Self::Thumbnail => format!("{stem}.webp"),
            Self::Spritesheet => format!("{stem}.jpg"),
        }
    }

    /// The key of the video that a file belongs to.
    pub(crate) fn video_of(key: &str) -> String {
        let stem = key.strip_suffix(".webp").or_else(|| key.strip_suffix(".jpg"));
        match stem.filter(|_| key.starts_with(VIDEOS)) {
            // An MP4's variants leave its ending out; any other video's keep it.
            Some(stem) if stem.contains('.') => stem.to_owned(),
            Some(stem) => format!("{stem}.mp4"),
            None => key.to_owned(),
        }
    }
}

/// Why a file could not be removed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiscardError {
    #[error(transparent)]
    Assets(#[from] AssetError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps a file from being removed while it is not on record yet.
#[derive(Debug)]
pub(crate) struct Pin {
    key: String,
    pins: Arc<Mutex<HashMap<String, u32>>>,
}

impl Drop for Pin {
    fn drop(&mut self) {
        let (pins, key) = (Arc::clone(&self.pins), std::mem::take(&mut self.key));
        let unpin = |mut pins: MutexGuard<'_, HashMap<String, u32>>| match pins.get_mut(&key) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(pins.remove(&key)),
        };
        unpin(pins.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Why a file could not be kept or read.
#[derive(Debug, thiserror::Error)]
pub enum AssetError {
    /// The folder itself is unusable.
    #[error("the asset folder {} cannot be used; check that it exists and can be written", folder.display())]
    Folder {
        /// Which folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Too little room.
    #[error(
        "only {free} bytes are free where videos are kept and {wanted} have to stay free; make room, or lower assets.min_free_space"
    )]
    NoRoom {
        /// Bytes that are free.
        free: u64,
        /// Bytes that have to stay free.
        wanted: u64,
    },
    /// The file is not there.
    #[error("the stored file is gone")]
    Gone,
    /// A stored file could not be read.
    #[error("a stored file could not be read")]
    Read(#[source] io::Error),
    /// The store did not do what it was asked.
    #[error("the asset store did not answer as it should")]
    Store(#[source] object_store::Error),
}

impl From<DiskError> for AssetError {
    fn from(error: DiskError) -> Self {
        match error {
            DiskError::NoRoom { free, wanted } => Self::NoRoom { free, wanted },
            DiskError::Unreadable { folder, source } => Self::Folder { folder, source },
        }
    }
}

impl From<object_store::Error> for AssetError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::Gone,
            other => Self::Store(other),
        }
    }
}

impl Assets {
    /// Keeps files in a local folder, durably: what was moved to its place survives a power cut.
    pub(crate) fn local(folder: PathBuf, min_free_space: u64) -> Result<Self, AssetError> {
        let disk = Disk::of(folder.clone(), min_free_space);
        Self::on(disk, folder)
    }

    /// The same on a disk that is known.
    pub(crate) fn on(disk: Disk, folder: PathBuf) -> Result<Self, AssetError> {
        let unusable = |source| AssetError::Folder { folder: folder.clone(), source };
        create_private(&folder).map_err(unusable)?;
        let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), folder, disk, pins: Arc::default() })
    }

    /// How many bytes are free. Refuses when less room is left than has to stay free.
    pub(crate) fn check_room(&self) -> Result<u64, AssetError> {
        Ok(self.disk.check()?)
    }

    /// The disk that they are on.
    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Keeps an uploaded picture under its digest; the same picture again is the same file. The pin is for as
    /// long as nothing on record needs it.
    pub(crate) async fn keep_picture(&self, bytes: Bytes) -> Result<(String, Pin), AssetError> {
        self.keep(PICTURES, bytes).await
    }

    /// Keeps an uploaded video under its digest, for as long as a job is to go on from it.
    pub(crate) async fn keep_upload(&self, bytes: Bytes) -> Result<(String, Pin), AssetError> {
        self.keep(UPLOADS, bytes).await
    }

    /// What is there already is written anew: then it is young, and no other gateway's sweep takes it before its
    /// job is on record.
    async fn keep(&self, folder: &str, bytes: Bytes) -> Result<(String, Pin), AssetError> {
        let key = format!("{folder}/{}", hex(&Sha256::digest(&bytes)));
        let pin = self.pin(&key);
        self.store.put(&Key::from(key.as_str()), bytes.into()).await?;
        Ok((key, pin))
    }

    /// Begins a file that is not whole yet.
    pub(crate) async fn stage(&self, id: &VideoId, attempt: u32) -> Result<Staged, AssetError> {
        let key = Key::from(format!("{STAGING}/{id}-{attempt}"));
        Staged::begin(Arc::clone(&self.store), key).await
    }

    /// Moves a staged file to the place of finished videos and returns its key, held by a pin.
    pub(crate) async fn keep_video(
        &self,
        staged: &str,
        sha256: &str,
        file_type: FileType,
    ) -> Result<(String, Pin), AssetError> {
        // The head of a digest spreads a million files over 256 folders.
        let drawer = sha256.get(..2).unwrap_or("00");
        let key = format!("{VIDEOS}/{drawer}/{sha256}.{}", file_type.extension());
        let pin = self.pin(&key);
        self.store.rename(&Key::from(staged), &Key::from(key.as_str())).await?;
        Ok((key, pin))
    }

    /// Keeps what was made from a finished video beside it.
    pub(crate) async fn keep_variant(
        &self,
        video: &str,
        variant: Variant,
        content: Bytes,
    ) -> Result<(), AssetError> {
        let key = Key::from(variant.key(video));
        self.store.put(&key, content.into()).await?;
        Ok(())
    }

    fn pin(&self, key: &str) -> Pin {
        let mut pins = self.pins.lock().unwrap_or_else(PoisonError::into_inner);
        *pins.entry(key.to_owned()).or_default() += 1;
        drop(pins);
        Pin { key: key.to_owned(), pins: Arc::clone(&self.pins) }
    }

    fn is_pinned(&self, key: &str) -> bool {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// Removes a finished file and what was made from it, unless somebody needs it. `false` when somebody
    /// does.
    ///
    /// Whoever keeps a file pins it before it has its name, so one that was neither on record nor pinned
    /// when it was looked at is missed by nobody: the same content that comes later is written anew.
    pub(crate) async fn discard(
        &self,
        key: &str,
        ledger: &dyn Ledger,
    ) -> Result<bool, DiscardError> {
        if self.is_pinned(key) || !ledger.known_keys(&[key.to_owned()]).await?.is_empty() {
            return Ok(false);
        }
        let doomed = format!("{STAGING}/{}", key.replace('/', "-"));
        let (key, doomed) = (Key::from(key), Key::from(doomed));
        // Set aside first: whoever pinned it in this moment finds it missing, or brings it back.
        match self.store.rename(&key, &doomed).await {
            Ok(()) => {}
            Err(object_store::Error::NotFound { .. }) => return Ok(true),
            Err(error) => return Err(AssetError::from(error).into()),
        }
        if self.is_pinned(key.as_ref()) {
            self.store.rename(&doomed, &key).await.map_err(AssetError::from)?;
            return Ok(false);
        }
        self.remove(doomed.as_ref()).await?;
        for variant in [Variant::Thumbnail, Variant::Spritesheet] {
            self.remove(&variant.key(key.as_ref())).await?;
        }
        Ok(true)
    }

    /// Lets go of a file that was kept for nothing, and removes it unless somebody else needs it.
    pub(crate) async fn take_back(&self, pin: Pin, ledger: &dyn Ledger) {
        let key = pin.key.clone();
        drop(pin);
        if let Err(error) = self.discard(&key, ledger).await {
            // The sweep takes it.
            tracing::warn!(key, error = chain(&error), "a file stayed behind");
        }
    }

    /// The whole file; for pictures, which are bounded when they come in.
    pub(crate) async fn read(&self, key: &str) -> Result<Bytes, AssetError> {
        Ok(self.store.get(&Key::from(key)).await?.bytes().await?)
    }

    /// A part of a file as it is read.
    pub(crate) async fn open(
        &self,
        key: &str,
        range: Range<u64>,
    ) -> Result<BoxStream<'static, io::Result<Bytes>>, AssetError> {
        let options = GetOptions { range: Some(range.into()), ..GetOptions::default() };
        let found = self.store.get_opts(&Key::from(key), options).await?;
        let range = found.range.clone();
        match found.payload {
            // The store would read it by a few kilobytes, each on a trip to another thread.
            GetResultPayload::File(file, _) => {
                let mut file = File::from_std(file);
                file.seek(SeekFrom::Start(range.start)).await.map_err(AssetError::Read)?;
                let wanted = file.take(range.end - range.start);
                Ok(Box::pin(ReaderStream::with_capacity(wanted, PIECE)))
            }
            GetResultPayload::Stream(stream) => Ok(Box::pin(stream.map_err(io::Error::from))),
        }
    }

    /// A reader over a file for code that wants `Read` and `Seek`; for blocking threads only.
    pub(crate) fn reader(&self, key: &str, length: u64) -> AssetReader {
        AssetReader::new(Arc::clone(&self.store), Key::from(key), length)
    }

    /// Removes a file; one that is gone already is fine.
    pub(crate) async fn remove(&self, key: &str) -> Result<(), AssetError> {
        match self.store.delete(&Key::from(key)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

pub(crate) fn hex(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(digest.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}
