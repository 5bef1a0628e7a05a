//! Veo, as both of its wires say it: the body of a submit, and the operation that it begins.

use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    request::RenderSpec,
    signal::Stage,
};
use serde_json::{Map, Value as Json, json};

use super::{
    fault::{self, Told},
    media::{self, File},
};
use crate::{
    Polled, Submission, SubmitError, Submitted,
    call::{Answer, Reply},
    polling::{self, RenderMatch},
    response,
};

/// Reference pictures that Veo 3.1 looks at.
const MOST_REFERENCES: usize = 3;
/// The length with which references, 1080p and 4k come (Gemini API, Veo guide).
const FULL_LENGTH: u32 = 8;

/// "You are not charged for videos that are blocked by safety filters or audio processing" (Responsible AI for Veo, and
/// the Gemini API's page on Veo, 2026-11-21). What says so is Google's own table, and no sentence of anybody's.
const NOT_CHARGED: Usd = Usd::ZERO;

/// How far an operation is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operation {
    /// Not done.
    Running,
    /// Said to be done, without a file and without a reason.
    WithoutFile,
    /// Over without a file, and what it has cost if that is known.
    Failed(Fault, Option<Usd>),
    /// Over, with a file, and what it failed of if it says so.
    Done(File, Option<Fault>),
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
    let spec = &submission.spec;
    media::check(spec)?;
    check_length(spec)?;
    let picture = |media_type: &str, bytes| json!({ "bytesBase64Encoded": media::encoded(bytes), "mimeType": media_type });
    let mut instance = Map::new();
    instance.insert("prompt".into(), spec.prompt.as_str().into());
    if let Some((frame, bytes)) = media::first_frame(spec, submission.first_frame.as_ref())? {
        instance.insert("image".into(), picture(&frame.media_type, bytes));
    }
    let references = media::characters(spec, &submission.characters)?;
    if !references.is_empty() {
        let all = references.iter().map(|(one, bytes)| {
            json!({ "image": picture(&one.media_type, bytes), "referenceType": "ASSET" })
        });
        instance.insert("referenceImages".into(), all.collect());
    }
    let mut parameters = Map::new();
    parameters.insert("sampleCount".into(), 1.into());
    parameters.insert("durationSeconds".into(), spec.seconds.into());
    parameters.insert("aspectRatio".into(), media::aspect_ratio(spec.size).into());
    parameters.insert("resolution".into(), media::resolution(spec.size).into());
    if let Some(negative) = &spec.negative_prompt {
        parameters.insert("negativePrompt".into(), negative.as_str().into());
    }
    Ok(Body { instance, parameters })
}

/// What comes in one length only.
fn check_length(spec: &RenderSpec) -> Result<(), Fault> {
    if spec.characters.len() > MOST_REFERENCES {
        return Err(media::refused("Veo looks at three characters at most; leave the others out"));
    }
    let what = if !spec.characters.is_empty() {
        "characters"
    } else if media::resolution(spec.size) != Some("720p") {
        "more than 720p"
    } else {
        return Ok(());
    };
    if spec.seconds == FULL_LENGTH {
        return Ok(());
    }
    let message = format!(
        "Veo makes videos with {what} in {FULL_LENGTH} seconds only, not {}; ask for {FULL_LENGTH} seconds",
        spec.seconds
    );
    Err(media::refused(&message))
}

/// Reads the answer to a submit. `pointer` leads to the name of the render.
pub(super) fn accepted(answer: Answer, pointer: &str) -> Result<Submitted, SubmitError> {
    let reply = answer.map_err(|problem| response::unanswered_submit(&problem))?;
    if !reply.status.is_success() {
        return Err(response::failed_create(reply.status, fault::body_of(&reply), &[]));
    }
    let body = reply.json().unwrap_or_default();
    match response::id(&body, pointer).filter(|id| super::place::resource(id).is_some()) {
        // An error beside the name is that of the render, which its polls tell.
        Some(id) => Ok(id.to_owned().into()),
        None if fault::error_in(&body).is_some() => {
            Err(response::failed_create(reply.status, fault::body_of(&reply), &[]))
        }
        None => Err(SubmitError::Lost(response::unexpected(
            &reply,
            "the submit was taken, and its answer does not name the render",
        ))),
    }
}

/// Reads the answer to a poll. An error about the question says nothing of the render, one that says that there is no
/// such operation among them.
pub(super) fn polled(answer: Answer, asked: &str) -> Result<(Operation, Reply), Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    // Every operation carries its name (`google.longrunning.Operation`), in which the project may stand as its id or as
    // its number (AIP-2510): what stands last is the operation's own.
    let own = |name: &str| name.rsplit('/').next() == asked.rsplit('/').next();
    let (body, matched) = answered(&reply, |body| polling::match_by(body.get("name"), own))?;
    polling::refuse_another(&reply, matched)?;
    let operation = operation(body)
        .ok_or_else(|| response::unexpected(&reply, "the answer to a poll is not an operation"))?;
    if matches!(operation, Operation::Failed(..)) {
        polling::require_name(&reply, matched)?;
    } else if !reply.status.is_success() {
        return Err(fault::of(&reply, Stage::Poll));
    }
    Ok((operation, Reply { body: bytes::Bytes::new(), ..reply }))
}

/// The JSON of an answer to a poll and whose render it tells of, where it is about one: a success, and no bare error in
/// the place of one, or an error that names the render.
pub(super) fn answered(
    reply: &Reply,
    matched: impl Fn(&Json) -> RenderMatch,
) -> Result<(Json, RenderMatch), Fault> {
    let body = reply.json();
    let matched = body.as_ref().map_or(RenderMatch::Unnamed, |body| matched(first(body)));
    if !reply.status.is_success() && !polling::may_end(reply, matched) {
        let found = fault::of(reply, Stage::Poll);
        let is_unknown = matches!(reply.status.as_u16(), 404 | 410)
            || reply.status.as_u16() == 400 && found.message.contains("Invalid interaction name");
        return Err(if is_unknown { Fault { kind: FaultKind::Lost, ..found } } else { found });
    }
    let unreadable = || response::unexpected(reply, "the answer to a poll is not valid JSON");
    let body = body.ok_or_else(unreadable)?;
    let object = first(&body);
    let is_about_a_render =
        ["name", "done", "id", "status"].iter().any(|field| object.get(field).is_some());
    if fault::error_in(&body).is_some() && !is_about_a_render {
        return Err(fault::of(reply, Stage::Poll));
    }
    Ok((body, matched))
}

/// An answer, or the first of a list that the front end makes of it.
pub(super) fn first(body: &Json) -> &Json {
    body.as_array().and_then(|list| list.first()).unwrap_or(body)
}

/// Reads an operation; nothing when the JSON is none.
fn operation(body: Json) -> Option<Operation> {
    let mut operation = match body {
        Json::Array(list) => list.into_iter().next()?,
        other => other,
    };
    let is_done = match operation.get("done") {
        Some(Json::String(text)) => text.trim().eq_ignore_ascii_case("true"),
        Some(done) => done.as_bool().unwrap_or(false),
        None => false,
    };
    let is_one =
        is_done || operation.get("done").is_some() || response::id(&operation, "/name").is_some();
    let error = operation.get("error").filter(|error| error.is_object() || error.is_string());
    let fault = error.map(failure);
    let is_blocked = error.is_none_or(|error| Told::read(error).is_blocked());
    let mut response = operation.get_mut("response").map(Json::take).unwrap_or_default();
    // A file is looked at, whatever stands beside it, before another one is paid for.
    let may_have_a_file = fault.as_ref().is_none_or(response::may_have_a_file);
    if let Some(file) = first_file(&mut response).filter(|_| may_have_a_file) {
        return Some(Operation::Done(file, fault));
    }
    match (is_done, fault.or_else(|| filtered(&response))) {
        (true, Some(fault)) => Some(Operation::Failed(fault, is_blocked.then_some(NOT_CHARGED))),
        (true, None) => Some(Operation::WithoutFile),
        (false, _) => is_one.then_some(Operation::Running),
    }
}

/// The error of an operation.
fn failure(error: &Json) -> Fault {
    let told = Told::read(error).fault();
    told.unwrap_or_else(|| {
        let message = format!("it failed: {}", response::quoted(&error.to_string()));
        Fault::new(FaultKind::UnknownProviderError, FaultSource::Provider, message)
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

/// Why a success has no video, where the filters took it.
fn filtered(response: &Json) -> Option<Fault> {
    let beside = response.get("generateVideoResponse").unwrap_or(response);
    let count = response::number(beside, "/raiMediaFilteredCount").unwrap_or(0.0);
    let reasons = beside.get("raiMediaFilteredReasons").and_then(Json::as_array);
    let reasons: Vec<_> = reasons.into_iter().flatten().filter_map(Json::as_str).collect();
    (count > 0.0 || !reasons.is_empty()).then(|| fault::refused_content(&reasons.join(" ")))
}

/// What an operation comes to for somebody who polls, asking again after `usual` unless the answer says when.
pub(super) fn progress(operation: Operation, reply: &Reply, usual: SignedDuration) -> Polled {
    match operation {
        Operation::Running => running(reply, usual, None),
        Operation::WithoutFile => polling::without_file("Google"),
        Operation::Failed(fault, charged) => Polled::Failed { fault, charged },
        Operation::Done(_, fault) => Polled::with_file(fault, None),
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
            Some(Operation::Failed(fault, _)) => fault,
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
    fn what_the_filters_blocked_is_not_charged_and_other_failures_do_not_say() {
        let charged = |text: &str| {
            let reply = crate::testing::reply(200, &[], text.to_owned()).unwrap();
            match progress(read(text).unwrap(), &reply, SignedDuration::from_secs(1)) {
                Polled::Failed { charged, .. } => charged,
                other => panic!("{other:?}"),
            }
        };

        assert_eq!(charged(REFUSED), Some(Usd::ZERO));
        assert_eq!(charged(FAILED), None);
    }

    #[test]
    fn a_file_beside_an_error_is_looked_at_and_a_bare_error_is_about_the_question() {
        let both = r#"{"name":"o","done":true,"error":{"code":13,"message":"internal"},
            "response":{"videos":[{"gcsUri":"gs://a-bucket/v.mp4"}]}}"#;
        let Some(Operation::Done(File::Link(link), Some(fault))) = read(both) else {
            panic!("no file beside an error")
        };
        assert_eq!((&*link, &*fault.message), ("gs://a-bucket/v.mp4", "internal"));

        let bare = r#"[{"error":{"code":500,"message":"internal","status":"INTERNAL"}}]"#;
        let reply = crate::testing::reply(200, &[], bare);
        assert_eq!(polled(reply, "operations/o").unwrap_err().kind, FaultKind::Runtime);
    }

    #[test]
    fn a_success_without_a_video_or_a_reason_is_asked_again() {
        for text in [r#"{"name":"o","done":true,"response":{}}"#, r#"{"done":true}"#] {
            assert_eq!(read(text), Some(Operation::WithoutFile), "{text}");
        }
    }

    #[test]
    fn an_operation_is_known_by_its_own_id_however_its_project_is_named() {
        let asked = "projects/a-project/locations/l/models/m/operations/1";
        let polled = |name: &str| {
            let body =
                format!(r#"{{"name":"{name}","done":true,"error":{{"code":13,"message":"m"}}}}"#);
            polled(crate::testing::reply(200, &[], body), asked).map(|(operation, _)| operation)
        };

        let by_number = polled("projects/123456/locations/l/models/m/operations/1");
        assert!(matches!(by_number, Ok(Operation::Failed(..))), "{by_number:?}");
        assert!(polled("projects/a-project/locations/l/models/m/operations/2").is_err());
        assert!(polled("").is_err());
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
        assert_eq!(read(INLINE), Some(Operation::Done(File::Inline("AAAAGGZ0eXA=".into()), None)));
        let link =
            "https://generativelanguage.googleapis.com/v1beta/files/abc123:download?alt=media";
        assert_eq!(read(SAMPLES), Some(Operation::Done(File::Link(link.into()), None)));
    }

    #[test]
    fn an_operation_without_a_word_on_its_end_is_running() {
        assert_eq!(read(r#"{"name":"projects/p/operations/1"}"#), Some(Operation::Running));
        assert_eq!(read(r#"{"name":"o","done":false}"#), Some(Operation::Running));
        assert_eq!(read("{}"), None);
        assert_eq!(read("[]"), None);
    }
}
