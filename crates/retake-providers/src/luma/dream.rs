//! The Dream Machine API: `ray-2` and `ray-flash-2`.

use std::time::Duration;

use http::{Method, StatusCode};
use jiff::{SignedDuration, Timestamp};
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    money::Usd,
    signal::Stage,
};
use serde_json::{Map, Value as Json, json};

use super::{
    Api, ask_again, created, fault, fault::refused, frame, list, refuse_what_cannot_be_said,
};
use crate::{
    AccountStatus, Adapter, Answer, Call, CancelOutcome, Download, FetchError, Flow, Polled,
    Reconciliation, Render, Reply, Submission, SubmitError, Submitted, UnconfirmedSubmit, polling,
    response::{self, quoted, text},
};

const MODELS: [&str; 2] = ["ray-2", "ray-flash-2"];
const SHAPES: [&str; 7] = ["16:9", "9:16", "1:1", "4:3", "3:4", "21:9", "9:21"];
const RESOLUTIONS: [&str; 4] = ["540p", "720p", "1080p", "4k"];

/// The shortest prompt, in characters (error page, 2026-11-21).
const SHORTEST_PROMPT: usize = 3;

/// Credit is told in cents of a dollar.
const MICROS_PER_CENT: f64 = 10_000.0;

const LONGEST_RENDER: Duration = Duration::from_mins(40);

/// Luma names no time; videos of ten seconds are reported to take two to four minutes.
const USUAL_RENDER: Duration = Duration::from_mins(5);

/// How long a video may still come of a render that Luma could not tell us about.
const AFTER_CALLBACK: SignedDuration = SignedDuration::from_mins(20);

/// One account.
pub(super) struct Dream {
    api: Api,
}

impl Dream {
    pub(super) fn new(api: Api) -> Self {
        Self { api }
    }
}

impl Adapter for Dream {
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
        match body(submission) {
            Ok(body) => {
                let call = Call::post(self.api.url("generations/video"), body);
                Flow::once(self.api.signed(call), created)
            }
            Err(fault) => Flow::Done(Err(SubmitError::Refused(fault))),
        }
    }

    fn look_up(
        &self,
        lost: &UnconfirmedSubmit,
        _now: Timestamp,
    ) -> Flow<Result<Reconciliation, Fault>> {
        list::find(self.api.clone(), list::Wanted::new(lost, LONGEST_RENDER))
    }

    fn poll(&self, render: &Render, now: Timestamp) -> Flow<Result<Polled, Fault>> {
        let (asked, age) = (render.remote_id.clone(), now.duration_since(render.begun_at));
        Flow::once(self.api.ask_for(&render.remote_id), move |answer| polled(answer, &asked, age))
    }

    fn fetch(&self, render: &Render, now: Timestamp) -> Flow<Result<Download, FetchError>> {
        let (asked, age) = (render.remote_id.clone(), now.duration_since(render.begun_at));
        Flow::once(self.api.ask_for(&render.remote_id), move |answer| {
            let reply = answer.map_err(|problem| FetchError::Later(response::silence(&problem)))?;
            match generation(&reply, &asked, age).map_err(FetchError::Later)? {
                Generation::Done { link, .. } => Ok(Download::From(Call::get(link))),
                Generation::Over(fault) | Generation::Refunded(fault) => {
                    Err(FetchError::Gone(fault))
                }
                Generation::WithoutFile | Generation::Running { .. } => Err(FetchError::Later(
                    fault::broken("it was finished and has no file any more"),
                )),
            }
        })
    }

    fn refused_download(&self, reply: &Reply) -> FetchError {
        super::refused_download(reply)
    }

    /// Deletes the generation. Whether that stops one that is running is not documented.
    fn cancel(&self, render: &Render, _now: Timestamp) -> Flow<Result<CancelOutcome, Fault>> {
        let call = Call::change(Method::DELETE, self.api.generation(&render.remote_id));
        Flow::once(self.api.signed(call), |answer| {
            let reply = answer.map_err(|problem| response::silence(&problem))?;
            match reply.status {
                StatusCode::NOT_FOUND | StatusCode::GONE => Ok(CancelOutcome::NotKnown),
                status if status.is_success() => Ok(CancelOutcome::Stopped),
                _ => Err(fault::of_reply(&reply, Stage::Poll)),
            }
        })
    }

    fn check(&self, _now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        Flow::once(self.api.signed(Call::get(self.api.url("credits"))), account_status)
    }
}

fn body(submission: &Submission) -> Result<Json, Fault> {
    let (model, spec) = (submission.model.as_str(), &submission.spec);
    if !MODELS.contains(&model) {
        let message =
            format!("Dream Machine does not render `{model}`; `ray-3.2` is the variant `agents`");
        return Err(refused(message));
    }
    refuse_what_cannot_be_said(model, spec).map_err(refused)?;
    if spec.prompt.chars().count() < SHORTEST_PROMPT {
        return Err(refused("the prompt is too short for Luma, which wants at least 3 characters"));
    }
    let frame = frame::say(spec.size, &SHAPES, &RESOLUTIONS).map_err(refused)?;
    let mut body = Map::new();
    body.insert("generation_type".into(), "video".into());
    body.insert("model".into(), model.into());
    body.insert("prompt".into(), spec.prompt.as_str().into());
    body.insert("aspect_ratio".into(), frame.aspect_ratio.into());
    body.insert("resolution".into(), frame.resolution.into());
    body.insert("duration".into(), format!("{}s", spec.seconds).into());
    body.insert("loop".into(), spec.looped.into());
    if spec.first_frame.is_some() {
        let url = submission.first_frame_url.as_deref().ok_or_else(unreachable_picture)?;
        body.insert("keyframes".into(), json!({ "frame0": { "type": "image", "url": url } }));
    }
    if let Some(hook) = &submission.hook {
        body.insert("callback_url".into(), list::tagged(hook, &submission.tag).into());
    }
    Ok(body.into())
}

fn unreachable_picture() -> Fault {
    let message = "Luma fetches pictures from public URLs, and this gateway has none; set `server.public_url`, \
                   or take the variant `agents`, which takes pictures in the request";
    Fault::new(FaultKind::BadRequest, FaultSource::Gateway, message)
}

enum Generation {
    Running {
        note: Option<String>,
    },
    /// With a file, and what it failed of if it says so.
    Done {
        link: String,
        fault: Option<Fault>,
    },
    WithoutFile,
    Over(Fault),
    /// Over without a file, and paid back: "credits for failed generations are refunded" (FAQ, 2026-11-21).
    Refunded(Fault),
}

fn polled(answer: Answer, asked: &str, age: SignedDuration) -> Result<Polled, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    Ok(match generation(&reply, asked, age)? {
        Generation::Running { note } => {
            Polled::Running { percent: 0, ask_again_in: ask_again(&reply), note }
        }
        Generation::Done { fault, .. } => Polled::with_file(fault, None),
        Generation::WithoutFile => polling::without_file("Luma"),
        Generation::Over(fault) => Polled::failed(fault),
        Generation::Refunded(fault) => Polled::Failed { fault, charged: Some(Usd::ZERO) },
    })
}

fn generation(reply: &Reply, asked: &str, age: SignedDuration) -> Result<Generation, Fault> {
    if matches!(reply.status.as_u16(), 404 | 410) {
        return Err(response::unknown_render(reply, "Luma"));
    }
    let json = reply.json().unwrap_or_default();
    // Every generation carries its id (`lumaai` 1.21.0).
    let matched = polling::match_render(&json, "/id", asked);
    let is_success = reply.status.is_success();
    let state = text(&json, "/state").filter(|_| is_success || polling::may_end(reply, matched));
    let generation = state.map(|state| read(&json, state, age));
    let is_over = |it: &Generation| matches!(it, Generation::Over(_) | Generation::Refunded(_));
    if !is_success {
        return generation.filter(is_over).ok_or_else(|| fault::of_reply(reply, Stage::Poll));
    }
    let unreadable = || response::unexpected(reply, "the answer is not a generation");
    let generation = generation.ok_or_else(unreadable)?;
    polling::refuse_another(reply, matched)?;
    if is_over(&generation) {
        polling::require_name(reply, matched)?;
    }
    Ok(generation)
}

fn read(json: &Json, state: &str, age: SignedDuration) -> Generation {
    let done = |link| Generation::Done { link, fault: None };
    match state.trim().to_ascii_lowercase().as_str() {
        "queued" | "dreaming" => Generation::Running { note: None },
        "completed" => link(json).map_or(Generation::WithoutFile, done),
        "failed" if fault::is_about_callback(json) => untold(json, age),
        "failed" => {
            let fault = fault::by_reason(json);
            // A file beside a failure is looked at before another one is paid for.
            match link(json).filter(|_| response::may_have_a_file(&fault)) {
                Some(link) => Generation::Done { link, fault: Some(fault) },
                None => Generation::Refunded(fault),
            }
        }
        // A file beside a word that nobody has documented is looked at as well.
        _ => {
            let note = Some(format!("Luma calls it `{}`", quoted(state)));
            link(json).map_or_else(|| Generation::Running { note }, done)
        }
    }
}

/// Luma could not reach us, and calls that a failure. The video may exist, now or soon.
fn untold(json: &Json, age: SignedDuration) -> Generation {
    match link(json) {
        Some(link) => Generation::Done { link, fault: None },
        None if age < AFTER_CALLBACK => {
            let note =
                "Luma could not deliver its notice and says `failed`; the video may still come";
            Generation::Running { note: Some(note.into()) }
        }
        None => {
            Generation::Over(fault::broken("Luma could not deliver its notice, and no video came"))
        }
    }
}

fn link(json: &Json) -> Option<String> {
    text(json, "/assets/video").filter(|url| polling::is_link(url)).map(str::to_owned)
}

fn account_status(answer: Answer) -> Result<AccountStatus, Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    if !reply.status.is_success() {
        return Err(fault::of_reply(&reply, Stage::Poll));
    }
    let unreadable = || response::unexpected(&reply, "the answer tells no credit");
    let json = reply.json().ok_or_else(unreadable)?;
    let cents = response::number(&json, "/credit_balance").ok_or_else(unreadable)?;
    let trouble = (cents <= 0.0).then(|| {
        let message =
            "no credit is left; buy some at https://lumalabs.ai/dream-machine/api/billing";
        Fault::new(FaultKind::Quota, FaultSource::Provider, message)
    });
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "casts of floats saturate, and a debt counts as nothing"
    )]
    let micros = (cents * MICROS_PER_CENT) as u64;
    let summary = format!("credit {:.2} USD", cents / 100.0);
    Ok(AccountStatus { summary, credit_micros: Some(micros), concurrency: None, trouble })
}
