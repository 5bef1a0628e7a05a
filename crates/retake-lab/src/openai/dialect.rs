//! What differs between OpenAI's API and the relays and servers that imitate it.
//!
//! Whatever all of them do alike (admit, find, page through, delete) is written once, in `videos` and
//! here; an API implements [`Dialect`] for its differences: ids, the parameters of a create, the video
//! object, errors. Its router puts the dialect into the extensions of every request. A job belongs to
//! the dialect that it was created in, and the others do not know it.

use axum::{
    extract::Request,
    response::{IntoResponse as _, Response},
};
use http::{StatusCode, request::Parts};
use serde_json::{Value, json};

use super::errors::{self, ApiError};
use super::video_object;
use crate::{
    auth::{self, AuthScheme, KeySource},
    emulator_context::{CallError, EmulatorContext},
    request_body::Form,
    simulator::{Create, Failure, JobView, Refusal},
};

/// Where OpenAI and most of its imitators look for a key.
const BEARER: &[KeySource] = &[KeySource::Authorization("Bearer")];
/// Where Azure looks for a key.
pub(super) const BEARER_OR_API_KEY: &[KeySource] =
    &[KeySource::Authorization("Bearer"), KeySource::Header("api-key")];
/// Servers that one runs oneself mostly have no keys.
pub(super) const BEARER_OR_NONE: &[KeySource] =
    &[KeySource::Authorization("Bearer"), KeySource::Anonymous("nobody")];

/// The differences of one API. The defaults are those of OpenAI.
pub(super) trait Dialect: Send + Sync {
    /// The name that marks its jobs.
    fn name(&self) -> &'static str;

    /// Whether it is OpenAI's own service, with its headers.
    fn is_openai(&self) -> bool {
        false
    }

    /// The places that are searched for the caller's key.
    fn key_sources(&self) -> &'static [KeySource] {
        BEARER
    }

    /// A new job id in the form of this API.
    fn new_id(&self, context: &EmulatorContext, model: &str) -> String;

    /// Reads and checks the parameters of a create; `key` is the caller's.
    fn parse_create(
        &self,
        context: &EmulatorContext,
        key: &str,
        form: &Form,
    ) -> Result<Create, ApiError>;

    /// Schedules the webhooks of an accepted job.
    fn schedule_webhooks(&self, _context: &EmulatorContext, _job: &JobView) {}

    /// The video object.
    fn video(&self, context: &EmulatorContext, job: &JobView) -> Value {
        video_object::video_json(context, job)
    }

    /// The HTTP status of a poll that finds a failed job.
    fn failed_status(&self, _failure: &Failure) -> StatusCode {
        StatusCode::OK
    }

    /// An error in the form of this API.
    fn error_response(&self, error: &ApiError) -> Response {
        error.response()
    }
}

/// The dialect of a request, as handlers get it.
pub(super) type DialectRef = &'static dyn Dialect;

impl dyn Dialect + '_ {
    /// Reads and checks a create, in JSON or as a form.
    pub(super) async fn read(
        &self,
        context: &EmulatorContext,
        key: String,
        request: Request,
    ) -> Result<Create, ApiError> {
        let form = Form::read(request).await.map_err(|error| errors::body_error(&error))?;
        self.read_form(context, key, &form)
    }

    /// Checks a create whose body was read, and gives the job its id.
    pub(super) fn read_form(
        &self,
        context: &EmulatorContext,
        key: String,
        form: &Form,
    ) -> Result<Create, ApiError> {
        let create = self.parse_create(context, &key, form)?;
        let (id, extra) = (self.new_id(context, &create.model), json!({ "dialect": self.name() }));
        Ok(Create { id, key, extra, ..create })
    }

    /// The response to a failed call.
    pub(super) fn call_error_response(&self, call_error: CallError, id: &str) -> Response {
        match call_error {
            CallError::Refused(refusal) => self.error_response(&errors::refusal_error(&refusal)),
            CallError::Missing => self.error_response(&errors::video_not_found(id)),
            CallError::Response(response) => response,
        }
    }

    fn is_owner_of(&self, job: &JobView) -> bool {
        job.create.extra.get("dialect").and_then(Value::as_str) == Some(self.name())
    }

    /// The job of this id, if it is the caller's and of this dialect.
    pub(super) fn find(
        &self,
        context: &EmulatorContext,
        key: &str,
        id: &str,
    ) -> Result<JobView, ApiError> {
        let job = context.find_job(id);
        let job = job.filter(|job| job.create.key == key && self.is_owner_of(job));
        job.ok_or_else(|| errors::video_not_found(id))
    }

    /// Polls a job of the caller's.
    pub(super) async fn poll(
        &self,
        context: &EmulatorContext,
        key: &str,
        id: &str,
    ) -> Result<JobView, Response> {
        self.find(context, key, id).map_err(|error| self.error_response(&error))?;
        let polled = context.poll(id, Some(key)).await;
        polled.map_err(|call_error| self.call_error_response(call_error, id))
    }

    /// The jobs of a key, oldest first.
    pub(super) fn list(&self, context: &EmulatorContext, key: &str) -> Vec<JobView> {
        context.list_jobs(key).into_iter().filter(|job| self.is_owner_of(job)).collect()
    }
}

/// A caller of any dialect, accepted or refused as the dialect of the request does it.
pub(super) type Caller = auth::Caller<DialectAuth>;

/// Authentication as the dialect of the request has it.
pub(super) struct DialectAuth;

fn dialect_of(parts: &Parts) -> Option<DialectRef> {
    parts.extensions.get::<DialectRef>().copied()
}

impl AuthScheme for DialectAuth {
    fn key_sources(parts: &Parts) -> &'static [KeySource] {
        dialect_of(parts).map_or(BEARER, Dialect::key_sources)
    }

    fn reject(parts: &Parts, refusal: &Refusal) -> Response {
        let error = errors::refusal_error(refusal);
        match dialect_of(parts) {
            Some(dialect) => dialect.error_response(&error),
            None => error.into_response(),
        }
    }
}

/// A caller of what relays pass on to OpenAI as it is: models, chat completions, characters.
pub(super) type OpenAiCaller = auth::Caller<OpenAiAuth>;

/// Authentication in OpenAI's form, whatever the dialect of the request.
pub(super) struct OpenAiAuth;

impl AuthScheme for OpenAiAuth {
    fn key_sources(_parts: &Parts) -> &'static [KeySource] {
        BEARER_OR_API_KEY
    }

    fn reject(_parts: &Parts, refusal: &Refusal) -> Response {
        errors::refusal_error(refusal).into_response()
    }
}
