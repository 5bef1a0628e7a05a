//! A file that is still arriving: written in bounded parts, hashed on the way.

use std::sync::Arc;

use bytes::Bytes;
use object_store::{ObjectStore, ObjectStoreExt as _, WriteMultipart, path::Path as Key};
use sha2::{Digest as _, Sha256};

use super::{AssetError, hex};

/// Bytes gathered before a part is written.
const PART: usize = 5 * 1024 * 1024;
/// Parts that may be on their way to the store at once.
const PARTS_UNDER_WAY: usize = 2;

/// A file that is still arriving.
pub(crate) struct Staged {
    key: Key,
    upload: WriteMultipart,
    digest: Sha256,
    bytes: u64,
}

/// A file that has arrived and waits to be checked.
#[derive(Debug)]
pub(crate) struct Arrived {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

impl Staged {
    pub(super) async fn begin(store: Arc<dyn ObjectStore>, key: Key) -> Result<Self, AssetError> {
        let upload = store.put_multipart(&key).await?;
        let upload = WriteMultipart::new_with_chunk_size(upload, PART);
        Ok(Self { key, upload, digest: Sha256::new(), bytes: 0 })
    }

    /// Adds the next piece, waiting while the store is behind.
    pub(crate) async fn write(&mut self, chunk: Bytes) -> Result<(), AssetError> {
        self.upload.wait_for_capacity(PARTS_UNDER_WAY).await?;
        self.digest.update(&chunk);
        self.bytes += chunk.len() as u64;
        self.upload.put(chunk);
        Ok(())
    }

    /// Bytes written so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Closes the file.
    pub(crate) async fn finish(self) -> Result<Arrived, AssetError> {
        self.upload.finish().await?;
        let sha256 = hex(&self.digest.finalize());
        Ok(Arrived { key: self.key.to_string(), bytes: self.bytes, sha256 })
    }

    /// Drops what was written.
    pub(crate) async fn abort(self) {
        // What stays behind is swept later.
        self.upload.abort().await.ok();
    }
}
