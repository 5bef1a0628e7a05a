//! Videos made from videos: remix, edits, extensions.

use axum::{
    Extension,
    extract::{Path, Request, State},
    response::Response,
};
use http::HeaderMap;
use serde_json::json;

use super::{
    ask,
    dialect::Dialect,
    videos,
    wire::{self, Problem},
};
use crate::{
    emulator_context::EmulatorContext,
    intake::Form,
    simulator::{Create, JobView, State as Job},
};

/// What an extension may add to (OpenAI guide, 2026): 120 s in all, in six steps of 20 s at most.
const LONGEST: u64 = 120;

pub(super) async fn remix(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    Path(id): Path<String>,
    request: Request,
) -> Response {
    let made = async {
        let source = source(&desk, dialect, request.headers(), &id)?;
        let form = Form::read(request).await.map_err(|why| wire::unreadable(&why))?;
        let prompt = ask::prompt(&form)?;
        Ok(again(&desk, dialect, &source, prompt, &form))
    };
    answer(&desk, dialect, made.await).await
}

pub(super) async fn edit(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    request: Request,
) -> Response {
    let made = async {
        let (source, form) = named(&desk, dialect, request).await?;
        let prompt = ask::prompt(&form)?;
        Ok(again(&desk, dialect, &source, prompt, &form))
    };
    answer(&desk, dialect, made.await).await
}

pub(super) async fn extend(
    State(desk): State<EmulatorContext>,
    Extension(dialect): Extension<Dialect>,
    request: Request,
) -> Response {
    let made = async {
        let (source, form) = named(&desk, dialect, request).await?;
        let prompt = ask::prompt(&form)?;
        let added = ask::seconds(&form, "")?;
        let create = again(&desk, dialect, &source, prompt, &form);
        let total = source.create.millis / 1000 + added;
        if total > LONGEST {
            let message =
                format!("The extended video would last {total} seconds; 120 are allowed.");
            return Err(wire::invalid(&message, Some("seconds"), Some("invalid_value")));
        }
        let size = (create.width, create.height);
        let price_micros = ask::price(&create.model, size, added);
        Ok(Create { millis: total * 1000, price_micros, ..create })
    };
    answer(&desk, dialect, made.await).await
}

async fn answer(
    desk: &EmulatorContext,
    dialect: Dialect,
    made: Result<Create, Problem>,
) -> Response {
    match made {
        Ok(create) => videos::submit(desk, dialect, create).await,
        Err(problem) => dialect.word(problem),
    }
}

/// The source that a body names as `video`.
async fn named(
    desk: &EmulatorContext,
    dialect: Dialect,
    request: Request,
) -> Result<(JobView, Form), Problem> {
    let headers = request.headers().clone();
    dialect.key(desk, &headers)?;
    let form = Form::read(request).await.map_err(|why| wire::unreadable(&why))?;
    let id = form.fields.pointer("/video/id").and_then(|id| id.as_str());
    let Some(id) = id else {
        // Uploads are for eligible customers only, and nobody is one here.
        let message = "Missing required parameter: 'video'.";
        return Err(wire::invalid(message, Some("video"), Some("missing_required_parameter")));
    };
    Ok((source(desk, dialect, &headers, id)?, form))
}

fn source(
    desk: &EmulatorContext,
    dialect: Dialect,
    headers: &HeaderMap,
    id: &str,
) -> Result<JobView, Problem> {
    let job = dialect.find(desk, headers, id)?;
    if matches!(job.state, Job::Done) {
        return Ok(job);
    }
    Err(wire::invalid("The source video is not completed.", Some("video"), Some("invalid_value")))
}

/// A create like the source's, with another prompt.
fn again(
    desk: &EmulatorContext,
    dialect: Dialect,
    source: &JobView,
    prompt: String,
    form: &Form,
) -> Create {
    let mut extra = source.create.extra.clone();
    extra["remixed_from"] = json!(source.id());
    Create {
        id: dialect.new_id(desk, &source.create.model),
        prompt,
        request: form.fields.clone(),
        extra,
        ..Create::clone(&source.create)
    }
}
