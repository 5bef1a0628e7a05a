//! `/v1/videos/characters`: somebody from a short clip, who can appear in videos by name.

use axum::{
    Json,
    extract::{Request, State},
};
use retake_core::ids::CharacterId;
use retake_store::StoredCharacter;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{
    AppState, Problem, bodies, body, create as fields,
    extract::{Asked, Named},
    view::{ListWord, always},
};
use crate::keys::Caller;

always!(DeletedWord, "character.deleted");

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
        "400 unknown_parameter", "409 too_many_characters", "503 storage_unavailable",
    ]))),
)]
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Json<Shown>, Problem> {
    let fields = body::read(request, &state).await?;
    let (name, clip) = fields::parse_character(fields)?;
    Ok(Json(view(state.characters.create(&caller, &name, clip).await?)))
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
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Shown>, Problem> {
    Ok(Json(view(state.characters.get(&caller, &id).await?)))
}

/// A character that was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeletedCharacter {
    /// What its id was.
    #[schema(pattern = "^char_[0-9a-f]{32}$")]
    id: String,
    #[schema(inline)]
    object: DeletedWord,
    /// Always true.
    deleted: bool,
}

/// Deletes a character
///
/// Videos that it appears in are made and kept all the same.
#[utoipa::path(
    delete,
    path = "/v1/videos/characters/{id}",
    operation_id = "delete_character",
    tag = "videos",
    params(("id" = String, Path, description = "The id of a character.")),
    responses((status = 200, description = "It is gone.", body = DeletedCharacter)),
    extensions(("x-refusals" = json!(["404 character_not_found"]))),
)]
pub(super) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<DeletedCharacter>, Problem> {
    let id = state.characters.delete(&caller, &id).await?.to_string();
    Ok(Json(DeletedCharacter { id, object: DeletedWord::Always, deleted: true }))
}

/// A page of characters, the newest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Characters)]
pub(super) struct Listing {
    #[schema(inline)]
    object: ListWord,
    data: Vec<Shown>,
    /// The id of the first one.
    #[schema(required)]
    first_id: Option<String>,
    /// The id of the last one, after which the next page begins.
    #[schema(required)]
    last_id: Option<String>,
    /// Whether there are more after it.
    has_more: bool,
}

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Listed {
    /// The id of the last character of the page before.
    #[param(value_type = String, required = false)]
    after: Option<String>,
    /// How many characters at most.
    #[param(value_type = u32, required = false, maximum = 100, default = 20)]
    limit: Option<String>,
}

/// Lists characters, newest first
///
/// A key sees its own characters, and that of an administrator everybody's.
#[utoipa::path(
    get,
    path = "/v1/videos/characters",
    operation_id = "list_characters",
    tag = "videos",
    params(Listed),
    responses((status = 200, description = "A page of characters.", body = Listing)),
    extensions(("x-refusals" = json!(["400 invalid_value"]))),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Asked(query): Asked<Listed>,
) -> Result<Json<Listing>, Problem> {
    let limit = match query.limit.as_deref() {
        None => 20,
        Some(text) => text.parse().ok().filter(|limit| *limit <= 100).ok_or_else(|| {
            let message = "`limit` has to be a whole number from 0 to 100";
            Problem::bad_request("invalid_value", Some("limit"), message)
        })?,
    };
    let after = query.after.as_deref().map(str::parse::<CharacterId>);
    let (found, has_more) = match after {
        // After a character that never was comes nothing.
        Some(Err(_)) => (Vec::new(), false),
        Some(Ok(after)) => state.characters.list(&caller, Some(&after), limit).await?,
        None => state.characters.list(&caller, None, limit).await?,
    };
    let data: Vec<_> = found.into_iter().map(view).collect();
    let id = |shown: Option<&Shown>| shown.map(|shown| shown.id.clone());
    let (first_id, last_id) = (id(data.first()), id(data.last()));
    Ok(Json(Listing { object: ListWord::Always, data, first_id, last_id, has_more }))
}

fn view(stored: StoredCharacter) -> Shown {
    Shown {
        id: stored.character.id.to_string(),
        name: stored.character.name,
        created_at: stored.created_at.as_second(),
    }
}
