//! `GET /v1/models`: what may be asked for, with its limits and price.

use axum::{Json, extract::State};
use retake_core::{
    catalog::{self, Negative, Seconds},
    money::Usd,
    plan::Route,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    AppState, Problem,
    extract::Named,
    view::{ListWord, always},
};

always!(ModelWord, "model");

/// All models that are offered.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelList)]
pub(super) struct Models {
    #[schema(inline)]
    object: ListWord,
    data: Vec<Model>,
}

/// A model that may be asked for.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Model {
    /// The name to ask for.
    id: String,
    #[schema(inline)]
    object: ModelWord,
    /// When its provider first offered it, in seconds since 1970.
    created: i64,
    /// Whose it is.
    owned_by: String,
    /// The day on which its provider removes it, if one is known.
    #[schema(required, format = Date)]
    shutdown_date: Option<String>,
    retake: Known,
}

/// What Retake knows of a model beyond OpenAI's fields.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelDetails)]
struct Known {
    /// Where a request for it may go, in order: account and model, such as `animatic/animatic`.
    routes: Vec<String>,
    /// Its name, for people.
    title: String,
    accepts: Accepts,
}

/// What the first route of a model accepts, and what it costs.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ModelLimits)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own on the wire")]
struct Accepts {
    /// The lengths it renders.
    #[schema(inline)]
    seconds: Seconds,
    /// The sizes it renders.
    sizes: Vec<String>,
    /// The longest prompt, in characters.
    prompt_chars: usize,
    /// How far it follows a negative prompt.
    #[schema(inline)]
    negative_prompt: Negative,
    /// Whether it can loop.
    r#loop: bool,
    /// Whether it makes sound.
    audio: bool,
    /// Whether it takes a seed.
    seed: bool,
    /// Whether it takes a picture to start from.
    input_reference: bool,
    /// What a second of video costs, in millionths of a US dollar. `null` where it is not known.
    #[schema(required)]
    usd_micros_per_second: Option<u64>,
    /// Where these facts come from.
    source: String,
    /// The day they were true.
    #[schema(format = Date)]
    checked: String,
}

/// Lists the models that may be asked for
///
/// Each comes with its limits, its price and the routes that a request for it may take.
#[utoipa::path(
    get,
    path = "/v1/models",
    operation_id = "list_models",
    tag = "models",
    responses((status = 200, description = "All models that are offered.", body = Models)),
)]
pub(super) async fn list(State(state): State<AppState>) -> Json<Models> {
    let intake = &state.intake;
    let offered = intake.offered();
    let data = offered.iter().filter_map(|(name, routes)| model(&state, name, routes)).collect();
    Json(Models { object: ListWord::Always, data })
}

/// Shows one model
#[utoipa::path(
    get,
    path = "/v1/models/{id}",
    operation_id = "retrieve_model",
    tag = "models",
    params(("id" = String, Path, description = "The name of a model.", example = "animatic")),
    responses((status = 200, description = "The model.", body = Model)),
    extensions(("x-refusals" = json!(["404 model_not_found"]))),
)]
pub(super) async fn retrieve(
    State(state): State<AppState>,
    Named(id): Named<String>,
) -> Result<Json<Model>, Problem> {
    let intake = &state.intake;
    let offered = intake.offered();
    let found = offered.iter().find(|(name, _)| *name == id);
    found
        .and_then(|(name, routes)| model(&state, name, routes))
        .map(Json)
        .ok_or_else(|| Problem::no_such_model(&id))
}

fn model(state: &AppState, name: &str, routes: &[Route]) -> Option<Model> {
    let intake = &state.intake;
    let first = routes.iter().find_map(|route| {
        let account = intake.accounts.get(&route.account)?;
        account.model(&intake.catalog, &route.model)
    })?;
    let created = first.released.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp().as_second();
    Some(Model {
        id: name.to_owned(),
        object: ModelWord::Always,
        created,
        owned_by: first.provider.clone(),
        shutdown_date: first.shutdown.map(|day| day.to_string()),
        retake: Known {
            routes: routes.iter().map(ToString::to_string).collect(),
            title: first.title.clone(),
            accepts: accepts(&first),
        },
    })
}

fn accepts(model: &catalog::Model) -> Accepts {
    Accepts {
        seconds: model.seconds.clone(),
        sizes: model.sizes.iter().map(ToString::to_string).collect(),
        prompt_chars: model.prompt_chars,
        negative_prompt: model.negative,
        r#loop: model.looping,
        audio: model.audio,
        seed: model.seed,
        input_reference: model.first_frame,
        usd_micros_per_second: model.price_of_a_second().map(Usd::micros),
        source: model.source.clone(),
        checked: model.checked.to_string(),
    }
}
