//! Files that callers upload, kept in memory up to a maximum size.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

/// The maximum size of a store in bytes; the oldest files make room for new ones.
const MAX_BYTES: usize = 256 << 20;
/// The maximum number of files in a store.
const MAX_FILES: usize = 10_000;

/// An uploaded file.
#[derive(Clone, Debug)]
pub(crate) struct StoredFile {
    pub(crate) id: String,
    /// The key that the file was uploaded with.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) content_type: String,
    pub(crate) bytes: Bytes,
    /// The metadata that the caller attached.
    pub(crate) metadata: Value,
    /// The time of the upload, in lab time.
    pub(crate) created_at: Timestamp,
}

/// The uploaded files of one emulator.
#[derive(Debug, Default)]
pub(crate) struct UploadStore(Mutex<VecDeque<StoredFile>>);

impl UploadStore {
    fn files(&self) -> MutexGuard<'_, VecDeque<StoredFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stores a file, in place of one with the same id.
    pub(crate) fn put(&self, file: StoredFile) {
        let mut files = self.files();
        files.retain(|it| it.id != file.id);
        files.push_back(file);
        let bytes =
            |files: &VecDeque<StoredFile>| files.iter().map(|it| it.bytes.len()).sum::<usize>();
        while files.len() > MAX_FILES || (files.len() > 1 && bytes(&files) > MAX_BYTES) {
            files.pop_front();
        }
    }

    /// The file of this id.
    pub(crate) fn get(&self, id: &str) -> Option<StoredFile> {
        self.files().iter().find(|it| it.id == id).cloned()
    }

    /// The files of a key, newest first.
    pub(crate) fn list(&self, key: &str) -> Vec<StoredFile> {
        self.files().iter().rev().filter(|it| it.key == key).cloned().collect()
    }

    /// Removes a file of this key; returns `false` if there was none.
    pub(crate) fn remove(&self, id: &str, key: &str) -> bool {
        let mut files = self.files();
        let before = files.len();
        files.retain(|it| it.id != id || it.key != key);
        files.len() < before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(id: &str, bytes: usize) -> StoredFile {
        StoredFile {
            id: id.to_owned(),
            key: "key-1".to_owned(),
            name: String::new(),
            content_type: String::new(),
            bytes: vec![0; bytes].into(),
            metadata: Value::Null,
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn the_oldest_file_makes_room_for_a_new_one() {
        let uploads = UploadStore::default();
        uploads.put(file("a", MAX_BYTES / 2));
        uploads.put(file("b", MAX_BYTES / 2));

        uploads.put(file("c", 10));

        let ids: Vec<_> = uploads.list("key-1").into_iter().map(|it| it.id).collect();
        assert_eq!(ids, ["c", "b"]);
        assert!(!uploads.remove("b", "key-2") && uploads.remove("b", "key-1"));
    }
}
