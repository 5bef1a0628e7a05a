//! Housekeeping: files past their time go, and so do files that no job knows.

use std::path::PathBuf;

use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use object_store::{ObjectMeta, ObjectStore as _, ObjectStoreExt as _, path::Path as Key};
use retake_core::fault::chain;
use retake_store::{Ledger, Page};

use super::{Assets, DiscardError, PICTURES, STAGING, UPLOADS, VIDEOS, Variant};

/// A file no job knows is left alone this long: its job may be about to be recorded.
const GRACE: SignedDuration = SignedDuration::from_hours(1);
/// Files looked up in the ledger at once.
const BATCH: usize = 200;

/// What a sweep removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) expired: usize,
    pub(crate) orphans: usize,
}

/// Removes the files of expired videos, then files that no job knows.
pub(crate) async fn sweep(
    assets: &Assets,
    ledger: &dyn Ledger,
    now: Timestamp,
) -> Result<Swept, Box<dyn std::error::Error + Send + Sync>> {
    let mut swept = Swept::default();
    loop {
        let expired = ledger.expired_files(now, 100).await?;
        if expired.is_empty() {
            break;
        }
        for file in expired {
            // From now on the job does not need it; others that have the same content may.
            ledger.file_removed(&file.id, now).await?;
            swept.expired += 1;
            if let Err(error) = assets.discard(&file.key, ledger).await {
                tracing::warn!(
                    key = file.key,
                    error = chain(&error),
                    "a file could not be removed"
                );
            }
        }
    }
    swept.orphans += remove_half_written(assets.folder.clone(), now).await;
    // A ledger that knows of no video at all is hardly the one that these files belong to.
    let any = Page { owner: None, after: None, limit: 1, newest_first: true };
    if ledger.list(&any).await?.jobs.is_empty() {
        return Ok(swept);
    }
    for prefix in [STAGING, VIDEOS, PICTURES, UPLOADS] {
        swept.orphans += remove_orphans(assets, ledger, prefix, now).await?;
    }
    Ok(swept)
}

async fn remove_orphans(
    assets: &Assets,
    ledger: &dyn Ledger,
    prefix: &str,
    now: Timestamp,
) -> Result<usize, Box<dyn std::error::Error + Send + Sync>> {
    let old_enough = |file: &ObjectMeta| {
        let written = Timestamp::from_second(file.last_modified.timestamp()).unwrap_or(now);
        written + GRACE < now
    };
    let mut files = assets.store.list(Some(&Key::from(prefix))).try_chunks(BATCH);
    let mut removed = 0;
    while let Some(batch) = files.try_next().await? {
        let keys: Vec<String> =
            batch.iter().filter(|file| old_enough(file)).map(|f| f.location.to_string()).collect();
        let bases: Vec<String> = keys.iter().map(|key| Variant::video_of(key)).collect();
        let known = ledger.known_keys(&bases).await?;
        let orphans = keys.iter().zip(&bases).filter(|(_, base)| !known.contains(base));
        for (key, base) in orphans {
            // A file that comes in again is written anew: then it is young, and somebody's.
            let still_old = assets.store.head(&Key::from(key.as_str())).await;
            if !still_old.is_ok_and(|file| old_enough(&file)) {
                continue;
            }
            let result = if key == base {
                assets.discard(key, ledger).await
            } else if assets.is_pinned(base) {
                Ok(false)
            } else {
                assets.remove(key).await.map(|()| true).map_err(DiscardError::from)
            };
            match result {
                Ok(true) => removed += 1,
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!(key, error = chain(&error), "a file could not be removed");
                }
            }
        }
    }
    Ok(removed)
}

/// Removes what a dead process left half-written. The store hides such files (`NAME#1`) from its lists.
async fn remove_half_written(folder: PathBuf, now: Timestamp) -> usize {
    let look = move || {
        let folders = [STAGING, PICTURES, UPLOADS].map(|name| std::fs::read_dir(folder.join(name)));
        let entries = folders.into_iter().flatten().flatten().flatten();
        entries.filter(|entry| is_left_half_written(entry, now)).fold(0, |removed, entry| {
            match std::fs::remove_file(entry.path()) {
                Ok(()) => removed + 1,
                Err(_) => removed,
            }
        })
    };
    tokio::task::spawn_blocking(look).await.unwrap_or(0)
}

fn is_left_half_written(entry: &std::fs::DirEntry, now: Timestamp) -> bool {
    let name = entry.file_name();
    let number = name.to_str().and_then(|name| name.rsplit_once('#')).map(|(_, number)| number);
    let written = entry.metadata().and_then(|meta| meta.modified());
    number.is_some_and(|number| number.bytes().all(|b| b.is_ascii_digit()))
        && written.is_ok_and(|at| Timestamp::try_from(at).is_ok_and(|at| at + GRACE < now))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use retake_core::{
        catalog::Catalog,
        decide::{World, slot_waits},
        ids::VideoId,
        job::JobRecord,
        plan::{Candidate, PlanContext, plan},
        policy::Policy,
        request::{Origin, OriginKind, Picture, VideoRequest},
        size::Size,
    };
    use retake_store::{NewJob, SqliteLedger};

    use super::*;
    use crate::clock::Clock;

    #[tokio::test]
    async fn files_no_job_knows_are_removed_once_they_are_old_and_known_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let assets = Assets::local(folder.path().join("assets"), 0).unwrap();
        let ledger: Arc<dyn Ledger> =
            Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        let now = Clock::system().now();
        let known = assets.keep_picture(Bytes::from_static(b"known")).await.unwrap().0;
        let orphan = assets.keep_picture(Bytes::from_static(b"orphan")).await.unwrap().0;
        ledger.accept(&a_job_that_starts_from(&known, now)).await.unwrap();

        let young = sweep(&assets, ledger.as_ref(), now).await.unwrap();
        let old = sweep(&assets, ledger.as_ref(), now + GRACE * 2).await.unwrap();

        assert_eq!((young.orphans, old.orphans), (0, 1));
        assert!(assets.read(&known).await.is_ok());
        assert!(assets.read(&orphan).await.is_err());
    }

    #[tokio::test]
    async fn an_uploaded_video_stays_while_a_job_is_to_go_on_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let assets = Assets::local(folder.path().join("assets"), 0).unwrap();
        let ledger: Arc<dyn Ledger> =
            Arc::new(SqliteLedger::open(&folder.path().join("ledger.db")).unwrap());
        let now = Clock::system().now();
        let needed = assets.keep_upload(Bytes::from_static(b"needed")).await.unwrap().0;
        let orphan = assets.keep_upload(Bytes::from_static(b"orphan")).await.unwrap().0;
        ledger.accept(&a_job_that_goes_on_from(&needed, now)).await.unwrap();

        let old = sweep(&assets, ledger.as_ref(), now + GRACE * 2).await.unwrap();

        assert_eq!(old.orphans, 1);
        assert!(assets.read(&needed).await.is_ok());
        assert!(assets.read(&orphan).await.is_err());
    }

    #[tokio::test]
    async fn what_a_dead_process_left_half_written_is_removed_once_it_is_old() {
        let folder = tempfile::tempdir().unwrap();
        let assets = Assets::local(folder.path().join("assets"), 0).unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        for name in ["staging/video_1-1#1", "pictures/00ff#12", "uploads/00ff#3"] {
            let path = folder.path().join("assets").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"half").unwrap();
        }
        let now = Clock::system().now();

        let young = sweep(&assets, &ledger, now).await.unwrap();
        let old = sweep(&assets, &ledger, now + GRACE * 2).await.unwrap();

        assert_eq!((young.orphans, old.orphans), (0, 3));
    }

    #[tokio::test]
    async fn a_ledger_without_any_video_judges_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let assets = Assets::local(folder.path().join("assets"), 0).unwrap();
        let ledger = SqliteLedger::open(&folder.path().join("ledger.db")).unwrap();
        let now = Clock::system().now();
        let of_another = assets.keep_picture(Bytes::from_static(b"another's")).await.unwrap().0;

        let old = sweep(&assets, &ledger, now + GRACE * 2).await.unwrap();

        assert_eq!(old.orphans, 0);
        assert!(assets.read(&of_another).await.is_ok());
    }

    fn a_job_that_starts_from(key: &str, now: Timestamp) -> NewJob {
        let picture =
            Picture { key: key.into(), size: Size::new(720, 1280), media_type: "image/png".into() };
        let request = VideoRequest { first_frame: Some(picture), ..VideoRequest::default() };
        a_job(request, now)
    }

    fn a_job_that_goes_on_from(key: &str, now: Timestamp) -> NewJob {
        let origin = Origin {
            kind: OriginKind::Extension,
            video: None,
            key: Some(key.into()),
            bytes: 6,
            seconds: 1,
            duration_ms: None,
        };
        let request =
            VideoRequest { seconds: Some(1), origin: Some(origin), ..VideoRequest::default() };
        a_job(request, now)
    }

    fn a_job(request: VideoRequest, now: Timestamp) -> NewJob {
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model("animatic", "animatic").unwrap();
        let request = VideoRequest { prompt: "a lighthouse".into(), ..request };
        let route = "animatic/animatic".parse().unwrap();
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let plan =
            plan(&request, &[Candidate { route, model }], &PlanContext::plain(7, today)).unwrap();
        NewJob {
            id: VideoId::new(now),
            created_at: now,
            owner: None,
            request,
            waits: slot_waits(
                &JobRecord::default(),
                &plan,
                &World::default(),
                &Policy::default(),
                now,
            ),
            plan,
            repeat: None,
            max_open: None,
        }
    }
}
