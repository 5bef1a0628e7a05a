//! Serves finished files, through a provider's API or under a public URL.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::EmulatorContext;
use crate::{
    Provider,
    auth::{self, KeySource},
    fault::{Fault, FaultKind},
    file_response::{self, FileUnavailable},
    fixture_video::VideoSpec,
    simulator::{JobState, JobView},
};

impl EmulatorContext {
    /// The URL of one of a job's videos (counted from 0), on this provider's port.
    pub(crate) fn video_url(&self, job: &JobView, nth: u32) -> String {
        let (base, provider) = (self.base_url(), self.provider.name());
        let id =
            percent_encoding::utf8_percent_encode(job.id(), percent_encoding::NON_ALPHANUMERIC);
        format!("{base}/__lab/media/{provider}/{id}/{nth}.mp4")
    }

    /// Serves a job's video. `key` is the caller's, for files that need one.
    pub(crate) async fn download(
        &self,
        job: &JobView,
        key: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Response, FileUnavailable> {
        self.check_available(job)?;
        let count = |record: &mut crate::simulator::Record| {
            record.downloads = record.downloads.saturating_add(1);
        };
        let before = self.shared.simulator.update_record(self.provider, job.id(), count);
        let downloads = before.map_or(0, |it| it.downloads);
        let fault = job.fault_plan.result.as_ref();
        if let Some(unavailable) = fault.and_then(|fault| unavailable(fault, job, key, downloads)) {
            return Err(unavailable);
        }
        let fault =
            fault.filter(|fault| downloads < fault.times.unwrap_or(default_times(fault.kind)));
        if let Some(other) = fault.and_then(file_response::substitute) {
            return Ok(other);
        }
        let bytes = self.render_video(job).await?;
        Ok(file_response::respond(bytes, "video/mp4", headers, fault, self.clock()))
    }

    /// Renders a job's video, with the defects that the scenario asks for.
    pub(crate) async fn render_video(&self, job: &JobView) -> Result<Bytes, FileUnavailable> {
        self.check_available(job)?;
        let create = &job.create;
        let is_halved = |kind| job.result_fault(kind).is_some();
        let is_short = is_halved(FaultKind::WrongDuration)
            || (create.outputs <= 1 && job.run_fault(FaultKind::Partial).is_some());
        let part = |is_half: bool| if is_half { 2 } else { 1 };
        let size = part(is_halved(FaultKind::WrongSize));
        let grain = job.result_fault(FaultKind::Grain).map(|it| it.shape.as_deref());
        let coarse = grain.is_some_and(|it| it != Some("length"));
        let longer = grain.is_some_and(|it| it != Some("size"));
        let side = |pixels: u32| if coarse { pixels / 32 * 32 } else { pixels / size };
        let spec = VideoSpec {
            width: side(create.width),
            height: side(create.height),
            millis: create.millis / u64::from(part(is_short)) + if longer { 292 } else { 0 },
            audio: create.audio,
        };
        self.shared.fixture_videos.get_or_render(spec).await.map_err(|error| {
            tracing::warn!(%error, "the lab failed to render a video");
            FileUnavailable::RenderFailed
        })
    }

    fn check_available(&self, job: &JobView) -> Result<(), FileUnavailable> {
        match job.state {
            JobState::Queued { .. } | JobState::Running { .. } => {
                return Err(FileUnavailable::NotReady);
            }
            JobState::Failed(_) | JobState::Cancelled => return Err(FileUnavailable::NoVideo),
            JobState::Done if job.has_no_video() => return Err(FileUnavailable::NoVideo),
            JobState::Done => {}
        }
        let expires = job.expires_at(self.conditions().result_lasts);
        if expires.is_some_and(|at| at <= self.now()) {
            Err(FileUnavailable::Expired)
        } else {
            Ok(())
        }
    }
}

/// How many downloads a fault affects when the scenario does not say.
const fn default_times(kind: FaultKind) -> u32 {
    match kind {
        FaultKind::FileRefused
        | FaultKind::PageForFile
        | FaultKind::JsonForFile
        | FaultKind::EmptyFile
        | FaultKind::HalfFile
        | FaultKind::DripDownload => 1,
        _ => u32::MAX,
    }
}

/// Why a download fails, given the number of downloads before it.
fn unavailable(
    fault: &Fault,
    job: &JobView,
    key: Option<&str>,
    downloads: u32,
) -> Option<FileUnavailable> {
    let is_due = |times| downloads < fault.times.unwrap_or(times);
    match fault.kind {
        FaultKind::ExpiredLink => is_due(u32::MAX).then_some(FileUnavailable::Expired),
        FaultKind::MissingOnce => is_due(1).then_some(FileUnavailable::NotYetStored),
        FaultKind::LinkNeedsKey => {
            (key != Some(&job.create.key)).then_some(FileUnavailable::KeyRequired)
        }
        _ => None,
    }
}

/// The places where any provider's callers may put their key in a request for a file.
const FILE_KEY_SOURCES: &[KeySource] = &[
    KeySource::Authorization("Bearer"),
    KeySource::Authorization("Key"),
    KeySource::Authorization("Token"),
    KeySource::Header("x-goog-api-key"),
];

/// `GET /__lab/media/{provider}/{id}/{file}`: serves a URL that a provider handed out.
pub(crate) async fn serve_video_url(
    context: EmulatorContext,
    (provider, id, headers): (String, String, HeaderMap),
) -> Response {
    let job = Provider::from_name(&provider).filter(|it| *it == context.provider);
    let Some(job) = job.and_then(|_| context.find_job(&id)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let key = auth::find_key(&headers, None, FILE_KEY_SOURCES);
    match context.download(&job, key.as_deref(), &headers).await {
        Ok(response) => response,
        Err(FileUnavailable::Expired) => {
            (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response()
        }
        Err(FileUnavailable::KeyRequired) => StatusCode::UNAUTHORIZED.into_response(),
        Err(FileUnavailable::RenderFailed) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(
            FileUnavailable::NotReady | FileUnavailable::NoVideo | FileUnavailable::NotYetStored,
        ) => StatusCode::NOT_FOUND.into_response(),
    }
}
