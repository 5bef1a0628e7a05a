//! The asset store: finished videos and uploaded pictures, behind an object store.
//!
//! A file arrives in `staging/` and is moved to its place only when it is whole and checked, so a key
//! under `videos/` or `pictures/` always names a finished file. Keys are made here, from our own ids and
//! digests, never from what a caller wrote.

mod reader;
mod staged;
mod sweep;

use std::{io, ops::Range, path::PathBuf, sync::Arc};

use bytes::Bytes;
use futures::{TryStreamExt as _, stream::BoxStream};
use object_store::{
    GetOptions, ObjectStore, ObjectStoreExt as _, local::LocalFileSystem, path::Path as Key,
};
use retake_core::ids::VideoId;
use sha2::{Digest as _, Sha256};

pub(crate) use self::{reader::AssetReader, staged::Staged, sweep::sweep};

const STAGING: &str = "staging";
const VIDEOS: &str = "videos";
const PICTURES: &str = "pictures";

/// Where files are kept.
#[derive(Clone, Debug)]
pub(crate) struct Assets {
    store: Arc<dyn ObjectStore>,
    folder: PathBuf,
    min_free_space: u64,
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
    /// The store did not do what it was asked.
    #[error("the asset store did not answer as it should")]
    Store(#[source] object_store::Error),
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
        let unusable = |source| AssetError::Folder { folder: folder.clone(), source };
        std::fs::create_dir_all(&folder).map_err(unusable)?;
        let store = LocalFileSystem::new_with_prefix(&folder)?.with_fsync(true);
        Ok(Self { store: Arc::new(store), folder, min_free_space })
    }

    /// Refuses when less room is left than has to stay free.
    pub(crate) fn check_room(&self) -> Result<(), AssetError> {
        let unusable = |source| AssetError::Folder { folder: self.folder.clone(), source };
        let free = fs4::available_space(&self.folder).map_err(unusable)?;
        if free < self.min_free_space {
            return Err(AssetError::NoRoom { free, wanted: self.min_free_space });
        }
        Ok(())
    }

    /// Keeps an uploaded picture under its digest; the same picture again is the same file.
    pub(crate) async fn keep_picture(&self, bytes: Bytes) -> Result<String, AssetError> {
        let key = format!("{PICTURES}/{}", hex(&Sha256::digest(&bytes)));
        self.store.put(&Key::from(key.as_str()), bytes.into()).await?;
        Ok(key)
    }

    /// Begins a file that is not whole yet.
    pub(crate) async fn stage(&self, id: &VideoId, attempt: u32) -> Result<Staged, AssetError> {
        let key = Key::from(format!("{STAGING}/{id}-{attempt}"));
        Staged::begin(Arc::clone(&self.store), key).await
    }

    /// Moves a staged file to the place of the finished video and returns its key.
    pub(crate) async fn keep_video(
        &self,
        staged: &str,
        id: &VideoId,
    ) -> Result<String, AssetError> {
        let name = id.as_str();
        // The tail of an id is random: it spreads a million files over 256 folders.
        let drawer = &name[name.len() - 2..];
        let key = format!("{VIDEOS}/{drawer}/{id}.mp4");
        self.store.rename(&Key::from(staged), &Key::from(key.as_str())).await?;
        Ok(key)
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
        Ok(Box::pin(found.into_stream().map_err(io::Error::from)))
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

fn hex(digest: &[u8]) -> String {
    use std::fmt::Write as _;
    digest.iter().fold(String::with_capacity(digest.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").ok();
        text
    })
}
