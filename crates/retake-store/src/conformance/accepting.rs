//! Taking jobs on.

use retake_core::{job::JobRecord, request::Picture, size::Size};

use super::{Engine, NOON, Worker, a_job, a_job_over};
use crate::{Job, JobEvent, NewJob, Recorded, StoreError};

pub(crate) async fn an_accepted_job_is_there_after_a_restart(engine: &dyn Engine) {
    let mut job = a_job_over(&["north", "south"], NOON);
    job.request.negative_prompt = Some("text".to_owned());
    let size = Size::new(1280, 720);
    let picture = Picture { key: "in/1".to_owned(), size, media_type: "image/png".to_owned() };
    job.request.first_frame = Some(picture);
    let ledger = engine.open().await;
    ledger.accept(&job).await.unwrap();
    ledger.close().await.unwrap();

    let ledger = engine.open().await;

    let found = ledger.job(&job.id).await.unwrap().unwrap();
    let NewJob { id, created_at, owner, request, plan, waits, .. } = job;
    let expected = Job {
        id: id.clone(),
        created_at,
        owner,
        completed_at: None,
        expires_at: None,
        request,
        plan,
        record: JobRecord::default(),
        waits: waits.into_iter().map(|wait| wait.account).collect(),
        output: None,
        file_removed_at: None,
    };
    assert_eq!(found, expected);
    let first = Recorded { seq: 1, at: NOON, attempt: None, event: JobEvent::Accepted };
    assert_eq!(ledger.events(&id, 0, 10).await.unwrap(), [first]);
}

pub(crate) async fn an_id_is_accepted_once(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let job = a_job(NOON);
    let id = worker.accept(job.clone()).await;

    let again = worker.ledger.accept(&job).await;

    assert!(matches!(again, Err(StoreError::AlreadyExists { .. })), "{again:?}");
    assert_eq!(worker.ledger.events(&id, 0, 10).await.unwrap().len(), 1);
}

pub(crate) async fn a_closed_ledger_takes_nothing(engine: &dyn Engine) {
    let ledger = engine.open().await;
    ledger.health().await.unwrap();
    ledger.close().await.unwrap();
    ledger.close().await.unwrap();

    let (written, read) = (ledger.accept(&a_job(NOON)).await, ledger.next_due(&[]).await);

    assert!(matches!(written, Err(StoreError::Closed { .. })), "{written:?}");
    assert!(matches!(read, Err(StoreError::Closed { .. })), "{read:?}");
    assert!(matches!(ledger.health().await, Err(StoreError::Closed { .. })));
}
