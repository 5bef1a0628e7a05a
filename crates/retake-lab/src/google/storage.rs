//! The parts of the Cloud Storage JSON API that read a bucket: where Vertex puts its results.

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::IntoResponse as _,
};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::{
    Mem, access,
    memory::Memory,
    status::{Answer, Code, Status, Turn},
};
use crate::{
    emulator_context::EmulatorContext,
    media::NoFile,
    simulator::{JobView, State as Stand},
};

/// A bucket and the name of an object in it.
type Object = Path<(String, String)>;

/// `GET /storage/v1/b/{bucket}/o/{object}`: about an object; with `alt=media` the object itself.
pub(super) async fn object(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path((bucket, object)): Object,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    if access::parameter(&uri, "alt").as_deref() == Some("media") {
        return bytes(&desk, &memory, (&bucket, &object), &headers).await;
    }
    access::bearer(&desk, &headers)?;
    let job = find(&desk, &memory, &bucket, &object)?;
    Ok(Json(card(&desk, &job, &bucket, &object).await?).into_response())
}

/// `GET /download/storage/v1/b/{bucket}/o/{object}`: the object.
pub(super) async fn download(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path((bucket, object)): Object,
    headers: HeaderMap,
) -> Answer {
    bytes(&desk, &memory, (&bucket, &object), &headers).await
}

/// `GET /storage/v1/b/{bucket}/o`: the objects, those under `prefix` if it is given.
pub(super) async fn list(
    State(desk): State<EmulatorContext>,
    Extension(memory): Mem,
    Path(bucket): Path<String>,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    access::bearer(&desk, &headers)?;
    let prefix = access::parameter(&uri, "prefix").unwrap_or_default();
    let root = format!("gs://{bucket}/");
    let mut items = Vec::new();
    for name in memory.names(&format!("{root}{prefix}")) {
        let object = name.strip_prefix(&root).unwrap_or(&name);
        if let Ok(job) = find(&desk, &memory, &bucket, object) {
            items.push(card(&desk, &job, &bucket, object).await?);
        }
    }
    Ok(Json(json!({ "kind": "storage#objects", "items": items })).into_response())
}

async fn bytes(
    desk: &EmulatorContext,
    memory: &Memory,
    (bucket, object): (&str, &str),
    headers: &HeaderMap,
) -> Answer {
    let key = access::bearer(desk, headers)?;
    let job = find(desk, memory, bucket, object)?;
    let served = desk.download(&job, Some(&key), headers).await;
    served.map_err(|trouble| refused(trouble, bucket, object))
}

/// The job whose video the object is, once it is there.
fn find(
    desk: &EmulatorContext,
    memory: &Memory,
    bucket: &str,
    object: &str,
) -> Result<JobView, Turn> {
    let job = memory.job_of(desk, &format!("gs://{bucket}/{object}"));
    let job = job.filter(|job| matches!(job.state, Stand::Done) && !job.is_empty());
    job.ok_or_else(|| refused(NoFile::NoVideo, bucket, object))
}

fn refused(trouble: NoFile, bucket: &str, object: &str) -> Turn {
    let (code, reason, message) = match trouble {
        NoFile::NeedsKey => (
            Code::Unauthenticated,
            "required",
            format!("Anonymous caller does not have storage.objects.get access to {bucket}."),
        ),
        NoFile::Broken => (Code::Unavailable, "backendError", "Backend Error".to_owned()),
        NoFile::NotReady | NoFile::NoVideo | NoFile::NotThere | NoFile::Expired => {
            (Code::NotFound, "notFound", format!("No such object: {bucket}/{object}"))
        }
    };
    let body = json!({ "error": {
        "code": code.http(),
        "message": message,
        "errors": [{ "message": message, "domain": "global", "reason": reason }],
    }});
    let status = Status::new(code, "").response().status();
    Turn::back((status, Json(body)).into_response())
}

async fn card(
    desk: &EmulatorContext,
    job: &JobView,
    bucket: &str,
    object: &str,
) -> Result<Value, Turn> {
    let film = desk.film(job).await.map_err(|trouble| refused(trouble, bucket, object))?;
    let made = job.ended_at.unwrap_or(job.accepted_at).to_string();
    let name = percent_encoding::utf8_percent_encode(object, percent_encoding::NON_ALPHANUMERIC);
    let base = desk.base_url();
    Ok(json!({
        "kind": "storage#object",
        "id": format!("{bucket}/{object}/1"),
        "name": object,
        "bucket": bucket,
        "generation": "1",
        "metageneration": "1",
        "contentType": "video/mp4",
        "storageClass": "STANDARD",
        "size": film.len().to_string(),
        "timeCreated": made,
        "updated": made,
        "selfLink": format!("{base}/storage/v1/b/{bucket}/o/{name}"),
        "mediaLink": format!("{base}/download/storage/v1/b/{bucket}/o/{name}?generation=1&alt=media"),
    }))
}
