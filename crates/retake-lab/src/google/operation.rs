//! Long-running operations of Veo, as both Veo APIs return them.

use serde_json::{Value, json};

use super::{
    error_text::{self, Api},
    safety,
    status::{Code, Status},
};
use crate::{
    fault::{Cause, FaultKind},
    simulator::{Failure, JobState, JobView},
};

/// The shape of a moderation failure that is an error of the operation, not a filtered output.
const AS_ERROR: &str = "op-error";

/// The operation of a job. `videos` are its videos in the form of the API.
pub(super) fn to_json(api: Api, job: &JobView, videos: Vec<Value>) -> Value {
    let name = job.id();
    match &job.state {
        JobState::Queued { .. } | JobState::Running { .. } => json!({ "name": name }),
        JobState::Done => {
            let asked = job.create.outputs.max(1);
            let filtered_count = asked.saturating_sub(job.outputs());
            // Done without a video and without a reason: the least specific shape.
            let reasons = if job.has_no_video() {
                Vec::new()
            } else {
                filter_reasons(filtered_count, job.number)
            };
            let filtered_count = if job.has_no_video() { 0 } else { filtered_count };
            let mut operation =
                finished_operation(api, name, result_body(api, videos, filtered_count, &reasons));
            match job.done_status("done", "failed") {
                "done" => {}
                "failed" => {
                    let message = "Internal error encountered.";
                    operation["error"] = Status::new(Code::Internal, message).operation_error();
                }
                // Not done, not failed, and the video is there.
                _ => operation["done"] = json!(false),
            }
            operation
        }
        JobState::Failed(failure) => failed_operation(api, job, failure),
        // Nothing cancels these operations from outside.
        JobState::Cancelled => json!({ "name": name, "done": true, "error": { "code": 1 } }),
    }
}

fn failed_operation(api: Api, job: &JobView, failure: &Failure) -> Value {
    let error: Status = error_text::failure(api, failure);
    if job.run_fault(FaultKind::ErrorIn200).is_some() {
        return error.body();
    }
    if failure.cause == Cause::ContentModeration && !failure.is_generic {
        let mut shapes = safety::shapes(true);
        shapes.push(AS_ERROR);
        let shape = failure.pick(&shapes);
        if shape != AS_ERROR {
            let reasons = [safety::reason(shape, failure.sample)];
            let filtered_count = job.create.outputs.max(1);
            return finished_operation(
                api,
                job.id(),
                result_body(api, Vec::new(), filtered_count, &reasons),
            );
        }
    }
    json!({ "name": job.id(), "done": true, "error": error.operation_error() })
}

fn finished_operation(api: Api, name: &str, response: Value) -> Value {
    let kind = match api {
        Api::Vertex => "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse",
        Api::Gemini => {
            "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
        }
    };
    let mut response = response;
    response["@type"] = json!(kind);
    json!({ "name": name, "done": true, "response": response })
}

fn result_body(api: Api, videos: Vec<Value>, filtered_count: u32, reasons: &[String]) -> Value {
    let mut result = json!({});
    if !videos.is_empty() {
        let list = if api == Api::Vertex { "videos" } else { "generatedSamples" };
        result[list] = Value::Array(videos);
    }
    if filtered_count > 0 {
        result["raiMediaFilteredCount"] = json!(filtered_count);
        result["raiMediaFilteredReasons"] = json!(reasons);
    }
    match api {
        Api::Vertex => result,
        Api::Gemini => json!({ "generateVideoResponse": result }),
    }
}

/// The reasons for samples that were filtered while others were not.
fn filter_reasons(filtered_count: u32, number: u64) -> Vec<String> {
    if filtered_count > 0 { vec![safety::reason("video-safety", number << 8)] } else { Vec::new() }
}
