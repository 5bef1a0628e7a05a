//! The status of a request, as the queue reports it.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::errors::{self, FalError};
use crate::{
    clock::later,
    emulator_context::EmulatorContext,
    fault::FaultKind,
    file_response::FileUnavailable,
    simulator::{JobState, JobView},
};

/// The emulator's own data about a request.
pub(super) struct RequestNotes<'a>(&'a Value);

impl<'a> RequestNotes<'a> {
    pub(super) fn new(job: &'a JobView) -> Self {
        Self(&job.create.extra)
    }

    fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str()
    }

    fn flag(&self, name: &str) -> bool {
        self.0.get(name).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The owner and alias that the paths of this request begin with.
    pub(super) fn app(&self) -> &'a str {
        self.text("app").unwrap_or_default()
    }

    pub(super) fn webhook(&self) -> Option<&'a str> {
        self.text("webhook")
    }

    /// Whether the caller asked not to retry.
    fn is_retry_forbidden(&self) -> bool {
        self.flag("no_retry")
    }

    /// Whether input and output are stored.
    pub(super) fn is_payload_stored(&self) -> bool {
        !self.flag("no_store")
    }

    fn seed(&self) -> u64 {
        self.0.get("seed").and_then(Value::as_u64).unwrap_or_default()
    }

    /// How long the request may wait for its start.
    pub(super) fn start_timeout(&self) -> Option<SignedDuration> {
        let millis = self.0.get("start_within_ms")?.as_i64()?;
        Some(SignedDuration::from_millis(millis))
    }
}

/// The state of a request, as its caller sees it.
#[derive(Debug)]
pub(super) enum RequestState {
    InQueue { position: usize },
    InProgress,
    Failed(FalError),
    Done,
}

/// The current state of a request.
pub(super) fn request_state(job: &JobView) -> RequestState {
    let notes = RequestNotes::new(job);
    let deadline = notes.start_timeout().map(|within| later(job.accepted_at, within));
    let has_timed_out = deadline.is_some_and(|at| job.starts_at > at && job.now >= at);
    match &job.state {
        JobState::Queued { .. } | JobState::Cancelled if has_timed_out => {
            RequestState::Failed(FalError::start_timeout())
        }
        JobState::Queued { ahead } => RequestState::InQueue { position: ahead.saturating_sub(1) },
        JobState::Running { progress } if is_retried(job, *progress) => {
            RequestState::InQueue { position: 0 }
        }
        JobState::Running { .. } => RequestState::InProgress,
        JobState::Failed(_) if is_retried_later(job) => RequestState::InQueue { position: 0 },
        JobState::Failed(failure) => RequestState::Failed(errors::failure(failure)),
        JobState::Cancelled => RequestState::Failed(FalError::cancelled()),
        JobState::Done => RequestState::Done,
    }
}

/// The platform retries a request when its runner responds with 503 or 504. While such a request is
/// running, it is back in the queue every other interval.
fn is_retried(job: &JobView, progress: f64) -> bool {
    let Some(fault) = job.run_fault(FaultKind::Fail) else { return false };
    let shape = fault.shape.as_deref().unwrap_or_default();
    let is_platforms = errors::error_by_name(shape).error_type.is_some();
    let is_retryable =
        is_platforms && matches!(errors::error_by_name(shape).status.as_u16(), 503 | 504);
    let is_odd_stretch = (progress * 20.0) % 2.0 >= 1.0;
    is_retryable && is_odd_stretch && !RequestNotes::new(job).is_retry_forbidden()
}

/// A late success in the shape `retried` is a retry of the platform: the caller sees the request in
/// the queue.
fn is_retried_later(job: &JobView) -> bool {
    let fault = job.run_fault(FaultKind::LateSuccess);
    let is_shape = fault.is_some_and(|it| it.shape.as_deref() == Some("retried"));
    is_shape && !RequestNotes::new(job).is_retry_forbidden()
}

/// The URLs of a request.
pub(super) fn urls(context: &EmulatorContext, job: &JobView) -> Value {
    let (base, app, id) = (context.base_url(), RequestNotes::new(job).app(), job.id());
    let response = format!("{base}/{app}/requests/{id}");
    json!({
        "request_id": id,
        "response_url": response,
        "status_url": format!("{response}/status"),
        "cancel_url": format!("{response}/cancel"),
    })
}

/// The status of a request, and whether it has ended.
pub(super) fn status(context: &EmulatorContext, job: &JobView, has_logs: bool) -> (Value, bool) {
    let mut body = urls(context, job);
    let logs = if has_logs { logs(job) } else { Value::Null };
    let running_status = |usual: &'static str| {
        job.odd_status(&["RUNNING", "PROCESSING", "STARTING"]).unwrap_or(usual).to_owned()
    };
    let mut put = |name: &str, value: Value| {
        if let Some(body) = body.as_object_mut() {
            body.insert(name.to_owned(), value);
        }
    };
    let state = request_state(job);
    match &state {
        RequestState::InQueue { position } => {
            put("status", json!("IN_QUEUE"));
            put("queue_position", json!(position));
        }
        RequestState::InProgress => {
            put("status", json!(running_status("IN_PROGRESS")));
            put("logs", logs);
        }
        RequestState::Done | RequestState::Failed(_) => {
            put("status", json!(job.done_status("COMPLETED", "COMPLETED").to_uppercase()));
            put("logs", logs);
            put("metrics", json!({ "inference_time": inference_seconds(job) }));
        }
    }
    if matches!(state, RequestState::Done) && job.done_status("", "failed") == "failed" {
        put("error", json!("Internal Server Error"));
    }
    if let RequestState::Failed(error) = &state {
        put("error", json!(error.message));
        if let Some(kind) = error.error_type {
            put("error_type", json!(kind));
        }
    }
    (body, matches!(state, RequestState::Done | RequestState::Failed(_)))
}

fn inference_seconds(job: &JobView) -> f64 {
    let ended = job.ended_at.unwrap_or(job.now);
    ended.duration_since(job.starts_at).as_secs_f64().max(0.0)
}

fn logs(job: &JobView) -> Value {
    if matches!(job.state, JobState::Queued { .. }) {
        return json!([]);
    }
    let line = |at: jiff::Timestamp, message: String| json!({ "timestamp": at.to_string(), "level": "INFO", "source": "USER", "message": message });
    let percent = job.percent();
    json!([
        line(job.starts_at, "Starting the generation".to_owned()),
        line(job.ended_at.unwrap_or(job.now), format!("Progress: {percent}%")),
    ])
}

/// The model's output of a finished request, without a video if the scenario withholds it.
///
/// # Errors
///
/// When the lab could not render the file.
pub(super) async fn output(
    context: &EmulatorContext,
    job: &JobView,
) -> Result<Value, FileUnavailable> {
    let size = match context.render_video(job).await {
        Ok(bytes) => Some(bytes.len()),
        // The output stays the same after the file has expired.
        Err(FileUnavailable::Expired | FileUnavailable::NoVideo) => None,
        Err(error) => return Err(error),
    };
    let mut output = output_json(context, job);
    if let Some(video) = output.get_mut("video").filter(|it| it.is_object()) {
        video["file_size"] = json!(size);
    }
    Ok(output)
}

/// The output without the size of the file, as webhooks send it.
pub(super) fn output_json(context: &EmulatorContext, job: &JobView) -> Value {
    let seed = RequestNotes::new(job).seed();
    if job.outputs() == 0 {
        return json!({ "video": null, "seed": seed });
    }
    let video = json!({
        "url": context.video_url(job, 0),
        "content_type": "video/mp4",
        "file_name": "output.mp4",
        "file_size": null,
    });
    json!({ "video": video, "seed": seed })
}
