//! Videos that come with a request, to be edited or extended: what they are, looked at before anything is
//! stored.
//!
//! They come from anywhere. What reads them bounds its memory and its work by itself, runs on threads that
//! may block, only a few at a time, and ends when its caller is gone.

use std::{io::Cursor, sync::LazyLock};

use bytes::Bytes;
use retake_core::{
    fault::chain,
    request::{Origin, OriginKind, Picture, RenderSpec},
    size::Size,
};
use retake_media::{
    self as media, Budget, Container, PictureError, Pictures, ProbeError, StillError, VideoFile,
};
use retake_providers::{Provider, SourceVideo, Unfit};

use crate::{
    media_work,
    shares::{Holder, Turns},
};

/// Videos take their time, and pictures that others send should not wait behind many of them.
static LOOKING: LazyLock<Turns> = LazyLock::new(|| Turns::new(1));

/// A video file that came with a request.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    holder: Holder,
    bytes: Bytes,
    video: VideoFile,
}

/// Why a video that came with a request cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UploadError {
    /// It is no video, or one that cannot be decoded.
    #[error("the video cannot be used: {}; send an MP4 or MOV in H.264", chain(.0))]
    Unreadable(#[from] PictureError),
    /// Phones store videos as the sensor lies, with a note of how to turn them.
    #[error(
        "the video is stored turned or mirrored; `ffmpeg -i clip.mp4 upright.mp4` makes an upright one"
    )]
    Turned,
    /// Its container says one size, and its pictures have another.
    #[error("the video cannot be used: it says that it is {said}, and its pictures are {found}")]
    Contradiction {
        /// As the container has it.
        said: Size,
        /// As it was decoded.
        found: Size,
    },
    /// It can be played, but nothing can be put behind it.
    #[error("the video cannot be extended: {0}")]
    Unfit(#[from] Unfit),
    /// Its first picture could not be written.
    #[error("a picture of the video could not be written")]
    Picture(#[from] StillError),
    /// The thread that looked at it did not come back.
    #[error("the video could not be looked at")]
    Interrupted(#[source] tokio::task::JoinError),
}

impl Upload {
    /// Reads the structure of a file, which shows whether it is a whole video, and which.
    pub(crate) async fn read(holder: &Holder, bytes: Bytes) -> Result<Self, UploadError> {
        let file = bytes.clone();
        let probed =
            aside(holder, move |budget| media::probe_within(Cursor::new(file), budget)).await?;
        let video = probed.map_err(PictureError::from)?;
        if video.container != Container::Mp4 {
            return Err(PictureError::from(ProbeError::NotMp4).into());
        }
        Ok(Self { holder: holder.clone(), bytes, video })
    }

    /// Width and height.
    pub(crate) fn size(&self) -> Size {
        Size::new(self.video.picture.width, self.video.picture.height)
    }

    /// Whether it has sound.
    pub(crate) fn has_sound(&self) -> bool {
        self.video.sound.is_some()
    }

    /// The file as it came.
    pub(crate) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// What is to be recorded of it. It has no key before it is stored.
    pub(crate) fn origin(&self, kind: OriginKind) -> Origin {
        let plays = self.video.picture.duration.as_duration();
        let ms = u64::try_from(plays.as_millis()).unwrap_or(u64::MAX);
        Origin {
            kind,
            video: None,
            key: None,
            bytes: self.video.bytes,
            seconds: u32::try_from(ms.saturating_add(500) / 1000).unwrap_or(u32::MAX),
            duration_ms: Some(ms),
        }
    }

    /// What its first picture will be once it is decoded and stored.
    pub(crate) fn first_frame(&self) -> Picture {
        Picture { key: String::new(), size: self.size(), media_type: "image/webp".to_owned() }
    }

    /// Decodes its first picture, as a file.
    pub(crate) async fn first_picture(&self) -> Result<Bytes, UploadError> {
        let (file, said) = (self.bytes.clone(), self.size());
        aside(&self.holder, move |budget| first_picture(file, said, budget)).await?
    }

    /// Asks a provider whether it can extend this video.
    pub(crate) async fn examine(
        &self,
        provider: &dyn Provider,
        spec: &RenderSpec,
    ) -> Result<(), UploadError> {
        let bytes = self.bytes.clone();
        let turn = LOOKING.take(&self.holder).await;
        // Once the caller is gone, nothing more is read.
        let (budget, _guard) = Budget::cancellable();
        // Whoever reads it has the turn, also when the caller is gone by then.
        let source = SourceVideo::new(move || {
            let _ = &turn;
            Box::new(budget.watch(Cursor::new(bytes.clone())))
        });
        Ok(provider.examine(spec, &source).await?)
    }
}

fn first_picture(file: Bytes, said: Size, budget: &Budget) -> Result<Bytes, UploadError> {
    let mut pictures = Pictures::open_within(Cursor::new(file), budget)?;
    if !pictures.are_upright() {
        return Err(UploadError::Turned);
    }
    let picture = pictures.at(std::time::Duration::ZERO)?;
    let found = Size::new(picture.width, picture.height);
    if found != said {
        return Err(UploadError::Contradiction { said, found });
    }
    Ok(picture.to_webp()?.into())
}

/// Does work that takes a while on a thread that may block, when it is its turn.
async fn aside<T: Send + 'static>(
    holder: &Holder,
    work: impl FnOnce(&Budget) -> T + Send + 'static,
) -> Result<T, UploadError> {
    media_work::run(LOOKING.take(holder), Budget::default(), work)
        .await
        .map_err(UploadError::Interrupted)
}
