//! The files of jobs.

use retake_core::{ids::VideoId, request::Picture, size::Size};

use super::{Engine, NOON, Worker, a_job, an_output, noon_plus};
use crate::{ExpiredFile, StoreError};

async fn finished(worker: &Worker, key: &str) -> VideoId {
    let id = worker.accept(a_job(NOON)).await;
    let held = worker.claim_one(NOON).await;
    worker.finish(held, key, NOON).await;
    id
}

pub(crate) async fn a_file_is_to_be_removed_when_its_time_is_over(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = finished(&worker, "out/1").await;
    let expired =
        async |seconds| worker.ledger.expired_files(noon_plus(seconds), 10).await.unwrap();

    assert!(expired(3599).await.is_empty());
    let file = ExpiredFile { id: id.clone(), key: "out/1".to_owned() };
    assert_eq!(expired(3600).await, [file]);

    worker.ledger.file_removed(&id, noon_plus(3601)).await.unwrap();
    worker.ledger.file_removed(&id, noon_plus(9999)).await.unwrap();
    assert!(expired(9999).await.is_empty());
    let job = worker.ledger.job(&id).await.unwrap().unwrap();
    assert_eq!(job.expires_at, Some(noon_plus(3600)));
    assert_eq!(job.file_removed_at, Some(noon_plus(3601)));
    assert_eq!(job.output, Some(an_output("out/1")));
    let unknown = worker.ledger.file_removed(&VideoId::new(NOON), NOON).await;
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
}

pub(crate) async fn the_file_of_a_deleted_job_is_to_be_removed_at_once(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = finished(&worker, "out/1").await;

    worker.ledger.delete(&id, noon_plus(1)).await.unwrap();

    let expired = worker.ledger.expired_files(noon_plus(1), 10).await.unwrap();
    assert_eq!(expired, [ExpiredFile { id: id.clone(), key: "out/1".to_owned() }]);
    worker.ledger.file_removed(&id, noon_plus(2)).await.unwrap();
    assert!(worker.ledger.expired_files(noon_plus(9999), 10).await.unwrap().is_empty());
}

pub(crate) async fn a_sweep_learns_which_keys_are_needed(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let (gone, _kept) = (finished(&worker, "out/1").await, finished(&worker, "out/2").await);
    let expired = finished(&worker, "out/3").await;
    let mut open = a_job(NOON);
    open.request.first_frame = Some(Picture {
        key: "in/1".to_owned(),
        size: Size::new(1280, 720),
        media_type: "image/png".to_owned(),
    });
    worker.accept(open).await;
    worker.ledger.delete(&gone, NOON).await.unwrap();
    worker.ledger.file_removed(&expired, NOON).await.unwrap();

    let keys = ["out/1", "out/2", "out/3", "in/1", "stray"].map(str::to_owned);
    let known = worker.ledger.known_keys(&keys).await.unwrap();

    assert_eq!(known, ["out/2", "in/1"]);
    assert!(worker.ledger.known_keys(&[]).await.unwrap().is_empty());
}
