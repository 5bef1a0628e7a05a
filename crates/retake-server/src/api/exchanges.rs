//! `GET /retake/v1/videos/{id}/exchanges`: what was said with providers, without secrets.

use axum::{Json, extract::State};
use retake_core::evidence::Exchange;
use serde::Serialize;
use utoipa::ToSchema;

use super::{AppState, Problem, extract::Named, view::ListWord};
use crate::keys::Caller;

/// The exchanges of a video, oldest first.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ExchangeList)]
pub(super) struct Exchanges {
    #[schema(inline)]
    object: ListWord,
    data: Vec<Kept>,
}

/// One exchange with a provider.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = KeptExchange)]
struct Kept {
    /// The attempt that it was made for.
    #[schema(minimum = 1)]
    attempt: u32,
    #[serde(flatten)]
    exchange: Exchange,
}

/// Shows what was said with providers
///
/// The calls that were made for a video and what came back: times, statuses, the provider's names for the
/// exchanges, and the beginnings of the bodies. Keys, signed links and files are left out. Polls that brought
/// nothing new are not kept; of a long attempt the first exchanges and the last ones are.
#[utoipa::path(
    get,
    path = "/retake/v1/videos/{id}/exchanges",
    operation_id = "list_exchanges",
    tag = "videos",
    params(("id" = String, Path, description = "The id of a video.")),
    responses((status = 200, description = "The exchanges, oldest first.", body = Exchanges)),
    extensions(("x-refusals" = json!(["404 video_not_found"]))),
)]
pub(super) async fn of_video(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<Exchanges>, Problem> {
    let kept = state.videos.exchanges(&caller, &id).await?;
    let data = kept
        .into_iter()
        .map(|kept| Kept { attempt: kept.attempt, exchange: kept.exchange })
        .collect();
    Ok(Json(Exchanges { object: ListWord::Always, data }))
}
