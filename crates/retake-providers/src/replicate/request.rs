//! Handing a render over: a prediction is created, after the picture was uploaded where that is large.

use std::sync::Arc;

use bytes::Bytes;
use retake_core::{
    catalog::{Catalog, ModelInput},
    fault::{Fault, FaultKind},
    signal::Stage,
};
use serde_json::{Value as Json, json};

use super::{
    PROVIDER,
    calls::{Calls, encoded},
    fault,
};
use crate::{
    Flow, Submission, SubmitError, Submitted,
    call::{Answer, Body, Call, Part},
    model_host, response,
};

/// Larger pictures are uploaded; the documentation advises data URIs up to this size.
const LARGEST_INLINE: usize = 256 << 10;
/// A longer URL is no address of a file.
const LONGEST_URL: usize = 2048;

type Taken = Result<Submitted, SubmitError>;

/// Where a prediction is created, and what it is told besides its input.
pub(super) struct Target {
    /// The path below the API.
    pub(super) path: String,
    /// The version, where that is said in the body.
    version: Option<String>,
    /// The model as predictions name it.
    pub(super) model: Option<String>,
}

impl Target {
    /// Reads the name of a model; nothing when it is none.
    pub(super) fn of(name: &str) -> Option<Self> {
        let is_plain = |part: &str| {
            let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-');
            !matches!(part, "" | "." | "..") && part.bytes().all(is_letter)
        };
        let (model, version) = name.split_once(':').map_or((name, None), |(m, v)| (m, Some(v)));
        let parts: Vec<_> = model.split('/').collect();
        if !parts.iter().copied().chain(version).all(is_plain) {
            return None;
        }
        match (parts.as_slice(), version) {
            ([_, _], Some(version)) => Some(Self {
                path: "predictions".into(),
                version: Some(version.into()),
                model: Some(model.into()),
            }),
            ([owner, name], None) => {
                let path = format!("models/{}/{}/predictions", encoded(owner), encoded(name));
                Some(Self { path, version: None, model: Some(model.into()) })
            }
            (["deployments", owner, name], None) => {
                let path = format!("deployments/{}/{}/predictions", encoded(owner), encoded(name));
                Some(Self { path, version: None, model: None })
            }
            _ => None,
        }
    }
}

pub(super) fn submit(
    calls: &Arc<Calls>,
    catalog: &Catalog,
    submission: &Submission,
) -> Flow<Taken> {
    let said = match model_host::encode(catalog, PROVIDER, submission) {
        Ok(said) => said,
        Err(problem) => return Flow::Done(Err(problem)),
    };
    let Some(target) = Target::of(&said.path) else {
        let message = format!(
            "`{}` is no model on Replicate; write `owner/name`, `owner/name:version` or `deployments/owner/name`",
            said.path
        );
        return Flow::Done(Err(model_host::refusal(message)));
    };
    let hook = submission.hook.clone();
    let Some((bytes, media_type)) = picture(&said, submission) else {
        return create(calls, target, said, None, hook);
    };
    if bytes.len() <= LARGEST_INLINE {
        let inline = model_host::data_uri(&media_type, &bytes);
        return create(calls, target, said, Some(inline), hook);
    }
    let calls = Arc::clone(calls);
    upload(&calls, bytes, media_type).and_then(move |uploaded| match uploaded {
        Ok(url) => create(&calls, target, said, Some(url), hook),
        Err(problem) => Flow::Done(Err(problem)),
    })
}

/// The picture to start from and its type, if there is one.
fn picture(said: &ModelInput, submission: &Submission) -> Option<(Bytes, String)> {
    said.picture.as_ref()?;
    let media_type = submission.spec.first_frame.as_ref()?.media_type.clone();
    Some((submission.first_frame.clone()?, media_type))
}

fn create(
    calls: &Calls,
    target: Target,
    said: ModelInput,
    picture: Option<String>,
    hook: Option<String>,
) -> Flow<Taken> {
    let ModelInput { mut inputs, picture: place, .. } = said;
    if let (Some(place), Some(picture)) = (place, picture) {
        inputs.insert(place, picture.into());
    }
    let mut body = json!({ "input": Json::Object(inputs) });
    if let Some(version) = target.version {
        body["version"] = version.into();
    }
    if let Some(hook) = hook {
        body["webhook"] = hook.into();
        body["webhook_events_filter"] = json!(["completed"]);
    }
    let call = calls.signed(Call::post(calls.url(&target.path), body));
    Flow::once(call, read)
}

fn read(answer: Answer) -> Taken {
    let reply = answer.map_err(|problem| response::unanswered_submit(&problem))?;
    if !reply.status.is_success() {
        return Err(response::failed_create(reply.status, fault::body_of(&reply), &[]));
    }
    let id = reply.json().and_then(|json| Some(response::id(&json, "/id")?.to_owned()));
    id.map(Submitted::from).ok_or_else(|| {
        SubmitError::Lost(response::unexpected(
            &reply,
            "the answer to the submit names no prediction",
        ))
    })
}

/// Uploads a picture; it is kept for a day. Nobody is hurt when that happens twice.
fn upload(calls: &Calls, bytes: Bytes, media_type: String) -> Flow<Result<String, SubmitError>> {
    let filename = model_host::file_name(&media_type).to_owned();
    let file = Part::File { name: "content".into(), filename, media_type, bytes };
    let call = Call::ask(calls.url("files"), Json::Null).body(Body::Form(vec![file]));
    Flow::once(calls.signed(call), |answer| {
        let reply = answer.map_err(|problem| not_uploaded(response::silence(&problem)))?;
        if !reply.status.is_success() {
            return Err(not_uploaded(fault::of_reply(&reply, Stage::Upload)));
        }
        let json = reply.json().unwrap_or_default();
        let url = response::text(&json, "/urls/get")
            .filter(|url| url.len() <= LONGEST_URL && url.starts_with("http"));
        url.map(str::to_owned)
            .ok_or_else(|| not_uploaded(response::unexpected(&reply, "the upload has no address")))
    })
}

/// Nothing was created yet, so a silence is no verdict on the request either.
fn not_uploaded(fault: Fault) -> SubmitError {
    let kind = match fault.kind {
        FaultKind::Lost | FaultKind::Timeout => FaultKind::Overloaded,
        kind => kind,
    };
    let message = format!("the picture could not be uploaded: {}", fault.message);
    SubmitError::Refused(Fault { kind, message, ..fault })
}
