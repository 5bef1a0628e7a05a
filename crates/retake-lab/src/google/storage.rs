//! The parts of the Cloud Storage JSON API that read a bucket: where Vertex puts its results.

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::IntoResponse as _,
};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::{
    PortStateExtension,
    auth::VertexCaller,
    port_state::PortState,
    status::{Code, HandlerResult, Status},
};
use crate::{
    auth::query_parameter,
    early_response::EarlyResponse,
    emulator_context::EmulatorContext,
    file_response::FileUnavailable,
    simulator::{JobState, JobView},
};

/// A bucket and the name of an object in it.
type Object = Path<(String, String)>;

/// `GET /storage/v1/b/{bucket}/o/{object}`: the metadata of an object; with `alt=media` the object
/// itself.
pub(super) async fn object(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path((bucket, object)): Object,
    VertexCaller { key, .. }: VertexCaller,
    headers: HeaderMap,
    uri: Uri,
) -> HandlerResult {
    if query_parameter(&uri, "alt").as_deref() == Some("media") {
        return serve_object(&context, &port_state, &key, (&bucket, &object), &headers).await;
    }
    let job = find_object(&context, &port_state, &bucket, &object)?;
    Ok(Json(describe(&context, &job, &bucket, &object).await?).into_response())
}

/// `GET /download/storage/v1/b/{bucket}/o/{object}`: the object.
pub(super) async fn download(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path((bucket, object)): Object,
    VertexCaller { key, .. }: VertexCaller,
    headers: HeaderMap,
) -> HandlerResult {
    serve_object(&context, &port_state, &key, (&bucket, &object), &headers).await
}

/// `GET /storage/v1/b/{bucket}/o`: the objects, those under `prefix` if it is given.
pub(super) async fn list(
    State(context): State<EmulatorContext>,
    Extension(port_state): PortStateExtension,
    Path(bucket): Path<String>,
    _: VertexCaller,
    uri: Uri,
) -> HandlerResult {
    let prefix = query_parameter(&uri, "prefix").unwrap_or_default();
    let root = format!("gs://{bucket}/");
    let mut items = Vec::new();
    for name in port_state.file_names(&format!("{root}{prefix}")) {
        let object = name.strip_prefix(&root).unwrap_or(&name);
        if let Ok(job) = find_object(&context, &port_state, &bucket, object) {
            items.push(describe(&context, &job, &bucket, object).await?);
        }
    }
    Ok(Json(json!({ "kind": "storage#objects", "items": items })).into_response())
}

async fn serve_object(
    context: &EmulatorContext,
    port_state: &PortState,
    key: &str,
    (bucket, object): (&str, &str),
    headers: &HeaderMap,
) -> HandlerResult {
    let job = find_object(context, port_state, bucket, object)?;
    let served = context.download(&job, Some(key), headers).await;
    served.map_err(|unavailable| file_error(unavailable, bucket, object))
}

/// The job whose video the object is, once it is done.
fn find_object(
    context: &EmulatorContext,
    port_state: &PortState,
    bucket: &str,
    object: &str,
) -> Result<JobView, EarlyResponse> {
    let job = port_state.find_job_of_file(context, &format!("gs://{bucket}/{object}"));
    let job = job.filter(|job| matches!(job.state, JobState::Done) && !job.has_no_video());
    job.ok_or_else(|| file_error(FileUnavailable::NoVideo, bucket, object))
}

fn file_error(unavailable: FileUnavailable, bucket: &str, object: &str) -> EarlyResponse {
    let (code, reason, message) = match unavailable {
        FileUnavailable::KeyRequired => (
            Code::Unauthenticated,
            "required",
            format!("Anonymous caller does not have storage.objects.get access to {bucket}."),
        ),
        FileUnavailable::RenderFailed => {
            (Code::Unavailable, "backendError", "Backend Error".to_owned())
        }
        FileUnavailable::NotReady
        | FileUnavailable::NoVideo
        | FileUnavailable::NotYetStored
        | FileUnavailable::Expired => {
            (Code::NotFound, "notFound", format!("No such object: {bucket}/{object}"))
        }
    };
    let body = json!({ "error": {
        "code": code.http(),
        "message": message,
        "errors": [{ "message": message, "domain": "global", "reason": reason }],
    }});
    let status = Status::new(code, "").response().status();
    EarlyResponse::from((status, Json(body)).into_response())
}

async fn describe(
    context: &EmulatorContext,
    job: &JobView,
    bucket: &str,
    object: &str,
) -> Result<Value, EarlyResponse> {
    let bytes = context
        .render_video(job)
        .await
        .map_err(|unavailable| file_error(unavailable, bucket, object))?;
    let made = job.ended_at.unwrap_or(job.accepted_at).to_string();
    let name = percent_encoding::utf8_percent_encode(object, percent_encoding::NON_ALPHANUMERIC);
    let base = context.base_url();
    Ok(json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{object}/1"),
        "name": object,
        "bucket": bucket,
        "generation": "1",
        "metageneration": "1",
        "contentType": "video/mp4",
        "storageClass": "STANDARD",
        "size": bytes.len().to_string(),
        "timeCreated": made,
        "updated": made,
        "selfLink": format!("{base}/storage/v1/b/{bucket}/o/{name}"),
        "mediaLink": format!("{base}/download/storage/v1/b/{bucket}/o/{name}?generation=1&alt=media"),
    }))
}
