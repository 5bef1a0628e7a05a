//! A stored file as `Read` and `Seek`, for the code that looks inside it.

use std::{
    io::{self, Read, Seek, SeekFrom},
    sync::Arc,
};

use bytes::{Buf as _, Bytes};
use object_store::{ObjectStore, ObjectStoreExt as _, path::Path as Key};
use tokio::runtime::Handle;

const READ_AHEAD: u64 = 256 * 1024;

/// Reads a stored file piece by piece. It blocks, so it belongs on a blocking thread.
#[derive(Debug)]
pub(crate) struct AssetReader {
    store: Arc<dyn ObjectStore>,
    key: Key,
    length: u64,
    position: u64,
    ahead: Bytes,
    runtime: Handle,
}

impl AssetReader {
    pub(super) fn new(store: Arc<dyn ObjectStore>, key: Key, length: u64) -> Self {
        let runtime = Handle::current();
        Self { store, key, length, position: 0, ahead: Bytes::new(), runtime }
    }
}

impl Read for AssetReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ahead.is_empty() {
            let end = (self.position + READ_AHEAD).min(self.length);
            if self.position >= end {
                return Ok(0);
            }
            let piece = self.store.get_range(&self.key, self.position..end);
            self.ahead = self.runtime.block_on(piece)?;
        }
        let count = buffer.len().min(self.ahead.len());
        self.ahead.copy_to_slice(&mut buffer[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for AssetReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        match target.checked_sub(self.position) {
            Some(skip) if skip <= self.ahead.len() as u64 => {
                self.ahead.advance(usize::try_from(skip).unwrap_or(0));
            }
            _ => self.ahead = Bytes::new(),
        }
        self.position = target;
        Ok(target)
    }
}
