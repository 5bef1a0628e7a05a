//! The state of Google's port besides its jobs: the owners of files, and the registered webhooks.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::{registered_webhooks::Webhook, signatures::JwtSigner};
use crate::{emulator_context::EmulatorContext, simulator::JobView};

/// The state of one port.
#[derive(Default)]
pub(super) struct PortState {
    /// The job of a file and the number of the video, by the file's id or `gs://` URI.
    files: Mutex<HashMap<String, (String, u32)>>,
    webhooks: Mutex<Vec<Webhook>>,
    pub(super) jwt_signer: JwtSigner,
}

impl PortState {
    /// Registers the names under which a job's videos can be downloaded.
    pub(super) fn register_files(&self, job: &str, names: &[String]) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for (nth, name) in (0..).zip(names) {
            files.insert(name.clone(), (job.to_owned(), nth));
        }
    }

    /// The job that a file belongs to.
    pub(super) fn find_job_of_file(
        &self,
        context: &EmulatorContext,
        name: &str,
    ) -> Option<JobView> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (job, nth) = files.get(name)?.clone();
        drop(files);
        context.find_job(&job).filter(|job| nth < job.outputs())
    }

    /// The names that begin with `prefix`, in order.
    pub(super) fn file_names(&self, prefix: &str) -> Vec<String> {
        let files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let mut names: Vec<_> =
            files.keys().filter(|name| name.starts_with(prefix)).cloned().collect();
        names.sort_unstable();
        names
    }

    pub(super) fn webhooks(&self) -> MutexGuard<'_, Vec<Webhook>> {
        self.webhooks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
