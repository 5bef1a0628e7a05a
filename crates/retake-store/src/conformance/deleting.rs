//! Deleting jobs.

use retake_core::ids::VideoId;

use super::{Engine, NOON, Worker, a_job, noon_plus};
use crate::{Deleted, Page, StoreError};

async fn finished(worker: &Worker) -> VideoId {
    let id = worker.accept(a_job(NOON)).await;
    let held = worker.claim_one(NOON).await;
    worker.finish(held, "out/1", NOON).await;
    id
}

pub(crate) async fn only_a_job_that_is_over_can_be_deleted(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let open = worker.accept(a_job(NOON)).await;

    let deleted = worker.ledger.delete(&open, NOON).await;
    let unknown = worker.ledger.delete(&VideoId::new(NOON), NOON).await;

    assert!(matches!(deleted, Err(StoreError::NotEnded { .. })), "{deleted:?}");
    assert!(matches!(unknown, Err(StoreError::NotFound { .. })), "{unknown:?}");
    assert!(worker.ledger.job(&open).await.unwrap().is_some());
}

pub(crate) async fn a_deleted_job_is_gone_for_everyone(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = finished(&worker).await;

    let deleted = worker.ledger.delete(&id, noon_plus(1)).await.unwrap();

    assert_eq!(deleted, Deleted { key: Some("out/1".to_owned()), already: false });
    assert_eq!(worker.ledger.job(&id).await.unwrap(), None);
    let page = Page { owner: None, after: None, limit: 10, newest_first: true };
    assert!(worker.ledger.list(&page).await.unwrap().jobs.is_empty());
    let cancelled = worker.ledger.request_cancel(&id, noon_plus(2)).await;
    assert!(matches!(cancelled, Err(StoreError::NotFound { .. })), "{cancelled:?}");
}

pub(crate) async fn a_second_delete_changes_nothing(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let id = finished(&worker).await;
    worker.ledger.delete(&id, noon_plus(1)).await.unwrap();

    let again = worker.ledger.delete(&id, noon_plus(2)).await.unwrap();
    assert_eq!(again, Deleted { key: Some("out/1".to_owned()), already: true });

    worker.ledger.file_removed(&id, noon_plus(3)).await.unwrap();
    let once_more = worker.ledger.delete(&id, noon_plus(4)).await.unwrap();
    assert_eq!(once_more, Deleted { key: None, already: true });
}
