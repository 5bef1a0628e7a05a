//! Videos derived from other videos: remixes, edits, extensions.

use axum::{
    Extension,
    extract::{Path, Request, State},
    response::Response,
};
use serde_json::json;

use super::{
    create_request,
    dialect::{Caller, DialectRef},
    errors::{self, ApiError},
    videos,
};
use crate::{
    emulator_context::EmulatorContext,
    request_body::Form,
    simulator::{Create, JobState, JobView},
};

/// The maximum length of an extended video, in seconds (OpenAI guide, 2026): six steps of at most
/// 20 s.
const MAX_SECONDS: u64 = 120;

pub(super) async fn remix(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    Path(id): Path<String>,
    caller: Caller,
    request: Request,
) -> Response {
    let derived = async {
        let source = find_source(&context, dialect, &caller.key, &id)?;
        let form = Form::read(request).await.map_err(|error| errors::body_error(&error))?;
        let prompt = create_request::read_prompt(&form)?;
        Ok(derive_create(&context, dialect, &source, prompt, &form))
    };
    respond(&context, dialect, derived.await).await
}

pub(super) async fn edit(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    caller: Caller,
    request: Request,
) -> Response {
    let derived = async {
        let (source, form) = read_with_source(&context, dialect, &caller.key, request).await?;
        let prompt = create_request::read_prompt(&form)?;
        Ok(derive_create(&context, dialect, &source, prompt, &form))
    };
    respond(&context, dialect, derived.await).await
}

pub(super) async fn extend(
    State(context): State<EmulatorContext>,
    Extension(dialect): Extension<DialectRef>,
    caller: Caller,
    request: Request,
) -> Response {
    let derived = async {
        let (source, form) = read_with_source(&context, dialect, &caller.key, request).await?;
        let prompt = create_request::read_prompt(&form)?;
        let added = create_request::read_seconds(&form, "")?;
        let create = derive_create(&context, dialect, &source, prompt, &form);
        let total = source.create.millis / 1000 + added;
        if total > MAX_SECONDS {
            let message =
                format!("The extended video would last {total} seconds; 120 are allowed.");
            return Err(errors::invalid(&message, Some("seconds"), Some("invalid_value")));
        }
        let size = (create.width, create.height);
        let price_micros = create_request::price_micros(&create.model, size, added);
        Ok(Create { millis: total * 1000, price_micros, ..create })
    };
    respond(&context, dialect, derived.await).await
}

async fn respond(
    context: &EmulatorContext,
    dialect: DialectRef,
    derived: Result<Create, ApiError>,
) -> Response {
    match derived {
        Ok(create) => videos::submit(context, dialect, create).await,
        Err(error) => dialect.error_response(&error),
    }
}

/// Reads a body and finds the source that it names as `video`.
async fn read_with_source(
    context: &EmulatorContext,
    dialect: DialectRef,
    key: &str,
    request: Request,
) -> Result<(JobView, Form), ApiError> {
    let form = Form::read(request).await.map_err(|error| errors::body_error(&error))?;
    let id = form.fields.pointer("/video/id").and_then(|id| id.as_str());
    let Some(id) = id else {
        // Uploads are for eligible customers only, and nobody is one here.
        let message = "Missing required parameter: 'video'.";
        return Err(errors::invalid(message, Some("video"), Some("missing_required_parameter")));
    };
    Ok((find_source(context, dialect, key, id)?, form))
}

fn find_source(
    context: &EmulatorContext,
    dialect: DialectRef,
    key: &str,
    id: &str,
) -> Result<JobView, ApiError> {
    let job = dialect.find(context, key, id)?;
    if matches!(job.state, JobState::Done) {
        return Ok(job);
    }
    Err(errors::invalid("The source video is not completed.", Some("video"), Some("invalid_value")))
}

/// A create like the source's, with another prompt.
fn derive_create(
    context: &EmulatorContext,
    dialect: DialectRef,
    source: &JobView,
    prompt: String,
    form: &Form,
) -> Create {
    let mut extra = source.create.extra.clone();
    extra["remixed_from"] = json!(source.id());
    Create {
        id: dialect.new_id(context, &source.create.model),
        prompt,
        request: form.fields.clone(),
        extra,
        ..Create::clone(&source.create)
    }
}
