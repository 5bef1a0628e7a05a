//! Characters. They are not stored: a character's id encodes its name.

use axum::{
    Json,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::StatusCode;
use serde_json::json;

use super::{dialect::OpenAiCaller, errors};
use crate::{emulator_context::EmulatorContext, request_body::Form};

/// The maximum length of a name (OpenAI specification 2.3.0).
const MAX_NAME_CHARS: usize = 80;

pub(super) async fn create(
    State(context): State<EmulatorContext>,
    _: OpenAiCaller,
    request: Request,
) -> Response {
    let form = match Form::read(request).await {
        Ok(form) => form,
        Err(reason) => return errors::body_error(&reason).into_response(),
    };
    let fits = |name: &String| (1..=MAX_NAME_CHARS).contains(&name.chars().count());
    let Some(name) = form.text("name").filter(fits) else {
        let message = "Invalid 'name': expected 1 to 80 characters.";
        return errors::invalid(message, Some("name"), Some("invalid_value")).into_response();
    };
    if form.file("video").is_none() {
        let message = "Missing required parameter: 'video'.";
        return errors::invalid(message, Some("video"), Some("missing_required_parameter"))
            .into_response();
    }
    let created = context.now().as_second();
    let id = BASE64_URL_SAFE_NO_PAD.encode(format!("{created} {name}"));
    Json(json!({ "id": format!("char_{id}"), "name": name, "created_at": created })).into_response()
}

pub(super) async fn retrieve(Path(id): Path<String>, _: OpenAiCaller) -> Response {
    let text = id.strip_prefix("char_").and_then(|it| BASE64_URL_SAFE_NO_PAD.decode(it).ok());
    let text = text.and_then(|bytes| String::from_utf8(bytes).ok());
    let parts = text.as_deref().and_then(|text| text.split_once(' '));
    let known = parts.and_then(|(created, name)| Some((created.parse::<i64>().ok()?, name)));
    let Some((created, name)) = known else {
        let message = format!("Character '{id}' not found.");
        let kind = "invalid_request_error";
        return errors::error(StatusCode::NOT_FOUND, &message, kind, None, None).into_response();
    };
    Json(json!({ "id": id, "name": name, "created_at": created })).into_response()
}
