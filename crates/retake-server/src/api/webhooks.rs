//! `/v1/webhook_endpoints`: where a caller is told that its videos have ended. Shapes as in OpenAI's API; what
//! Retake adds is `retake` in an endpoint, and the deliveries.

mod fields;
mod view;

use axum::{
    Json,
    extract::{Request, State},
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    AppState, Problem,
    extract::{Asked, Named},
};
use crate::{keys::Caller, webhooks::Part};

/// The routes under `/v1/webhook_endpoints`.
pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::default()
        .routes(routes!(event_types))
        .routes(routes!(create, list))
        .routes(routes!(retrieve, update, delete))
        .routes(routes!(rotate_secret))
        .routes(routes!(test))
        .routes(routes!(deliveries))
        .routes(routes!(delivery))
        .routes(routes!(redeliver))
}

/// Lists what can be told
#[utoipa::path(
    get,
    path = "/v1/webhook_event_types",
    operation_id = "list_webhook_event_types",
    tag = "webhooks",
    responses((status = 200, description = "What can be told.", body = view::EventTypes)),
)]
async fn event_types() -> Json<view::EventTypes> {
    Json(view::event_types())
}

/// Makes an endpoint
///
/// The answer is the only one with the secret.
#[utoipa::path(
    post,
    path = "/v1/webhook_endpoints",
    operation_id = "create_webhook_endpoint",
    tag = "webhooks",
    request_body = fields::Wish,
    responses((status = 200, description = "The endpoint, with its secret.", body = view::WithSecret)),
    extensions(("x-refusals" = json!(["400 invalid_type", "400 invalid_value", "400 unknown_parameter", "400 address_not_allowed", "400 missing_required_parameter", "409 too_many_webhook_endpoints"]))),
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    request: Request,
) -> Result<Json<view::WithSecret>, Problem> {
    let wish = fields::wish(fields::read(request, &state).await?)?;
    let endpoint = state.webhooks.create(&caller, wish).await?;
    Ok(Json(view::with_secret(&endpoint)))
}

/// Shows an endpoint
#[utoipa::path(
    get,
    path = "/v1/webhook_endpoints/{id}",
    operation_id = "retrieve_webhook_endpoint",
    tag = "webhooks",
    params(("id" = String, Path, description = "The id of an endpoint.")),
    responses((status = 200, description = "The endpoint.", body = view::Endpoint)),
    extensions(("x-refusals" = json!(["404 webhook_endpoint_not_found"]))),
)]
async fn retrieve(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<view::Endpoint>, Problem> {
    Ok(Json(view::endpoint(&state.webhooks.get(&caller, &id).await?)))
}

/// Changes what is named and leaves the rest
#[utoipa::path(
    post,
    path = "/v1/webhook_endpoints/{id}",
    operation_id = "update_webhook_endpoint",
    tag = "webhooks",
    params(("id" = String, Path, description = "The id of an endpoint.")),
    request_body = fields::Change,
    responses((status = 200, description = "The endpoint as it is now.", body = view::Endpoint)),
    extensions(("x-refusals" = json!(["400 invalid_type", "400 invalid_value", "400 unknown_parameter", "400 address_not_allowed", "404 webhook_endpoint_not_found"]))),
)]
async fn update(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
    request: Request,
) -> Result<Json<view::Endpoint>, Problem> {
    let change = fields::change(fields::read(request, &state).await?)?;
    Ok(Json(view::endpoint(&state.webhooks.change(&caller, &id, change).await?)))
}

/// Deletes an endpoint
#[utoipa::path(
    delete,
    path = "/v1/webhook_endpoints/{id}",
    operation_id = "delete_webhook_endpoint",
    tag = "webhooks",
    params(("id" = String, Path, description = "The id of an endpoint.")),
    responses((status = 200, description = "It is gone.", body = view::DeletedEndpoint)),
    extensions(("x-refusals" = json!(["404 webhook_endpoint_not_found"]))),
)]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
) -> Result<Json<view::DeletedEndpoint>, Problem> {
    let id = state.webhooks.delete(&caller, &id).await?;
    Ok(Json(view::deleted(id.to_string())))
}

/// Replaces the secret of an endpoint
///
/// The answer is the only one with the new secret.
#[utoipa::path(
    post,
    path = "/v1/webhook_endpoints/{id}/rotate_secret",
    operation_id = "rotate_webhook_secret",
    tag = "webhooks",
    params(("id" = String, Path, description = "The id of an endpoint.")),
    request_body = Option<fields::Rotation>,
    responses((status = 200, description = "The endpoint, with its new secret.", body = view::WithSecret)),
    extensions(("x-refusals" = json!(["400 invalid_type", "400 invalid_value", "400 unknown_parameter", "404 webhook_endpoint_not_found"]))),
)]
async fn rotate_secret(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
    request: Request,
) -> Result<Json<view::WithSecret>, Problem> {
    let keep_former = fields::keep_former(fields::read(request, &state).await?)?;
    let endpoint = state.webhooks.rotate_secret(&caller, &id, keep_former).await?;
    Ok(Json(view::with_secret(&endpoint)))
}

/// Sends a sample to an endpoint, now
///
/// Any answer of the endpoint is a result.
#[utoipa::path(
    post,
    path = "/v1/webhook_endpoints/{id}/test",
    operation_id = "test_webhook_endpoint",
    tag = "webhooks",
    params(("id" = String, Path, description = "The id of an endpoint.")),
    request_body = fields::Sample,
    responses((status = 200, description = "What it answered.", body = view::Tested)),
    extensions(("x-refusals" = json!(["400 invalid_type", "400 invalid_value", "400 unknown_parameter", "400 address_not_allowed", "400 missing_required_parameter", "404 webhook_endpoint_not_found", "422 webhook_test_failed"]))),
)]
async fn test(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
    request: Request,
) -> Result<Json<view::Tested>, Problem> {
    let event_type = fields::event_type(fields::read(request, &state).await?)?;
    let (id, status) = state.webhooks.test(&caller, &id, event_type).await?;
    Ok(Json(view::tested(id.to_string(), event_type, status.as_u16())))
}

/// The query of a list, as text, so that a bad value can be named.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct Listed {
    /// The id of the last one of the page before.
    #[param(value_type = String, required = false)]
    after: Option<String>,
    /// How many at most.
    #[param(value_type = u32, required = false, maximum = 100, default = 20)]
    limit: Option<String>,
    /// Whether the newest (`desc`) or the oldest (`asc`) come first.
    #[param(value_type = String, required = false, pattern = "^(asc|desc)$", default = "desc")]
    order: Option<String>,
}

impl Listed {
    fn part(self) -> Result<Part, Problem> {
        let invalid =
            |param, message: &str| Problem::bad_request("invalid_value", Some(param), message);
        let limit = match self.limit.as_deref() {
            None => 20,
            Some(text) => text.parse().ok().filter(|limit| *limit <= 100).ok_or_else(|| {
                invalid("limit", "`limit` has to be a whole number from 0 to 100")
            })?,
        };
        let newest_first = match self.order.as_deref() {
            None | Some("desc") => true,
            Some("asc") => false,
            Some(_) => return Err(invalid("order", "`order` has to be `asc` or `desc`")),
        };
        Ok(Part { after: self.after, limit, newest_first })
    }
}

/// Lists endpoints, newest first unless asked otherwise
#[utoipa::path(
    get,
    path = "/v1/webhook_endpoints",
    operation_id = "list_webhook_endpoints",
    tag = "webhooks",
    params(Listed),
    responses((status = 200, description = "A page of endpoints.", body = view::Endpoints)),
    extensions(("x-refusals" = json!(["400 invalid_value"]))),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    Asked(query): Asked<Listed>,
) -> Result<Json<view::Endpoints>, Problem> {
    let listing = state.webhooks.list(&caller, query.part()?).await?;
    Ok(Json(view::endpoints(&listing)))
}

/// Lists the deliveries to an endpoint, newest first unless asked otherwise
#[utoipa::path(
    get,
    path = "/v1/webhook_endpoints/{id}/deliveries",
    operation_id = "list_webhook_deliveries",
    tag = "webhooks",
    params(("id" = String, Path, description = "The id of an endpoint."), Listed),
    responses((status = 200, description = "A page of deliveries.", body = view::Deliveries)),
    extensions(("x-refusals" = json!(["400 invalid_value", "404 webhook_endpoint_not_found"]))),
)]
async fn deliveries(
    State(state): State<AppState>,
    caller: Caller,
    Named(id): Named<String>,
    Asked(query): Asked<Listed>,
) -> Result<Json<view::Deliveries>, Problem> {
    let listing = state.webhooks.deliveries(&caller, &id, query.part()?).await?;
    Ok(Json(view::deliveries(&listing)))
}

/// Shows a delivery with its tries
#[utoipa::path(
    get,
    path = "/v1/webhook_endpoints/{id}/deliveries/{delivery}",
    operation_id = "retrieve_webhook_delivery",
    tag = "webhooks",
    params(("id" = String, Path, description = "The id of an endpoint."), ("delivery" = String, Path, description = "The id of a delivery.")),
    responses((status = 200, description = "The delivery.", body = view::Delivery)),
    extensions(("x-refusals" = json!(["404 webhook_endpoint_not_found", "404 webhook_delivery_not_found"]))),
)]
async fn delivery(
    State(state): State<AppState>,
    caller: Caller,
    Named((id, delivery)): Named<(String, String)>,
) -> Result<Json<view::Delivery>, Problem> {
    Ok(Json(view::delivery(&state.webhooks.delivery(&caller, &id, &delivery).await?)))
}

/// Sends a delivery once more
#[utoipa::path(
    post,
    path = "/v1/webhook_endpoints/{id}/deliveries/{delivery}/redeliver",
    operation_id = "redeliver_webhook",
    tag = "webhooks",
    params(("id" = String, Path, description = "The id of an endpoint."), ("delivery" = String, Path, description = "The id of a delivery.")),
    responses((status = 200, description = "The delivery, to be tried again.", body = view::Delivery)),
    extensions(("x-refusals" = json!(["404 webhook_endpoint_not_found", "404 webhook_delivery_not_found", "409 webhook_endpoint_disabled"]))),
)]
async fn redeliver(
    State(state): State<AppState>,
    caller: Caller,
    Named((id, delivery)): Named<(String, String)>,
) -> Result<Json<view::Delivery>, Problem> {
    Ok(Json(view::delivery(&state.webhooks.redeliver(&caller, &id, &delivery).await?)))
}
