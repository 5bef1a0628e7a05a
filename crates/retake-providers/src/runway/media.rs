//! Hands a picture over: inside the request while it is small, as an ephemeral upload when it is not.
//!
//! An upload is a ticket, a form sent to the address on the ticket, and a `runway://` name for the file,
//! which lasts for a day (`runwayml` 5.24.0, `resources/uploads.py`; inputs page, 2026-11-21). Nothing is
//! rendered by it, so it may be repeated.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    request::Picture,
    signal::Stage,
    signal::kind_of_status,
};
use serde_json::{Value as Json, json};

use super::{Api, fault, request::refused};
use crate::{
    Answer, Body, Call, Effect, Flow, Part, SubmitError,
    response::{self, text},
};

/// The longest data URI that is taken, in bytes (inputs page, 2026-11-21).
const LONGEST_DATA_URI: usize = 5_000_000;

/// The largest upload, in bytes (inputs page, 2026-11-21).
const LARGEST_UPLOAD: usize = 200_000_000;

/// The longest address that a create may name, in bytes (inputs page, 2026-11-21).
const LONGEST_URI: usize = 2048;

/// More fields than any ticket has.
const MOST_FIELDS: usize = 64;

/// Ends with an address of the picture that a create can name.
pub(super) fn uri(
    api: &Api,
    picture: &Picture,
    bytes: Option<&Bytes>,
) -> Flow<Result<String, SubmitError>> {
    let over = |fault| Flow::Done(Err(SubmitError::Refused(fault)));
    let Some(bytes) = bytes else {
        let message = "the bytes of the first frame are missing";
        return over(Fault::new(FaultKind::Storage, FaultSource::Gateway, message));
    };
    let prefix = format!("data:{};base64,", picture.media_type);
    if prefix.len() + bytes.len().div_ceil(3) * 4 <= LONGEST_DATA_URI {
        return Flow::Done(Ok(prefix + &STANDARD.encode(bytes)));
    }
    if bytes.len() > LARGEST_UPLOAD {
        return over(refused("the picture is larger than 200 MB; compress it or make it smaller"));
    }
    upload(api, picture.media_type.clone(), bytes.clone())
}

fn upload(api: &Api, media_type: String, bytes: Bytes) -> Flow<Result<String, SubmitError>> {
    let filename = match media_type.as_str() {
        "image/png" => "first-frame.png",
        "image/webp" => "first-frame.webp",
        _ => "first-frame.jpg",
    };
    let ask = json!({ "filename": filename, "type": "ephemeral" });
    let call = api.signed(Call::ask(api.url("uploads"), ask));
    Flow::ask(call, move |answer| match ticket(answer) {
        Ok(ticket) => {
            let file =
                Part::File { name: "file".into(), filename: filename.into(), media_type, bytes };
            send(ticket, file)
        }
        Err(fault) => Flow::Done(Err(SubmitError::Refused(fault))),
    })
}

struct Ticket {
    url: String,
    fields: Vec<Part>,
    uri: String,
}

fn ticket(answer: Answer) -> Result<Ticket, Fault> {
    let reply = answer.map_err(|problem| no_upload(response::silence(&problem)))?;
    if !reply.status.is_success() {
        return Err(fault::of_reply(&reply, Stage::Upload));
    }
    let unreadable = || response::unexpected(&reply, "the ticket for an upload cannot be read");
    reply.json().as_ref().and_then(read_ticket).ok_or_else(unreadable)
}

fn read_ticket(json: &Json) -> Option<Ticket> {
    let fields = json.pointer("/fields")?.as_object().filter(|all| all.len() <= MOST_FIELDS)?;
    let part = |(name, value): (&String, &Json)| {
        Some(Part::Text { name: name.clone(), value: value.as_str()?.to_owned() })
    };
    Some(Ticket {
        url: text(json, "/uploadUrl").filter(|url| url.starts_with("http"))?.to_owned(),
        uri: text(json, "/runwayUri").filter(|uri| uri.len() <= LONGEST_URI)?.to_owned(),
        fields: fields.iter().map(part).collect::<Option<_>>()?,
    })
}

/// Sends the form to the storage, which is somebody else's: it gets the ticket's fields and no key.
fn send(ticket: Ticket, file: Part) -> Flow<Result<String, SubmitError>> {
    let Ticket { url, mut fields, uri } = ticket;
    fields.push(file);
    let call = Call { effect: Effect::Asks, ..Call::ask(url, Json::Null).body(Body::Form(fields)) };
    Flow::once(call, move |answer| {
        let reply = answer
            .map_err(|problem| SubmitError::Refused(no_upload(response::silence(&problem))))?;
        if reply.status.is_success() {
            return Ok(uri);
        }
        // The storage's 403 speaks of the ticket and not of the account.
        let kind = match kind_of_status(reply.status.as_u16()) {
            FaultKind::Quota | FaultKind::Auth => FaultKind::Runtime,
            kind => kind,
        };
        let said = response::at_status(&reply, &response::plain(&reply.body));
        let message = format!("the picture could not be uploaded: {said}");
        let fault = Fault::new(kind, FaultSource::Provider, message).after(reply.retry_after());
        Err(SubmitError::Refused(fault))
    })
}

/// No task exists before the create, so an upload without an answer is no lost submit.
fn no_upload(fault: Fault) -> Fault {
    let message = format!("the picture could not be uploaded: {}", fault.message);
    Fault { kind: FaultKind::Timeout, message, ..fault }
}
