//! Finished files: fetched through the API, or under a link.

use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::EmulatorContext;
use crate::{
    Provider,
    fault::{Fault, FaultKind},
    fixture_video::VideoSpec,
    intake,
    media::{self, NoFile},
    simulator::{JobView, State},
};

impl EmulatorContext {
    /// The link to one of a job's videos (from 0), on this provider's port.
    pub(crate) fn link(&self, job: &JobView, nth: u32) -> String {
        let (base, provider) = (self.base_url(), self.provider.name());
        let id =
            percent_encoding::utf8_percent_encode(job.id(), percent_encoding::NON_ALPHANUMERIC);
        format!("{base}/__lab/media/{provider}/{id}/{nth}.mp4")
    }

    /// Serves a job's video. `key` is what the caller showed, for files that need one.
    pub(crate) async fn download(
        &self,
        job: &JobView,
        key: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Response, NoFile> {
        self.ready(job)?;
        let count = |record: &mut crate::simulator::Record| {
            record.downloads = record.downloads.saturating_add(1);
        };
        let before = self.shared.stage.count(self.provider, job.id(), count);
        let downloads = before.map_or(0, |it| it.downloads);
        let fault = job.fate.result.as_ref();
        if let Some(trouble) = fault.and_then(|fault| trouble(fault, job, key, downloads)) {
            return Err(trouble);
        }
        let fault = fault.filter(|fault| downloads < fault.times.unwrap_or(usually(fault.kind)));
        if let Some(other) = fault.and_then(media::in_its_place) {
            return Ok(other);
        }
        let film = self.film(job).await?;
        Ok(media::answer(film, "video/mp4", headers, fault, self.clock()))
    }

    /// A job's video, with what the scenario wants wrong about it.
    pub(crate) async fn film(&self, job: &JobView) -> Result<Bytes, NoFile> {
        self.ready(job)?;
        let create = &job.create;
        let halves = |kind| job.result_fault(kind).is_some();
        let is_short = halves(FaultKind::WrongDuration)
            || (create.outputs <= 1 && job.run_fault(FaultKind::Partial).is_some());
        let part = |is_half: bool| if is_half { 2 } else { 1 };
        let size = part(halves(FaultKind::WrongSize));
        let grain = job.result_fault(FaultKind::Grain).map(|it| it.shape.as_deref());
        let coarse = grain.is_some_and(|it| it != Some("length"));
        let longer = grain.is_some_and(|it| it != Some("size"));
        let side = |pixels: u32| if coarse { pixels / 32 * 32 } else { pixels / size };
        let take = VideoSpec {
            width: side(create.width),
            height: side(create.height),
            millis: create.millis / u64::from(part(is_short)) + if longer { 292 } else { 0 },
            audio: create.audio,
        };
        self.shared.studio.film(take).await.map_err(|error| {
            tracing::warn!(%error, "the lab could not make a film");
            NoFile::Broken
        })
    }

    fn ready(&self, job: &JobView) -> Result<(), NoFile> {
        match job.state {
            State::Queued { .. } | State::Running { .. } => return Err(NoFile::NotReady),
            State::Failed(_) | State::Cancelled => return Err(NoFile::NoVideo),
            State::Done if job.is_empty() => return Err(NoFile::NoVideo),
            State::Done => {}
        }
        let expires = job.expires_at(self.conditions().result_lasts);
        if expires.is_some_and(|at| at <= self.now()) { Err(NoFile::Expired) } else { Ok(()) }
    }
}

/// How many downloads meet a fault that does not say.
const fn usually(kind: FaultKind) -> u32 {
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

/// What a download meets instead of the file, the `downloads` before it counted.
fn trouble(fault: &Fault, job: &JobView, key: Option<&str>, downloads: u32) -> Option<NoFile> {
    let is_due = |times| downloads < fault.times.unwrap_or(times);
    match fault.kind {
        FaultKind::ExpiredLink => is_due(u32::MAX).then_some(NoFile::Expired),
        FaultKind::MissingOnce => is_due(1).then_some(NoFile::NotThere),
        FaultKind::LinkNeedsKey => (key != Some(&job.create.key)).then_some(NoFile::NeedsKey),
        _ => None,
    }
}

/// `GET /__lab/media/{provider}/{id}/{file}`: a link that was given out.
pub(crate) async fn serve_link(
    desk: EmulatorContext,
    (provider, id, headers): (String, String, HeaderMap),
) -> Response {
    let job = Provider::named(&provider).filter(|it| *it == desk.provider);
    let Some(job) = job.and_then(|_| desk.look(&id)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let schemes = ["Bearer", "Key", "Token"];
    let shown = schemes.into_iter().find_map(|it| intake::authorization(&headers, it));
    let shown = shown.or_else(|| intake::named(&headers, "x-goog-api-key").map(str::to_owned));
    match desk.download(&job, shown.as_deref(), &headers).await {
        Ok(response) => response,
        Err(NoFile::Expired) => {
            (StatusCode::FORBIDDEN, "<Error><Code>AccessDenied</Code></Error>").into_response()
        }
        Err(NoFile::NeedsKey) => StatusCode::UNAUTHORIZED.into_response(),
        Err(NoFile::Broken) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(NoFile::NotReady | NoFile::NoVideo | NoFile::NotThere) => {
            StatusCode::NOT_FOUND.into_response()
        }
    }
}
