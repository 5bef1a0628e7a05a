//! Tasks in Runway's format (SDK 5.24.0, and the page on task failures, 2026-11-21).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::FILES;
use crate::{
    emulator_context::EmulatorContext,
    fault::{Cause, FaultKind},
    signed_url,
    simulator::{Failure, JobState, JobView},
};

/// A credit is one US cent (Runway's pricing page, 2026-11-21).
pub(super) const MICROS_PER_CREDIT: u64 = 10_000;

/// The estimated price of a task.
pub(super) fn estimate(job: &JobView) -> Value {
    json!({ "credits": job.create.extra["most_credits"] })
}

/// The task, or only an error when the scenario asks for that.
pub(super) fn to_json(context: &EmulatorContext, job: &JobView) -> Value {
    let JobState::Failed(failure) = &job.state else { return unfailed_task(context, job) };
    if job.run_fault(FaultKind::ErrorIn200).is_some() {
        return json!({ "error": failure_code_and_text(failure).1 });
    }
    let (code, text) = failure_code_and_text(failure);
    let mut task = base(job, "FAILED");
    task["failure"] = text.into();
    task["cost"] = cost(job);
    if let Some(code) = code {
        task["failureCode"] = code.into();
    }
    task
}

fn unfailed_task(context: &EmulatorContext, job: &JobView) -> Value {
    let (status, field, value) = match &job.state {
        JobState::Queued { ahead: 0 } => ("PENDING", "estimatedCost", estimate(job)),
        JobState::Queued { .. } => ("THROTTLED", "estimatedCost", estimate(job)),
        JobState::Running { progress } => {
            let status = job.odd_status(&["PROCESSING", "QUEUED", "UPLOADING"]);
            (status.unwrap_or("RUNNING"), "progress", json!(progress))
        }
        JobState::Done => {
            let status = match job.done_status("SUCCEEDED", "FAILED") {
                "unknown" => "UNKNOWN",
                status => status,
            };
            (status, "output", json!(output(context, job)))
        }
        JobState::Failed(_) | JobState::Cancelled => ("CANCELLED", "cost", cost(job)),
    };
    let mut task = base(job, status);
    task[field] = value;
    match job.state {
        JobState::Running { .. } => task["estimatedCost"] = estimate(job),
        JobState::Done => task["cost"] = cost(job),
        _ => {}
    }
    task
}

fn base(job: &JobView, status: &str) -> Value {
    json!({ "id": job.id(), "status": status, "createdAt": format_time(job.accepted_at) })
}

fn cost(job: &JobView) -> Value {
    json!({ "credits": job.billed_micros / MICROS_PER_CREDIT })
}

fn output(context: &EmulatorContext, job: &JobView) -> Vec<String> {
    let lasting = context.conditions().result_lasts;
    (0..job.outputs())
        .map(|nth| signed_url::sign_url(context, job, nth, (FILES, lasting)))
        .collect()
}

/// A time in UTC with milliseconds.
pub(super) fn format_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The shapes of a failure by its cause: the names are Runway's own failure codes.
///
/// Runway documents no code for an account that is stopped while a task runs, nor one for capacity:
/// there a task without a code, and the partner's unavailability, stand in.
fn shapes(cause: Cause) -> &'static [&'static str] {
    match cause {
        Cause::RuntimeError => &[
            "INTERNAL.BAD_OUTPUT.CODE01",
            "INTERNAL.BAD_OUTPUT.01",
            "INTERNAL",
            "INPUT_PREPROCESSING.INTERNAL",
            "null",
        ],
        Cause::ContentModeration => &[
            "SAFETY.INPUT.TEXT",
            "SAFETY.INPUT.IMAGE",
            "SAFETY.OUTPUT.VIDEO",
            "SAFETY",
            "INPUT_PREPROCESSING.SAFETY.TEXT",
            "INPUT_PREPROCESSING.SAFETY.THIRD_PARTY",
            "SAFETY.INPUT.VIDEO",
            "SAFETY.INPUT.AUDIO",
            "SAFETY.OUTPUT.AUDIO",
        ],
        Cause::Capacity => &["THIRD_PARTY.UNAVAILABLE"],
        Cause::InvalidRequest => &["ASSET.INVALID", "THIRD_PARTY.INPUT_VALIDATION"],
        Cause::DependencyTimeout => &["THIRD_PARTY.UNAVAILABLE", "INTERNAL"],
        Cause::Account => &["null"],
    }
}

/// The `failureCode`, if there is one, and the `failure`.
fn failure_code_and_text(failure: &Failure) -> (Option<&str>, &'static str) {
    if failure.is_generic {
        return (None, "An unexpected error occurred.");
    }
    let code = match failure.shape.as_deref() {
        Some("input") => "SAFETY.INPUT.TEXT",
        Some("output") => "SAFETY.OUTPUT.VIDEO",
        _ => failure.pick(shapes(failure.cause)),
    };
    let text = match (failure.cause, code) {
        (Cause::Account, _) => "The task was stopped because of the state of the organization.",
        (Cause::Capacity, _) => "The model is in high demand. Try again later.",
        (Cause::DependencyTimeout, _) => "A service that the model needs did not answer in time.",
        (Cause::ContentModeration, code) if code.starts_with("SAFETY.OUTPUT") => {
            "The generated video did not pass our content moderation."
        }
        (Cause::ContentModeration, _) => "The input did not pass our content moderation.",
        (_, "ASSET.INVALID") => "An asset could not be read or is not of an accepted kind.",
        (_, "THIRD_PARTY.INPUT_VALIDATION") => "The model did not accept the parameters.",
        (_, code) if code.starts_with("INTERNAL.BAD_OUTPUT") => {
            "The model's output could not be used. Try another input."
        }
        _ => "An unexpected error occurred.",
    };
    ((code != "null").then_some(code), text)
}
