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
