//! The collector: downloads the file of a finished render and verifies it before anyone is told that it is done.
//!
//! The file is streamed into staging and hashed on the way; then its container is read: it has to be a video whose
//! samples all lie inside the file. What else it is (size, duration, sound) is measured and held against the request.
//! A file that plays is kept, whatever it measures; what is done about a difference is decided elsewhere. Whatever
//! is not such a file is a failed download, and says what it shows of the file: see [`DownloadFinding`].

use std::{sync::LazyLock, time::Duration};

use bytes::Bytes;
use futures::StreamExt as _;
use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource, chain},
    ids::{KeyId, VideoId},
    job::DownloadFinding,
    output::{Difference, OutputSpec, Tolerance},
    size::Size,
};
use retake_media::{self as media, Budget, BudgetError, Container, ProbeError, VideoFile};
use retake_providers::{FetchError, Log, Provider, Render};
use retake_store::{FileType, Output, Preview, Spritesheet};
use sha2::{Digest as _, Sha256};

use crate::{
    assets::{Arrived, AssetError, Assets, Pin, Staged, Variant, hex},
    disk::Writing,
    media_work,
    shares::{Holder, Turns},
};

/// No video is larger than this, whatever a provider sends.
const LARGEST_FILE: u64 = 8 * 1024 * 1024 * 1024;

/// Decoding takes memory by the pixel, so few videos are looked at at once, and those of one owner one after another.
static LOOKING: LazyLock<Turns> = LazyLock::new(|| Turns::new(2));

/// Reading the structure of a file takes far less.
static READING: LazyLock<Turns> = LazyLock::new(|| Turns::new(8));

/// What is fetched for whom.
pub(crate) struct FetchTask<'a> {
    pub(crate) id: &'a VideoId,
    /// On whose account the file is looked at.
    pub(crate) owner: Option<&'a KeyId>,
    pub(crate) attempt: u32,
    pub(crate) render: &'a Render,
    /// What the file is to be.
    pub(crate) asked: OutputSpec,
    pub(crate) tolerance: Tolerance,
    pub(crate) log: &'a Log,
}

/// A finished file and what keeps it until it is on record.
pub(crate) struct Collected {
    pub(crate) output: Output,
    pub(crate) pin: Pin,
}

/// Why there is no file.
#[derive(Debug)]
pub(crate) enum CollectError {
    /// The download failed, and is tried again: the render is finished, whatever came of its file.
    Again { fault: Fault, finding: Option<DownloadFinding> },
    /// The provider says that the render itself failed, after it called it finished.
    Contradicted(Fault),
    /// The render lived in this process, and is gone with it.
    Interrupted(Fault),
}

impl CollectError {
    fn again(fault: Fault) -> Self {
        Self::Again { fault, finding: None }
    }

    /// Bytes that are no usable video.
    fn unusable(arrived: &Arrived, is_whole: bool, message: String) -> Self {
        let finding = DownloadFinding::Unusable { sha256: arrived.sha256.clone(), is_whole };
        let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, message);
        Self::Again { fault, finding: Some(finding) }
    }
}

impl From<FetchError> for CollectError {
    /// Only one word ends a render that was finished: our own renderer lost it. That a file is not there, or cannot be
    /// found in an answer, is said of the file; that the render failed after all is believed when it stays so.
    fn from(error: FetchError) -> Self {
        let fault = match error {
            FetchError::Later(fault) => return Self::again(fault),
            FetchError::Gone(fault) => fault,
        };
        let of_file = matches!(
            fault.kind,
            FaultKind::Lost | FaultKind::Malformed | FaultKind::UnknownProviderError
        );
        match fault.source {
            FaultSource::Gateway => Self::Interrupted(fault),
            _ if of_file => Self::Again { fault, finding: Some(DownloadFinding::Gone) },
            _ => Self::Contradicted(fault),
        }
    }
}

impl From<AssetError> for CollectError {
    fn from(error: AssetError) -> Self {
        let mut fault = Fault::new(FaultKind::Storage, FaultSource::Gateway, error.to_string());
        if let AssetError::NoRoom { .. } = error {
            fault.retry_after = Some(SignedDuration::from_secs(10));
        }
        Self::again(fault)
    }
}

/// Downloads, verifies and keeps the file of a finished render.
pub(crate) async fn collect(
    assets: &Assets,
    provider: &dyn Provider,
    errand: &FetchTask<'_>,
) -> Result<Collected, CollectError> {
    let room = assets.disk().begin().map_err(AssetError::from)?;
    let arrived = download(assets, room, provider, errand).await?;
    let owner = holder(errand.owner);
    let file = match verify(assets, &arrived, &owner).await {
        Ok(file) => file,
        Err(problem) => {
            remove(assets, &arrived.key).await;
            return Err(problem);
        }
    };
    let mut output = measured(&arrived, &file, errand);
    let (key, pin) = assets.keep_video(&arrived.key, &arrived.sha256, output.file_type).await?;
    output.key = key;
    add_previews(assets, &mut output, &owner).await?;
    output.warnings.extend(output.differences.iter().map(|one| one.as_str().to_owned()));
    Ok(Collected { output, pin })
}

/// Whose turns are taken for a video: all of those that nobody owns are the operator's.
fn holder(owner: Option<&KeyId>) -> Holder {
    owner.map_or(Holder::Operator, |owner| Holder::Key(owner.clone()))
}

async fn download(
    assets: &Assets,
    mut room: Writing,
    provider: &dyn Provider,
    errand: &FetchTask<'_>,
) -> Result<Arrived, CollectError> {
    let mut chunks = provider.fetch(errand.render, errand.log).await?;
    let mut staged = assets.stage(errand.id, errand.attempt).await?;
    while let Some(chunk) = chunks.next().await {
        let too_large = match add(&mut staged, &mut room, chunk).await {
            Ok(()) => staged.bytes() > LARGEST_FILE,
            Err(problem) => {
                staged.abort().await;
                return Err(problem);
            }
        };
        if too_large {
            staged.abort().await;
            // Whatever lies beyond, each download of it would be as long.
            let arrived = Arrived {
                key: String::new(),
                bytes: LARGEST_FILE,
                sha256: format!("more than {LARGEST_FILE} bytes"),
            };
            let message = "the file is larger than any video may be".to_owned();
            return Err(CollectError::unusable(&arrived, true, message));
        }
    }
    Ok(staged.finish().await?)
}

async fn add(
    staged: &mut Staged,
    room: &mut Writing,
    chunk: Result<Bytes, Fault>,
) -> Result<(), CollectError> {
    let chunk = chunk.map_err(CollectError::again)?;
    room.add(chunk.len()).map_err(AssetError::from)?;
    Ok(staged.write(chunk).await?)
}

async fn remove(assets: &Assets, key: &str) {
    if let Err(error) = assets.remove(key).await {
        tracing::warn!(key, error = chain(&error), "failed to remove an unusable download");
    }
}

/// Reads the container.
async fn verify(
    assets: &Assets,
    arrived: &Arrived,
    owner: &Holder,
) -> Result<VideoFile, CollectError> {
    let reader = assets.reader(&arrived.key, arrived.bytes);
    let probe = move |budget: &Budget| media::probe_within(reader, budget);
    match media_work::run(READING.take(owner), Budget::default(), probe).await {
        Ok(Ok(file)) => Ok(file),
        // Our own disk, not the provider's file.
        Ok(Err(ProbeError::Io(source))) => Err(AssetError::Read(source).into()),
        // A page or a message in the place of the file, or a reading that was broken off, says nothing of the file.
        Ok(Err(error))
            if error.is_not_a_video()
                || matches!(error, ProbeError::Budget(BudgetError::Cancelled)) =>
        {
            let message = format!("the download brought no video: {error}");
            Err(CollectError::again(Fault::new(
                FaultKind::Malformed,
                FaultSource::Provider,
                message,
            )))
        }
        Ok(Err(error)) => {
            let is_whole = !error.is_incomplete();
            let message = format!("the downloaded file cannot be played: {error}");
            Err(CollectError::unusable(arrived, is_whole, message))
        }
        Err(_) => {
            let message = "the downloaded file broke the code that reads it".to_owned();
            Err(CollectError::unusable(arrived, true, message))
        }
    }
}

/// Whether a kept file is to be replaced by another one.
pub(crate) fn is_better(new: &[Difference], kept: &Output) -> bool {
    retake_core::output::is_worse(&kept.differences, new)
}

/// Makes thumbnail and spritesheet, and notes what is odd. A video of which there can be no pictures is a
/// video all the same.
async fn add_previews(
    assets: &Assets,
    output: &mut Output,
    owner: &Holder,
) -> Result<(), AssetError> {
    let reader = assets.reader(&output.key, output.bytes);
    let look = move |budget: &Budget| media::preview_within(reader, budget);
    let looked = media_work::run(LOOKING.take(owner), Budget::default(), look).await;
    let made = match looked {
        Ok(Ok(made)) => made,
        Ok(Err(error)) => {
            output.no_preview = Some(chain(&error));
            return Ok(());
        }
        Err(_) => {
            output.no_preview = Some("the file broke the code that decodes it".into());
            return Ok(());
        }
    };
    let media::Preview { thumbnail, spritesheet, looks } = made;
    let oddities =
        [("black", looks.black), ("frozen", looks.frozen), ("silent", looks.silent == Some(true))];
    output.warnings =
        oddities.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).to_owned()).collect();
    let (width, height) = (thumbnail.width, thumbnail.height);
    output.thumbnail =
        Some(keep(assets, &output.key, Variant::Thumbnail, thumbnail.webp, width, height).await?);
    let (width, height) =
        (spritesheet.columns * spritesheet.tile_width, spritesheet.rows * spritesheet.tile_height);
    let moment = |at: &Duration| u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    let jpeg = spritesheet.jpeg;
    output.spritesheet = Some(Spritesheet {
        sheet: keep(assets, &output.key, Variant::Spritesheet, jpeg, width, height).await?,
        columns: spritesheet.columns,
        rows: spritesheet.rows,
        moments_ms: spritesheet.moments.iter().map(moment).collect(),
    });
    Ok(())
}

async fn keep(
    assets: &Assets,
    video: &str,
    variant: Variant,
    content: Vec<u8>,
    width: u32,
    height: u32,
) -> Result<Preview, AssetError> {
    let (bytes, sha256) = (content.len() as u64, hex(&Sha256::digest(&content)));
    assets.keep_variant(video, variant, content.into()).await?;
    Ok(Preview { bytes, sha256, width, height })
}

fn measured(arrived: &Arrived, file: &VideoFile, errand: &FetchTask<'_>) -> Output {
    let (width, height) = (file.picture.width, file.picture.height);
    let duration_ms = u64::try_from(file.duration.as_duration().as_millis()).unwrap_or(u64::MAX);
    let found = OutputSpec {
        size: Some(Size::new(width, height)),
        duration_ms: Some(duration_ms),
        sound: Some(file.sound.is_some()),
    };
    Output {
        key: arrived.key.clone(),
        bytes: arrived.bytes,
        sha256: arrived.sha256.clone(),
        width,
        height,
        duration_ms,
        frames: u32::try_from(file.picture.frames).ok(),
        video_codec: file.picture.codec.to_string(),
        thumbnail: None,
        spritesheet: None,
        no_preview: None,
        warnings: Vec::new(),
        audio_codec: file.sound.as_ref().map(|sound| sound.codec.to_string()),
        attempt: Some(errand.attempt),
        file_type: match file.container {
            Container::Mp4 => FileType::Mp4,
            Container::WebM => FileType::Webm,
        },
        asked: errand.asked,
        differences: errand.asked.differences(&found, errand.tolerance),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use futures::stream::{self, BoxStream};
    use jiff::Timestamp;
    use retake_core::{ids::KeyId, request::RenderSpec};
    use retake_providers::{
        AccountStatus, CancelOutcome, Polled, Reconciliation, Submission, SubmitError, Submitted,
        UnconfirmedSubmit,
    };

    use super::*;
    use crate::disk::Disk;

    /// A second in two fragments. Nothing in it says how long it is.
    const FRAGMENTED: &[u8] = include_bytes!("../../retake-media/tests/fixtures/fragmented.mp4");

    fn a_render() -> Render {
        let spec = RenderSpec {
            prompt: "a lighthouse".into(),
            negative_prompt: None,
            seconds: 1,
            size: Size::new(64, 48),
            seed: 7,
            looped: false,
            audio: true,
            first_frame: None,
            characters: Vec::new(),
            origin: None,
        };
        let begun_at = Timestamp::UNIX_EPOCH;
        Render { remote_id: "r-1".into(), model: "m".into(), spec, begun_at, give_up: None }
    }

    fn differences(file: &[u8]) -> Vec<Difference> {
        let probed = media::probe(Cursor::new(file)).unwrap();
        let arrived = Arrived { key: "a".into(), bytes: file.len() as u64, sha256: "0".repeat(64) };
        let (id, render, log) = (VideoId::new(Timestamp::UNIX_EPOCH), a_render(), Log::default());
        let (size, duration_ms) = (Some(Size::new(64, 48)), Some(1000));
        let errand = FetchTask {
            id: &id,
            owner: None,
            attempt: 1,
            render: &render,
            asked: OutputSpec { size, duration_ms, sound: Some(true) },
            tolerance: Tolerance::default(),
            log: &log,
        };
        measured(&arrived, &probed, &errand).differences
    }

    #[test]
    fn a_file_that_ends_between_two_fragments_differs_in_its_duration_where_nothing_else_tells() {
        let second = FRAGMENTED.windows(4).enumerate().filter(|(_, it)| *it == b"moof").nth(1);
        let (at, _) = second.unwrap();

        assert_eq!(differences(FRAGMENTED), []);
        let cut = differences(&FRAGMENTED[..at - 4]);
        assert!(matches!(cut[..], [Difference::DurationDiffers { asked_ms: 1000, .. }]), "{cut:?}");
    }

    /// A provider whose file has so many pieces of a megabyte.
    struct Brings(usize);

    #[async_trait::async_trait]
    impl Provider for Brings {
        async fn submit(&self, _: Submission, _: &Log) -> Result<Submitted, SubmitError> {
            unreachable!("it was submitted")
        }

        async fn look_up(&self, _: &UnconfirmedSubmit, _: &Log) -> Result<Reconciliation, Fault> {
            unreachable!("it was not lost")
        }

        async fn poll(&self, _: &Render, _: &Log) -> Result<Polled, Fault> {
            unreachable!("it is finished")
        }

        async fn fetch(
            &self,
            _: &Render,
            _: &Log,
        ) -> Result<BoxStream<'static, Result<Bytes, Fault>>, FetchError> {
            let piece = Ok(Bytes::from(vec![b' '; 1 << 20]));
            Ok(stream::iter(vec![piece; self.0]).boxed())
        }

        async fn cancel(&self, _: &Render, _: &Log) -> Result<CancelOutcome, Fault> {
            unreachable!("nobody cancels it")
        }

        async fn check(&self, _: &Log) -> Result<AccountStatus, Fault> {
            unreachable!("nobody asks")
        }
    }

    #[tokio::test]
    async fn a_download_ends_when_the_disk_fills_up_meanwhile_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Disk::that_says(&[300, 200, 99], 100);
        let assets = Assets::on(disk, folder.path().join("assets")).unwrap();
        let (id, render, log) = (VideoId::new(Timestamp::UNIX_EPOCH), a_render(), Log::default());
        let errand = FetchTask {
            id: &id,
            owner: None,
            attempt: 1,
            render: &render,
            asked: OutputSpec { size: None, duration_ms: None, sound: None },
            tolerance: Tolerance::default(),
            log: &log,
        };

        let outcome = collect(&assets, &Brings(64), &errand).await;

        let Err(CollectError::Again { fault, finding: None }) = outcome else {
            panic!("it was collected")
        };
        assert_eq!(
            (fault.kind, fault.source),
            (FaultKind::Storage, FaultSource::Gateway),
            "{fault}"
        );
        assert!(fault.message.contains("only 99 bytes are free"), "{fault}");
        let staging = folder.path().join("assets/staging");
        assert_eq!(std::fs::read_dir(staging).into_iter().flatten().count(), 0);
    }

    #[tokio::test]
    async fn the_files_of_one_owner_do_not_keep_those_of_another_one_waiting() {
        use futures::FutureExt as _;
        let (north, south) = (KeyId::new(Timestamp::UNIX_EPOCH), KeyId::new(Timestamp::MAX));
        let (north, south) = (holder(Some(&north)), holder(Some(&south)));

        let _first = LOOKING.take(&north).await;
        let mut second = Box::pin(LOOKING.take(&north));
        assert!(second.as_mut().now_or_never().is_none());

        assert!(LOOKING.take(&south).now_or_never().is_some());
    }
}
