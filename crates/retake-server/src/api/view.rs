//! What a video looks like on the wire: OpenAI's thirteen fields, and ours under `retake`.

use jiff::Timestamp;
use retake_core::{
    fault::Fault,
    life::{Attempt, AttemptState, JobState},
};
use retake_store::{Job, Output};
use serde_json::{Value, json};

/// A video as `GET /v1/videos/{id}` answers it.
pub(super) fn video(job: &Job, now: Timestamp) -> Value {
    let shot = job.plan.at(job.life.attempts.last().map_or(0, |attempt| attempt.route));
    let seconds = shot.map_or(0, |planned| planned.shot.seconds);
    let size = shot.map(|planned| planned.shot.size.to_string()).unwrap_or_default();
    json!({
        "id": job.id,
        "object": "video",
        "model": shot.map(|planned| planned.route.model.as_str()),
        "status": status(&job.life.state),
        "progress": job.life.progress,
        "created_at": job.created_at.as_second(),
        "completed_at": job.completed_at.filter(|_| job.life.state == JobState::Completed).map(Timestamp::as_second),
        "expires_at": job.expires_at.map(Timestamp::as_second),
        "prompt": job.request.prompt,
        "size": size,
        "seconds": seconds.to_string(),
        "remixed_from_video_id": null,
        "error": error(&job.life.state),
        "retake": ours(job, now),
    })
}

/// A page of videos.
pub(super) fn page(jobs: &[Job], has_more: bool, now: Timestamp) -> Value {
    json!({
        "object": "list",
        "data": jobs.iter().map(|job| video(job, now)).collect::<Vec<_>>(),
        "first_id": jobs.first().map(|job| &job.id),
        "last_id": jobs.last().map(|job| &job.id),
        "has_more": has_more,
    })
}

/// When asking again makes sense, in milliseconds; nothing once the video has ended.
pub(super) fn poll_after(job: &Job, now: Timestamp) -> Option<u64> {
    if job.life.state.is_ended() {
        return None;
    }
    let left = job.life.time_left(now).map(|left| left.as_millis() / 2);
    let guess = left.and_then(|ms| u64::try_from(ms).ok()).unwrap_or(500);
    Some(guess.clamp(200, 5_000))
}

/// The four words of the wire. The only place where our states become OpenAI's.
fn status(state: &JobState) -> &'static str {
    match state {
        JobState::Queued => "queued",
        JobState::InProgress => "in_progress",
        JobState::Completed => "completed",
        JobState::Failed(_) | JobState::Cancelled => "failed",
    }
}

fn error(state: &JobState) -> Value {
    match state {
        JobState::Failed(fault) => json!({ "code": code(fault), "message": fault.message }),
        JobState::Cancelled => {
            json!({ "code": "cancelled", "message": "the video was cancelled before it was finished" })
        }
        _ => Value::Null,
    }
}

fn code(fault: &Fault) -> &'static str {
    fault.kind.cause().map_or_else(|| fault.kind.as_str(), |cause| cause.as_str())
}

fn ours(job: &Job, now: Timestamp) -> Value {
    let shot = job.plan.at(0).map(|planned| &planned.shot);
    json!({
        "state": job.life.state.as_str(),
        "stage": stage(job),
        "hold": job.life.hold,
        "cancel_requested": job.life.cancel_requested,
        "eta_ms": job.life.time_left(now).map(|left| i64::try_from(left.as_millis()).unwrap_or(0)),
        "seed": shot.map(|shot| shot.seed),
        "loop": shot.map(|shot| shot.looped),
        "audio": shot.map(|shot| shot.audio),
        "negative_prompt": job.request.negative_prompt,
        "requested_model": job.request.model,
        "attempts": job.life.attempts.iter().map(|one| attempt(job, one)).collect::<Vec<_>>(),
        "output": job.output.as_ref().map(output),
    })
}

fn stage(job: &Job) -> &'static str {
    match job.life.open_attempt().map(|attempt| attempt.state) {
        _ if job.life.state.is_ended() => "done",
        Some(AttemptState::Submitted) => "rendering",
        Some(AttemptState::Fetching) => "storing",
        Some(_) => "submitting",
        None if job.life.hold.is_some() => "waiting",
        None => "queued",
    }
}

fn attempt(job: &Job, attempt: &Attempt) -> Value {
    let planned = job.plan.at(attempt.route);
    let fault = attempt.fault.as_ref().map(|fault| {
        json!({ "kind": fault.kind, "source": fault.source, "cause": fault.kind.cause(), "message": fault.message })
    });
    json!({
        "number": attempt.number,
        "route": planned.map(|planned| &planned.route),
        "state": attempt.state,
        "begun_at": attempt.begun_at.to_string(),
        "accepted_at": attempt.accepted_at.map(|at| at.to_string()),
        "ended_at": attempt.ended_at.map(|at| at.to_string()),
        "usd_micros": planned.map(|planned| planned.cost.micros()),
        "fault": fault,
    })
}

fn output(output: &Output) -> Value {
    json!({
        "bytes": output.bytes,
        "sha256": output.sha256,
        "width": output.width,
        "height": output.height,
        "duration_ms": output.duration_ms,
        "frames": output.frames,
        "video_codec": output.video_codec,
        "audio_codec": output.audio_codec,
    })
}
