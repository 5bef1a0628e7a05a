//! `/retake/v1/keys`: API keys, for administrators.

use axum::{Json, extract::State};
use jiff::{SignedDuration, Timestamp};
use retake_store::{ApiKey, KeyLimits};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    AppState, Problem,
    body::JsonBody,
    extract::Named,
    view::{ListWord, always},
};
use crate::keys::{Caller, Created, NewKeySpec};

always!(KeyWord, "retake.key");

/// The largest limit of a key.
const LARGEST: u32 = i32::MAX.unsigned_abs();

/// A key as it is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = KeyRequest, examples(json!({ "name": "studio", "max_open": 4 })))]
pub(super) struct Wish {
    /// Whose key it is, for people.
    #[schema(min_length = 1, max_length = 80)]
    name: String,
    /// Whether it may manage keys and see everybody's videos.
    #[serde(default)]
    admin: bool,
    /// How many of its videos may be queued or rendering at once.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2147483647)]
    max_open: Option<u32>,
    /// After how many seconds it is not accepted any more.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 2147483647)]
    expires_in_s: Option<u32>,
}

/// An API key, without the key itself.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Key {
    /// Its id.
    #[schema(pattern = "^key_[0-9a-f]{32}$")]
    id: String,
    #[schema(inline)]
    object: KeyWord,
    /// Whose key it is, for people.
    name: String,
    /// Its last characters.
    hint: String,
    /// Whether it may manage keys and see everybody's videos.
    admin: bool,
    /// How many of its videos may be queued or rendering at once.
    #[schema(required)]
    max_open: Option<u32>,
    /// When it was made, in seconds since 1970.
    created_at: i64,
    /// From when on it is not accepted, in seconds since 1970.
    #[schema(required)]
    expires_at: Option<i64>,
    /// When it was revoked, in seconds since 1970.
    #[schema(required)]
    revoked_at: Option<i64>,
}

/// A key that was just made. This is the only answer that shows it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct NewKey {
    #[serde(flatten)]
    shown: Key,
    /// The key itself.
    key: String,
    /// What else changed by it: whose the webhook endpoints are that were made before there were keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

/// All keys, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeyList)]
pub(super) struct Keys {
    #[schema(inline)]
    object: ListWord,
    data: Vec<Key>,
}

/// Makes a key
///
/// The answer is the only place where it can be read. From the first key on, every call needs one.
#[utoipa::path(
    post,
    path = "/retake/v1/keys",
    operation_id = "create_key",
    tag = "keys",
    request_body = Wish,
    responses((status = 200, description = "The key, this once.", body = NewKey)),
    extensions(("x-refusals" = json!(["400 invalid_value", "403 permission_denied"]))),
)]
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    JsonBody(wish): JsonBody<Wish>,
) -> Result<Json<NewKey>, Problem> {
    caller.must_be_admin()?;
    for (param, value) in [("max_open", wish.max_open), ("expires_in_s", wish.expires_in_s)] {
        if value.is_some_and(|value| value == 0 || value > LARGEST) {
            let message =
                format!("`{param}` has to be from 1 to {LARGEST}; leave it out for no limit");
            return Err(Problem::bad_request("invalid_value", Some(param), message));
        }
    }
    let lasts = wish.expires_in_s.map(|seconds| SignedDuration::from_secs(seconds.into()));
    let limits = KeyLimits { max_open: wish.max_open };
    let wish = NewKeySpec { name: wish.name, admin: wish.admin, limits, lasts };
    let Created { key, secret, warnings } = state.keys.create(wish).await?;
    Ok(Json(NewKey { shown: view(key), key: secret, warnings }))
}

/// Lists all keys
///
/// Revoked ones too, and none with the key itself.
#[utoipa::path(
    get,
    path = "/retake/v1/keys",
    operation_id = "list_keys",
    tag = "keys",
    responses((status = 200, description = "All keys, oldest first.", body = Keys)),
    extensions(("x-refusals" = json!(["403 permission_denied"]))),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
) -> Result<Json<Keys>, Problem> {
    caller.must_be_admin()?;
    let data = state.keys.list().await?.into_iter().map(view).collect();
    Ok(Json(Keys { object: ListWord::Always, data }))
}

/// Revokes a key
///
/// It is out at once; its videos stay.
#[utoipa::path(
    delete,
    path = "/retake/v1/keys/{id}",
    operation_id = "revoke_key",
    tag = "keys",
    params(("id" = String, Path, description = "The id of a key.")),
    responses((status = 200, description = "The key, now revoked.", body = Key)),
    extensions(("x-refusals" = json!(["403 permission_denied", "404 key_not_found"]))),
)]
pub(super) async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Key>, Problem> {
    caller.must_be_admin()?;
    Ok(Json(view(state.keys.revoke(&id).await?)))
}

fn view(key: ApiKey) -> Key {
    Key {
        id: key.id.to_string(),
        object: KeyWord::Always,
        name: key.name,
        hint: key.hint,
        admin: key.admin,
        max_open: key.limits.max_open,
        created_at: key.created_at.as_second(),
        expires_at: key.expires_at.map(Timestamp::as_second),
        revoked_at: key.revoked_at.map(Timestamp::as_second),
    }
}
