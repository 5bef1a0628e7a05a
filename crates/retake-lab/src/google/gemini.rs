//! The Gemini API's operations: the retired Veo wire, and the list of models.

use axum::{
    Extension, Json,
    extract::{Path, Request, State},
    response::IntoResponse as _,
};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::{
    Mem, access,
    catalogue::{OMNI, VEO},
    files, news, operation,
    status::{Answer, Code, Status},
    veo,
    vertex::setback,
    wording::Wire,
};
use crate::{
    emulator_context::EmulatorContext,
    intake,
    simulator::{JobView, State as Stand},
};

/// `GET /v1beta/models`.
pub(super) async fn models(
    State(desk): State<EmulatorContext>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    access::api_key(&desk, &headers, &uri)?;
    let all: Vec<_> = ids(&desk).into_iter().map(|(id, method)| card(id, method)).collect();
    Ok(Json(json!({ "models": all })).into_response())
}

fn ids(desk: &EmulatorContext) -> Vec<(&'static str, &'static str)> {
    let veo = VEO.iter().map(|it| (it.gemini_id, "predictLongRunning"));
    let omni = OMNI.iter().map(|it| (it.id, "createInteraction"));
    omni.chain(veo.filter(|_| !desk.scenario().shutdown)).collect()
}

fn card(id: &str, method: &str) -> Value {
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
    State(desk): State<EmulatorContext>,
    Path(call): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    let key = access::api_key(&desk, &headers, &uri)?;
    if !call.contains("/operations/") {
        let found = ids(&desk).into_iter().find(|(id, _)| *id == call);
        let missing = || Status::new(Code::NotFound, format!("Model is not found: models/{call}"));
        let (id, method) = found.ok_or_else(missing)?;
        return Ok(Json(card(id, method)).into_response());
    }
    let name = format!("models/{call}");
    let polled = desk.poll(&name, Some(&key)).await;
    let job = polled.map_err(|it| setback(Wire::Gemini, it, &name))?;
    Ok(Json(operation::view(Wire::Gemini, &job, samples(&desk, &job))).into_response())
}

fn samples(desk: &EmulatorContext, job: &JobView) -> Vec<Value> {
    let outputs = if matches!(job.state, Stand::Done) { job.outputs() } else { 0 };
    let uris = files::uris(desk, job, outputs).into_iter();
    uris.map(|uri| json!({ "video": { "uri": uri } })).collect()
}

/// `POST /v1beta/models/{m}:predictLongRunning`.
pub(super) async fn create(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path(call): Path<String>,
    request: Request,
) -> Answer {
    let key = access::api_key(&desk, request.headers(), request.uri())?;
    let model = call.strip_suffix(":predictLongRunning").ok_or_else(|| {
        Status::new(Code::NotFound, format!("models/{call} is not offered by the lab."))
    })?;
    let body = intake::json(request.into_body()).await;
    let body = body.map_err(|error| Status::invalid(error.to_string()))?;
    let model = veo::model(&desk, Wire::Gemini, model)?;
    let mut create = veo::read(&desk, &memory, Wire::Gemini, model, body)?;
    let hook = news::Dynamic::read(create.request.get("webhookConfig"))?;
    create.id = format!("models/{}/operations/{}", model.gemini_id, desk.hex(12));
    create.key = key;
    let names = files::names(&desk, create.outputs);
    create.extra = json!({ "wire": "gemini", "files": names });
    let keep = |job: &JobView| {
        memory.keep(job.id(), &names);
        news::tell(&desk, &memory, job, hook);
    };
    let admitted = desk.admit_and(create, keep).await;
    let job = admitted.map_err(|it| setback(Wire::Gemini, it, ""))?;
    Ok(Json(json!({ "name": job.id() })).into_response())
}
