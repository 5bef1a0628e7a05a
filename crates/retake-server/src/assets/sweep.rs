//! Housekeeping: files past their time go, and so do files that no job knows.

use futures::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};
use object_store::{ObjectMeta, ObjectStore as _, path::Path as Key};
use retake_store::Ledger;

use super::{Assets, PICTURES, STAGING, VIDEOS};

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
            assets.remove(&file.key).await?;
            ledger.file_removed(&file.id, now).await?;
            swept.expired += 1;
        }
    }
    for prefix in [STAGING, VIDEOS, PICTURES] {
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
        let known = ledger.known_keys(&keys).await?;
        for key in keys.iter().filter(|key| !known.contains(key)) {
            assets.remove(key).await?;
            removed += 1;
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use retake_core::{
        catalog::Catalog,
        ids::VideoId,
        plan::{Candidate, plan},
        request::{Picture, VideoRequest},
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
        let known = assets.keep_picture(Bytes::from_static(b"known")).await.unwrap();
        let orphan = assets.keep_picture(Bytes::from_static(b"orphan")).await.unwrap();
        ledger.accept(&a_job_that_starts_from(&known, now)).await.unwrap();

        let young = sweep(&assets, ledger.as_ref(), now).await.unwrap();
        let old = sweep(&assets, ledger.as_ref(), now + GRACE * 2).await.unwrap();

        assert_eq!((young.orphans, old.orphans), (0, 1));
        assert!(assets.read(&known).await.is_ok());
        assert!(assets.read(&orphan).await.is_err());
    }

    fn a_job_that_starts_from(key: &str, now: Timestamp) -> NewJob {
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model("animatic", "animatic").unwrap();
        let picture =
            Picture { key: key.into(), size: Size::new(720, 1280), media_type: "image/png".into() };
        let request = VideoRequest {
            prompt: "a lighthouse".into(),
            first_frame: Some(picture),
            ..VideoRequest::default()
        };
        let route = "animatic/animatic".parse().unwrap();
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let plan = plan(&request, &[Candidate { route, model }], 7, today).unwrap();
        NewJob { id: VideoId::new(now), created_at: now, request, plan }
    }
}
