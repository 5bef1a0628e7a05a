//! The synchronous host, `fal.run`: one call that answers with the model's output.
//!
//! Nothing is tried again here and there is no status to ask for. Whoever hangs up loses the result,
//! though not the bill.

use std::sync::Arc;

use axum::{
    Extension,
    extract::{Path, Request, State},
    response::{IntoResponse as _, Response},
};

use super::{REQUEST_ID, errors, queue, status::Stand, with};
use crate::{emulator_context::EmulatorContext, upload_store::UploadStore};

/// `POST /fal.run/{endpoint}`: renders and answers with the output.
pub(super) async fn run(
    State(desk): State<EmulatorContext>,
    Path(path): Path<String>,
    Extension(shelf): Extension<Arc<UploadStore>>,
    request: Request,
) -> Response {
    let job = match queue::accept(&desk, &shelf, &path, None, request).await {
        Ok(job) => job,
        Err(early) => return early.into_response(),
    };
    loop {
        let Some(job) = desk.look(job.id()) else {
            return errors::named("internal_error").respond();
        };
        if matches!(super::status::stand(&job), Stand::Done | Stand::Failed(_)) {
            return with(queue::result(&desk, &job).await, REQUEST_ID, job.id());
        }
        match job.changes_at {
            Some(moment) => desk.clock().hold_until(moment).await,
            // It stands still for ever, and so does this call.
            None => std::future::pending().await,
        }
    }
}
