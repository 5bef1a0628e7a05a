//! How much has to stay free on the disks that the gateway writes to: the one place where that is decided.

use std::{io, path::PathBuf};

/// After so many bytes of a file it is looked again whether there is room for more.
const LOOKED_AT: u64 = 8 << 20;

/// The disk of a folder, on which so much has to stay free.
#[derive(Clone, Debug)]
pub(crate) struct Disk {
    folder: PathBuf,
    least: u64,
    gauge: Gauge,
}

/// Who says how much is free.
#[derive(Clone, Debug)]
enum Gauge {
    System,
    /// A test: the first number is told first.
    #[cfg(test)]
    Script(std::sync::Arc<std::sync::Mutex<Vec<u64>>>),
}

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Writing {
    disk: Disk,
    written: u64,
    looked_at: u64,
}

/// Why nothing may be written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DiskError {
    #[error(
        "only {free} bytes are free on the disk and {wanted} have to stay free; make room, or lower assets.min_free_space"
    )]
    NoRoom { free: u64, wanted: u64 },
    #[error("the free space of {} cannot be read", folder.display())]
    Unreadable { folder: PathBuf, source: io::Error },
}

impl Disk {
    pub(crate) fn of(folder: PathBuf, least: u64) -> Self {
        Self { folder, least, gauge: Gauge::System }
    }

    /// How many bytes are free. Refuses when less is left than has to stay free.
    pub(crate) fn check(&self) -> Result<u64, DiskError> {
        let free = self.free().map_err(|source| {
            let folder = self.folder.clone();
            DiskError::Unreadable { folder, source }
        })?;
        if free < self.least {
            return Err(DiskError::NoRoom { free, wanted: self.least });
        }
        Ok(free)
    }

    /// Begins a file, if there is room for one.
    pub(crate) fn begin(&self) -> Result<Writing, DiskError> {
        self.check()?;
        Ok(Writing { disk: self.clone(), written: 0, looked_at: 0 })
    }

    fn free(&self) -> io::Result<u64> {
        match &self.gauge {
            Gauge::System => fs4::available_space(&self.folder),
            #[cfg(test)]
            Gauge::Script(numbers) => Ok(numbers.lock().unwrap().remove(0)),
        }
    }

    /// A disk that says, one look after another, that so many bytes are free.
    #[cfg(test)]
    pub(crate) fn that_says(free: &[u64], least: u64) -> Self {
        let script = std::sync::Mutex::new(free.to_vec());
        Self { folder: PathBuf::new(), least, gauge: Gauge::Script(script.into()) }
    }
}

impl Writing {
    /// Notes so many bytes more. Refuses when the file has grown and there is too little room by now.
    pub(crate) fn add(&mut self, bytes: usize) -> Result<(), DiskError> {
        self.written += bytes as u64;
        if self.written >= self.looked_at + LOOKED_AT {
            self.looked_at = self.written;
            self.disk.check()?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_looked_at_before_a_file_and_again_each_time_it_has_grown() {
        assert!(matches!(
            Disk::that_says(&[9], 10).begin(),
            Err(DiskError::NoRoom { free: 9, wanted: 10 })
        ));

        let mut file = Disk::that_says(&[12, 11, 9], 10).begin().unwrap();
        for _ in 0..15 {
            file.add(1 << 20).unwrap();
        }
        assert!(matches!(file.add(1 << 20), Err(DiskError::NoRoom { free: 9, .. })));
    }

    #[test]
    fn the_disk_of_a_folder_is_read() {
        let folder = tempfile::tempdir().unwrap();

        assert!(Disk::of(folder.path().into(), 0).check().is_ok());
        let full = Disk::of(folder.path().into(), u64::MAX).check();
        assert!(matches!(full, Err(DiskError::NoRoom { wanted: u64::MAX, .. })));
        let gone = Disk::of(folder.path().join("gone"), 0).check();
        assert!(matches!(gone, Err(DiskError::Unreadable { .. })));
    }
}
