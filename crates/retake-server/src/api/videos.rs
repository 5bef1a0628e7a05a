//! The handlers of `/v1/videos`.

use axum::{
    Json,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use retake_core::ids::VideoId;
use retake_store::Page;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::{
    AppState, Problem, bodies,
    body::{self, Fields},
    create as fields,
    extract::{Asked, Named},
    view::{self, always},
};
use crate::{
    intake::{IdempotencyToken, Sequel},
    keys::Caller,
};

const LONGEST_IDEMPOTENCY_KEY: usize = 255;
/// Told to the official clients' poll helpers, which then ask in this rhythm.
const POLL_AFTER: HeaderName = HeaderName::from_static("openai-poll-after-ms");

/// Bytes that a video usually takes in an answer.
const USUAL_LENGTH: usize = 2 << 10;

always!(DeletedWord, "video.deleted");

/// How a repeated request is told from a new one.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "describes what `repetition` reads")]
struct Repeating {
    /// A name of the caller's choice for this request. Whoever sends it again under the same name gets the
    /// first answer, and never a second video.
    #[param(rename = "Idempotency-Key", value_type = String, required = false, min_length = 1, max_length = 255, pattern = r"^[\t -~]+$")]
    idempotency_key: Option<String>,
}

/// The new video, queued.
#[derive(IntoResponses)]
#[response(
    status = 200,
    headers(("openai-poll-after-ms" = u64, description = "When asking again makes sense.")),
)]
#[expect(dead_code, reason = "describes what `video` makes of a new job")]
struct NewVideo(view::Video<'static>);

/// Makes a video from a prompt
///
/// It is accepted at once and made later: ask for it again until its `status` is `completed` or `failed`, listen
/// to its events, or name a webhook endpoint. What is wrong with a request is said here, before anything is
/// spent.
#[utoipa::path(
    post,
    path = "/v1/videos",
    operation_id = "create_video",
    tag = "videos",
    params(Repeating),
    request_body(content(
        (bodies::Create = "application/json"),
        (bodies::CreateForm = "multipart/form-data"),
    )),
    responses(NewVideo),
    extensions(("x-refusals" = json!(["intake"]))),
)]
pub(super) async fn create(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    let (marks, fields) = marked(&state, request, "create").await?;
    let job = state.intake.submit(&caller, fields::parse(fields)?, marks).await?;
    Ok(video(&state, &job))
}

/// Makes a video from a prompt, under a second path
///
/// The same as `POST /v1/videos`, for clients that were written for this path.
#[utoipa::path(
    post,
    path = "/v1/videos/generations",
    operation_id = "generate_video",
    tag = "videos",
    params(Repeating),
    request_body(content(
        (bodies::Create = "application/json"),
        (bodies::CreateForm = "multipart/form-data"),
    )),
    responses(NewVideo),
    extensions(("x-refusals" = json!(["intake"]))),
)]
pub(super) async fn generate(
    state: State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    create(state, caller, request).await
}

/// Makes the same scene under another prompt
#[utoipa::path(
    post,
    path = "/v1/videos/{id}/remix",
    operation_id = "remix_video",
    tag = "videos",
    params(("id" = String, Path, description = "The id of the video to remix."), Repeating),
    request_body(content(
        (bodies::Remix = "application/json"),
        (bodies::Remix = "multipart/form-data"),
    )),
    responses(NewVideo),
    extensions(("x-refusals" = json!(["intake", "sequel"]))),
)]
pub(super) async fn remix(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
    request: Request,
) -> Result<Response, Problem> {
    let route = format!("remix {id}");
    sequel(&state, &caller, request, &route, |read| fields::parse_remix(read, id)).await
}

/// Changes a video as a prompt says
///
/// What comes out is a new video; the one that it is made from stays as it is. That is a video of this gateway,
/// named by its id, or one that is sent along as a file. An edit of a file begins with its first picture and is as
/// long and as large as the file; its size has to be one that the model renders.
#[utoipa::path(
    post,
    path = "/v1/videos/edits",
    operation_id = "edit_video",
    tag = "videos",
    params(Repeating),
    request_body(content(
        (bodies::Edit = "application/json"),
        (bodies::EditForm = "multipart/form-data"),
    )),
    responses(NewVideo),
    extensions(("x-refusals" = json!(["intake", "sequel", "400 invalid_video"]))),
)]
pub(super) async fn edit(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    sequel(&state, &caller, request, "edit", fields::parse_edit).await
}

/// Lets a video go on
///
/// What comes out is a new video: the whole, from its beginning. It goes on from a video of this gateway, named by
/// its id, or from one that is sent along as a file. What is new is put behind that file as it is, so it has to be
/// coded alike; a file that is not is refused with what to do.
#[utoipa::path(
    post,
    path = "/v1/videos/extensions",
    operation_id = "extend_video",
    tag = "videos",
    params(Repeating),
    request_body(content(
        (bodies::Extend = "application/json"),
        (bodies::ExtendForm = "multipart/form-data"),
    )),
    responses(NewVideo),
    extensions(("x-refusals" = json!(["intake", "sequel", "400 invalid_video"]))),
)]
pub(super) async fn extend(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Response, Problem> {
    sequel(&state, &caller, request, "extend", fields::parse_extension).await
}

/// Takes in what is to be made of a video.
async fn sequel(
    state: &AppState,
    caller: &Caller,
    request: Request,
    route: &str,
    parse: impl FnOnce(Fields) -> Result<Sequel, Problem>,
) -> Result<Response, Problem> {
    let (marks, read) = marked(state, request, route).await?;
    let job = state.intake.submit_sequel(caller, parse(read)?, marks).await?;
    Ok(video(state, &job))
}

/// Reads a body, and by what a repetition of it would be known.
async fn marked(
    state: &AppState,
    request: Request,
    route: &str,
) -> Result<(IdempotencyToken, Fields), Problem> {
    let (key, is_retry) = repetition(request.headers())?;
    // A remix has nothing but a prompt.
    let fields = if route.starts_with("remix ") {
        body::read_plain(request, state).await?
    } else {
        body::read(request, state).await?
    };
    let (fields, digest) = fields.digested(route).await?;
    Ok((IdempotencyToken { key, digest, is_retry }, fields))
}

/// The idempotency key of a request, and whether its client says that it sends it again.
fn repetition(headers: &HeaderMap) -> Result<(Option<String>, bool), Problem> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let key = text("idempotency-key");
    // Whoever sends a key relies on it, so one that cannot be read is not passed over.
    let is_sent = headers.contains_key("idempotency-key");
    if is_sent && key.is_none_or(|key| key.is_empty() || key.len() > LONGEST_IDEMPOTENCY_KEY) {
        let message = format!(
            "the header `idempotency-key` has to have from 1 to {LONGEST_IDEMPOTENCY_KEY} characters of ASCII"
        );
        return Err(Problem::bad_request("invalid_value", Some("idempotency-key"), message));
    }
    let is_retry = text("x-stainless-retry-count").is_some_and(|count| count != "0");
    Ok((key.map(str::to_owned), is_retry))
}

/// Shows a video
#[utoipa::path(
    get,
    path = "/v1/videos/{id}",
    operation_id = "retrieve_video",
    tag = "videos",
    params(("id" = String, Path, description = "The id of a video.")),
    responses((status = 200, description = "The video as it is now.", body = view::Video,
        headers(("openai-poll-after-ms" = u64, description = "When asking again makes sense.")))),
    extensions(("x-refusals" = json!(["404 video_not_found"]))),
)]
pub(super) async fn retrieve(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Response, Problem> {
    let job = state.videos.get(&caller, &id).await?;
    Ok(video(&state, &job))
}

/// Stops a video that is being made
///
/// One that has ended stays as it is.
#[utoipa::path(
    post,
    path = "/v1/videos/{id}/cancel",
    operation_id = "cancel_video",
    tag = "videos",
    params(("id" = String, Path, description = "The id of a video.")),
    responses((status = 200, description = "The video, stopped or about to be.", body = view::Video,
        headers(("openai-poll-after-ms" = u64, description = "When asking again makes sense.")))),
    extensions(("x-refusals" = json!(["404 video_not_found"]))),
)]
pub(super) async fn cancel(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Response, Problem> {
    let job = state.videos.cancel(&caller, &id).await?;
    Ok(video(&state, &job))
}

/// A video that was deleted.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct DeletedVideo {
    /// What its id was.
    #[schema(value_type = String)]
    id: VideoId,
    #[schema(inline)]
    object: DeletedWord,
    /// Always true.
    deleted: bool,
}

/// Deletes a video that has ended, and its file
#[utoipa::path(
    delete,
    path = "/v1/videos/{id}",
    operation_id = "delete_video",
    tag = "videos",
    params(("id" = String, Path, description = "The id of a video.")),
    responses((status = 200, description = "It is gone.", body = DeletedVideo)),
    extensions(("x-refusals" = json!(["404 video_not_found", "409 video_not_ended"]))),
)]
pub(super) async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<DeletedVideo>, Problem> {
    let id = state.videos.delete(&caller, &id).await?;
    Ok(Json(DeletedVideo { id, object: DeletedWord::Always, deleted: true }))
}

/// The query of a list, as text, so that a bad value can be named.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct Listed {
    /// The id of the last video of the page before.
    #[param(value_type = String, required = false)]
    after: Option<String>,
    /// How many videos at most.
    #[param(value_type = u32, required = false, maximum = 100, default = 20)]
    limit: Option<String>,
    /// Whether the newest (`desc`) or the oldest (`asc`) come first.
    #[param(value_type = String, required = false, pattern = "^(asc|desc)$", default = "desc")]
    order: Option<String>,
}

/// Lists videos, newest first unless asked otherwise
///
/// A key sees its own videos, and that of an administrator everybody's.
#[utoipa::path(
    get,
    path = "/v1/videos",
    operation_id = "list_videos",
    tag = "videos",
    params(Listed),
    responses((status = 200, description = "A page of videos.", body = view::Videos)),
    extensions(("x-refusals" = json!(["400 invalid_value"]))),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Asked(query): Asked<Listed>,
) -> Result<Response, Problem> {
    let limit = match query.limit.as_deref() {
        None => 20,
        Some(text) => text.parse().ok().filter(|limit| *limit <= 100).ok_or_else(|| {
            let message = "`limit` has to be a whole number from 0 to 100";
            Problem::bad_request("invalid_value", Some("limit"), message)
        })?,
    };
    let newest_first = match query.order.as_deref() {
        None | Some("desc") => true,
        Some("asc") => false,
        Some(_) => {
            let message = "`order` has to be `asc` or `desc`";
            return Err(Problem::bad_request("invalid_value", Some("order"), message));
        }
    };
    let after = query.after.as_deref().map(str::parse::<VideoId>);
    // After a video that never was comes nothing.
    if limit == 0 || matches!(after, Some(Err(_))) {
        return Ok(Json(view::page(&[], false, state.videos.clock.now())).into_response());
    }
    let page = Page {
        owner: caller.sees().cloned(),
        after: after.and_then(Result::ok),
        limit,
        newest_first,
    };
    let listing = state.videos.list(page).await?;
    let page = view::page(&listing.jobs, listing.has_more, state.videos.clock.now());
    Ok(json(&page, USUAL_LENGTH * (listing.jobs.len() + 1)))
}

fn video(state: &AppState, job: &retake_store::Job) -> Response {
    let now = state.videos.clock.now();
    let mut response = json(&view::video(job, now), USUAL_LENGTH);
    if let Some(after) = view::poll_after(job, now) {
        response.headers_mut().insert(POLL_AFTER, HeaderValue::from(after));
    }
    response
}

/// An answer in JSON, with room for its usual length. What writes JSON does so in pieces of a few bytes, for which plain
/// memory is quicker than what [`Json`] takes.
fn json(view: &impl Serialize, room: usize) -> Response {
    let mut text = Vec::with_capacity(room);
    if let Err(error) = serde_json::to_writer(&mut text, view) {
        return Problem::internal(error.to_string()).into_response();
    }
    let mut response = Response::new(Body::from(text));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
