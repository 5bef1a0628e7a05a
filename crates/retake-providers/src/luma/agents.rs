//! The Agents API: `ray-3.2`.
//!
//! There is no list, no cancel and no notice, so a submit whose answer is lost cannot be found again. The
//! links to a finished video last an hour; every look at the generation signs new ones. Our tag goes along as
//! `X-Request-Id`, which Luma's answers and its support repeat, though it makes nothing idempotent.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use jiff::Timestamp;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    request::{Picture, RenderSpec},
    signal::Stage,
};
use serde_json::{Map, Value as Json, json};

use super::{Api, ask_again, fault, fault::refused, frame, refuse_what_cannot_be_said};
use crate::{
    AccountStatus, Adapter, Answer, Call, Download, FetchError, Flow, Hook, HookError, Polled,
    Render, Reply, Submission, SubmitError, Submitted, polling,
    response::{self, quoted, text},
};

const MODEL: &str = "ray-3.2";
const SHAPES: [&str; 6] = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9"];
const RESOLUTIONS: [&str; 4] = ["360p", "540p", "720p", "1080p"];

/// The largest picture, in bytes (error page, 2026-11-21).
const LARGEST_PICTURE: usize = 50_000_000;

const LONGEST_RENDER: Duration = Duration::from_mins(40);

/// Luma names no time; videos of ten seconds are reported to take two to four minutes.
const USUAL_RENDER: Duration = Duration::from_mins(5);

/// One account.
pub(super) struct Agents {
    api: Api,
}

impl Agents {
    pub(super) fn new(api: Api) -> Self {
        Self { api }
    }
}

impl Adapter for Agents {
    fn render_timeout(&self) -> Duration {
        LONGEST_RENDER
    }

    fn usual_render(&self, _model: &str) -> Duration {
        USUAL_RENDER
    }

    fn submit(
        &self,
        submission: &Submission,
        _now: Timestamp,
    ) -> Flow<Result<Submitted, SubmitError>> {
        let body = match body(submission) {
            Ok(body) => body,
            Err(fault) => return Flow::Done(Err(SubmitError::Refused(fault))),
        };
        let call = Call::post(self.api.url("generations"), body);
        let call = self.api.signed(call).header("x-request-id", submission.tag.as_str());
        Flow::once(call, created)
    }

    fn poll(&self, render: &Render, _now: Timestamp) -> Flow<Result<Polled, Fault>> {
        let asked = render.remote_id.clone();
        Flow::once(self.api.ask_for(&render.remote_id), move |answer| {
            let reply = answer.map_err(|problem| response::silence(&problem))?;
            Ok(match generation(&reply, &asked)? {
                Generation::Running { percent, note } => {
                    Polled::Running { percent, ask_again_in: ask_again(&reply), note }
                }
                Generation::Done { fault, .. } => Polled::with_file(fault, None),
                Generation::WithoutFile => polling::without_file("Luma"),
                Generation::Over(fault) => Polled::failed(fault),
            })
        })
    }

    fn fetch(&self, render: &Render, _now: Timestamp) -> Flow<Result<Download, FetchError>> {
        let asked = render.remote_id.clone();
        Flow::once(self.api.ask_for(&render.remote_id), move |answer| {
            let reply = answer.map_err(|problem| FetchError::Later(response::silence(&problem)))?;
            match generation(&reply, &asked).map_err(FetchError::Later)? {
                Generation::Done { link, .. } => Ok(Download::From(Call::get(link))),
                Generation::Over(fault) => Err(FetchError::Gone(fault)),
                Generation::WithoutFile | Generation::Running { .. } => Err(FetchError::Later(
                    fault::broken("it was finished and has no file any more"),
                )),
            }
        })
    }

    fn refused_download(&self, reply: &Reply) -> FetchError {
        super::refused_download(reply)
    }

    /// There is no endpoint for credit or limits; the list of files is the cheapest question.
    fn check(&self, _now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        let call = self.api.signed(Call::get(self.api.url("files?limit=1")));
        Flow::once(call, |answer| {
            let reply = answer.map_err(|problem| response::silence(&problem))?;
            if !reply.status.is_success() {
                return Err(fault::of_agents_reply(&reply, Stage::Poll));
            }
            let is_list = reply.json().is_some_and(|json| json.pointer("/data").is_some());
            if !is_list {
                return Err(response::unexpected(&reply, "the answer is not a list of files"));
            }
            let summary = "the key works; Luma tells no credit or limits here".into();
            Ok(AccountStatus { summary, ..AccountStatus::default() })
        })
    }

    fn verify_hook(&self, _hook: Hook) -> Flow<Result<(), HookError>> {
        Flow::Done(Err(HookError::NotExpected))
    }
}

/// As everywhere, except that a 502 or 503 has a meaning of its own.
fn created(answer: Answer) -> Result<Submitted, SubmitError> {
    match answer {
        Ok(reply) if !reply.status.is_success() => {
            let body = fault::body_of_agents(&reply);
            Err(response::failed_create(reply.status, body, &fault::SHED_BY_AGENTS))
        }
        answer => super::created(answer),
    }
}

fn body(submission: &Submission) -> Result<Json, Fault> {
    let (model, spec) = (submission.model.as_str(), &submission.spec);
    if model != MODEL {
        return Err(refused(format!(
            "the variant `agents` renders `{MODEL}`, not `{model}`; use an account without a variant for that"
        )));
    }
    refuse_what_cannot_be_said(model, spec).map_err(refused)?;
    if spec.looped && spec.seconds != 5 {
        return Err(refused(
            "`ray-3.2` loops only in videos of 5 seconds; ask for 5, or leave `loop` out",
        ));
    }
    let frame = frame::say(spec.size, &SHAPES, &RESOLUTIONS).map_err(refused)?;
    let mut video = Map::new();
    video.insert("resolution".into(), frame.resolution.into());
    video.insert("duration".into(), format!("{}s", spec.seconds).into());
    if spec.looped {
        video.insert("loop".into(), true.into());
    }
    if let Some(picture) = &spec.first_frame {
        start_from(media(picture, submission.first_frame.as_ref())?, spec, &mut video);
    }
    Ok(json!({
        "model": model,
        "type": "video",
        "prompt": spec.prompt,
        "aspect_ratio": frame.aspect_ratio,
        "video": video,
    }))
}

/// A start frame goes with five seconds only. In a longer video the same is a keyframe at the beginning.
fn start_from(media: Json, spec: &RenderSpec, video: &mut Map<String, Json>) {
    if spec.seconds == 5 {
        video.insert("start_frame".into(), media);
    } else {
        video.insert("keyframes".into(), json!([media]));
        video.insert("keyframe_indexes".into(), json!([0]));
    }
}

fn media(picture: &Picture, bytes: Option<&Bytes>) -> Result<Json, Fault> {
    let Some(bytes) = bytes else {
        let message = "the bytes of the first frame are missing";
        return Err(Fault::new(FaultKind::Storage, FaultSource::Gateway, message));
    };
    if bytes.len() > LARGEST_PICTURE {
        return Err(refused("the picture is larger than 50 MB; compress it or make it smaller"));
    }
    Ok(json!({ "data": STANDARD.encode(bytes), "media_type": picture.media_type }))
}

enum Generation {
    Running {
        percent: u8,
        note: Option<String>,
    },
    /// With a file, and what it failed of if it says so.
    Done {
        link: String,
        fault: Option<Fault>,
    },
    WithoutFile,
    Over(Fault),
}

fn generation(reply: &Reply, asked: &str) -> Result<Generation, Fault> {
    if matches!(reply.status.as_u16(), 404 | 410) {
        return Err(response::unknown_render(reply, "Luma"));
    }
    let json = reply.json().unwrap_or_default();
    // Every generation carries its id (`luma-agents` 0.5.0).
    let matched = polling::match_render(&json, "/id", asked);
    let is_success = reply.status.is_success();
    let state = text(&json, "/state").filter(|_| is_success || polling::may_end(reply, matched));
    let generation = state.map(|state| read(&json, state));
    let is_over = |it: &Generation| matches!(it, Generation::Over(_));
    if !is_success {
        return generation
            .filter(is_over)
            .ok_or_else(|| fault::of_agents_reply(reply, Stage::Poll));
    }
    let unreadable = || response::unexpected(reply, "the answer is not a generation");
    let generation = generation.ok_or_else(unreadable)?;
    polling::refuse_another(reply, matched)?;
    if is_over(&generation) {
        polling::require_name(reply, matched)?;
    }
    Ok(generation)
}

fn read(json: &Json, state: &str) -> Generation {
    let done = |link| Generation::Done { link, fault: None };
    match state.trim().to_ascii_lowercase().as_str() {
        "queued" | "processing" => Generation::Running { percent: 0, note: None },
        "completed" => {
            let fault = text(json, "/failure_code").map(|_| fault::by_code(json));
            let fault = fault.filter(|fault| !response::may_have_a_file(fault));
            let without = || fault.map_or(Generation::WithoutFile, Generation::Over);
            link(json).map_or_else(without, done)
        }
        "failed" => {
            let fault = fault::by_code(json);
            // A file beside a failure is looked at before another one is paid for.
            match link(json).filter(|_| response::may_have_a_file(&fault)) {
                Some(link) => Generation::Done { link, fault: Some(fault) },
                None => Generation::Over(fault),
            }
        }
        // A file beside a word that nobody has documented is looked at as well.
        _ => {
            let note = Some(format!("Luma calls it `{}`", quoted(state)));
            link(json).map_or_else(|| Generation::Running { percent: 0, note }, done)
        }
    }
}

/// The video among the outputs; an EXR export may stand beside it.
fn link(json: &Json) -> Option<String> {
    let outputs = json.pointer("/output")?.as_array()?;
    let videos = outputs.iter().filter(|output| text(output, "/type") == Some("video"));
    let mut links = videos.filter_map(|video| text(video, "/url"));
    links.find(|link| polling::is_link(link)).map(str::to_owned)
}
