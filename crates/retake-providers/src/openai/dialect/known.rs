//! The dialects that are known, each with where its facts come from.

use std::time::Duration;

use super::{
    Check, Dialect, Encoding, Key, List, Names, Number, Picture, Shape, Signed, Source, Word, Words,
};
use crate::ProviderInfo;

const PROVIDER: &str = "openai";

/// OpenAI's own fields (OpenAPI document 2.3.0, 2026-08-21).
const OPENAI_WORDS: Words = Words {
    seconds: Number::Text("seconds"),
    seconds_too: None,
    size: Shape::Size("size"),
    negative: None,
    seed: None,
    audio: None,
    first_frame: Picture::File("input_reference"),
    hook: None,
    fixed: &[],
};

/// OpenAI itself. The API was removed on 2026-09-24 (model page of Sora 2, 2026-11-21); the variables are those
/// that the `openai` packages read (Python 3.52.0). Renders in flight were not documented as limited; four
/// stay below the 25 creates a minute that were reported for the first tier.
pub(in crate::openai) const OPENAI: Dialect = Dialect {
    facts: ProviderInfo {
        provider: PROVIDER,
        variant: None,
        title: "OpenAI",
        base_url: Some("https://api.openai.com/v1"),
        key_variables: &["OPENAI_API_KEY"],
        base_url_variables: &["OPENAI_BASE_URL"],
        option_variables: &[
            ("organization", &["OPENAI_ORG_ID"]),
            ("project", &["OPENAI_PROJECT_ID"]),
            ("webhook_secret", &["OPENAI_WEBHOOK_SECRET"]),
        ],
        needed_options: &[],
        concurrency: 4,
    },
    root: "/v1",
    key: Key::Bearer { needed: true },
    create: "/videos",
    api_version: None,
    encoding: Encoding::Form,
    words: OPENAI_WORDS,
    result: Source::Content,
    names: Names::Same,
    list: List::Verbatim,
    delete_stops: false,
    check: Check::List,
    hook: Signed::Standard,
    poll_interval: Duration::from_secs(10),
    longest: Duration::from_mins(30),
    // "Several minutes" for the larger model (OpenAI, video guide, 2026-08).
    usual: Duration::from_mins(6),
    removed: Some("OpenAI removed its Videos API on 2026-09-24; use another provider"),
};

/// Somebody else's server that is told to be OpenAI's, which may be any relay. The end of its list proves nothing.
pub(in crate::openai) const OPENAI_ELSEWHERE: Dialect =
    Dialect { names: Names::SameOrNone, list: List::Some, removed: None, ..OPENAI };

/// Azure in OpenAI's own shape (Azure docs, 2025-12): the model is the name of a deployment, and two creates
/// a minute are taken. The variables are those of the `AzureOpenAI` client of the `openai` package.
pub(in crate::openai) const AZURE: Dialect = Dialect {
    facts: ProviderInfo {
        variant: Some("azure"),
        title: "Azure OpenAI",
        base_url: None,
        key_variables: &["AZURE_OPENAI_API_KEY"],
        base_url_variables: &["AZURE_OPENAI_ENDPOINT"],
        option_variables: &[],
        concurrency: 2,
        ..OPENAI.facts
    },
    root: "/openai/v1",
    hook: Signed::Never,
    removed: Some("the name of a deployment is asked for; Azure's Sora models are retired"),
    ..OPENAI
};

/// Azure's older jobs, for Sora 1: a job has generations with ids of their own (shape as in use in 2025;
/// two jobs at once, Azure docs). No variables: those of Azure stand for the newer shape.
pub(in crate::openai) const AZURE_JOBS: Dialect = Dialect {
    facts: ProviderInfo {
        variant: Some("azure-jobs"),
        title: "Azure OpenAI, Sora 1 jobs",
        key_variables: &[],
        base_url_variables: &[],
        ..AZURE.facts
    },
    key: Key::Header("api-key"),
    create: "/video/generations/jobs",
    api_version: Some("preview"),
    encoding: Encoding::JsonOrForm,
    words: Words {
        seconds: Number::Plain("n_seconds"),
        size: Shape::Sides,
        first_frame: Picture::Inpaint,
        fixed: &[("n_variants", 1)],
        ..OPENAI_WORDS
    },
    result: Source::Generation,
    poll_interval: Duration::from_secs(5),
    ..AZURE
};

/// `OpenRouter` (`@openrouter/sdk` 1.3.19, docs of 2026): JSON only, a length that is a number, frames in a list.
/// Which models take a seed or sound differs, and what a model does not take is an error.
pub(in crate::openai) const OPENROUTER: Dialect = Dialect {
    facts: ProviderInfo {
        variant: Some("openrouter"),
        title: "OpenRouter",
        base_url: Some("https://openrouter.ai/api/v1"),
        key_variables: &["OPENROUTER_API_KEY"],
        base_url_variables: &[],
        option_variables: &[],
        ..OPENAI.facts
    },
    root: "/api/v1",
    encoding: Encoding::Json,
    words: Words {
        seconds: Number::Plain("duration"),
        seed: Some(Word::IfListed("seed")),
        audio: Some(Word::IfListed("generate_audio")),
        first_frame: Picture::Frames,
        hook: Some("callback_url"),
        ..OPENAI_WORDS
    },
    result: Source::NamedOrContent,
    list: List::None,
    check: Check::Key,
    hook: Signed::OpenRouter,
    longest: Duration::from_hours(1),
    removed: None,
    ..OPENAI
};

/// vLLM-Omni (source of 0.30.0): forms only, a key only if its owner set one, jobs in the memory of the
/// process, DELETE aborts. The list shows all jobs that the process knows, and what it forgot is not billed.
pub(in crate::openai) const VLLM_OMNI: Dialect = Dialect {
    facts: ProviderInfo {
        variant: Some("vllm-omni"),
        title: "vLLM-Omni",
        base_url: None,
        key_variables: &[],
        base_url_variables: &[],
        option_variables: &[],
        concurrency: 1,
        ..OPENAI.facts
    },
    key: Key::Bearer { needed: false },
    words: Words {
        negative: Some("negative_prompt"),
        seed: Some(Word::Always("seed")),
        audio: Some(Word::IfListed("generate_sound")),
        ..OPENAI_WORDS
    },
    list: List::Whole,
    delete_stops: true,
    check: Check::Models,
    hook: Signed::Never,
    poll_interval: Duration::from_secs(3),
    longest: Duration::from_hours(2),
    // Nobody can say for somebody's own machine; a queue of one render is allowed for.
    usual: Duration::from_mins(15),
    removed: None,
    ..OPENAI
};

/// `SGLang` Diffusion (source of 0.5.23): jobs in memory, results that may lie in a cloud store, a list that
/// does not repeat the prompt, and a DELETE that does not stop anything.
pub(in crate::openai) const SGLANG: Dialect = Dialect {
    facts: ProviderInfo { variant: Some("sglang"), title: "SGLang Diffusion", ..VLLM_OMNI.facts },
    words: Words { audio: None, ..VLLM_OMNI.words },
    result: Source::NamedOrContent,
    delete_stops: false,
    ..VLLM_OMNI
};

/// The `LiteLLM` proxy (source of 1.109.1): OpenAI's fields, ids that carry the way to the provider, and a
/// list of one provider at a time. The variables are those that its own package reads for a proxy.
pub(in crate::openai) const LITELLM: Dialect = Dialect {
    facts: ProviderInfo {
        variant: Some("litellm"),
        title: "LiteLLM proxy",
        key_variables: &["LITELLM_PROXY_API_KEY"],
        base_url_variables: &["LITELLM_PROXY_API_BASE"],
        concurrency: 4,
        ..VLLM_OMNI.facts
    },
    words: OPENAI_WORDS,
    // A create encodes the deployment into the id, a poll leaves it out (`types/videos/utils.py` of 1.109.1).
    names: Names::Routed,
    list: List::None,
    delete_stops: false,
    poll_interval: Duration::from_secs(10),
    longest: Duration::from_hours(1),
    // The slowest models that are resold so take about ten minutes.
    usual: Duration::from_mins(10),
    ..VLLM_OMNI
};

/// new-api (its source, 2026): JSON with the length as a text, the picture as `image`, and what OpenAI has no
/// word for under `metadata`, which it hands on to the model's own API. Files may lie anywhere. Its channels for Sora
/// read the length as `seconds`, those for Kling, Vidu and others as a number under `duration`, and neither is copied
/// to the other, so both are said.
pub(in crate::openai) const NEWAPI: Dialect = Dialect {
    facts: ProviderInfo {
        variant: Some("newapi"),
        title: "new-api relay",
        key_variables: &[],
        base_url_variables: &[],
        concurrency: 4,
        ..LITELLM.facts
    },
    key: Key::Bearer { needed: true },
    encoding: Encoding::Json,
    words: Words {
        seconds_too: Some(Number::Plain("duration")),
        negative: Some("metadata.negative_prompt"),
        seed: Some(Word::IfListed("metadata.seed")),
        first_frame: Picture::Url("image"),
        ..OPENAI_WORDS
    },
    result: Source::NamedOrContent,
    // Its own id of the task, whatever the channel behind it answers.
    names: Names::Same,
    ..LITELLM
};

/// Any other server: OpenAI's own fields are written, because those are what its clients send, and every form
/// of answer is read. With the option `encoding = "json"` for one that takes no forms.
pub(in crate::openai) const RELAY: Dialect = Dialect {
    facts: ProviderInfo {
        variant: Some("relay"),
        title: "OpenAI-compatible relay",
        concurrency: 2,
        ..NEWAPI.facts
    },
    key: Key::Bearer { needed: false },
    encoding: Encoding::Form,
    words: Words {
        negative: Some("negative_prompt"),
        seed: Some(Word::IfListed("seed")),
        audio: Some(Word::IfListed("generate_audio")),
        ..OPENAI_WORDS
    },
    // xAI's answers to polls carry no id (xai-sdk 1.21.0), and relays pass them on.
    names: Names::SameOrNone,
    list: List::Some,
    hook: Signed::Standard,
    ..NEWAPI
};

/// The same for a relay that takes no forms. Most of those are new-api's kin, so the length is said in both ways.
pub(in crate::openai) const RELAY_JSON: Dialect = Dialect {
    encoding: Encoding::Json,
    words: Words { seconds_too: Some(Number::Plain("duration")), ..RELAY.words },
    ..RELAY
};
