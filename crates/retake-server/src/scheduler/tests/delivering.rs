//! Bringing a finished render's file in: what differs, what fails to download, and what is never bought twice.

use std::{
    collections::VecDeque,
    io::Cursor,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use bytes::Bytes;
use futures::{StreamExt as _, stream, stream::BoxStream};
use jiff::SignedDuration;
use retake_core::{
    cost::Cost,
    fault::{Fault, FaultKind, FaultSource},
    job::{AttemptState, Event, JobState},
    money::Usd,
    output::{OnMismatch, Tolerance},
    policy::Policy,
    request::{Fit, VideoRequest},
};
use retake_media::{AvcConfig, AvcTrack, Movie, Mp4Writer};
use retake_providers::{
    AccountStatus, CancelOutcome, Echo, FetchError, Log, Polled, Provider, Reconciliation, Render,
    Submission, SubmitError, Submitted, UnconfirmedSubmit,
};
use retake_store::{Job, JobEvent};

use super::{SchedulerTest, attempts};

/// Start codes around the parameter sets of a High profile stream, level 3.1.
const PARAMETER_SETS: [u8; 16] = [0, 0, 0, 1, 0x67, 100, 0, 31, 0xAC, 0, 0, 1, 0x68, 0xEE, 6, 0x80];
const FRAMES_PER_SECOND: u32 = 24;
/// What a request asks for that says nothing of it.
const ASKED: (u16, u16, u32) = (720, 1280, 4 * FRAMES_PER_SECOND);

/// What a download brings.
#[derive(Clone)]
enum Download {
    Bytes(Vec<u8>),
    Fails(FetchError),
    /// The file breaks off after these bytes.
    BreaksOff(Vec<u8>),
}

/// A provider whose every render is finished when it is asked, and whose downloads follow a script; the last one
/// repeats.
struct Deliverer {
    downloads: Mutex<VecDeque<Download>>,
    submitted: Mutex<u32>,
    echo: Echo,
    /// What comes of cancelling.
    cancels: Option<CancelOutcome>,
    cancelled: Mutex<u32>,
    charged: Option<Usd>,
    /// Whether it says that the render failed, beside the file.
    disputes: bool,
}

impl Deliverer {
    fn of(downloads: impl IntoIterator<Item = Download>) -> Arc<Self> {
        let downloads = Mutex::new(downloads.into_iter().collect());
        Arc::new(Self::new(downloads))
    }

    fn new(downloads: Mutex<VecDeque<Download>>) -> Self {
        Self {
            downloads,
            submitted: Mutex::default(),
            echo: Echo::default(),
            cancels: Some(CancelOutcome::Stopped),
            cancelled: Mutex::default(),
            charged: None,
            disputes: false,
        }
    }

    /// One that renders two seconds and says so when it accepts the render.
    fn that_announces(cancels: Option<CancelOutcome>) -> Arc<Self> {
        let downloads = Mutex::new([odd(720, 1280, 48)].into());
        let echo = Echo { duration_ms: Some(2_000), size: None };
        Arc::new(Self { echo, cancels, ..Self::new(downloads) })
    }

    fn sold(&self) -> u32 {
        *self.submitted.lock().unwrap()
    }
}

#[async_trait]
impl Provider for Deliverer {
    async fn submit(&self, _: Submission, _: &Log) -> Result<Submitted, SubmitError> {
        *self.submitted.lock().unwrap() += 1;
        Ok(Submitted { remote_id: "r-1".into(), echo: self.echo })
    }

    async fn look_up(&self, _: &UnconfirmedSubmit, _: &Log) -> Result<Reconciliation, Fault> {
        Ok(Reconciliation::Absent)
    }

    async fn poll(&self, _: &Render, _: &Log) -> Result<Polled, Fault> {
        if self.disputes {
            let fault = Fault::new(FaultKind::BadRequest, FaultSource::Provider, "it failed");
            return Ok(Polled::Disputed { fault, charged: self.charged });
        }
        Ok(Polled::Rendered { charged: self.charged })
    }

    async fn fetch(
        &self,
        _: &Render,
        _: &Log,
    ) -> Result<BoxStream<'static, Result<Bytes, Fault>>, FetchError> {
        let mut downloads = self.downloads.lock().unwrap();
        let next = downloads.pop_front().unwrap();
        if downloads.is_empty() {
            downloads.push_back(next.clone());
        }
        let pieces = match next {
            Download::Fails(error) => return Err(error),
            Download::Bytes(bytes) => vec![Ok(bytes.into())],
            Download::BreaksOff(bytes) => {
                let broke = Fault::new(FaultKind::Lost, FaultSource::Network, "it broke off");
                vec![Ok(bytes.into()), Err(broke)]
            }
        };
        Ok(stream::iter(pieces).boxed())
    }

    async fn cancel(&self, _: &Render, _: &Log) -> Result<CancelOutcome, Fault> {
        *self.cancelled.lock().unwrap() += 1;
        let fails = || Fault::new(FaultKind::Timeout, FaultSource::Network, "no answer");
        self.cancels.ok_or_else(fails)
    }

    async fn check(&self, _: &Log) -> Result<AccountStatus, Fault> {
        Ok(AccountStatus::default())
    }
}

/// A video of noise: containers do not look inside.
fn film((width, height, frames): (u16, u16, u32)) -> Vec<u8> {
    let picture = AvcTrack {
        config: AvcConfig::from_annex_b(&PARAMETER_SETS).unwrap(),
        width,
        height,
        frame_rate: FRAMES_PER_SECOND,
        frames,
        key_frames: 1,
    };
    let movie = Movie { picture, sound: None, title: None, comment: None, tool: None };
    let mut writer = Mp4Writer::new(Cursor::new(Vec::new()), movie).unwrap();
    for frame in 0..frames {
        writer.write_frame(&[7; 40], frame == 0).unwrap();
    }
    writer.finish().unwrap().0.into_inner()
}

fn whole() -> Download {
    Download::Bytes(film(ASKED))
}

fn odd(width: u16, height: u16, frames: u32) -> Download {
    Download::Bytes(film((width, height, frames)))
}

async fn played(routes: &[Arc<Deliverer>], policy: Policy, rounds: usize) -> Job {
    asked(routes, policy, VideoRequest::default(), rounds).await
}

async fn asked(
    routes: &[Arc<Deliverer>],
    policy: Policy,
    request: VideoRequest,
    rounds: usize,
) -> Job {
    let names = ["north", "south", "west"];
    let providers: Vec<_> = names.into_iter().zip(routes.iter().map(Arc::clone)).collect();
    SchedulerTest::asked(&providers, policy, request).await.play(rounds).await
}

fn retry() -> Policy {
    Policy { on_output_mismatch: OnMismatch::Retry, ..Policy::default() }
}

fn warnings(job: &Job) -> Vec<&str> {
    job.delivered().unwrap().warnings.iter().map(String::as_str).collect()
}

#[tokio::test]
async fn a_playable_file_that_misses_the_request_by_the_models_grain_is_delivered_and_told() {
    // 4 s in steps of 17 frames, and 704 lines for 720.
    for (file, warned) in [
        ((704, 1280, 96), vec!["size_differs"]),
        ((720, 1280, 102), vec![]),
        ((720, 1280, 103), vec!["duration_differs"]),
        ((720, 1280, 94), vec![]),
        ((704, 1280, 48), vec!["size_differs", "duration_differs"]),
    ] {
        let north = Deliverer::of([Download::Bytes(film(file))]);

        let job = played(&[Arc::clone(&north)], Policy::default(), 5).await;

        assert_eq!((&job.record.state, north.sold()), (&JobState::Completed, 1), "{file:?}");
        assert_eq!(warnings(&job), warned, "{file:?}");
        let output = job.delivered().unwrap();
        assert_eq!((output.width, output.asked.duration_ms), (file.0.into(), Some(4_000)));
    }
}

#[tokio::test]
async fn a_difference_within_the_tolerance_of_the_policy_is_none() {
    let tolerance = Tolerance { duration: SignedDuration::from_secs(1), pixels: 16 };
    let north = Deliverer::of([odd(704, 1280, 110)]);

    let job = played(&[north], Policy { tolerance, ..retry() }, 5).await;

    assert_eq!(job.record.state, JobState::Completed);
    assert!(warnings(&job).is_empty());
}

#[tokio::test]
async fn the_policy_retry_tries_other_routes_and_never_the_same_one_again() {
    let (north, south) = (Deliverer::of([odd(704, 1280, 96)]), Deliverer::of([whole()]));

    let job = played(&[Arc::clone(&north), Arc::clone(&south)], retry(), 9).await;

    assert_eq!(attempts(&job), ["north failed", "south succeeded"]);
    assert_eq!((north.sold(), south.sold()), (1, 1));
    assert_eq!(job.delivered().unwrap().attempt, Some(2));
    assert!(warnings(&job).is_empty());
}

#[tokio::test]
async fn the_file_nearest_to_the_request_is_delivered_when_every_route_differs() {
    let near = || Deliverer::of([odd(704, 1280, 96)]);
    let far = || Deliverer::of([odd(360, 640, 48)]);

    for (routes, best) in [([near(), far(), far()], 1), ([far(), near(), far()], 2)] {
        let job = played(&routes, retry(), 12).await;

        assert_eq!(job.record.state, JobState::Completed);
        assert_eq!(job.delivered().unwrap().attempt, Some(best));
        assert_eq!(warnings(&job), ["size_differs"]);
        assert!(routes.iter().all(|route| route.sold() == 1));
        assert_eq!(job.planned().unwrap().route.account, ["north", "south"][best as usize - 1]);
    }
}

#[tokio::test]
async fn a_request_may_say_for_itself_what_is_done_about_a_difference() {
    let (north, south) = (Deliverer::of([odd(704, 1280, 96)]), Deliverer::of([whole()]));
    let request =
        VideoRequest { on_output_mismatch: Some(OnMismatch::Keep), ..VideoRequest::default() };

    let job = asked(&[north, Arc::clone(&south)], retry(), request, 9).await;

    assert_eq!((warnings(&job), south.sold()), (vec!["size_differs"], 0));
}

#[tokio::test]
async fn a_missing_sound_is_told_only_where_sound_was_asked_for() {
    for (audio, warned) in [(Some(true), vec!["sound_missing"]), (None, vec![])] {
        let request = VideoRequest { audio, ..VideoRequest::default() };

        let job = asked(&[Deliverer::of([whole()])], Policy::default(), request, 5).await;

        assert_eq!(warnings(&job), warned);
    }
}

#[tokio::test]
async fn a_download_that_brings_something_else_than_the_file_never_buys_the_render_again() {
    let said = |kind| Fault::new(kind, FaultSource::Provider, "no");
    let half = {
        let mut half = film(ASKED);
        half.truncate(half.len() / 2);
        half
    };
    let bad = [
        Download::Bytes(b"<!doctype html><title>Sign in</title>".to_vec()),
        Download::Bytes(b"{\"error\":{\"message\":\"try again\"}}".to_vec()),
        Download::Bytes(Vec::new()),
        Download::Bytes(half.clone()),
        Download::BreaksOff(half),
        Download::Fails(FetchError::Gone(said(FaultKind::Lost))),
        Download::Fails(FetchError::Gone(said(FaultKind::UnknownProviderError))),
        Download::Fails(FetchError::Later(said(FaultKind::Auth))),
        Download::Fails(FetchError::Later(said(FaultKind::Overloaded))),
    ];
    for bad in bad {
        let north = Deliverer::of([bad.clone(), bad, whole()]);

        let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;
        let waiting = test.play(4).await;
        let open = waiting.record.open_attempt().expect("the render is not over");
        assert_eq!(open.state, AttemptState::Fetching);
        assert!(waiting.record.hold.is_some(), "it does not say why it waits");
        let job = test.play(3).await;

        assert_eq!((&job.record.state, north.sold()), (&JobState::Completed, 1));
        assert_eq!(job.record.hold, None);
    }
}

#[tokio::test]
async fn a_failed_render_that_names_a_dead_file_goes_to_the_next_route() {
    let disputed = |download| {
        let downloads = Mutex::new([download].into());
        Arc::new(Deliverer { disputes: true, ..Deliverer::new(downloads) })
    };
    let gone = Fault::new(FaultKind::Lost, FaultSource::Provider, "HTTP 404");
    for dead in [FetchError::Gone(gone.clone()), FetchError::Later(gone)] {
        let north = disputed(Download::Fails(dead));
        let south = Deliverer::of([whole()]);

        let job = played(&[Arc::clone(&north), south], Policy::default(), 12).await;

        assert_eq!(attempts(&job), ["north failed", "south succeeded"]);
        assert_eq!(north.sold(), 1);
        let fault = job.record.attempts[0].fault.as_ref().unwrap();
        assert!(fault.message.contains("it failed") && fault.message.contains("404"), "{fault}");
    }
    let job = played(&[disputed(whole())], Policy::default(), 6).await;
    assert_eq!((&job.record.state, &job.record.attempts[0].fault), (&JobState::Completed, &None));
}

#[tokio::test]
async fn an_announcement_is_on_record_with_the_answer_that_made_it() {
    let north = Deliverer::that_announces(Some(CancelOutcome::Stopped));
    let test = SchedulerTest::with(&[("north", north)]).await;
    test.play(1).await;

    let lines = test.scheduler.ledger.events(&test.id, 0, 9).await.unwrap();

    let [.., accepted, announced] = lines.as_slice() else { panic!("{lines:?}") };
    assert!(matches!(&accepted.event, JobEvent::Job(Event::Accepted { .. })), "{lines:?}");
    assert!(matches!(&announced.event, JobEvent::Job(Event::Announced { .. })), "{lines:?}");
    assert_eq!(accepted.at, announced.at);
}

#[tokio::test]
async fn a_web_page_in_the_place_of_the_file_is_asked_past_for_hours() {
    let page = Download::Bytes(b"<html>down for maintenance</html>".to_vec());
    let north = Deliverer::of(vec![page; 60].into_iter().chain([whole()]));

    let job = played(&[Arc::clone(&north)], Policy::default(), 70).await;

    assert_eq!((&job.record.state, north.sold()), (&JobState::Completed, 1));
}

#[tokio::test]
async fn a_file_that_is_damaged_each_time_alike_is_not_bought_again_on_the_same_route() {
    let mut damaged = film(ASKED);
    let at = damaged.windows(4).position(|name| name == b"mvhd").unwrap();
    damaged[at..at + 4].copy_from_slice(b"free");
    let north = Deliverer::of([Download::Bytes(damaged)]);

    let job = played(&[Arc::clone(&north)], Policy::default(), 40).await;

    assert!(
        matches!(&job.record.state, JobState::Failed(fault) if fault.kind == FaultKind::Malformed)
    );
    // A store may show something else in its place for ten minutes.
    assert_eq!((north.sold(), job.record.attempts[0].failed_fetches), (1, 10));
}

#[tokio::test]
async fn bytes_behind_the_last_box_take_nothing_from_a_video() {
    let mut file = film(ASKED);
    file.extend_from_slice(b"\r\n");
    let north = Deliverer::of([Download::Bytes(file)]);

    let job = played(&[Arc::clone(&north)], Policy::default(), 5).await;

    assert_eq!((&job.record.state, north.sold()), (&JobState::Completed, 1));
}

#[tokio::test]
async fn a_file_set_aside_is_delivered_when_its_job_is_cancelled() {
    let north = Deliverer::of([odd(704, 1280, 96)]);
    let south = Deliverer::of([Download::Bytes(Vec::new())]);
    let test = SchedulerTest::asked(
        &[("north", north), ("south", south)],
        retry(),
        VideoRequest::default(),
    )
    .await;
    let job = test.play(6).await;
    assert!(job.record.has_file_set_aside() && job.delivered().is_none());

    let (ledger, now) = (&test.scheduler.ledger, test.scheduler.clock.now());
    ledger.request_cancel(&test.id, now).await.unwrap();
    let job = test.play(2).await;

    assert_eq!(job.record.state, JobState::Completed);
    assert!(job.delivered().is_some(), "it is paid for");
    let doomed = ledger.expired_files(test.scheduler.clock.now(), 9).await.unwrap();
    assert!(doomed.is_empty());
}

#[tokio::test]
async fn a_render_that_is_announced_otherwise_is_told_of_while_it_runs_and_delivered() {
    let north = Deliverer::that_announces(Some(CancelOutcome::Stopped));
    let test = SchedulerTest::with(&[("north", Arc::clone(&north))]).await;

    let running = test.play(1).await;
    let open = running.record.open_attempt().unwrap();
    assert_eq!(open.file.announced.unwrap().duration_ms, Some(2_000));
    let note = open.note.as_deref().unwrap();
    assert!(note.contains("2.000 s instead of 4.000 s"), "{note}");
    let job = test.play(4).await;

    assert_eq!((&job.record.state, north.sold()), (&JobState::Completed, 1));
    assert_eq!((warnings(&job), *north.cancelled.lock().unwrap()), (vec!["duration_differs"], 0));
}

#[tokio::test]
async fn a_render_that_is_announced_otherwise_is_cancelled_where_another_route_is_wanted() {
    let (north, south) =
        (Deliverer::that_announces(Some(CancelOutcome::Stopped)), Deliverer::of([whole()]));

    let job = played(&[Arc::clone(&north), south], retry(), 9).await;

    assert_eq!(attempts(&job), ["north failed", "south succeeded"]);
    assert_eq!((*north.cancelled.lock().unwrap(), north.sold()), (1, 1));
    assert!(warnings(&job).is_empty());
}

#[tokio::test]
async fn a_strict_request_takes_no_other_video_than_it_asked_for() {
    let north = Deliverer::that_announces(Some(CancelOutcome::Stopped));
    let request = VideoRequest { fit: Some(Fit::Strict), ..VideoRequest::default() };

    let job = asked(&[Arc::clone(&north)], Policy::default(), request, 5).await;

    assert!(
        matches!(&job.record.state, JobState::Failed(fault) if fault.message.contains("2.000 s"))
    );
    assert_eq!((*north.cancelled.lock().unwrap(), north.sold()), (1, 1));
    assert!(!Cost::of_job(&job.record).certain || job.plan.routes[0].cost == Usd::ZERO);
}

#[tokio::test]
async fn a_render_that_cannot_be_cancelled_is_paid_for_and_its_file_is_kept_as_a_last_resort() {
    for cancels in [Some(CancelOutcome::GoesOn), None] {
        let north = Deliverer::that_announces(cancels);
        let south = Deliverer::of([odd(360, 640, 24)]);

        let job = played(&[Arc::clone(&north), Arc::clone(&south)], retry(), 9).await;

        assert_eq!((&job.record.state, north.sold(), south.sold()), (&JobState::Completed, 1, 1));
        assert_eq!(job.delivered().unwrap().attempt, Some(1));
        let note = job.record.attempts[0].note.as_deref().unwrap();
        assert!(note.contains("cancel"), "{note}");
    }
}

#[tokio::test]
async fn what_a_provider_says_that_it_charged_is_on_record() {
    let downloads = Mutex::new([whole()].into());
    let charged = Usd::from_micros(600_000);
    let north = Arc::new(Deliverer { charged: Some(charged), ..Deliverer::new(downloads) });

    let job = played(&[north], Policy::default(), 5).await;

    let cost = Cost::of_job(&job.record);
    assert_eq!((cost.charged, cost.estimated, cost.certain), (Some(charged), Some(charged), true));
}
