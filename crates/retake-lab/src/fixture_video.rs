//! Renders the videos that the emulators serve: valid MP4 files that are small and fast to make.
//!
//! Half a second of moving bars is drawn and encoded once and repeated up to the requested length;
//! it is a closed group of pictures, so it can follow itself. Sound is taken from one short
//! animatic and repeated in the same way. Videos are cached.

use std::{
    collections::HashMap,
    io::Cursor,
    ops::ControlFlow,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use retake_animatic::{Brief, EncodeError, FPS, I420, OpenH264Encoder, RenderError, VideoEncoder};
use retake_media::{
    AacTrack, AvcConfig, AvcError, AvcTrack, Movie, Mp4Reader, Mp4Writer, ProbeError, WriteError,
    append_length_prefixed,
};
use tiny_skia::{Color, Paint, Pixmap, Rect, Transform};
use tokio::sync::OnceCell;

/// The number of frames that are drawn; the rest repeats them.
const GROUP_FRAMES: u32 = FPS / 2;
/// The maximum size of the cache, in bytes.
const MAX_CACHE_BYTES: usize = 128 << 20;
/// The maximum length of a video, in milliseconds.
const MAX_MILLIS: u64 = 600_000;
/// Stereo AAC-LC at 48 kHz, as the animatic encodes it.
const SOUND_CONFIG: [u8; 2] = [0x11, 0x90];
const SAMPLE_RATE: u32 = 48_000;
const PACKET_SAMPLES: u32 = 1024;

/// The parameters of a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct VideoSpec {
    /// The width in pixels; made even, from 64 to 2160.
    pub(crate) width: u32,
    /// The height in pixels, likewise.
    pub(crate) height: u32,
    /// The length in milliseconds; at most ten minutes.
    pub(crate) millis: u64,
    pub(crate) audio: bool,
}

/// The reason why a video could not be rendered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FixtureVideoError {
    #[error("failed to allocate the canvas")]
    NoCanvas,
    #[error("failed to encode the frames")]
    Encode(#[from] EncodeError),
    #[error("the encoder's first frame does not describe the stream")]
    Stream(#[from] AvcError),
    #[error("failed to render the sound")]
    Sound(#[from] RenderError),
    #[error("failed to read the sound")]
    Probe(#[from] ProbeError),
    #[error("failed to write the file")]
    Write(#[from] WriteError),
    #[error("the rendering task was cancelled")]
    Stopped(#[from] tokio::task::JoinError),
}

type VideoCache = HashMap<VideoSpec, Arc<OnceCell<Bytes>>>;

/// Renders videos and caches them.
#[derive(Default)]
pub(crate) struct FixtureVideos {
    videos: Mutex<VideoCache>,
    sound: Arc<OnceCell<Arc<Vec<Vec<u8>>>>>,
}

impl FixtureVideos {
    /// The video with these parameters, rendered at most once at a time.
    pub(crate) async fn get_or_render(&self, spec: VideoSpec) -> Result<Bytes, FixtureVideoError> {
        let spec = spec.clamp();
        let place = {
            let mut videos = self.videos.lock().unwrap_or_else(PoisonError::into_inner);
            make_room(&mut videos);
            Arc::clone(videos.entry(spec).or_default())
        };
        let video = place.get_or_try_init(|| self.make(spec)).await?;
        Ok(video.clone())
    }

    async fn make(&self, spec: VideoSpec) -> Result<Bytes, FixtureVideoError> {
        let sound = if spec.audio { Some(self.sound().await?) } else { None };
        let video = tokio::task::spawn_blocking(move || render(spec, sound.as_deref())).await??;
        Ok(Bytes::from(video))
    }

    async fn sound(&self) -> Result<Arc<Vec<Vec<u8>>>, FixtureVideoError> {
        let recorded = self.sound.get_or_try_init(|| async {
            Ok::<_, FixtureVideoError>(Arc::new(tokio::task::spawn_blocking(render_sound).await??))
        });
        Ok(Arc::clone(recorded.await?))
    }
}

impl VideoSpec {
    fn clamp(self) -> Self {
        let side = |pixels: u32| pixels.clamp(64, 2160) & !1;
        Self {
            width: side(self.width),
            height: side(self.height),
            millis: self.millis.clamp(100, MAX_MILLIS),
            ..self
        }
    }

    fn frames(self) -> u32 {
        let frames = (self.millis * u64::from(FPS) + 500) / 1000;
        u32::try_from(frames).unwrap_or(u32::MAX).max(1)
    }
}

/// Evicts the largest videos until the cache is within its size.
fn make_room(videos: &mut VideoCache) {
    let size = |video: &Arc<OnceCell<Bytes>>| video.get().map_or(0, Bytes::len);
    let mut total: usize = videos.values().map(size).sum();
    while total > MAX_CACHE_BYTES {
        let Some(largest) = videos.iter().max_by_key(|it| size(it.1)).map(|it| *it.0) else {
            return;
        };
        total -= videos.remove(&largest).as_ref().map_or(0, size);
    }
}

/// Draws, encodes and writes a whole video.
fn render(spec: VideoSpec, sound: Option<&Vec<Vec<u8>>>) -> Result<Vec<u8>, FixtureVideoError> {
    let group = draw_group(spec.width, spec.height, spec.frames().min(GROUP_FRAMES))?;
    let first = group.first().map(Vec::as_slice).unwrap_or_default();
    let frames = spec.frames();
    let track = sound.map(|_| track(frames));
    let packets = track.as_ref().map_or(0, |track| track.packets);
    let movie = Movie {
        picture: AvcTrack {
            config: AvcConfig::from_annex_b(first)?,
            width: u16::try_from(spec.width).unwrap_or(u16::MAX),
            height: u16::try_from(spec.height).unwrap_or(u16::MAX),
            frame_rate: FPS,
            frames,
            key_frames: frames.div_ceil(GROUP_FRAMES),
        },
        sound: track,
        title: None,
        comment: None,
        tool: Some("Retake lab".to_owned()),
    };
    let samples: Vec<Vec<u8>> = group.iter().map(|unit| length_prefixed(unit)).collect();
    let mut writer = Mp4Writer::new(Cursor::new(Vec::new()), movie)?;
    let mut packets_written = 0;
    for (frame, sample) in (1..=frames).zip(samples.iter().cycle()) {
        writer.write_frame(sample, (frame - 1).is_multiple_of(GROUP_FRAMES))?;
        let due = if frame == frames { packets } else { packets * frame / frames };
        for packet in
            sound.into_iter().flat_map(|all| all.iter().cycle()).skip(packets_written as usize)
        {
            if packets_written >= due {
                break;
            }
            writer.write_sound(packet)?;
            packets_written += 1;
        }
    }
    Ok(writer.finish()?.0.into_inner())
}

fn length_prefixed(access_unit: &[u8]) -> Vec<u8> {
    let mut sample = Vec::with_capacity(access_unit.len());
    append_length_prefixed(access_unit, &mut sample);
    sample
}

fn track(frames: u32) -> AacTrack {
    let samples = frames * (SAMPLE_RATE / FPS);
    AacTrack {
        config: SOUND_CONFIG.to_vec(),
        sample_rate: SAMPLE_RATE,
        channels: 2,
        priming: PACKET_SAMPLES,
        packets: samples.div_ceil(PACKET_SAMPLES) + 1,
    }
}

/// A closed group of pictures: bars of brightness, and a square that moves across them.
fn draw_group(width: u32, height: u32, frames: u32) -> Result<Vec<Vec<u8>>, FixtureVideoError> {
    let mut encoder = OpenH264Encoder::new(width, height)?;
    encoder.start_group()?;
    let mut canvas = Pixmap::new(width, height).ok_or(FixtureVideoError::NoCanvas)?;
    let mut picture = I420::new(width, height);
    let mut units = Vec::new();
    for frame in 0..frames {
        paint_frame(&mut canvas, frame);
        picture.convert(&canvas);
        let mut unit = Vec::new();
        encoder.encode(&picture, &mut unit)?;
        units.push(unit);
    }
    Ok(units)
}

#[expect(clippy::cast_precision_loss, reason = "at most a few thousand pixels")]
fn paint_frame(canvas: &mut Pixmap, frame: u32) {
    let (width, height) = (canvas.width() as f32, canvas.height() as f32);
    let mut fill = |x: f32, y: f32, w: f32, h: f32, (r, g, b): (u8, u8, u8)| {
        let mut paint = Paint::default();
        paint.set_color(Color::from_rgba8(r, g, b, 255));
        paint.anti_alias = false;
        if let Some(rect) = Rect::from_xywh(x, y, w, h) {
            canvas.fill_rect(rect, &paint, Transform::identity(), None);
        }
    };
    let bar = width / 8.0;
    for nth in 0..8_u8 {
        let grey = 40 + nth * 20;
        fill(f32::from(nth) * bar, 0.0, bar + 1.0, height, (grey, grey, 230 - nth * 20));
    }
    let side = height / 4.0;
    let x = (width - side) * frame as f32 / GROUP_FRAMES as f32;
    fill(x, height * 0.4, side, side, (240, 120, 40));
}

/// Renders the packets of a second or two of sound.
fn render_sound() -> Result<Vec<Vec<u8>>, FixtureVideoError> {
    let brief = Brief {
        prompt: "waves on a beach in the wind".to_owned(),
        negative_prompt: None,
        seconds: 2,
        width: 64,
        height: 64,
        seed: 1,
        looped: true,
        audio: true,
        first_frame: None,
        characters: Vec::new(),
        continues: None,
    };
    let mut file = Cursor::new(Vec::new());
    retake_animatic::render(&brief, &mut file, &mut |_| ControlFlow::Continue(()))?;
    let mut reader = Mp4Reader::open(file)?;
    let samples = reader.sound().map(|track| track.samples().to_vec()).unwrap_or_default();
    let mut packets = Vec::new();
    // The first and the last fade in and out.
    for sample in samples.iter().skip(2).take(samples.len().saturating_sub(4)) {
        let mut packet = Vec::new();
        reader.read_sample(sample, &mut packet)?;
        packets.push(packet);
    }
    if packets.is_empty() { Err(ProbeError::NoPictures.into()) } else { Ok(packets) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use retake_media::probe;

    use super::*;

    #[tokio::test]
    async fn films_are_what_was_asked_for_and_made_once() {
        let fixture_videos = FixtureVideos::default();
        for (width, height, millis, audio) in
            [(1280, 720, 8000, true), (640, 360, 5041, false), (720, 1280, 4000, true)]
        {
            let spec = VideoSpec { width, height, millis, audio };

            let video = fixture_videos.get_or_render(spec).await.unwrap();
            let again = fixture_videos.get_or_render(spec).await.unwrap();

            let found = probe(Cursor::new(video.clone())).unwrap();
            assert_eq!((found.picture.width, found.picture.height), (width, height));
            let apart = found.duration.as_duration().abs_diff(Duration::from_millis(millis));
            assert!(apart <= Duration::from_millis(42), "{apart:?}");
            assert_eq!(found.sound.is_some(), audio);
            assert!(found.faststart);
            assert_eq!(video.as_ptr(), again.as_ptr());
        }
    }

    #[test]
    fn the_largest_films_are_forgotten_first() {
        let spec = |millis| VideoSpec { width: 64, height: 64, millis, audio: false };
        let video = |bytes| Arc::new(OnceCell::from(Bytes::from(vec![0; bytes])));
        let mut videos = VideoCache::from([(spec(1), video(MAX_CACHE_BYTES)), (spec(2), video(9))]);

        make_room(&mut videos);

        assert_eq!(videos.into_keys().collect::<Vec<_>>(), [spec(2)]);
    }
}
