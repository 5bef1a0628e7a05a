//! Whose way of speaking OpenAI's dialect a path has.
//!
//! What all of them do alike (admit, find, page through, delete) is written once, in `videos`; this
//! is where a difference is looked up: ids, what a create may ask, the video object, errors. A job
//! belongs to the dialect that it was created in, and the others do not know it.

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{
    ask, hooks,
    relays::{azure, azure_jobs, litellm, newapi, openrouter, sglang, vllm},
    videos,
    wire::{self, Problem},
};
use crate::{
    emulator_context::{CallError, EmulatorContext},
    intake::{self, Form},
    simulator::{Create, Failure, JobView},
};

/// OpenAI, or a relay or server like it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    OpenAi,
    Azure,
    /// Azure's older shape, of Sora 1.
    AzureJobs,
    LiteLlm,
    NewApi,
    OpenRouter,
    Sglang,
    Vllm,
}

impl Dialect {
    const fn name(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::AzureJobs => "azure-jobs",
            Self::LiteLlm => "litellm",
            Self::NewApi => "newapi",
            Self::OpenRouter => "openrouter",
            Self::Sglang => "sglang",
            Self::Vllm => "vllm-omni",
        }
    }

    /// Whether it is OpenAI's own service, with its headers and webhooks.
    pub(super) const fn is_openai(self) -> bool {
        matches!(self, Self::OpenAi)
    }

    /// An id in the form that it gives out.
    pub(super) fn new_id(self, desk: &EmulatorContext, model: &str) -> String {
        match self {
            Self::OpenAi | Self::Azure => format!("video_{}", desk.hex(32)),
            Self::AzureJobs => format!("task_01{}", desk.hex(24)),
            Self::LiteLlm => litellm::new_id(desk, model),
            Self::NewApi => format!("task_{}", desk.hex(32)),
            Self::OpenRouter => {
                format!("gen-vid-{}-{}", desk.now().as_second(), desk.hex(20))
            }
            Self::Sglang => desk.uuid(),
            Self::Vllm => format!("video_gen_{}", desk.hex(32)),
        }
    }

    /// The caller's key. The two servers that one runs oneself mostly have none.
    pub(super) fn key(
        self,
        desk: &EmulatorContext,
        headers: &HeaderMap,
    ) -> Result<String, Problem> {
        let bearer = intake::authorization(headers, "Bearer");
        let key = match self {
            Self::Azure | Self::AzureJobs => return videos::key(desk, headers),
            Self::Sglang | Self::Vllm => bearer.or_else(|| Some("nobody".to_owned())),
            _ => bearer,
        };
        desk.authenticate(key).map_err(|refusal| wire::refuse(&refusal))
    }

    /// Reads and checks a create, in JSON or as a form.
    pub(super) async fn read(
        self,
        desk: &EmulatorContext,
        request: Request,
    ) -> Result<Create, Problem> {
        let key = self.key(desk, request.headers())?;
        let form = Form::read(request).await.map_err(|why| wire::unreadable(&why))?;
        self.ask(desk, key, &form)
    }

    /// Checks what a create asks for.
    pub(super) fn ask(
        self,
        desk: &EmulatorContext,
        key: String,
        form: &Form,
    ) -> Result<Create, Problem> {
        let create = match self {
            Self::OpenAi => ask::create(desk, form)?,
            Self::Azure => azure::ask(desk, form)?,
            Self::AzureJobs => azure_jobs::ask(desk, form)?,
            Self::LiteLlm => litellm::ask(form)?,
            Self::NewApi => newapi::ask(form)?,
            Self::OpenRouter => openrouter::ask(self, desk, &key, form)?,
            Self::Sglang => sglang::ask(form)?,
            Self::Vllm => vllm::ask(form)?,
        };
        let (id, extra) = (self.new_id(desk, &create.model), json!({ "dialect": self.name() }));
        Ok(Create { id, key, extra, ..create })
    }

    /// Has those told that are to hear how a job ends.
    pub(super) fn tell(self, desk: &EmulatorContext, job: &JobView) {
        match self {
            Self::OpenAi => hooks::tell(desk, job),
            Self::OpenRouter => openrouter::tell(desk, job),
            _ => {}
        }
    }

    /// The video object.
    pub(super) fn video(self, desk: &EmulatorContext, job: &JobView) -> Value {
        match self {
            Self::OpenAi | Self::Azure => wire::video(desk, job),
            Self::AzureJobs => azure_jobs::job(desk, job),
            Self::LiteLlm => litellm::video(desk, job),
            Self::NewApi => newapi::video(desk, job),
            Self::OpenRouter => openrouter::video(desk, job),
            Self::Sglang => sglang::video(desk, job),
            Self::Vllm => vllm::video(desk, job),
        }
    }

    /// The HTTP status of a poll that finds a failed job.
    pub(super) fn status_of_failed(self, failure: &Failure) -> StatusCode {
        if self == Self::Vllm { vllm::status_of(failure) } else { StatusCode::OK }
    }

    /// Words an error.
    pub(super) fn word(self, problem: Problem) -> Response {
        match self {
            Self::OpenAi => problem.into_response(),
            Self::Azure | Self::AzureJobs => azure::word(&problem),
            Self::LiteLlm => litellm::word(&problem),
            Self::NewApi => newapi::word(&problem),
            Self::OpenRouter => openrouter::word(&problem),
            Self::Sglang => sglang::word(&problem),
            Self::Vllm => vllm::word(&problem),
        }
    }

    /// Words a setback.
    pub(super) fn setback(self, setback: CallError, id: &str) -> Response {
        match setback {
            CallError::Refused(refusal) => self.word(wire::refuse(&refusal)),
            CallError::Missing => self.word(wire::missing(id)),
            CallError::Cut(response) => response,
        }
    }

    fn owns(self, job: &JobView) -> bool {
        job.create.extra.get("dialect").and_then(Value::as_str) == Some(self.name())
    }

    /// A job of the caller's.
    pub(super) fn find(
        self,
        desk: &EmulatorContext,
        headers: &HeaderMap,
        id: &str,
    ) -> Result<JobView, Problem> {
        let key = self.key(desk, headers)?;
        let job = desk.look(id).filter(|job| job.create.key == key && self.owns(job));
        job.ok_or_else(|| wire::missing(id))
    }

    /// Polls a job of the caller's.
    pub(super) async fn poll(
        self,
        desk: &EmulatorContext,
        headers: &HeaderMap,
        id: &str,
    ) -> Result<JobView, Response> {
        let job = self.find(desk, headers, id).map_err(|problem| self.word(problem))?;
        let polled = desk.poll(id, Some(&job.create.key)).await;
        polled.map_err(|setback| self.setback(setback, id))
    }

    /// The jobs of a key, oldest first.
    pub(super) fn list(self, desk: &EmulatorContext, key: &str) -> Vec<JobView> {
        desk.list(key).into_iter().filter(|job| self.owns(job)).collect()
    }
}
