//! The synchronous host, `fal.run`: one call that returns the model's output.
//!
//! Nothing is retried here and there is no status. A caller who disconnects loses the result but is
//! billed.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};

use super::{Caller, REQUEST_ID, errors, queue, status::RequestState};
use crate::{emulator_context::EmulatorContext, headers::with_header, upload_store::UploadStore};

/// `POST /fal.run/{endpoint}`: renders and returns the output.
pub(super) async fn run(
    State(context): State<EmulatorContext>,
    Path(path): Path<String>,
    Extension(uploads): Extension<Arc<UploadStore>>,
    Caller { key, .. }: Caller,
    request: Request,
) -> Response {
    let job = match queue::accept(&context, &uploads, key, &path, None, request).await {
        Ok(job) => job,
        Err(early_response) => return early_response.into_response(),
    };
    loop {
        let Some(job) = context.find_job(job.id()) else {
            return errors::error_by_name("internal_error").respond();
        };
        if matches!(
            super::status::request_state(&job),
            RequestState::Done | RequestState::Failed(_)
        ) {
            return with_header(queue::result(&context, &job).await, REQUEST_ID, job.id());
        }
        match job.next_change_at {
            Some(moment) => context.clock().hold_until(moment).await,
            // The job is stuck, so this call never returns.
            None => std::future::pending().await,
        }
    }
}
