//! The Gemini API's operations: the retired Veo API, and the list of models.

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::IntoResponse as _,
};
use serde_json::{Value, json};

use super::{
    PortStateExtension,
    auth::GeminiCaller,
    catalog::{OMNI, VEO},
    error_text::Api,
    files, operation,
    status::{Code, HandlerResult, Status},
    veo,
    vertex::call_error_response,
    webhook,
};
use crate::{
    emulator_context::EmulatorContext,
    request_body,
    simulator::{JobState, JobView},
};

/// `GET /v1beta/models`.
pub(super) async fn models(
    State(context): State<EmulatorContext>,
    _: GeminiCaller,
) -> HandlerResult {
    let all: Vec<_> =
        model_ids(&context).into_iter().map(|(id, method)| describe_model(id, method)).collect();
    Ok(Json(json!({ "models": all })).into_response())
}

fn model_ids(context: &EmulatorContext) -> Vec<(&'static str, &'static str)> {
    let veo = VEO.iter().map(|it| (it.gemini_id, "predictLongRunning"));
    let omni = OMNI.iter().map(|it| (it.id, "createInteraction"));
    omni.chain(veo.filter(|_| !context.scenario().shutdown)).collect()
}

fn describe_model(id: &str, method: &str) -> Value {
    json!({
        "name": format!("models/{id}"),
        "version": "lab",
        "displayName": id,
        "inputTokenLimit": 480,
        "outputTokenLimit": 8192,
        "supportedGenerationMethods": [method],
    })
}

/// `GET /v1beta/models/{m}` and `GET /v1beta/models/{m}/operations/{id}`.
pub(super) async fn read(
    State(context): State<EmulatorContext>,
    Path(call): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
) -> HandlerResult {
    if !call.contains("/operations/") {
        let found = model_ids(&context).into_iter().find(|(id, _)| *id == call);
        let missing = || Status::new(Code::NotFound, format!("Model is not found: models/{call}"));
        let (id, method) = found.ok_or_else(missing)?;
        return Ok(Json(describe_model(id, method)).into_response());
    }
    let name = format!("models/{call}");
    let polled = context.poll(&name, Some(&key)).await;
    let job = polled.map_err(|it| call_error_response(Api::Gemini, it, &name))?;
    Ok(Json(operation::to_json(Api::Gemini, &job, samples(&context, &job))).into_response())
}

fn samples(context: &EmulatorContext, job: &JobView) -> Vec<Value> {
    let outputs = if matches!(job.state, JobState::Done) { job.outputs() } else { 0 };
    let uris = files::file_uris(context, job, outputs).into_iter();
    uris.map(|uri| json!({ "video": { "uri": uri } })).collect()
}

/// `POST /v1beta/models/{m}:predictLongRunning`.
pub(super) async fn create(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path(call): Path<String>,
    GeminiCaller { key, .. }: GeminiCaller,
    request: Request,
) -> HandlerResult {
    let model = call.strip_suffix(":predictLongRunning").ok_or_else(|| {
        Status::new(Code::NotFound, format!("models/{call} is not offered by the lab."))
    })?;
    let body = request_body::read_json(request.into_body()).await;
    let body = body.map_err(|error| Status::invalid(error.to_string()))?;
    let model = veo::find_model(&context, Api::Gemini, model)?;
    let mut create = veo::parse(&context, &port_state, Api::Gemini, model, body)?;
    let dynamic_webhook = webhook::DynamicWebhook::parse(create.request.get("webhookConfig"))?;
    create.id = format!("models/{}/operations/{}", model.gemini_id, context.new_hex_id(12));
    create.key = key;
    let names = files::new_file_ids(&context, create.outputs);
    create.extra = json!({ "wire": "gemini", "files": names });
    let on_accept = |job: &JobView| {
        port_state.register_files(job.id(), &names);
        webhook::schedule_webhooks(&context, &port_state, job, dynamic_webhook);
    };
    let admitted = context.admit_with(create, on_accept).await;
    let job = admitted.map_err(|it| call_error_response(Api::Gemini, it, ""))?;
    Ok(Json(json!({ "name": job.id() })).into_response())
}
