//! Veo, as both of its wires say it: the body of a submit, and the operation that it begins.

use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    request::Shot,
};
use serde_json::{Map, Value as Json, json};

use super::{
    fault::{self, Told},
    media::{self, File},
};
use crate::{
    Polled, Submission, SubmitError, Submitted,
    call::{Answer, Reply},
    reading,
};

/// Reference pictures that Veo 3.1 looks at.
const MOST_REFERENCES: usize = 3;
/// The length with which references, 1080p and 4k come (Gemini API, Veo guide).
const FULL_LENGTH: u32 = 8;

/// How far an operation is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operation {
    /// Not done.
    Running,
    /// Over without a file.
    Failed(Fault),
    /// Over, with a file.
    Done(File),
}

/// What both wires say of a submission.
pub(super) struct Body {
    instance: Map<String, Json>,
    /// Where each wire puts what only it can say.
    pub(super) parameters: Map<String, Json>,
}

impl Body {
    /// It as it is sent.
    pub(super) fn json(self) -> Json {
        json!({ "instances": [self.instance], "parameters": self.parameters })
    }
}

/// What is sent for a submission, or why it cannot be said.
pub(super) fn body(submission: &Submission) -> Result<Body, Fault> {
    let shot = &submission.shot;
    media::check(shot)?;
    check_length(shot)?;
    let picture = |media_type: &str, bytes| json!({ "bytesBase64Encoded": media::encoded(bytes), "mimeType": media_type });
    let mut instance = Map::new();
    instance.insert("prompt".into(), shot.prompt.as_str().into());
    if let Some((frame, bytes)) = media::first_frame(shot, submission.first_frame.as_ref())? {
        instance.insert("image".into(), picture(&frame.media_type, bytes));
    }
    let references = media::characters(shot, &submission.characters)?;
    if !references.is_empty() {
        let all = references.iter().map(|(one, bytes)| {
            json!({ "image": picture(&one.media_type, bytes), "referenceType": "ASSET" })
        });
        instance.insert("referenceImages".into(), all.collect());
    }
    let mut parameters = Map::new();
    parameters.insert("sampleCount".into(), 1.into());
    parameters.insert("durationSeconds".into(), shot.seconds.into());
    parameters.insert("aspectRatio".into(), media::aspect_ratio(shot.size).into());
    parameters.insert("resolution".into(), media::resolution(shot.size).into());
    if let Some(negative) = &shot.negative_prompt {
        parameters.insert("negativePrompt".into(), negative.as_str().into());
    }
    Ok(Body { instance, parameters })
}

/// What comes in one length only.
fn check_length(shot: &Shot) -> Result<(), Fault> {
    if shot.characters.len() > MOST_REFERENCES {
        return Err(media::refused("Veo looks at three characters at most; leave the others out"));
    }
    let what = if !shot.characters.is_empty() {
        "characters"
    } else if media::resolution(shot.size) != Some("720p") {
        "more than 720p"
    } else {
        return Ok(());
    };
    if shot.seconds == FULL_LENGTH {
        return Ok(());
    }
    let message = format!(
        "Veo makes videos with {what} in {FULL_LENGTH} seconds only, not {}; ask for {FULL_LENGTH} seconds",
        shot.seconds
    );
    Err(media::refused(&message))
}

/// Reads the answer to a submit. `pointer` leads to the name of the render.
pub(super) fn accepted(answer: Answer, pointer: &str) -> Result<Submitted, SubmitError> {
    let reply = answer.map_err(|problem| reading::unanswered_submit(&problem))?;
    if !reply.status.is_success() {
        return Err(reading::refused_submit(reply.status, fault::of(&reply)));
    }
    let body = reply.json().unwrap_or_default();
    if fault::error_in(&body).is_some() {
        // As in the answer of a server that failed.
        let failed = http::StatusCode::INTERNAL_SERVER_ERROR;
        return Err(reading::refused_submit(failed, fault::of(&reply)));
    }
    match reading::id(&body, pointer).filter(|id| super::place::resource(id).is_some()) {
        Some(id) => Ok(id.to_owned().into()),
        None => Err(SubmitError::Lost(reading::unrecognised(
            &reply,
            "the submit was taken, and its answer does not name the render",
        ))),
    }
}

/// Reads the answer to a poll. An operation that is not there any more is lost; other errors say nothing of
/// the render.
pub(super) fn polled(answer: Answer) -> Result<(Operation, Reply), Fault> {
    let reply = answer.map_err(|problem| reading::silence(&problem))?;
    if !reply.status.is_success() {
        let lost = lost(&reply).ok_or_else(|| fault::of(&reply))?;
        return Ok((Operation::Failed(lost), reply));
    }
    let operation = reply
        .json()
        .and_then(operation)
        .ok_or_else(|| reading::unrecognised(&reply, "the answer to a poll is no operation"))?;
    Ok((operation, Reply { body: bytes::Bytes::new(), ..reply }))
}

/// The fault of a render that is not there any more.
pub(super) fn lost(reply: &Reply) -> Option<Fault> {
    let found = fault::of(reply);
    let is_lost = reply.status.as_u16() == 404
        || reply.status.as_u16() == 400 && found.message.contains("Invalid interaction name");
    is_lost.then_some(Fault { kind: FaultKind::Lost, ..found })
}

/// Reads an operation; nothing when the JSON is none.
fn operation(body: Json) -> Option<Operation> {
    let mut operation = match body {
        Json::Array(list) => list.into_iter().next()?,
        other => other,
    };
    if let Some(error) =
        operation.get("error").filter(|error| error.is_object() || error.is_string())
    {
        return Some(Operation::Failed(failure(error)));
    }
    match operation.get("done").and_then(Json::as_bool) {
        Some(true) => {}
        Some(false) => return Some(Operation::Running),
        None => return reading::id(&operation, "/name").map(|_| Operation::Running),
    }
    let mut response = operation.get_mut("response").map(Json::take).unwrap_or_default();
    if let Some(file) = first_file(&mut response) {
        return Some(Operation::Done(file));
    }
    Some(Operation::Failed(no_video(&response)))
}

/// The error of an operation.
fn failure(error: &Json) -> Fault {
    let told = Told::read(error).fault();
    told.unwrap_or_else(|| {
        let message = format!("it failed: {}", reading::quoted(&error.to_string()));
        Fault::new(FaultKind::Unrecognised, FaultSource::Provider, message)
    })
}

/// The first file of a response, in any of the shapes that both wires have had.
fn first_file(response: &mut Json) -> Option<File> {
    let lists = [
        "/videos",
        "/generateVideoResponse/generatedSamples",
        "/generatedVideos",
        "/generatedSamples",
    ];
    lists.iter().find_map(|list| {
        let videos = response.pointer_mut(list)?.as_array_mut()?;
        videos.iter_mut().find_map(|entry| match entry.get_mut("video") {
            Some(video) => file(video),
            None => file(entry),
        })
    })
}

fn file(video: &mut Json) -> Option<File> {
    let mut first = |fields: &[&str]| fields.iter().find_map(|field| media::take(video, field));
    first(&["gcsUri", "uri"])
        .map(File::Link)
        .or_else(|| first(&["bytesBase64Encoded", "encodedVideo", "videoBytes"]).map(File::Inline))
}

/// A success without a video: the filters took it, or nobody knows.
fn no_video(response: &Json) -> Fault {
    let beside = response.get("generateVideoResponse").unwrap_or(response);
    let count = reading::number(beside, "/raiMediaFilteredCount").unwrap_or(0.0);
    let reasons = beside.get("raiMediaFilteredReasons").and_then(Json::as_array);
    let reasons: Vec<_> = reasons.into_iter().flatten().filter_map(Json::as_str).collect();
    if count > 0.0 || !reasons.is_empty() {
        return fault::refused_content(&reasons.join(" "));
    }
    let said = match response {
        Json::Null => String::new(),
        other => format!(": {}", reading::quoted(&other.to_string())),
    };
    let message = format!("it is done and there is no video in it{said}");
    Fault::new(FaultKind::Unrecognised, FaultSource::Provider, message)
}

/// What an operation comes to for somebody who polls, asking again after `usual` unless the answer says when.
pub(super) fn progress(operation: Operation, reply: &Reply, usual: SignedDuration) -> Polled {
    match operation {
        Operation::Running => running(reply, usual, None),
        Operation::Failed(fault) => Polled::failed(fault),
        Operation::Done(_) => Polled::RENDERED,
    }
}

/// Still running. Google gives no figure for how far it is.
pub(super) fn running(reply: &Reply, usual: SignedDuration, note: Option<String>) -> Polled {
    let pause = reply.retry_after().unwrap_or(usual);
    let pause = pause.clamp(SignedDuration::from_secs(1), SignedDuration::from_secs(60));
    Polled::Running { percent: 0, ask_again_in: pause.unsigned_abs(), note }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = include_str!("../../fixtures/google/2026-11-21-vertex-refused.json");
    const INLINE: &str = include_str!("../../fixtures/google/2026-11-21-vertex-inline.json");
    const FAILED: &str = include_str!("../../fixtures/google/2026-11-21-vertex-failed.json");
    const SAMPLES: &str = include_str!("../../fixtures/google/2026-06-22-gemini-done.json");

    fn read(text: &str) -> Option<Operation> {
        operation(serde_json::from_str(text).unwrap())
    }

    fn failed(operation: Option<Operation>) -> Fault {
        match operation {
            Some(Operation::Failed(fault)) => fault,
            other => panic!("{other:?}"),
        }
    }

    // verifies: google/gemini-operations: failures
    #[test]
    fn a_success_without_a_video_is_a_refusal_when_the_filters_say_so() {
        let fault = failed(read(REFUSED));

        assert_eq!(fault.kind, FaultKind::RefusedContent);
        assert_eq!(fault.code.as_deref(), Some("58061214"));
        assert!(fault.message.contains("must not be tried again"), "{fault}");
    }

    #[test]
    fn a_success_without_a_video_or_a_reason_stays_unexplained() {
        let fault = failed(read(r#"{"name":"o","done":true,"response":{}}"#));

        assert_eq!(fault.kind, FaultKind::Unrecognised);
        assert_eq!(failed(read(r#"{"done":true}"#)).kind, FaultKind::Unrecognised);
    }

    #[test]
    fn a_failed_operation_is_read_by_its_code() {
        let fault = failed(read(FAILED));

        assert_eq!(
            (fault.kind, fault.code.as_deref()),
            (FaultKind::Overloaded, Some("UNAVAILABLE"))
        );
    }

    #[test]
    fn a_file_is_found_in_the_shape_of_either_wire() {
        assert_eq!(read(INLINE), Some(Operation::Done(File::Inline("AAAAGGZ0eXA=".into()))));
        let link =
            "https://generativelanguage.googleapis.com/v1beta/files/abc123:download?alt=media";
        assert_eq!(read(SAMPLES), Some(Operation::Done(File::Link(link.into()))));
    }

    #[test]
    fn an_operation_without_a_word_on_its_end_is_running() {
        assert_eq!(read(r#"{"name":"projects/p/operations/1"}"#), Some(Operation::Running));
        assert_eq!(read(r#"{"name":"o","done":false}"#), Some(Operation::Running));
        assert_eq!(read("{}"), None);
        assert_eq!(read("[]"), None);
    }
}
