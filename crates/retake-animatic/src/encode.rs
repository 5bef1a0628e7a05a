//! From drawn frames to H.264.
//!
//! Encoders stand behind [`VideoEncoder`], so another one can take the place of OpenH264. What the
//! rest of the renderer relies on is that a *group* of pictures is closed: it starts with a key
//! frame and is coded as if nothing had come before it. Groups can therefore be drawn and encoded
//! side by side and put together afterwards, and the bytes do not depend on how many were.
//!
//! Drawn pictures are flat and clean, so what the eye forgives in camera footage shows at once. The
//! settings give up a little speed for that: a constant quantiser in place of rate control, and no
//! background detection, which leaves specks behind where something has moved.

mod i420;

pub use i420::I420;

use openh264::OpenH264API;
use openh264::encoder::{
    BitRate, Complexity, Encoder, EncoderConfig, FrameRate, IntraFramePeriod, Level, Profile,
    QpRange, RateControlMode, SpsPpsStrategy, UsageType, VuiConfig,
};
use thiserror::Error;

use crate::FPS;

/// Why a frame could not be encoded.
#[derive(Debug, Error)]
pub enum EncodeError {
    #[error("the H.264 encoder gave up")]
    OpenH264(#[from] openh264::Error),

    #[error("the H.264 encoder left out a frame")]
    FrameLeftOut,
}

/// Turns frames into H.264, one closed group of pictures after the other.
pub trait VideoEncoder {
    /// Starts a group: the next frame is a key frame, and nothing before it matters any more.
    fn start_group(&mut self) -> Result<(), EncodeError>;

    /// Encodes the next frame and appends its access unit, in Annex B form, to `access_unit`.
    /// A key frame carries the parameter sets.
    fn encode(&mut self, frame: &I420, access_unit: &mut Vec<u8>) -> Result<(), EncodeError>;
}

/// Cisco's encoder, built from source. One thread; parallelism is over groups.
pub struct OpenH264Encoder {
    config: EncoderConfig,
    encoder: Encoder,
}

/// The quantiser of every macroblock. Below 22 files grow faster than pictures improve; above 25
/// the soft gradients of skies begin to show bands.
const QUANTISER: u8 = 23;

impl OpenH264Encoder {
    /// An encoder for frames of this size.
    pub fn new(width: u32, height: u32) -> Result<Self, EncodeError> {
        let config = config(width, height);
        Ok(Self { config, encoder: open(config)? })
    }
}

impl VideoEncoder for OpenH264Encoder {
    fn start_group(&mut self) -> Result<(), EncodeError> {
        // A new encoder has no past. Forcing a key frame would leave counters behind in the stream.
        self.encoder = open(self.config)?;
        Ok(())
    }

    fn encode(&mut self, frame: &I420, access_unit: &mut Vec<u8>) -> Result<(), EncodeError> {
        let before = access_unit.len();
        self.encoder.encode(frame)?.write_vec(access_unit);
        if access_unit.len() == before { Err(EncodeError::FrameLeftOut) } else { Ok(()) }
    }
}

fn open(config: EncoderConfig) -> Result<Encoder, EncodeError> {
    Ok(Encoder::with_api_config(OpenH264API::from_source(), config)?)
}

fn config(width: u32, height: u32) -> EncoderConfig {
    #[expect(clippy::cast_precision_loss, reason = "a small constant")]
    let frame_rate = FrameRate::from_hz(FPS as f32);
    EncoderConfig::new()
        .profile(Profile::High)
        .level(level(width, height))
        .max_frame_rate(frame_rate)
        // Groups are shorter than this: only their first frame is a key frame.
        .intra_frame_period(IntraFramePeriod::from_num_frames(1 << 12))
        .scene_change_detect(false)
        // The one mode that takes its quantiser from the range below and from nothing else.
        .rate_control_mode(RateControlMode::Bufferbased)
        .qp(QpRange::new(QUANTISER, QUANTISER))
        .bitrate(BitRate::from_bps(5_000_000))
        .skip_frames(false)
        .adaptive_quantization(false)
        .background_detection(false)
        .complexity(Complexity::Low)
        .usage_type(UsageType::CameraVideoRealTime)
        .sps_pps_strategy(SpsPpsStrategy::ConstantId)
        .num_threads(1)
        .vui(VuiConfig::bt709())
}

/// The lowest level whose frame size and macroblock rate hold this video (H.264, table A-1).
fn level(width: u32, height: u32) -> Level {
    let frame = width.div_ceil(16) * height.div_ceil(16);
    let rate = frame * FPS;
    let levels = [
        (Level::Level_3_0, 1_620, 40_500),
        (Level::Level_3_1, 3_600, 108_000),
        (Level::Level_3_2, 5_120, 216_000),
        (Level::Level_4_0, 8_192, 245_760),
        (Level::Level_4_2, 8_704, 522_240),
        (Level::Level_5_0, 22_080, 589_824),
        (Level::Level_5_1, 36_864, 983_040),
    ];
    let fitting = levels.into_iter().find(|(_, size, speed)| frame <= *size && rate <= *speed);
    fitting.map_or(Level::Level_5_2, |(level, ..)| level)
}
