//! Requests that build on a video: one that was made here, or a file that comes with the request.

use bytes::Bytes;
use retake_core::{
    plan::Plan,
    request::{Origin, OriginKind, VideoRequest},
};
use retake_store::Job;

use super::{IdempotencyToken, Intake, IntakeError, SubmitRequest};
use crate::{keys::Caller, uploads::Upload, videos::VideoError};

/// What is to be made of a video.
#[derive(Clone, Debug)]
pub(crate) struct Sequel {
    pub(crate) kind: OriginKind,
    pub(crate) video: Source,
    pub(crate) prompt: String,
    /// How much longer an extension makes it.
    pub(crate) seconds: Option<u32>,
    pub(crate) model: Option<String>,
}

/// The video that something is made of.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// One that was made here, by its id.
    Made(String),
    /// A file that was sent along.
    Sent(Bytes),
}

impl Intake {
    /// Takes in a request that builds on a video: what it leaves open is as it is there.
    pub(crate) async fn submit_sequel(
        &self,
        caller: &Caller,
        sequel: Sequel,
        mark: IdempotencyToken,
    ) -> Result<Job, IntakeError> {
        let Sequel { kind, video, prompt, seconds, model } = sequel;
        let asked = VideoRequest { prompt, model, seconds, ..VideoRequest::default() };
        let wanted = match video {
            Source::Made(id) => {
                let request = self.of_made(caller, &id, kind, asked).await?;
                SubmitRequest { request, ..SubmitRequest::default() }
            }
            Source::Sent(file) => {
                let upload = Upload::read(caller.holder(), file).await?;
                let request = of_upload(&upload, kind, asked);
                SubmitRequest { request, upload: Some(upload), ..SubmitRequest::default() }
            }
        };
        self.submit(caller, wanted, mark).await
    }

    /// The whole request for something made of a video of the caller's.
    async fn of_made(
        &self,
        caller: &Caller,
        id: &str,
        kind: OriginKind,
        asked: VideoRequest,
    ) -> Result<VideoRequest, IntakeError> {
        let (source, output) = self.videos.content(caller, id).await?;
        let spec = source.planned().map(|planned| planned.spec.clone());
        let Some(spec) = spec else {
            return Err(VideoError::NoContent { id: source.id, state: "has no plan" }.into());
        };
        let extends = kind == OriginKind::Extension;
        let origin = Origin {
            kind,
            video: Some(source.id),
            // Only what is made longer needs the file itself.
            key: extends.then_some(output.key),
            bytes: output.bytes,
            seconds: spec.seconds,
            duration_ms: Some(output.duration_ms),
        };
        Ok(VideoRequest {
            model: asked.model.or(source.request.model),
            seconds: if extends { asked.seconds } else { Some(spec.seconds) },
            size: Some(spec.size),
            negative_prompt: spec.negative_prompt,
            seed: Some(spec.seed),
            looped: Some(spec.looped && !extends),
            audio: Some(output.audio_codec.is_some()),
            first_frame: spec.first_frame.filter(|_| !extends),
            characters: spec.characters,
            origin: Some(origin),
            ..asked
        })
    }

    /// Decodes what will be needed of an uploaded video, and yields the picture that its edit starts from.
    /// Routes that cannot extend it leave the plan.
    pub(super) async fn look_into(
        &self,
        upload: &Upload,
        plan: &mut Plan,
    ) -> Result<Option<Bytes>, IntakeError> {
        if plan.routes.first().is_some_and(|planned| planned.spec.continued().is_none()) {
            return Ok(Some(upload.first_picture().await?));
        }
        let (mut able, mut refused) = (Vec::new(), None);
        for planned in std::mem::take(&mut plan.routes) {
            let examined = match self.accounts.get(&planned.route.account) {
                Some(account) => upload.examine(account.provider.as_ref(), &planned.spec).await,
                None => Ok(()),
            };
            match examined {
                Ok(()) => able.push(planned),
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        plan.routes = able;
        match refused {
            Some(error) if plan.routes.is_empty() => Err(error.into()),
            _ => Ok(None),
        }
    }
}

/// The whole request for something made of an uploaded video.
fn of_upload(upload: &Upload, kind: OriginKind, asked: VideoRequest) -> VideoRequest {
    let extends = kind == OriginKind::Extension;
    let origin = upload.origin(kind);
    VideoRequest {
        seconds: if extends { asked.seconds } else { Some(origin.seconds.max(1)) },
        size: Some(upload.size()),
        audio: Some(upload.has_sound()),
        first_frame: (!extends).then(|| upload.first_frame()),
        origin: Some(origin),
        ..asked
    }
}
