//! Gemini Omni through the Interactions API: one resource for everything a model is asked, video among it.
//!
//! A create blocks unless it asks for the background. What comes out are steps, and the video is a part of one of them:
//! as a link, or as base64 even where a link was asked for. A refusal may be a completed interaction with words and no
//! video. There is no list, so a submit whose answer was lost stays unknown; the notice carries our tag
//! (Gemini API, Omni guide and webhooks, google-genai 3.4.0, 2026-11-21).

#[cfg(test)]
mod tests;

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    signal::Stage,
};
use serde_json::{Value as Json, json};

use super::{
    fault::{self, Told},
    media::{self, File, LARGEST_INLINE},
    operations::Gemini,
    place::segment,
    veo,
};
use crate::{
    AccountStatus, Adapter, CancelOutcome, Download, FetchError, Flow, Hook, HookError, Polled,
    Render, Settings, Submission, SubmitError, Submitted,
    call::{Answer, Call, Reply},
    polling, response,
};

/// Google names no pace; its example for files waits half as long.
const POLL_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// Google names no longest time; fifteen seconds in 4k are reported to stay below ten minutes.
const LONGEST_RENDER: Duration = Duration::from_mins(30);
/// As reported for the longest and largest videos.
const USUAL_RENDER: Duration = Duration::from_mins(10);
/// Pictures that one prompt can refer to (six in Google's own example).
const MOST_REFERENCES: usize = 6;

/// An account at the Interactions API.
pub(super) struct Interactions {
    gemini: Gemini,
}

/// How far an interaction is.
#[derive(Clone, Debug, PartialEq)]
enum Interaction {
    Running(Option<String>),
    WithoutFile,
    Failed(Fault),
    /// With a file, and what it failed of if it says so.
    Done(File, Option<Fault>),
}

impl Interactions {
    /// The adapter for an account.
    pub(super) fn new(settings: &Settings) -> Self {
        Self { gemini: Gemini::new(settings) }
    }

    fn create(&self, submission: &Submission) -> Result<Call, Fault> {
        let spec = &submission.spec;
        let (input, task) = input(submission)?;
        let mut body = json!({
            "model": submission.model,
            "input": input,
            "background": true,
            "store": true,
            "response_format": {
                "type": "video",
                "aspect_ratio": media::aspect_ratio(spec.size),
                "resolution": media::resolution(spec.size),
                "duration": format!("{}s", spec.seconds),
                "delivery": "uri",
            },
            "generation_config": {
                "seed": media::seed(spec, 31),
                "video_config": { "task": task },
            },
        });
        if let Some(hook) = &submission.hook {
            body["webhook_config"] =
                json!({ "uris": [hook], "user_metadata": { "tag": submission.tag } });
        }
        Ok(self.gemini.signed(Call::post(self.gemini.place.url("interactions"), body)))
    }

    fn url(&self, remote_id: &str) -> String {
        self.gemini.place.url(&format!("interactions/{}", segment(remote_id)))
    }

    fn interaction(&self, render: &Render) -> Flow<Result<(Interaction, Reply), Fault>> {
        let mut call = self.gemini.signed(Call::get(self.url(&render.remote_id)));
        call.largest_answer = LARGEST_INLINE;
        let asked = render.remote_id.clone();
        Flow::once(call, move |answer| polled(answer, &asked))
    }
}

/// The prompt and its pictures, and what is to be made of them.
fn input(submission: &Submission) -> Result<(Json, &'static str), Fault> {
    let spec = &submission.spec;
    media::check(spec)?;
    if spec.negative_prompt.is_some() {
        let message =
            "Gemini Omni takes no negative prompt; say in the prompt what is not to be seen";
        return Err(media::refused(message));
    }
    if !spec.audio {
        let message =
            "Gemini Omni always makes sound; leave `audio` out, or ask for silence in the prompt";
        return Err(media::refused(message));
    }
    if spec.characters.len() > MOST_REFERENCES {
        return Err(media::refused(
            "Gemini Omni looks at six characters at most; leave the others out",
        ));
    }
    let frame = media::first_frame(spec, submission.first_frame.as_ref())?;
    let references = media::characters(spec, &submission.characters)?;
    let task = match (&frame, references.len()) {
        (Some(_), _) => "image_to_video",
        (None, 0) => return Ok((spec.prompt.as_str().into(), "text_to_video")),
        (None, _) => "reference_to_video",
    };
    let pictures = frame.into_iter().chain(references).map(|(picture, bytes)| {
        json!({
            "type": "image",
            "data": media::encoded(bytes),
            "mime_type": picture.media_type,
        })
    });
    let prompt = json!({ "type": "text", "text": spec.prompt });
    Ok((pictures.chain([prompt]).collect(), task))
}

/// Reads the answer to a poll.
fn polled(answer: Answer, asked: &str) -> Result<(Interaction, Reply), Fault> {
    let reply = answer.map_err(|problem| response::silence(&problem))?;
    // Every interaction carries its id (google-genai 3.4.0).
    let (body, matched) = veo::answered(&reply, |body| polling::match_render(body, "/id", asked))?;
    polling::refuse_another(&reply, matched)?;
    let read = interaction(body).ok_or_else(|| {
        response::unexpected(&reply, "the answer to a poll is not an interaction")
    })?;
    if matches!(read, Interaction::Failed(_)) {
        polling::require_name(&reply, matched)?;
    } else if !reply.status.is_success() {
        return Err(fault::of(&reply, Stage::Poll));
    }
    Ok((read, Reply { body: bytes::Bytes::new(), ..reply }))
}

/// Reads an interaction; nothing when the JSON is none.
fn interaction(body: Json) -> Option<Interaction> {
    let mut body = match body {
        Json::Array(list) => list.into_iter().next()?,
        other => other,
    };
    let status = response::text(&body, "/status")?.trim().to_ascii_lowercase();
    let recorded_fault = fault::error_in(&body).map(failure).or_else(|| recorded(&body));
    let mut over = |kind, what: &str| {
        let fault = Fault::new(kind, FaultSource::Provider, format!("the interaction {what}"));
        let fault = recorded_fault.clone().unwrap_or_else(|| fault.with_code(status.clone()));
        // A file beside a failure is looked at before another one is paid for.
        Some(match video(&mut body).filter(|_| response::may_have_a_file(&fault)) {
            Some(file) => Interaction::Done(file, Some(fault)),
            None => Interaction::Failed(fault),
        })
    };
    match status.as_str() {
        "queued" | "in_progress" => Some(Interaction::Running(None)),
        "completed" => Some(match video(&mut body) {
            Some(file) => Interaction::Done(file, None),
            None => match recorded_fault.filter(|it| !response::may_have_a_file(it)) {
                Some(fault) => Interaction::Failed(fault),
                None => words(&body).map_or(Interaction::WithoutFile, Interaction::Failed),
            },
        }),
        "failed" => over(FaultKind::UnknownProviderError, "failed without a word"),
        "cancelled" => over(FaultKind::Runtime, "was cancelled"),
        "incomplete" => over(FaultKind::Runtime, "was cut short"),
        "budget_exceeded" => over(FaultKind::Quota, "ran out of its budget"),
        "requires_action" => over(FaultKind::Runtime, "waits for an action that nobody takes"),
        "requires_continuation" => over(FaultKind::Runtime, "stopped before its end"),
        // A file beside a word that nobody has documented is looked at as well.
        unknown => {
            let word = response::quoted(unknown);
            let note = format!("Google says `{word}`, which is not documented");
            let running = || Interaction::Running(Some(note));
            Some(video(&mut body).map_or_else(running, |file| Interaction::Done(file, None)))
        }
    }
}

fn failure(error: &Json) -> Fault {
    Told::read(error).fault().unwrap_or_else(|| {
        let said =
            response::text(error, "/message").map_or_else(|| error.to_string(), str::to_owned);
        let message = format!("it failed: {}", response::quoted(&said));
        let fault = Fault::new(FaultKind::UnknownProviderError, FaultSource::Provider, message);
        match response::text(error, "/code") {
            Some(code) => fault.with_code(response::quoted(code)),
            None => fault,
        }
    })
}

/// The first error that an interaction has on record, for itself or for a step.
fn recorded(body: &Json) -> Option<Fault> {
    let own = body.get("errors").and_then(Json::as_array).into_iter().flatten();
    let of_steps = outputs(body).filter_map(|step| step.get("error"));
    own.chain(of_steps).find(|error| error.is_object()).map(failure)
}

fn outputs(body: &Json) -> impl Iterator<Item = &Json> {
    let steps = body.get("steps").and_then(Json::as_array).into_iter().flatten();
    steps.filter(|step| response::text(step, "/type") == Some("model_output"))
}

/// Completed, and words instead of a video: a refusal.
fn words(body: &Json) -> Option<Fault> {
    let contents = outputs(body).filter_map(|step| step.get("content")?.as_array()).flatten();
    let texts: Vec<_> = contents.filter_map(|part| response::text(part, "/text")).collect();
    let fault = fault::refused_content(&texts.join(" "));
    (!texts.is_empty()).then(|| match fault.code {
        Some(_) => fault,
        None => fault.with_code("completed_without_video"),
    })
}

/// The video of a completed interaction: the last that a step has, or the one beside the steps.
fn video(body: &mut Json) -> Option<File> {
    let steps = body.get_mut("steps").and_then(Json::as_array_mut).into_iter().flatten();
    let contents = steps
        .filter(|step| response::text(step, "/type") == Some("model_output"))
        .filter_map(|step| step.get_mut("content")?.as_array_mut())
        .flatten();
    let in_steps = contents
        .filter(|part| response::text(part, "/type") == Some("video"))
        .filter_map(file)
        .last();
    in_steps.or_else(|| file(body.get_mut("output_video")?))
}

fn file(part: &mut Json) -> Option<File> {
    let link = media::take(part, "uri").map(File::Link);
    link.or_else(|| media::take(part, "data").map(File::Inline))
}

/// The name of a file that the Files API keeps, out of its link.
fn file_name(link: &str) -> Option<&str> {
    let (_, rest) = link.split_once("/files/")?;
    let name = rest.split([':', '?', '/', '#']).next()?;
    (!name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'))
        .then_some(name)
}

impl Gemini {
    /// Fetches the file behind a link. One that the Files API keeps may still be worked on, so that is asked first;
    /// when there is no answer to that, the download itself will tell.
    fn open(self, link: &str) -> Flow<Result<Download, FetchError>> {
        let Some(name) = file_name(link).filter(|_| self.place.owns(link)) else {
            return Flow::Done(self.download(link).map(Download::From));
        };
        let call = self.signed(Call::get(self.place.url(&format!("files/{name}"))));
        let link = self.place.url(&format!("files/{name}:download?alt=media"));
        Flow::once(call, move |answer| {
            let body = answer.ok().and_then(|reply| reply.json()).unwrap_or_default();
            match response::text(&body, "/state") {
                Some("PROCESSING") => {
                    let pause = Some(SignedDuration::from_secs(5));
                    Err(FetchError::Later(media::not_yet().after(pause)))
                }
                // Some that are said to have failed can be downloaded all the same (seen in 2026-11).
                _ => self.download(&link).map(Download::From),
            }
        })
    }
}

impl Adapter for Interactions {
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
        match self.create(submission) {
            Ok(mut call) => {
                call.largest_answer = LARGEST_INLINE;
                Flow::once(call, |answer| veo::accepted(answer, "/id"))
            }
            Err(fault) => Flow::Done(Err(SubmitError::Refused(fault))),
        }
    }

    fn poll(&self, render: &Render, _now: Timestamp) -> Flow<Result<Polled, Fault>> {
        self.interaction(render).map(|read| {
            read.map(|(interaction, reply)| match interaction {
                Interaction::Running(note) => veo::running(&reply, POLL_EVERY, note),
                Interaction::WithoutFile => polling::without_file("Google"),
                Interaction::Failed(fault) => Polled::failed(fault),
                Interaction::Done(_, fault) => Polled::with_file(fault, None),
            })
        })
    }

    fn fetch(&self, render: &Render, _now: Timestamp) -> Flow<Result<Download, FetchError>> {
        let gemini = self.gemini.clone();
        self.interaction(render).and_then(move |read| match read {
            Err(fault) => Flow::Done(Err(FetchError::Later(fault))),
            Ok((Interaction::Running(_) | Interaction::WithoutFile, _)) => {
                Flow::Done(Err(FetchError::Later(media::not_yet())))
            }
            Ok((Interaction::Failed(fault), _)) => Flow::Done(Err(FetchError::Gone(fault))),
            Ok((Interaction::Done(File::Inline(text), _), _)) => {
                Flow::Done(media::decoded(&text).map(Download::Whole))
            }
            Ok((Interaction::Done(File::Link(link), _), _)) => gemini.open(&link),
        })
    }

    fn cancel(&self, render: &Render, _now: Timestamp) -> Flow<Result<CancelOutcome, Fault>> {
        let url = format!("{}/cancel", self.url(&render.remote_id));
        let call = self.gemini.signed(Call::change(http::Method::POST, url));
        Flow::once(call, |answer| {
            let reply = answer.map_err(|problem| response::silence(&problem))?;
            match reply.status.as_u16() {
                200..=299 => Ok(CancelOutcome::Stopped),
                404 => Ok(CancelOutcome::NotKnown),
                400 | 409 | 412 => Ok(CancelOutcome::AlreadyOver),
                _ => Err(fault::of(&reply, Stage::Poll)),
            }
        })
    }

    fn check(&self, _now: Timestamp) -> Flow<Result<AccountStatus, Fault>> {
        self.gemini.check()
    }

    fn verify_hook(&self, hook: Hook) -> Flow<Result<(), HookError>> {
        self.gemini.verify(hook)
    }
}
