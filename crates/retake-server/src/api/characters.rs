//! `/v1/videos/characters`: somebody from a short clip, who can appear in videos by name.

use axum::{
    Json,
    extract::{Request, State},
};
use retake_store::StoredCharacter;
use serde::Serialize;
use utoipa::ToSchema;

use super::{Desk, Problem, bodies, body, create as fields, extract::Named};
use crate::keys::Caller;

/// Somebody who can appear in videos.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Character)]
pub(super) struct Shown {
    /// Its id.
    #[schema(pattern = "^char_[0-9a-f]{32}$")]
    id: String,
    /// Its name, as prompts say it.
    name: String,
    /// When it was made, in seconds since 1970.
    created_at: i64,
}

/// Makes a character of a clip
///
/// It appears in videos whose prompt says its name and whose `characters` list its id.
#[utoipa::path(
    post,
    path = "/v1/videos/characters",
    operation_id = "create_character",
    tag = "videos",
    request_body(content((bodies::CharacterForm = "multipart/form-data"))),
    responses((status = 200, description = "The character.", body = Shown)),
    extensions(("x-refusals" = json!([
        "400 invalid_type", "400 invalid_value", "400 invalid_video", "400 missing_required_parameter",
        "400 unknown_parameter", "503 storage_unavailable",
    ]))),
)]
pub(super) async fn create(
    State(desk): State<Desk>,
    caller: Caller,
    request: Request,
) -> Result<Json<Shown>, Problem> {
    let fields = body::read(request, desk.largest_body).await?;
    let (name, clip) = fields::parse_character(fields)?;
    Ok(Json(view(desk.characters.create(&caller, &name, clip).await?)))
}

/// Shows a character
#[utoipa::path(
    get,
    path = "/v1/videos/characters/{id}",
    operation_id = "retrieve_character",
    tag = "videos",
    params(("id" = String, Path, description = "The id of a character.")),
    responses((status = 200, description = "The character.", body = Shown)),
    extensions(("x-refusals" = json!(["404 character_not_found"]))),
)]
pub(super) async fn retrieve(
    State(desk): State<Desk>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Shown>, Problem> {
    Ok(Json(view(desk.characters.get(&caller, &id).await?)))
}

fn view(stored: StoredCharacter) -> Shown {
    Shown {
        id: stored.character.id.to_string(),
        name: stored.character.name,
        created_at: stored.created_at.as_second(),
    }
}
