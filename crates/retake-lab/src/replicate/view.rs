//! The JSON of a prediction.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::failures;
use crate::{
    clock::later,
    emulator_context::EmulatorContext,
    simulator::{JobState, JobView},
};

/// The emulator's own data about a prediction.
pub(super) struct RequestNotes<'a>(&'a Value);

impl<'a> RequestNotes<'a> {
    pub(super) fn new(job: &'a JobView) -> Self {
        Self(&job.create.extra)
    }

    pub(super) fn text(&self, name: &str) -> Option<&'a str> {
        self.0.get(name)?.as_str()
    }

    /// Whether the webhook is subscribed to an event; without a filter, to all.
    pub(super) fn is_subscribed(&self, event: &str) -> bool {
        let filter = self.0.get("events").and_then(Value::as_array);
        filter.is_none_or(|it| it.is_empty() || it.iter().any(|it| it == event))
    }

    /// How long after its creation the prediction is cancelled.
    pub(super) fn cancel_after(&self) -> Option<SignedDuration> {
        Some(SignedDuration::from_secs(self.0.get("cancel_after_s")?.as_i64()?))
    }

    fn has_output_list(&self) -> bool {
        self.0.get("lists_outputs").and_then(Value::as_bool).unwrap_or(false)
    }
}

/// When a prediction is cancelled by its deadline.
pub(super) fn deadline(job: &JobView) -> Option<Timestamp> {
    RequestNotes::new(job).cancel_after().map(|after| later(job.accepted_at, after))
}

/// Whether its deadline passed before it had started.
fn is_aborted(job: &JobView) -> bool {
    let ended = job.ended_at.unwrap_or(job.now);
    deadline(job).is_some_and(|at| at <= ended && job.starts_at > at)
}

/// The status of a prediction, as Replicate names it.
pub(super) fn status(job: &JobView) -> &str {
    match &job.state {
        JobState::Queued { .. } => "starting",
        JobState::Running { .. } => job.odd_status(&["queued", "booting"]).unwrap_or("processing"),
        JobState::Done => job.done_status("succeeded", "failed"),
        JobState::Failed(failure) if failures::error_text(failure).is_none() => failures::ABORTED,
        JobState::Failed(_) => "failed",
        JobState::Cancelled if is_aborted(job) => failures::ABORTED,
        JobState::Cancelled => "canceled",
    }
}

/// The prediction. An hour after the run, input and output are removed.
pub(super) fn prediction(context: &EmulatorContext, job: &JobView) -> Value {
    let (base, id, notes) = (context.base_url(), job.id(), RequestNotes::new(job));
    let is_removed = job
        .expires_at(context.conditions().result_lasts)
        .is_some_and(|at| job.state.has_ended() && at <= job.now);
    let error = match &job.state {
        JobState::Failed(failure) => failures::error_text(failure),
        _ => None,
    };
    let has_started = job.starts_at <= job.ended_at.unwrap_or(job.now);
    let started = (has_started && !matches!(job.state, JobState::Queued { .. }))
        .then(|| job.starts_at.to_string());
    let mut body = json!({
        "id": id,
        "model": job.create.model,
        "version": notes.text("version").unwrap_or("hidden"),
        "status": status(job),
        "input": if is_removed { json!({}) } else { job.create.request["input"].clone() },
        "output": if is_removed { Value::Null } else { output(context, job) },
        "error": error,
        "logs": if is_removed { String::new() } else { logs(job) },
        "metrics": metrics(job, started.is_some()),
        "data_removed": is_removed,
        "source": "api",
        "created_at": job.accepted_at.to_string(),
        "started_at": started,
        "completed_at": job.ended_at.map(|at| at.to_string()),
        "urls": {
            "get": format!("{base}/v1/predictions/{id}"),
            "cancel": format!("{base}/v1/predictions/{id}/cancel"),
            "web": format!("https://replicate.com/p/{id}"),
        },
    });
    if let Some(deadline) = deadline(job) {
        body["deadline"] = json!(deadline.to_string());
    }
    for name in ["webhook", "deployment"] {
        if let Some(text) = notes.text(name) {
            body[name] = json!(text);
        }
    }
    if let Some(events) = job.create.extra.get("events").filter(|it| it.is_array()) {
        body["webhook_events_filter"] = events.clone();
    }
    body
}

fn output(context: &EmulatorContext, job: &JobView) -> Value {
    if !matches!(job.state, JobState::Done) || job.outputs() == 0 {
        return Value::Null;
    }
    if RequestNotes::new(job).has_output_list() {
        let links: Vec<String> =
            (0..job.outputs()).map(|nth| context.video_url(job, nth)).collect();
        return json!(links);
    }
    json!(context.video_url(job, 0))
}

/// The logs. Progress is reported only here, in a line that the SDKs parse.
fn logs(job: &JobView) -> String {
    if job.starts_at > job.ended_at.unwrap_or(job.now) {
        return String::new();
    }
    let percent = job.percent();
    let full = "█".repeat(percent as usize / 10);
    format!("Starting the generation\n{percent:3}%|{full:<10}| {percent}/100 [00:00<00:00]\n")
}

fn metrics(job: &JobView, has_started: bool) -> Value {
    let Some(ended) = job.ended_at else { return json!({}) };
    let since = |start: Timestamp| ended.duration_since(start).as_secs_f64().max(0.0);
    if has_started {
        json!({ "predict_time": since(job.starts_at), "total_time": since(job.accepted_at) })
    } else {
        json!({ "total_time": since(job.accepted_at) })
    }
}
