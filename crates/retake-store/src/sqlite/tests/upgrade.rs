//! A ledger of the version before, as a killed process left it.

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    decide::{Step, World, decide},
    ids::ReplicaId,
    job::HoldKind,
    policy::Policy,
};
use rusqlite::Connection;

use super::Folder;
use crate::{Job, JobEvent, Ledger, Page, SqliteLedger, conformance::slots};

const BEFORE: &str = include_str!("../../../fixtures/ledger-before-slot-waits.sql");

/// A minute after its process was killed.
const NOW: Timestamp = Timestamp::constant(1_796_135_660, 0);

fn a_ledger_from_before() -> (Folder, SqliteLedger) {
    let folder = Folder::new();
    Connection::open(folder.path()).unwrap().execute_batch(BEFORE).unwrap();
    let ledger = folder.ledger();
    (folder, ledger)
}

async fn jobs(ledger: &SqliteLedger) -> Vec<Job> {
    let page = Page { owner: None, after: None, limit: 100, newest_first: false };
    ledger.list(&page).await.unwrap().jobs
}

/// What a job waits for, its attempts, and the accounts of which it waits for a slot.
fn summary(job: &Job) -> (&str, Option<HoldKind>, Vec<String>, String) {
    let attempts = job.record.attempts.iter();
    let attempts = attempts.map(|one| format!("{} {}", one.planned.route, one.state)).collect();
    let kind = job.record.hold.as_ref().map(|hold| hold.kind);
    (&job.request.prompt, kind, attempts, job.waits.join(" "))
}

#[tokio::test]
async fn every_job_of_a_ledger_of_the_version_before_is_there_with_its_attempts() {
    let (_folder, ledger) = a_ledger_from_before();
    let jobs = jobs(&ledger).await;

    let luma = |state: &str| vec![format!("luma/ray-2 {state}")];
    let expected = [
        ("a lighthouse lab:drop-after-accept", Some(HoldKind::UnknownSubmit), luma("unknown"), ""),
        ("a lighthouse lab:stuck", None, luma("submitted"), ""),
        ("a boat lab:fail=runtime_error", Some(HoldKind::Pause), luma("failed"), "luma"),
        ("a harbour", None, luma("submitted"), ""),
        ("a harbour at night", None, vec![], ""),
        ("a pier", None, vec!["animatic/animatic succeeded".to_owned()], ""),
        ("a gull", None, vec![], "luma"),
    ];
    let found: Vec<_> = jobs.iter().map(summary).collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(prompt, hold, attempts, waits)| (prompt, hold, attempts, waits.to_owned()))
        .collect();
    assert_eq!(found, expected);
    for job in &jobs {
        let lines = ledger.events(&job.id, 0, 1_000).await.unwrap();
        assert_eq!(lines[0].event, JobEvent::Accepted);
        assert!(lines.len() > 1 || job.record.attempts.is_empty());
    }
}

#[tokio::test]
async fn every_open_job_of_a_ledger_of_the_version_before_goes_on() {
    let (_folder, ledger) = a_ledger_from_before();
    ledger.expire_leases(Timestamp::MAX, NOW).await.unwrap();
    let me = ReplicaId::new(NOW);
    ledger.register(&me, NOW).await.unwrap();

    let later = NOW + SignedDuration::from_mins(2);
    let mut steps = Vec::new();
    for held in ledger.claim(&me, &slots("luma", 9), 100, later).await.unwrap() {
        let mut world = World::default();
        world.routes.resize(held.job.plan.routes.len(), *World::default().at(0));
        for (route, planned) in world.routes.iter_mut().zip(&held.job.plan.routes) {
            route.has_slot = held.slot.as_ref() == Some(&planned.route.account);
        }
        let (record, plan) = (&held.job.record, &held.job.plan);
        let step = match decide(record, plan, &world, &Policy::default(), later) {
            Step::Begin { place } => format!("begin {place}"),
            Step::Poll { .. } => "poll".to_owned(),
            Step::Settle => "settle".to_owned(),
            step => panic!("{step:?}"),
        };
        steps.push((held.job.request.prompt.clone(), step));
    }

    steps.sort();
    let steps: Vec<_> = steps.iter().map(|(prompt, step)| (&**prompt, &**step)).collect();
    assert_eq!(
        steps,
        [
            ("a boat lab:fail=runtime_error", "begin 0"),
            ("a gull", "begin 0"),
            ("a harbour", "poll"),
            ("a lighthouse lab:drop-after-accept", "settle"),
            ("a lighthouse lab:stuck", "poll"),
        ]
    );
    assert_eq!(ledger.slots_in_use("luma").await.unwrap(), 4);
}
