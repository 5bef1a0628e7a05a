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
    PortStateExtension,
    auth::VertexCaller,
    error_text::{self, Api},
    interactions, operation,
    port_state::PortState,
    status::{Code, HandlerResult, Status},
    veo,
};
use crate::{
    early_response::EarlyResponse,
    emulator_context::{CallError, EmulatorContext},
    request_body,
    simulator::{JobView, Refusal},
};

/// The project, the location and what follows them.
type Place = Path<(String, String, String)>;

/// `POST .../projects/{p}/locations/{l}/{rest}`.
pub(super) async fn call(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path((project, location, rest)): Place,
    VertexCaller { key, .. }: VertexCaller,
    request: Request,
) -> HandlerResult {
    if rest == "interactions" {
        return interactions::create_for(&context, &port_state, key, Api::Vertex, request).await;
    }
    if let Some(id) = interaction(&rest).and_then(|id| id.strip_suffix("/cancel")) {
        return interactions::cancel_for(&context, &key, id).await;
    }
    let call = rest.strip_prefix("publishers/google/models/").and_then(|it| it.rsplit_once(':'));
    let (model, verb) = call.ok_or_else(|| url_not_found(&rest))?;
    let body = request_body::read_json(request.into_body()).await;
    let body = body.map_err(|error| Status::invalid(error.to_string()))?;
    match verb {
        "predictLongRunning" => {
            let path = format!("projects/{project}/locations/{location}/publishers/google/models");
            create(&context, &port_state, key, &path, (model, body)).await
        }
        "fetchPredictOperation" => fetch_operation(&context, &key, model, &body).await,
        _ => Err(url_not_found(&rest).into()),
    }
}

/// `GET .../projects/{p}/locations/{l}/interactions/{id}`.
pub(super) async fn read(
    State(context): State<EmulatorContext>,
    Path((_, _, rest)): Place,
    VertexCaller { key, .. }: VertexCaller,
    request: Request,
) -> HandlerResult {
    let id = interaction(&rest).ok_or_else(|| url_not_found(&rest))?;
    interactions::read_for(&context, &key, id, request.uri()).await
}

/// `DELETE .../projects/{p}/locations/{l}/interactions/{id}`.
pub(super) async fn remove(
    State(context): State<EmulatorContext>,
    Path((_, _, rest)): Place,
    VertexCaller { key, .. }: VertexCaller,
) -> HandlerResult {
    let id = interaction(&rest).ok_or_else(|| url_not_found(&rest))?;
    interactions::delete_for(&context, &key, id)
}

fn interaction(rest: &str) -> Option<&str> {
    rest.strip_prefix("interactions/")
}

fn url_not_found(rest: &str) -> Status {
    Status::new(Code::NotFound, format!("The requested URL {rest} was not found on this server."))
}

/// The response to a failed call of a Veo API.
pub(super) fn call_error_response(api: Api, it: CallError, name: &str) -> EarlyResponse {
    match it {
        CallError::Refused(refusal) => refusal_status(api, &refusal).into(),
        CallError::Missing => {
            Status::new(Code::NotFound, format!("The operation {name} was not found.")).into()
        }
        CallError::Response(response) => EarlyResponse::from(response),
    }
}

fn refusal_status(api: Api, refusal: &Refusal) -> Status {
    error_text::refusal(api, refusal)
}

async fn create(
    context: &EmulatorContext,
    port_state: &Arc<PortState>,
    key: String,
    path: &str,
    (model, body): (&str, Value),
) -> HandlerResult {
    let model = veo::find_model(context, Api::Vertex, model)?;
    let mut create = veo::parse(context, port_state, Api::Vertex, model, body)?;
    create.id = format!("{path}/{}/operations/{}", model.id, context.new_uuid());
    create.key = key;
    let files = object_uris(context, &create.request, create.outputs);
    create.extra = json!({ "wire": "vertex", "files": files });
    let on_accept = |job: &JobView| port_state.register_files(job.id(), &files);
    let admitted = context.admit_with(create, on_accept).await;
    let job = admitted.map_err(|it| call_error_response(Api::Vertex, it, ""))?;
    Ok(Json(json!({ "name": job.id() })).into_response())
}

/// The URIs of the videos in the caller's bucket; empty without `storageUri`.
fn object_uris(context: &EmulatorContext, request: &Value, outputs: u32) -> Vec<String> {
    let uri = request.pointer("/parameters/storageUri").and_then(Value::as_str);
    let Some(uri) = uri else { return Vec::new() };
    let (uri, folder) = (uri.trim_end_matches('/'), context.new_hex_id(16));
    (0..outputs).map(|nth| format!("{uri}/{folder}/sample_{nth}.mp4")).collect()
}

async fn fetch_operation(
    context: &EmulatorContext,
    key: &str,
    model: &str,
    body: &Value,
) -> HandlerResult {
    let name = body.get("operationName").and_then(Value::as_str).unwrap_or_default();
    if !name.contains(&format!("/models/{model}/operations/")) {
        return Err(Status::invalid("`operationName` is no operation of this model.").into());
    }
    let polled = context.poll(name, Some(key)).await;
    let job = polled.map_err(|it| call_error_response(Api::Vertex, it, name))?;
    let videos = video_results(context, &job).await?;
    Ok(Json(operation::to_json(Api::Vertex, &job, videos)).into_response())
}

async fn video_results(context: &EmulatorContext, job: &JobView) -> Result<Vec<Value>, Status> {
    if !matches!(job.state, crate::simulator::JobState::Done) {
        return Ok(Vec::new());
    }
    let files = job.create.extra["files"].as_array().cloned().unwrap_or_default();
    let mut videos = Vec::new();
    for nth in 0..job.outputs() {
        let file = usize::try_from(nth).ok().and_then(|nth| files.get(nth));
        videos.push(if let Some(uri) = file {
            json!({ "gcsUri": uri, "mimeType": "video/mp4" })
        } else {
            let expired = |_| Status::new(Code::NotFound, "The operation's result has expired.");
            let bytes = context.render_video(job).await.map_err(expired)?;
            json!({ "bytesBase64Encoded": STANDARD.encode(bytes), "mimeType": "video/mp4" })
        });
    }
    Ok(videos)
}
