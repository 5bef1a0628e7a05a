//! What a port remembers besides its jobs: which file is whose, and the webhooks registered with it.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{hooks::Hook, seal::Seal};
use crate::{emulator_context::EmulatorContext, simulator::JobView};

/// The memory of one port.
#[derive(Default)]
pub(super) struct Memory {
    /// By a file's id or a `gs://` address: the job, and which of its videos.
    files: Mutex<HashMap<String, (String, u32)>>,
    hooks: Mutex<Vec<Hook>>,
    pub(super) seal: Seal,
}

impl Memory {
    /// Remembers the names under which a job's videos can be fetched.
    pub(super) fn keep(&self, job: &str, names: &[String]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for (nth, name) in (0..).zip(names) {
            files.insert(name.clone(), (job.to_owned(), nth));
        }
    }

    /// The job that a file belongs to.
    pub(super) fn job_of(&self, desk: &EmulatorContext, name: &str) -> Option<JobView> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (job, nth) = files.get(name)?.clone();
        drop(files);
        desk.look(&job).filter(|job| nth < job.outputs())
    }

    /// The names that begin with `prefix`, in order.
    pub(super) fn names(&self, prefix: &str) -> Vec<String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> =
            files.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        names.sort_unstable();
        names
    }

    pub(super) fn hooks(&self) -> MutexGuard<'_, Vec<Hook>> {
        self.hooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
