//! Veo on Vertex: create and poll are both POSTs to the model's path.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::IntoResponse as _,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    Mem, access, interactions,
    memory::Memory,
    operation,
    status::{Answer, Code, Status, Turn},
    veo,
    wording::{self, Wire},
};
use crate::{
    emulator_context::{CallError, EmulatorContext},
    intake,
    simulator::{JobView, Refusal},
};

/// The project, the location and what follows them.
type Place = Path<(String, String, String)>;

/// `POST .../projects/{p}/locations/{l}/{rest}`.
pub(super) async fn call(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path((project, location, rest)): Place,
    request: Request,
) -> Answer {
    let key = access::bearer(&desk, request.headers())?;
    if rest == "interactions" {
        return interactions::create_as(&desk, &memory, key, Wire::Vertex, request).await;
    }
    if let Some(id) = interaction(&rest).and_then(|id| id.strip_suffix("/cancel")) {
        return interactions::cancel_as(&desk, &key, id).await;
    }
    let call = rest.strip_prefix("publishers/google/models/").and_then(|it| it.rsplit_once(':'));
    let (model, verb) = call.ok_or_else(|| nowhere(&rest))?;
    let body = intake::json(request.into_body()).await;
    let body = body.map_err(|error| Status::invalid(error.to_string()))?;
    match verb {
        "predictLongRunning" => {
            let path = format!("projects/{project}/locations/{location}/publishers/google/models");
            create(&desk, &memory, key, &path, (model, body)).await
        }
        "fetchPredictOperation" => fetch(&desk, &key, model, &body).await,
        _ => Err(nowhere(&rest).into()),
    }
}

/// `GET .../projects/{p}/locations/{l}/interactions/{id}`.
pub(super) async fn read(
    State(desk): State<EmulatorContext>,
    Path((_, _, rest)): Place,
    request: Request,
) -> Answer {
    let key = access::bearer(&desk, request.headers())?;
    let id = interaction(&rest).ok_or_else(|| nowhere(&rest))?;
    interactions::read_as(&desk, &key, id, request.uri()).await
}

/// `DELETE .../projects/{p}/locations/{l}/interactions/{id}`.
pub(super) async fn remove(
    State(desk): State<EmulatorContext>,
    Path((_, _, rest)): Place,
    request: Request,
) -> Answer {
    let key = access::bearer(&desk, request.headers())?;
    let id = interaction(&rest).ok_or_else(|| nowhere(&rest))?;
    interactions::remove_as(&desk, &key, id)
}

fn interaction(rest: &str) -> Option<&str> {
    rest.strip_prefix("interactions/")
}

fn nowhere(rest: &str) -> Status {
    Status::new(Code::NotFound, format!("The requested URL {rest} was not found on this server."))
}

/// What a setback is on a Veo wire.
pub(super) fn setback(wire: Wire, it: CallError, name: &str) -> Turn {
    match it {
        CallError::Refused(refusal) => refused(wire, &refusal).into(),
        CallError::Missing => {
            Status::new(Code::NotFound, format!("The operation {name} was not found.")).into()
        }
        CallError::Cut(response) => Turn::back(response),
    }
}

fn refused(wire: Wire, refusal: &Refusal) -> Status {
    wording::refusal(wire, refusal)
}

async fn create(
    desk: &EmulatorContext,
    memory: &Arc<Memory>,
    key: String,
    path: &str,
    (model, body): (&str, Value),
) -> Answer {
    let model = veo::model(desk, Wire::Vertex, model)?;
    let mut create = veo::read(desk, memory, Wire::Vertex, model, body)?;
    create.id = format!("{path}/{}/operations/{}", model.id, desk.uuid());
    create.key = key;
    let files = objects(desk, &create.request, create.outputs);
    create.extra = json!({ "wire": "vertex", "files": files });
    let keep = |job: &JobView| memory.keep(job.id(), &files);
    let admitted = desk.admit_and(create, keep).await;
    let job = admitted.map_err(|it| setback(Wire::Vertex, it, ""))?;
    Ok(Json(json!({ "name": job.id() })).into_response())
}

/// Where the videos go in the caller's bucket; nowhere without `storageUri`.
fn objects(desk: &EmulatorContext, request: &Value, outputs: u32) -> Vec<String> {
    let uri = request.pointer("/parameters/storageUri").and_then(Value::as_str);
    let Some(uri) = uri else { return Vec::new() };
    let (uri, folder) = (uri.trim_end_matches('/'), desk.hex(16));
    (0..outputs).map(|nth| format!("{uri}/{folder}/sample_{nth}.mp4")).collect()
}

async fn fetch(desk: &EmulatorContext, key: &str, model: &str, body: &Value) -> Answer {
    let name = body.get("operationName").and_then(Value::as_str).unwrap_or_default();
    if !name.contains(&format!("/models/{model}/operations/")) {
        return Err(Status::invalid("`operationName` is no operation of this model.").into());
    }
    let polled = desk.poll(name, Some(key)).await;
    let job = polled.map_err(|it| setback(Wire::Vertex, it, name))?;
    let videos = videos(desk, &job).await?;
    Ok(Json(operation::view(Wire::Vertex, &job, videos)).into_response())
}

async fn videos(desk: &EmulatorContext, job: &JobView) -> Result<Vec<Value>, Status> {
    if !matches!(job.state, crate::simulator::State::Done) {
        return Ok(Vec::new());
    }
    let files = job.create.extra["files"].as_array().cloned().unwrap_or_default();
    let mut videos = Vec::new();
    for nth in 0..job.outputs() {
        let file = usize::try_from(nth).ok().and_then(|nth| files.get(nth));
        videos.push(if let Some(uri) = file {
            json!({ "gcsUri": uri, "mimeType": "video/mp4" })
        } else {
            let gone = |_| Status::new(Code::NotFound, "The operation's result has expired.");
            let film = desk.film(job).await.map_err(gone)?;
            json!({ "bytesBase64Encoded": STANDARD.encode(film), "mimeType": "video/mp4" })
        });
    }
    Ok(videos)
}
