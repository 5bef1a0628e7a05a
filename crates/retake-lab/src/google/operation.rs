//! Long-running operations of Veo, as both Veo wires show them.

use serde_json::{Value, json};

use super::{
    safety,
    status::{Code, Status},
    wording::{self, Wire},
};
use crate::{
    fault::{Cause, FaultKind},
    simulator::{Failure, JobView, State},
};

/// The shape of a moderation failure that is an error of the operation, not a filtered output.
const AS_ERROR: &str = "op-error";

/// An operation. `videos` are those that there are, in the wire's form.
pub(super) fn view(wire: Wire, job: &JobView, videos: Vec<Value>) -> Value {
    let name = job.id();
    match &job.state {
        State::Queued { .. } | State::Running { .. } => json!({ "name": name }),
        State::Done => {
            let asked = job.create.outputs.max(1);
            let withheld = asked.saturating_sub(job.outputs());
            // Done without a video and without a reason: the shape that says least.
            let reasons = if job.is_empty() { Vec::new() } else { filtered(withheld, job.number) };
            let withheld = if job.is_empty() { 0 } else { withheld };
            let mut operation = done(wire, name, response(wire, videos, withheld, &reasons));
            match job.word_of_done("done", "failed") {
                "done" => {}
                "failed" => {
                    let message = "Internal error encountered.";
                    operation["error"] = Status::new(Code::Internal, message).in_operation();
                }
                // Not done, not failed, and the video is there.
                _ => operation["done"] = json!(false),
            }
            operation
        }
        State::Failed(failure) => failed(wire, job, failure),
        // Nothing cancels these operations from outside.
        State::Cancelled => json!({ "name": name, "done": true, "error": { "code": 1 } }),
    }
}

fn failed(wire: Wire, job: &JobView, failure: &Failure) -> Value {
    let error: Status = wording::failure(wire, failure);
    if job.run_fault(FaultKind::ErrorIn200).is_some() {
        return error.body();
    }
    if failure.cause == Cause::ContentModeration && !failure.generic {
        let mut shapes = safety::shapes(true);
        shapes.push(AS_ERROR);
        let shape = failure.pick(&shapes);
        if shape != AS_ERROR {
            let reasons = [safety::reason(shape, failure.dice)];
            let withheld = job.create.outputs.max(1);
            return done(wire, job.id(), response(wire, Vec::new(), withheld, &reasons));
        }
    }
    json!({ "name": job.id(), "done": true, "error": error.in_operation() })
}

fn done(wire: Wire, name: &str, response: Value) -> Value {
    let kind = match wire {
        Wire::Vertex => "type.googleapis.com/cloud.ai.large_models.vision.GenerateVideoResponse",
        Wire::Gemini => {
            "type.googleapis.com/google.ai.generativelanguage.v1beta.PredictLongRunningResponse"
        }
    };
    let mut response = response;
    response["@type"] = json!(kind);
    json!({ "name": name, "done": true, "response": response })
}

fn response(wire: Wire, videos: Vec<Value>, withheld: u32, reasons: &[String]) -> Value {
    let mut result = json!({});
    if !videos.is_empty() {
        let list = if wire == Wire::Vertex { "videos" } else { "generatedSamples" };
        result[list] = Value::Array(videos);
    }
    if withheld > 0 {
        result["raiMediaFilteredCount"] = json!(withheld);
        result["raiMediaFilteredReasons"] = json!(reasons);
    }
    match wire {
        Wire::Vertex => result,
        Wire::Gemini => json!({ "generateVideoResponse": result }),
    }
}

/// Reasons for samples that were filtered while others were not.
fn filtered(withheld: u32, number: u64) -> Vec<String> {
    if withheld > 0 { vec![safety::reason("video-safety", number << 8)] } else { Vec::new() }
}
