//! The video object of OpenAI's API.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::errors;
use crate::{
    emulator_context::EmulatorContext,
    simulator::{JobState, JobView},
};

/// The status: one of four, or another one when the scenario asks for it.
fn status<'a>(job: &'a JobView, odd: &[&'a str]) -> &'a str {
    if let Some(odd_status) = job.odd_status(odd) {
        return odd_status;
    }
    match job.state {
        JobState::Queued { .. } => "queued",
        JobState::Running { .. } => "in_progress",
        JobState::Done => job.done_status("completed", "failed"),
        JobState::Failed(_) | JobState::Cancelled => "failed",
    }
}

/// The video object, with all thirteen fields of the specification.
pub(super) fn video_json(context: &EmulatorContext, job: &JobView) -> Value {
    let create = &job.create;
    let expires = matches!(job.state, JobState::Done)
        .then(|| job.expires_at(context.conditions().result_lasts))
        .flatten();
    let error = match &job.state {
        JobState::Failed(reason) => {
            let (code, message) = errors::failure(reason);
            json!({ "code": code, "message": message })
        }
        JobState::Cancelled => {
            json!({ "code": "cancelled", "message": "The video was cancelled." })
        }
        _ => Value::Null,
    };
    json!({
        "id": job.id(),
        "object": "video",
        "model": create.model,
        "status": status(job, &["processing", "pending", "preprocessing"]),
        "progress": job.percent(),
        "created_at": job.accepted_at.as_second(),
        "completed_at": matches!(job.state, JobState::Done).then(|| job.ended_at.map(Timestamp::as_second)),
        "expires_at": expires.map(Timestamp::as_second),
        "prompt": create.prompt,
        "size": format!("{}x{}", create.width, create.height),
        "seconds": (create.millis / 1000).to_string(),
        "remixed_from_video_id": create.extra.get("remixed_from"),
        "error": error,
    })
}
