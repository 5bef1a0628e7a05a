//! The collector: brings a finished file home and verifies it before anyone is told that it is done.
//!
//! The file is streamed into staging and hashed on the way; then its container is read and held against
//! what was asked for: size, duration, tracks, and that every sample lies inside the file. Only a file
//! that passes is moved to its place. One that does not is a failed attempt with the differences named.

use std::time::Duration;

use futures::StreamExt as _;
use jiff::SignedDuration;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource, chain},
    ids::VideoId,
};
use retake_media::{self as media, Budget, Expectation, ProbeError, VideoFile};
use retake_providers::{FetchError, Log, Provider, Render};
use retake_store::{Output, Preview, Spritesheet};
use sha2::{Digest as _, Sha256};
use tokio::sync::Semaphore;

use crate::{
    assets::{AssetError, Assets, Pin, Staged, Variant, hex},
    media_work,
};

/// No video is larger than this, whatever a provider sends.
const LARGEST_FILE: u64 = 8 * 1024 * 1024 * 1024;
/// Providers round to frames and to the granularity of their audio; more than this is another video.
const DURATION_TOLERANCE: Duration = Duration::from_millis(250);

/// Decoding takes memory by the pixel, so few videos are looked at at once.
static LOOKING: Semaphore = Semaphore::const_new(2);

/// Reading the structure of a file takes far less, and nothing should wait for it.
static READING: Semaphore = Semaphore::const_new(8);

/// What is fetched for whom.
pub(crate) struct Errand<'a> {
    pub(crate) id: &'a VideoId,
    pub(crate) attempt: u32,
    pub(crate) render: &'a Render,
    /// Whether its owner asked for sound in so many words.
    pub(crate) sound_asked: bool,
    pub(crate) log: &'a Log,
}

/// A finished file and what keeps it until it is on record.
pub(crate) struct Collected {
    pub(crate) output: Output,
    pub(crate) pin: Pin,
}

/// Fetches, verifies and keeps the file of a finished render.
pub(crate) async fn collect(
    assets: &Assets,
    provider: &dyn Provider,
    errand: &Errand<'_>,
) -> Result<Collected, FetchError> {
    assets.check_room().map_err(|error| later(&error))?;
    let mut chunks = provider.fetch(errand.render, errand.log).await?;
    let mut staged = assets.stage(errand.id, errand.attempt).await.map_err(|e| later(&e))?;
    while let Some(chunk) = chunks.next().await {
        if let Err(problem) = add(&mut staged, chunk).await {
            staged.abort().await;
            return Err(problem);
        }
    }
    let arrived = staged.finish().await.map_err(|error| later(&error))?;
    let file = match verify(assets, &arrived.key, arrived.bytes, errand).await {
        Ok(file) => file,
        Err(problem) => {
            if let Err(error) = assets.remove(&arrived.key).await {
                tracing::warn!(key = arrived.key, %error, "a refused file could not be removed");
            }
            return Err(problem);
        }
    };
    let (key, pin) =
        assets.keep_video(&arrived.key, &arrived.sha256).await.map_err(|error| later(&error))?;
    let mut output = output(key, arrived.bytes, arrived.sha256, &file);
    add_previews(assets, &mut output).await.map_err(|error| later(&error))?;
    Ok(Collected { output, pin })
}

async fn add(staged: &mut Staged, chunk: Result<bytes::Bytes, Fault>) -> Result<(), FetchError> {
    let chunk = chunk.map_err(FetchError::Later)?;
    if staged.bytes() + chunk.len() as u64 > LARGEST_FILE {
        let message = "the file is larger than any video may be";
        let fault = Fault::new(FaultKind::Malformed, FaultSource::Provider, message);
        return Err(FetchError::Gone(fault));
    }
    staged.write(chunk).await.map_err(|error| later(&error))
}

/// Reads the container and holds it against the request.
async fn verify(
    assets: &Assets,
    key: &str,
    bytes: u64,
    errand: &Errand<'_>,
) -> Result<VideoFile, FetchError> {
    let reader = assets.reader(key, bytes);
    let shot = &errand.render.shot;
    let expected = Expectation {
        size: Some((shot.size.width, shot.size.height)),
        duration: Some(Duration::from_millis(shot.plays_ms())),
        tolerance: DURATION_TOLERANCE,
        // A silent track is no fault where no sound was asked for. And a video without the sound that its model
        // usually makes is no reason to pay for another one.
        sound: (shot.audio && errand.sound_asked).then_some(true),
    };
    let looked = media_work::run(&READING, Budget::default(), move |budget| {
        let file = media::probe_within(reader, budget)?;
        let mismatches = expected.check(&file);
        Ok::<_, ProbeError>((file, mismatches))
    });
    let malformed = |message: String| {
        FetchError::Gone(Fault::new(FaultKind::Malformed, FaultSource::Provider, message))
    };
    let (file, mismatches) = match looked.await {
        Ok(Ok(looked)) => looked,
        // Our own disk, not the provider's file.
        Ok(Err(ProbeError::Io(source))) => return Err(later(&AssetError::Read(source))),
        Ok(Err(error)) => return Err(malformed(format!("the file is no video: {error}"))),
        Err(_) => return Err(malformed("the file broke the code that reads it".into())),
    };
    if mismatches.is_empty() {
        return Ok(file);
    }
    let named: Vec<_> = mismatches.iter().map(ToString::to_string).collect();
    Err(malformed(format!("the file is not the video that was asked for: {}", named.join("; "))))
}

/// Makes thumbnail and spritesheet, and notes what is odd. A video of which there can be no pictures is a
/// video all the same.
async fn add_previews(assets: &Assets, output: &mut Output) -> Result<(), AssetError> {
    let reader = assets.reader(&output.key, output.bytes);
    let look = move |budget: &Budget| media::preview_within(reader, budget);
    let looked = media_work::run(&LOOKING, Budget::default(), look).await;
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

fn output(key: String, bytes: u64, sha256: String, file: &VideoFile) -> Output {
    Output {
        key,
        bytes,
        sha256,
        width: file.picture.width,
        height: file.picture.height,
        duration_ms: u64::try_from(file.duration.as_duration().as_millis()).unwrap_or(u64::MAX),
        frames: u32::try_from(file.picture.frames).ok(),
        video_codec: file.picture.codec.to_string(),
        thumbnail: None,
        spritesheet: None,
        no_preview: None,
        warnings: Vec::new(),
        audio_codec: file.sound.as_ref().map(|sound| sound.codec.to_string()),
    }
}

fn later(error: &AssetError) -> FetchError {
    let mut fault = Fault::new(FaultKind::Storage, FaultSource::Us, error.to_string());
    if let AssetError::NoRoom { .. } = error {
        fault.retry_after = Some(SignedDuration::from_secs(10));
    }
    FetchError::Later(fault)
}
