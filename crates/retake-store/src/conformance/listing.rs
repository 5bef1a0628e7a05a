//! The list of jobs.

use retake_core::{ids::VideoId, job::Event};

use super::{Engine, NOON, Worker, a_job, noon_plus};
use crate::{Ledger, Page};

async fn walk(ledger: &dyn Ledger, limit: u32, newest_first: bool) -> Vec<Vec<VideoId>> {
    let (mut pages, mut after) = (Vec::new(), None);
    loop {
        let listing = ledger.list(&Page { owner: None, after, limit, newest_first }).await.unwrap();
        let ids: Vec<_> = listing.jobs.into_iter().map(|job| job.id).collect();
        after = ids.last().cloned();
        pages.push(ids);
        if !listing.has_more {
            return pages;
        }
    }
}

async fn cancelled(worker: &Worker, id: &VideoId) {
    worker.ledger.request_cancel(id, NOON).await.unwrap();
    let held = worker.ledger.claim(&worker.me, &[], 1, NOON).await.unwrap().remove(0);
    worker.tell_and_free(held, Event::Cancelled, NOON).await.unwrap();
}

pub(crate) async fn pages_meet_without_gap_or_overlap(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(worker.accept(a_job(noon_plus(n))).await);
    }

    let oldest_first = walk(&*worker.ledger, 3, false).await;
    let newest_first = walk(&*worker.ledger, 4, true).await;

    assert_eq!(oldest_first.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3]);
    assert_eq!(oldest_first.concat(), ids);
    ids.reverse();
    assert_eq!(newest_first.iter().map(Vec::len).collect::<Vec<_>>(), [4, 2]);
    assert_eq!(newest_first.concat(), ids);
}

pub(crate) async fn a_deleted_job_is_left_out_and_still_a_place_to_go_on_from(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let mut ids = Vec::new();
    for n in 0..4 {
        ids.push(worker.accept(a_job(noon_plus(n))).await);
    }
    cancelled(&worker, &ids[1]).await;
    worker.ledger.delete(&ids[1], NOON).await.unwrap();

    let after_it =
        Page { owner: None, after: Some(ids[1].clone()), limit: 10, newest_first: false };
    let after_it = worker.ledger.list(&after_it).await.unwrap();

    assert_eq!(after_it.jobs.iter().map(|job| &job.id).collect::<Vec<_>>(), [&ids[2], &ids[3]]);
    assert_eq!(walk(&*worker.ledger, 2, true).await.concat().len(), 3);
}

pub(crate) async fn a_page_after_an_unknown_id_begins_where_it_would_be(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let early = worker.accept(a_job(NOON)).await;
    let late = worker.accept(a_job(noon_plus(10))).await;
    let between = VideoId::new(noon_plus(5));

    for (newest_first, expected) in [(false, &late), (true, &early)] {
        let page = Page { owner: None, after: Some(between.clone()), limit: 10, newest_first };
        let listing = worker.ledger.list(&page).await.unwrap();
        assert_eq!(listing.jobs.iter().map(|job| &job.id).collect::<Vec<_>>(), [expected]);
    }
}

pub(crate) async fn a_list_says_how_many_slots_are_in_use_where_its_jobs_wait(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    let page = Page { owner: None, after: None, limit: 10, newest_first: true };
    worker.accept(a_job(NOON)).await;
    let mut held = worker.claim_one(NOON).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, NOON).await.unwrap();
    assert!(worker.ledger.list(&page).await.unwrap().slots_in_use.is_empty(), "none waits");

    worker.accept(a_job(NOON)).await;
    worker.accept(a_job(NOON)).await;

    let listing = worker.ledger.list(&page).await.unwrap();
    assert_eq!(listing.slots_in_use.into_iter().collect::<Vec<_>>(), [("north".to_owned(), 1)]);
}
