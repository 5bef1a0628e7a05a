//! Handing a render over: the model's bare inputs go to the queue, after the picture where that is large.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use retake_core::{
    catalog::{Catalog, ModelInput},
    fault::{Fault, FaultKind},
    signal::Stage,
};
use serde_json::{Value as Json, json};

use super::{
    PROVIDER, fault,
    places::{Places, encoded, is_plain},
};
use crate::{
    Flow, Submission, SubmitError, Submitted,
    call::{Answer, Body, Call, Effect},
    model_host, response,
};

/// Larger pictures go to the storage first, so that requests, and the lists that repeat them, stay small.
const LARGEST_INLINE: usize = 1 << 20;

type Taken = Result<Submitted, SubmitError>;

pub(super) fn submit(
    places: &Arc<Places>,
    catalog: &Catalog,
    submission: &Submission,
) -> Flow<Taken> {
    let said = match model_host::encode(catalog, PROVIDER, submission) {
        Ok(said) if is_plain(&said.path) => said,
        Ok(said) => {
            let message = format!("`{}` is no path of a model on fal", said.path);
            return Flow::Done(Err(model_host::refusal(message)));
        }
        Err(problem) => return Flow::Done(Err(problem)),
    };
    let hook = submission.hook.clone();
    let Some((bytes, media_type)) = picture(&said, submission) else {
        return create(places, said, None, hook.as_deref());
    };
    if bytes.len() <= LARGEST_INLINE {
        let inline = model_host::data_uri(&media_type, &bytes);
        return create(places, said, Some(inline), hook.as_deref());
    }
    let places = Arc::clone(places);
    upload(&places, bytes, media_type).and_then(move |uploaded| match uploaded {
        Ok(url) => create(&places, said, Some(url), hook.as_deref()),
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
    places: &Arc<Places>,
    said: ModelInput,
    picture: Option<String>,
    hook: Option<&str>,
) -> Flow<Taken> {
    let ModelInput { path, mut inputs, picture: place, .. } = said;
    if let (Some(place), Some(picture)) = (place, picture) {
        inputs.insert(place, picture.into());
    }
    let query = hook.map(|hook| format!("?fal_webhook={}", encoded(hook))).unwrap_or_default();
    let url = places.queue(&format!("{path}{query}"));
    let call = places
        .signed(Call::post(url, Json::Object(inputs)))
        .header("x-fal-no-retry", "1")
        .header("x-fal-disable-fallbacks", "1");
    let places = Arc::clone(places);
    Flow::once(call, move |answer| read(&places, &path, answer))
}

fn read(places: &Places, path: &str, answer: Answer) -> Taken {
    let reply = answer.map_err(|problem| response::unanswered_submit(&problem))?;
    if !reply.status.is_success() {
        return Err(response::failed_create(reply.status, fault::body_of(&reply), &[]));
    }
    let ticket = reply.json().and_then(|json| places.ticket(&json, path));
    ticket.map(Submitted::from).ok_or_else(|| {
        SubmitError::Lost(response::unexpected(&reply, "the answer to the submit names no request"))
    })
}

/// Puts a picture into fal's storage: first the place is asked for, then the file is put there. Nobody is hurt
/// when that happens twice.
fn upload(
    places: &Arc<Places>,
    bytes: Bytes,
    media_type: String,
) -> Flow<Result<String, SubmitError>> {
    let body =
        json!({ "file_name": model_host::file_name(&media_type), "content_type": media_type });
    let url = places.rest("storage/upload/initiate?storage_type=gcs");
    Flow::ask(places.signed(Call::ask(url, body)), move |answer| {
        let (upload_url, file_url) = match read_place(answer) {
            Ok(urls) => urls,
            Err(problem) => return Flow::Done(Err(problem)),
        };
        let put = Call {
            effect: Effect::Asks,
            ..Call::change(Method::PUT, upload_url).body(Body::File { media_type, bytes })
        };
        Flow::once(put, move |answer| {
            let reply = answer.map_err(|problem| not_uploaded(response::silence(&problem)))?;
            let is_there = reply.status.is_success();
            is_there
                .then_some(file_url)
                .ok_or_else(|| not_uploaded(fault::of_reply(&reply, Stage::Upload)))
        })
    })
}

fn read_place(answer: Answer) -> Result<(String, String), SubmitError> {
    let reply = answer.map_err(|problem| not_uploaded(response::silence(&problem)))?;
    if !reply.status.is_success() {
        return Err(not_uploaded(fault::of_reply(&reply, Stage::Upload)));
    }
    let json = reply.json().unwrap_or_default();
    let url = |pointer| {
        let url = response::text(&json, pointer).filter(|url| url.starts_with("http"));
        url.map(str::to_owned)
    };
    url("/upload_url").zip(url("/file_url")).ok_or_else(|| {
        not_uploaded(response::unexpected(&reply, "the storage names no place for the picture"))
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
