//! Server-sent events: what happens to one video, or to all of a key.

use std::{sync::Arc, time::Duration};

use axum::{
    Extension,
    extract::State,
    response::{
        Sse,
        sse::{Event, KeepAlive},
    },
};
use futures::{Stream, stream};
use http::HeaderMap;
use retake_core::{ids::VideoId, job};
use retake_store::JobEvent;
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::{AppState, Problem, extract::Named, view};
use crate::{
    event_feed::{Item, Listener},
    keys::{Caller, Keys},
    shares::{Holder, Place},
    tasks::Tasks,
};

/// A silent connection is kept alive in this rhythm, and its key looked at again.
const ALIVE: Duration = Duration::from_secs(5);

/// One open stream.
struct EventStream {
    listener: Listener,
    /// Among the streams that are open.
    _place: Place,
    keys: Keys,
    caller: Caller,
    tasks: Tasks,
    /// Ends with the video.
    one_video: bool,
    over: bool,
}

/// What stands in the `data` of an event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VideoEvent)]
pub(super) struct EventData<'a> {
    /// The video that it happened to.
    #[schema(value_type = String)]
    video_id: &'a VideoId,
    /// Its place in the timeline of the video, from 1.
    #[schema(minimum = 1)]
    seq: u64,
    /// When it happened.
    #[schema(format = DateTime)]
    at: String,
    /// The number of the attempt that it happened to.
    #[schema(required)]
    attempt: Option<u32>,
    /// What happened.
    event: &'a JobEvent,
    /// The video as it is now; nothing once it was deleted.
    #[schema(required)]
    video: Option<view::Video<'a>>,
}

/// Where to go on.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `last_event_id` reads")]
struct LastEventId {
    /// The id of the last event that was seen; what came after it is told first.
    #[param(rename = "Last-Event-ID", value_type = String, required = false)]
    last_event_id: Option<String>,
}

/// Tells what happens to a video, until it has ended
///
/// Server-sent events. The `data` of each is a `VideoEvent` in JSON, its `event` is a word such as `progressed` or
/// `completed`, and its `id` its place in the timeline.
#[utoipa::path(
    get,
    path = "/retake/v1/videos/{id}/events",
    operation_id = "follow_video",
    tag = "events",
    params(("id" = String, Path, description = "The id of a video."), LastEventId),
    responses((status = 200, description = "Events, from the beginning.", body = String,
        content_type = "text/event-stream")),
    extensions(("x-refusals" = json!(["400 invalid_value", "404 video_not_found"]))),
)]
pub(super) async fn of_video(
    State(state): State<AppState>,
    caller: Caller,
    Extension(holder): Extension<Holder>,
    Named(id): Named<String>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Problem> {
    let place = state.streams.take(&holder)?;
    let job = state.videos.get(&caller, &id).await?;
    let after = match last_event_id(&headers) {
        None => 0,
        Some(text) => text.parse().map_err(|_| {
            let message = "`last-event-id` has to be the id of an event of this video";
            Problem::bad_request("invalid_value", Some("last-event-id"), message)
        })?,
    };
    let listener = state.news.listen_to(job.id, after);
    Ok(tell(&state, caller, listener, place, true))
}

/// Tells what happens to all videos of the key
///
/// Server-sent events as for a single video, from now on; it does not end by itself.
#[utoipa::path(
    get,
    path = "/retake/v1/events",
    operation_id = "follow_all",
    tag = "events",
    params(LastEventId),
    responses((status = 200, description = "Events, as they happen.", body = String,
        content_type = "text/event-stream")),
    extensions(("x-refusals" = json!(["400 invalid_value"]))),
)]
pub(super) async fn of_all(
    State(state): State<AppState>,
    caller: Caller,
    Extension(holder): Extension<Holder>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, axum::Error>>>, Problem> {
    let place = state.streams.take(&holder)?;
    let owner = caller.sees().cloned();
    let listener = state.news.listen_to_all(owner, last_event_id(&headers)).await?;
    Ok(tell(&state, caller, listener, place, false))
}

fn last_event_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("last-event-id")?.to_str().ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn tell(
    state: &AppState,
    caller: Caller,
    listener: Listener,
    place: Place,
    one_video: bool,
) -> Sse<impl Stream<Item = Result<Event, axum::Error>> + use<>> {
    let telling = EventStream {
        listener,
        _place: place,
        keys: state.keys.clone(),
        caller,
        tasks: state.tasks.clone(),
        one_video,
        over: false,
    };
    let events = stream::unfold(telling, |mut telling| async move {
        telling.next().await.map(|event| (event, telling))
    });
    Sse::new(events).keep_alive(KeepAlive::new().interval(ALIVE))
}

impl EventStream {
    async fn next(&mut self) -> Option<Result<Event, axum::Error>> {
        while !self.over && !self.tasks.is_stopping() {
            let item = tokio::select! {
                biased;
                () = self.tasks.stopping() => return None,
                item = self.listener.next() => Some(item),
                () = tokio::time::sleep(ALIVE) => None,
            };
            // A key may be revoked while its holder listens.
            if !self.keys.is_still_good(&self.caller).await {
                return None;
            }
            match item {
                None => {}
                // The client comes back with the last id it has.
                Some(Err(_)) => return None,
                Some(Ok(item)) => {
                    self.over = self.one_video && item.is_last() && is_end(&item);
                    return Some(event(&item, self.one_video));
                }
            }
        }
        None
    }
}

/// Whether this line is the one that ended its video.
fn is_end(item: &Item) -> bool {
    use job::Event as E;
    match &item.line.line.event {
        JobEvent::Job(E::Stored | E::Cancelled | E::DeadlinePassed | E::Broken { .. }) => true,
        // The end of a job's last attempt is its own, with a file that was set aside or without one.
        JobEvent::Job(
            E::AttemptFailed { .. }
            | E::FetchFailed { .. }
            | E::SetAside { .. }
            | E::Unresolved { .. },
        ) => {
            let attempts = item.job.as_ref().map_or(0, |job| job.record.attempts.len());
            let number = item.line.line.attempt.unwrap_or(0);
            item.state().is_none_or(|state| matches!(state.as_str(), "failed" | "completed"))
                && usize::try_from(number) == Ok(attempts)
        }
        _ => item.job.is_none(),
    }
}

fn event(item: &Arc<Item>, one_video: bool) -> Result<Event, axum::Error> {
    let recorded = &item.line.line;
    let id = if one_video { recorded.seq.to_string() } else { item.line.cursor.clone() };
    let data = EventData {
        video_id: &item.line.id,
        seq: recorded.seq,
        at: recorded.at.to_string(),
        attempt: recorded.attempt,
        event: &recorded.event,
        video: item.job.as_ref().map(|job| view::video(job, item.at)),
    };
    Event::default().event(name(&recorded.event)).id(id).json_data(data)
}

/// The name of an event, by which a browser's `EventSource` tells them apart.
fn name(event: &JobEvent) -> &'static str {
    use job::Event as E;
    match event {
        JobEvent::Accepted => "accepted",
        JobEvent::Job(event) => match event {
            E::Begun { .. } => "begun",
            E::Accepted { .. } => "submitted",
            E::SubmitLost { .. } => "submit_lost",
            E::NotListed => "not_listed",
            E::Settled { .. } => "settled",
            E::Unresolved { .. } => "unresolved",
            E::Adopted { .. } => "adopted",
            E::Progressed { .. } => "progressed",
            E::Noted { .. } => "noted",
            E::Announced { .. } => "announced",
            E::Charged { .. } => "charged",
            E::Rendered => "rendered",
            E::Disputed { .. } => "disputed",
            E::SetAside { .. } => "set_aside",
            E::FetchFailed { .. } => "fetch_failed",
            E::Stored => "completed",
            E::AttemptFailed { .. } => "attempt_failed",
            E::CancelRequested => "cancel_requested",
            E::Cancelled => "cancelled",
            E::FailureDoubted { .. } => "failure_doubted",
            E::RenderGivenUp { .. } => "render_given_up",
            E::DeadlinePassed | E::GivenUp { .. } => "given_up",
            E::Broken { .. } => "broken",
        },
    }
}
