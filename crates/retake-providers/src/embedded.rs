//! The embedded renderer as a provider: a small pool of render threads and a folder of finished files.
//!
//! A render is known by its tag. While it runs it writes `TAG.part`; finished, the file is renamed to
//! `TAG.mp4`, so that a file with that name is always whole. A restart forgets the renders that were
//! running (a poll then says that we interrupted it, which costs the job no attempt) and still finds
//! the finished ones. An orderly shutdown leaves `TAG.stopped` for each render that it broke off: only
//! those that nobody stopped can be to blame for the end of a process.

mod extend;
mod pool;

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream::BoxStream};
use jiff::{SignedDuration, Timestamp};
use retake_animatic::{Brief, Character};
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    request::{Origin, RenderSpec},
};
use tokio_util::io::ReaderStream;

use self::pool::{Outcome, Pool};
use crate::{
    AccountStatus, CancelOutcome, FetchError, Log, Polled, Provider, Reconciliation, Render,
    SourceVideo, Submission, SubmitError, Submitted, UnconfirmedSubmit, Unfit,
};

/// Finished files that nobody fetched are kept this long across restarts.
const KEEP_UNFETCHED: SignedDuration = SignedDuration::from_hours(24);
/// A local question costs nothing, and a progress bar should move.
const ASK_AGAIN_IN: Duration = Duration::from_millis(120);
/// The threads that a render uses on a machine that has them.
pub const WORKERS_PER_RENDER: usize = retake_animatic::MOST_WORKERS as usize;
/// How much of a file is read at a time.
const READ_AT_ONCE: usize = 256 * 1024;

/// The renderer inside this process.
#[derive(Debug)]
pub struct Embedded {
    folder: PathBuf,
    pool: Pool,
}

impl Embedded {
    /// Starts `threads` renderers that write into `folder`, and clears out what earlier ones left.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made or read.
    pub fn start(folder: &Path, threads: usize, now: Timestamp) -> io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        clear_out(folder, now)?;
        Ok(Self { folder: folder.to_owned(), pool: Pool::start(threads)? })
    }

    /// Stops every render and waits for the threads to end.
    pub fn shutdown(&self) {
        for tag in self.pool.shutdown() {
            let note = self.note_of_stop(&tag);
            if let Err(source) = std::fs::write(&note, []) {
                // Then the stop counts as a crash, of which a job may have many.
                tracing::warn!(path = %note.display(), %source, "a stopped render was not noted");
            }
        }
    }

    fn note_of_stop(&self, tag: &str) -> PathBuf {
        self.folder.join(format!("{tag}.stopped"))
    }

    async fn was_stopped(&self, tag: &str) -> bool {
        is_safe(tag) && tokio::fs::try_exists(self.note_of_stop(tag)).await.unwrap_or(false)
    }

    fn finished(&self, tag: &str) -> PathBuf {
        self.folder.join(format!("{tag}.mp4"))
    }

    async fn is_finished(&self, tag: &str) -> bool {
        is_safe(tag) && tokio::fs::try_exists(self.finished(tag)).await.unwrap_or(false)
    }
}

#[async_trait]
impl Provider for Embedded {
    async fn submit(&self, submission: Submission, _log: &Log) -> Result<Submitted, SubmitError> {
        let tag = submission.tag.clone();
        if !is_safe(&tag) {
            let fault = Fault::new(
                FaultKind::BadRequest,
                FaultSource::Gateway,
                "the tag is not a valid file name",
            );
            return Err(SubmitError::Refused(fault));
        }
        let finished = self.finished(&tag);
        let source = submission.source.clone();
        let before = frames_before(&submission.spec);
        let brief = brief(submission);
        let taken = self.pool.render(&tag, move |render| match &source {
            None => pool::render_to_file(&brief, &finished, render),
            Some(source) => extend::extend_to_file(brief, source, before, &finished, render),
        });
        if taken {
            return Ok(tag.into());
        }
        let message = "the renderer is shutting down";
        Err(SubmitError::Refused(Fault::new(FaultKind::Lost, FaultSource::Gateway, message)))
    }

    async fn look_up(&self, lost: &UnconfirmedSubmit, _log: &Log) -> Result<Reconciliation, Fault> {
        let tag = &lost.submission.tag;
        let known = self.pool.outcome(tag).is_some() || self.is_finished(tag).await;
        Ok(if known { Reconciliation::Marked(tag.clone()) } else { Reconciliation::Absent })
    }

    async fn poll(&self, render: &Render, _log: &Log) -> Result<Polled, Fault> {
        let remote_id = &render.remote_id;
        Ok(match self.pool.outcome(remote_id) {
            Some(Outcome::Running { percent }) => {
                Polled::Running { percent, ask_again_in: ASK_AGAIN_IN, note: None }
            }
            Some(Outcome::Failed(fault)) => Polled::failed(fault),
            _ if self.is_finished(remote_id).await => Polled::RENDERED,
            _ if self.was_stopped(remote_id).await => Polled::failed(Fault::shut_down()),
            _ => Polled::failed(Fault::interrupted()),
        })
    }

    async fn fetch(
        &self,
        render: &Render,
        _log: &Log,
    ) -> Result<BoxStream<'static, Result<Bytes, Fault>>, FetchError> {
        let remote_id = &render.remote_id;
        if !is_safe(remote_id) {
            return Err(FetchError::Gone(Fault::interrupted()));
        }
        let file =
            tokio::fs::File::open(self.finished(remote_id)).await.map_err(|source| match source
                .kind()
            {
                io::ErrorKind::NotFound => FetchError::Gone(Fault::interrupted()),
                _ => FetchError::Later(storage_fault(&source)),
            })?;
        let chunks = ReaderStream::with_capacity(file, READ_AT_ONCE);
        Ok(chunks.map(|chunk| chunk.map_err(|source| storage_fault(&source))).boxed())
    }

    async fn cancel(&self, render: &Render, _log: &Log) -> Result<CancelOutcome, Fault> {
        self.pool.cancel(&render.remote_id);
        self.forget(&render.remote_id).await;
        Ok(CancelOutcome::Stopped)
    }

    async fn check(&self, _log: &Log) -> Result<AccountStatus, Fault> {
        let summary = "it is part of this program and needs no key".to_owned();
        Ok(AccountStatus { summary, ..AccountStatus::default() })
    }

    async fn examine(&self, spec: &RenderSpec, source: &SourceVideo) -> Result<(), Unfit> {
        let (source, spec) = (source.clone(), spec.clone());
        let looked = tokio::task::spawn_blocking(move || extend::examine(&source, &spec)).await;
        looked.unwrap_or_else(|_| {
            let reason = "it broke the code that reads it".to_owned();
            Err(Unfit { reason, remedy: "please report it, with the file if you can" })
        })
    }

    fn is_resident(&self) -> bool {
        true
    }

    async fn forget(&self, remote_id: &str) {
        self.pool.forget(remote_id);
        if !is_safe(remote_id) {
            return;
        }
        for path in [self.finished(remote_id), self.note_of_stop(remote_id)] {
            if let Err(source) = tokio::fs::remove_file(&path).await
                && source.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %source, "a rendered file could not be removed");
            }
        }
    }
}

fn brief(submission: Submission) -> Brief {
    let spec = submission.spec;
    // Of an extension, only what is new is drawn.
    let seconds = spec.new_seconds();
    let named = spec.characters.iter().zip(submission.characters);
    let characters = named
        .map(|(one, picture)| Character { name: one.name.clone(), picture: picture.into() })
        .collect();
    Brief {
        prompt: spec.prompt,
        negative_prompt: spec.negative_prompt,
        seconds,
        width: spec.size.width,
        height: spec.size.height,
        seed: spec.seed,
        looped: spec.looped,
        audio: spec.audio,
        first_frame: submission.first_frame.map(Vec::from),
        characters,
        continues: None,
    }
}

/// How many frames the video has that an extension goes on from, by the renderer's count.
fn frames_before(spec: &RenderSpec) -> u32 {
    let before = spec.continued().map_or(0, Origin::plays_ms);
    let frames = before.saturating_mul(retake_animatic::FPS.into()).saturating_add(500) / 1000;
    u32::try_from(frames).unwrap_or(u32::MAX)
}

fn storage_fault(source: &io::Error) -> Fault {
    let message = format!("the work folder could not be used: {source}");
    Fault::new(FaultKind::Storage, FaultSource::Gateway, message)
}

/// Tags become file names, so only what our own ids are made of is let through.
fn is_safe(tag: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    !tag.is_empty() && tag.len() <= 120 && tag.bytes().all(plain)
}

fn clear_out(folder: &Path, now: Timestamp) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let stale = match path.extension().and_then(|ending| ending.to_str()) {
            Some("part") => true,
            Some("mp4" | "stopped") => is_older_than(&path, now - KEEP_UNFETCHED),
            _ => false,
        };
        if stale {
            std::fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn is_older_than(path: &Path, moment: Timestamp) -> bool {
    let written = std::fs::metadata(path).and_then(|meta| meta.modified());
    written.is_ok_and(|at| Timestamp::try_from(at).is_ok_and(|at| at < moment))
}

#[cfg(test)]
mod tests {
    use retake_core::size::Size;

    use super::*;

    const NOON: Timestamp = Timestamp::constant(1_800_000_000, 0);

    fn a_submission(tag: &str) -> Submission {
        let spec = RenderSpec {
            prompt: "a lighthouse at dusk".into(),
            negative_prompt: None,
            seconds: 1,
            size: Size::new(160, 90),
            seed: 7,
            looped: false,
            audio: true,
            first_frame: None,
            characters: Vec::new(),
            origin: None,
        };
        Submission {
            tag: tag.into(),
            model: "animatic".into(),
            spec,
            first_frame: None,
            first_frame_url: None,
            characters: Vec::new(),
            source: None,
            hook: None,
        }
    }

    fn render(id: &str) -> Render {
        Render {
            remote_id: id.into(),
            model: "animatic".into(),
            spec: a_submission(id).spec,
            begun_at: NOON,
            give_up: None,
        }
    }

    async fn until_over(embedded: &Embedded, id: &str) -> Polled {
        loop {
            match embedded.poll(&render(id), &Log::default()).await.unwrap() {
                Polled::Running { .. } => tokio::task::yield_now().await,
                over => return over,
            }
        }
    }

    #[tokio::test]
    async fn a_submitted_render_ends_as_a_file_that_can_be_fetched() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Embedded::start(folder.path(), 1, NOON).unwrap();

        let id =
            embedded.submit(a_submission("video_1-1"), &Log::default()).await.unwrap().remote_id;
        assert_eq!(until_over(&embedded, &id).await, Polled::RENDERED);

        let mut chunks = embedded.fetch(&render(&id), &Log::default()).await.unwrap();
        let first = chunks.next().await.unwrap().unwrap();
        assert_eq!(&first[4..8], b"ftyp");
    }

    #[tokio::test]
    async fn a_finished_file_outlives_a_restart_and_an_unfinished_one_is_reported_as_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("done-1.mp4"), b"whole").unwrap();
        std::fs::write(folder.path().join("half-1.part"), b"half").unwrap();

        let now =
            Timestamp::try_from(std::fs::metadata(folder.path()).unwrap().modified().unwrap());
        let embedded = Embedded::start(folder.path(), 1, now.unwrap()).unwrap();

        assert_eq!(
            embedded.poll(&render("done-1"), &Log::default()).await.unwrap(),
            Polled::RENDERED
        );
        let half = embedded.poll(&render("half-1"), &Log::default()).await.unwrap();
        assert_eq!(half, Polled::failed(Fault::interrupted()));
        let lost = UnconfirmedSubmit {
            submission: a_submission("half-1"),
            begun_at: NOON,
            lost_at: NOON,
            known: std::collections::BTreeSet::default(),
        };
        let found = embedded.look_up(&lost, &Log::default()).await.unwrap();
        assert_eq!(found, Reconciliation::Absent);
        assert!(!folder.path().join("half-1.part").exists());
    }

    #[tokio::test]
    async fn a_render_that_an_orderly_shutdown_broke_off_is_told_from_one_that_a_crash_did() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Embedded::start(folder.path(), 1, NOON).unwrap();
        let mut long = a_submission("video_3-1");
        long.spec.seconds = 120;

        let id = embedded.submit(long, &Log::default()).await.unwrap().remote_id;
        embedded.shutdown();
        let now =
            Timestamp::try_from(std::fs::metadata(folder.path()).unwrap().modified().unwrap());
        let next = Embedded::start(folder.path(), 1, now.unwrap()).unwrap();

        assert_eq!(
            next.poll(&render(&id), &Log::default()).await.unwrap(),
            Polled::failed(Fault::shut_down())
        );
        next.forget(&id).await;
        assert_eq!(
            next.poll(&render(&id), &Log::default()).await.unwrap(),
            Polled::failed(Fault::interrupted())
        );
    }

    #[tokio::test]
    async fn a_cancelled_render_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Embedded::start(folder.path(), 1, NOON).unwrap();
        let mut long = a_submission("video_2-1");
        long.spec.seconds = 120;

        let id = embedded.submit(long, &Log::default()).await.unwrap().remote_id;
        embedded.cancel(&render(&id), &Log::default()).await.unwrap();
        embedded.shutdown();

        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_tag_that_could_leave_the_folder_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = Embedded::start(folder.path(), 1, NOON).unwrap();

        assert!(embedded.submit(a_submission("../outside"), &Log::default()).await.is_err());
    }
}
