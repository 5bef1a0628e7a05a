//! What providers call: notices of news, and pictures that they fetch.
//!
//! Both URLs are made here and cannot be guessed, which is all the leave that a provider has. Whatever is wrong
//! with one is answered with 404, so that nobody learns which part was right.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use retake_core::fault::chain;
use retake_providers::{Hook, HookError, Log};

use super::{AppState, Problem, extract::Named, spool};

/// Notices carry a render's state and no files.
const LARGEST_NOTICE: usize = 1 << 20;

/// Takes a notice from a provider
///
/// Providers that are given a URL call it when a render has news. The notice is only a hint: what happened is
/// asked of the provider itself, so a notice that comes twice or late does no harm.
#[utoipa::path(
    post,
    path = "/retake/v1/hooks/{account}/{tag}/{code}",
    operation_id = "receive_notice",
    tag = "gateway",
    security(()),
    params(
        ("account" = String, Path, description = "The account."),
        ("tag" = String, Path, description = "The attempt."),
        ("code" = String, Path, description = "What shows that the URL was given out here."),
    ),
    responses((status = 204, description = "It is heard.")),
    extensions(("x-refusals" = json!(["401 invalid_callback_signature", "404 invalid_callback_url",
        "400 incomplete_body", "413 request_too_large", "429 concurrency_limit_exceeded",
        "503 gateway_overloaded", "503 ledger_unavailable", "503 storage_full", "503 storage_unavailable"]))),
)]
pub(super) async fn receive(
    State(state): State<AppState>,
    Named((account, tag, code)): Named<(String, String, String)>,
    request: Request,
) -> Result<StatusCode, Problem> {
    let job = state.hooks.as_ref().and_then(|hooks| hooks.job(&account, &tag, &code));
    let (Some(job), Some(known)) = (job, state.accounts.get(&account)) else {
        return Err(Problem::no_such_link());
    };
    let headers = request.headers().clone();
    let body = spool::receive(request, &state, LARGEST_NOTICE).await?;
    let (body, held) = body.into_memory(&state, 1).await?;
    let body = spool::counted(body, held.map(Arc::new).as_ref());
    let hook = Hook { headers, body, at: state.videos.clock.now() };
    match known.provider.verify_hook(hook, &Log::default()).await {
        Ok(()) => {}
        Err(HookError::Unverifiable(fault)) => {
            // The provider's keys are out of reach. The URL was ours, and a poll harms nobody.
            tracing::warn!(
                account,
                fault = fault.without_words(),
                "a provider's notice could not be verified"
            );
        }
        Err(error) => {
            tracing::warn!(account, error = chain(&error), "refused a notice in a provider's name");
            return Err(Problem::not_genuine(error.to_string()));
        }
    }
    state.videos.nudge(&job).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Hands a picture of a request to a provider
///
/// For providers that take pictures only by URL. The URL is given to the provider alone.
#[utoipa::path(
    get,
    path = "/retake/v1/pictures/{key}/{code}",
    operation_id = "fetch_picture",
    tag = "gateway",
    security(()),
    params(
        ("key" = String, Path, description = "The picture."),
        ("code" = String, Path, description = "What shows that the URL was given out here."),
    ),
    responses((status = 200, description = "The picture.", body = Vec<u8>, content_type = "image/*")),
    extensions(("x-refusals" = json!(["404 invalid_callback_url", "410 video_file_missing",
        "503 storage_unavailable"]))),
)]
pub(super) async fn picture(
    State(state): State<AppState>,
    Named((key, code)): Named<(String, String)>,
) -> Result<Response, Problem> {
    if !state.hooks.as_ref().is_some_and(|hooks| hooks.knows_picture(&key, &code)) {
        return Err(Problem::no_such_link());
    }
    let bytes = state.assets.read(&key).await?;
    let format = retake_media::StillFormat::of(&bytes);
    let media_type = format.map_or("application/octet-stream", |format| format.media_type());
    let media_type = HeaderValue::from_static(media_type);
    Ok(([(header::CONTENT_TYPE, media_type)], Body::from(bytes)).into_response())
}
