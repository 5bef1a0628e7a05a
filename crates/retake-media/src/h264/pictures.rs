//! Pictures of a file at chosen moments.
//!
//! Decoding begins at the key frame before a moment and ends with the picture that is shown then, and
//! pictures that no other one refers to are passed over. When the next moment lies in the same
//! stretch, decoding goes on where it stopped. All of it is paid from the budget of the file: where it
//! would take more, the pictures are those nearest to the moments that the budget reaches.

use std::io::{Read, Seek};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rusty_h264_decoder::{DecodeError, Decoder};
use thiserror::Error;

use super::frame::Frame;
use super::limits::StreamLimits;
use super::parameters::{MOST_MACROBLOCKS, Refused, Sps};
use crate::budget::Budget;
use crate::mp4::{Codec, Mp4Reader, ProbeError, Sample, Track};
use crate::still::Picture;

/// Work for one series of pictures, in macroblocks: a thousand pictures of 1280x720.
const ALLOWANCE: u64 = 3_600_000;
/// What decoding a macroblock costs, in units of the budget.
const MACROBLOCK: u64 = 100;
/// Bytes that a decoder holds for each macroblock of each picture that others may refer to.
const BYTES_OF_A_MACROBLOCK: u64 = 1024;
/// The least that a picture costs, so that tiny ones do not come in hundreds of thousands.
const LEAST: u64 = 256;
/// Bytes of a coded picture that are worth the work of a macroblock.
const BYTES: u64 = 128;

/// Why there is no picture.
#[derive(Debug, Error)]
pub enum PictureError {
    #[error("the file cannot be read")]
    File(#[from] ProbeError),

    #[error("pictures coded as {codec} cannot be decoded here, only h264; convert the file")]
    NotDecodable { codec: Codec },

    #[error("the pictures have {0}, which cannot be decoded here; convert the file")]
    Unsupported(&'static str),

    #[error("pictures of {width}x{height} are too large to be decoded; 4096x2304 are the limit")]
    TooLarge { width: u32, height: u32 },

    #[error("none of the pictures that were looked at can be decoded: {0}")]
    Damaged(&'static str),

    #[error("a picture made from the file could not be encoded")]
    Encode(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// An H.264 file whose pictures can be asked for.
pub struct Pictures<R> {
    file: Mp4Reader<R>,
    track: Track,
    /// One for each of the track's descriptions.
    gates: Vec<StreamLimits>,
    running: Option<Running>,
    budget: Budget,
    /// What is left for the series of pictures that is being decoded, in macroblocks.
    allowance: u64,
    /// Bytes that were paid for the pictures that the decoder holds.
    held: u64,
    bytes: Vec<u8>,
    stream: Vec<u8>,
}

/// A decoder in the middle of its work.
struct Running {
    decoder: Decoder,
    /// The sample that comes next.
    next: usize,
}

impl<R: Read + Seek> Pictures<R> {
    /// Reads the index of a file and the parameters of its pictures.
    pub fn open(reader: R) -> Result<Self, PictureError> {
        Self::open_within(reader, &Budget::default())
    }

    /// Likewise, and pays for that and for every picture from `budget`.
    pub fn open_within(reader: R, budget: &Budget) -> Result<Self, PictureError> {
        let mut file = Mp4Reader::open_within(reader, budget)?;
        let track = file.take_pictures().ok_or(ProbeError::NoPictures)?;
        if track.codec != Codec::H264 {
            return Err(PictureError::NotDecodable { codec: track.codec });
        }
        let gate = |number| {
            let record = track.avc_record(number);
            let record = record.ok_or(PictureError::Damaged("a description has no `avcC`"))?;
            StreamLimits::read(record).map_err(PictureError::from)
        };
        let gates = (0..track.descriptions()).map(gate).collect::<Result<_, _>>()?;
        let (bytes, stream) = (Vec::new(), Vec::new());
        let (budget, allowance) = (budget.clone(), 0);
        Ok(Self { file, track, gates, running: None, budget, allowance, held: 0, bytes, stream })
    }

    /// Gives back the file, for its sound.
    pub(crate) fn into_file(self) -> Mp4Reader<R> {
        self.file
    }

    /// Whether the pictures are shown as they are coded, and not turned or mirrored.
    pub fn are_upright(&self) -> bool {
        self.track.is_upright()
    }

    /// How long the pictures are shown.
    pub fn duration(&self) -> Duration {
        self.track.timeline(self.file.timescale()).duration()
    }

    /// The picture that is shown at a moment; past the end, the last one.
    pub fn at(&mut self, moment: Duration) -> Result<Picture, PictureError> {
        let timeline = self.track.timeline(self.file.timescale());
        let sample = timeline.sample_at(moment);
        self.picture(sample)
    }

    /// The last picture that is shown.
    pub fn last(&mut self) -> Result<Picture, PictureError> {
        let timeline = self.track.timeline(self.file.timescale());
        let sample = timeline.sample_at(timeline.duration());
        self.picture(sample)
    }

    fn picture(&mut self, sample: usize) -> Result<Picture, PictureError> {
        let mut found = None;
        self.visit(&[sample], |frame| found = Some(Picture::from_rgb(frame.rgb(frame.size()))))?;
        found.ok_or(PictureError::Damaged(NOTHING))
    }

    /// Samples at evenly spaced moments, in the middle of as many stretches of equal length; fewer
    /// when there are not as many pictures.
    pub(crate) fn spread(&self, count: u32) -> Vec<usize> {
        let timeline = self.track.timeline(self.file.timescale());
        let pictures = u32::try_from(self.track.samples().len()).unwrap_or(u32::MAX);
        let count = count.min(pictures).max(1);
        let moments = (0..count).map(|number| timeline.moment_at(2 * number + 1, 2 * count));
        let mut samples: Vec<_> = moments.map(|moment| timeline.sample_at(moment)).collect();
        samples.dedup();
        samples
    }

    /// Decodes the pictures of these samples, or those nearest to them, and shows them in the order
    /// in which they are coded. Pictures that cannot be decoded are left out; an error when that is
    /// all of them.
    pub(crate) fn visit(
        &mut self,
        samples: &[usize],
        mut show: impl FnMut(&Frame),
    ) -> Result<(), PictureError> {
        let mut samples = samples.to_vec();
        samples.sort_unstable();
        // Which sample is shown when is looked for among all of them, twice.
        let listed = self.track.samples().len() as u64;
        self.budget
            .spend(listed.saturating_mul(4 * samples.len() as u64))
            .map_err(ProbeError::from)?;
        self.allowance = ALLOWANCE.min(self.budget.work_left() / MACROBLOCK);
        let (mut first_error, mut shown) = (None, None);
        for (number, &sample) in samples.iter().enumerate() {
            // A picture that was shown in place of an earlier one may be a later one.
            if shown.is_some_and(|shown| sample <= shown) {
                continue;
            }
            let share = self.allowance / (samples.len() - number) as u64;
            let (start, end) = self.reach(sample, share);
            match self.decode(start, end) {
                Ok((at, _)) if shown.is_some_and(|shown| at <= shown) => {}
                Ok((at, mut frame)) => {
                    let timeline = self.track.timeline(self.file.timescale());
                    frame.at = timeline.moment_of(&self.track.samples()[at]);
                    show(&frame);
                    shown = Some(at);
                }
                Err(error) => first_error = first_error.or(Some(error)),
            }
        }
        match first_error {
            Some(error) if shown.is_none() => Err(error),
            _ => Ok(()),
        }
    }

    /// From which sample to which one to decode, so that the last one is `target` or as near to it
    /// as `share` allows.
    fn reach(&self, target: usize, share: u64) -> (usize, usize) {
        let samples = self.track.samples();
        let before = samples.get(..=target).unwrap_or_default();
        // Pictures that are coded after a key frame and shown before it need the one before that.
        let shown = before.last().map_or(0, Sample::shown_at);
        let leads = |sample: &Sample| sample.is_key && sample.shown_at() <= shown;
        let key = before.iter().rposition(leads).unwrap_or(0);
        let start = self.running.as_ref().map(|running| running.next);
        let start = start.filter(|&next| next > key && next <= target).unwrap_or(key);
        let most = usize::try_from(share / self.cost_of_a_picture()).unwrap_or(0).max(1);
        let end = target.min(start + most - 1);
        let after = samples.iter().skip(target + 1).position(|sample| sample.is_key);
        match after {
            Some(distance) if distance + 1 < target.saturating_sub(end) => {
                (target + 1 + distance, target + 1 + distance)
            }
            _ => (start, end),
        }
    }

    fn cost_of_a_picture(&self) -> u64 {
        let sps = self.gates.iter().find_map(|gate| gate.sequence(None));
        let grid = sps.map_or((0, 0), |sps| sps.grid);
        (u64::from(grid.0) * u64::from(grid.1)).clamp(LEAST, MOST_MACROBLOCKS.into())
    }

    /// Decodes from one sample to another. Yields the picture that came out last, and its sample.
    fn decode(&mut self, start: usize, end: usize) -> Result<(usize, Frame), PictureError> {
        let goes_on = self.running.as_ref().is_some_and(|running| running.next == start);
        let mut running = match self.running.take() {
            Some(running) if goes_on => running,
            _ => Running { decoder: Decoder::new(), next: start },
        };
        let (mut last, mut first_error) = (None, None);
        while running.next <= end && self.allowance > 0 {
            let begins = running.next == start && !goes_on;
            let is_wanted = running.next == end;
            match self.decode_one(&mut running, begins, is_wanted) {
                Ok(frame) => last = frame.map(|frame| (running.next, frame)).or(last),
                Err(error @ PictureError::File(_)) => return Err(error),
                Err(error) => first_error = first_error.or(Some(error)),
            }
            running.next += 1;
        }
        self.running = Some(running);
        last.ok_or(first_error.unwrap_or(PictureError::Damaged(NOTHING)))
    }

    fn decode_one(
        &mut self,
        running: &mut Running,
        begins: bool,
        is_wanted: bool,
    ) -> Result<Option<Frame>, PictureError> {
        let Some(&sample) = self.track.samples().get(running.next) else { return Ok(None) };
        self.spend(u64::from(sample.size) / BYTES)?;
        self.file.read_sample(&sample, &mut self.bytes)?;
        let gate = self.gates.get_mut(usize::from(sample.description));
        let gate = gate.ok_or(PictureError::Damaged("a picture has no description"))?;
        let begins = begins || sample.is_key;
        let passed = gate.pass(&self.bytes, begins, &mut self.stream)?;
        if !passed.is_reference && !is_wanted {
            return Ok(None);
        }
        if begins {
            self.stream.splice(..0, gate.prologue());
        }
        let sps = gate.sequence(Some(passed.sequence)).cloned();
        let sps = sps.ok_or(PictureError::Damaged("a picture has no parameters"))?;
        let parameters = self.stream.len() as u64 / BYTES;
        self.spend(passed.cost.max(LEAST).saturating_add(parameters))?;
        self.hold(&sps)?;
        let decoder = &mut running.decoder;
        // The decoder promises not to panic; a file that makes it do so is only a damaged one.
        let outcome = catch_unwind(AssertUnwindSafe(|| decoder.decode(&self.stream)));
        let Ok(outcome) = outcome else {
            running.decoder = Decoder::new();
            return Err(PictureError::Damaged(LOST));
        };
        let Some(decoded) = outcome? else { return Ok(None) };
        let size = (decoded.width, decoded.height);
        Ok(Frame::new(size, [decoded.y, decoded.u, decoded.v], &sps))
    }

    /// Pays for work in macroblocks.
    fn spend(&mut self, work: u64) -> Result<(), ProbeError> {
        self.allowance = self.allowance.saturating_sub(work);
        Ok(self.budget.spend(work.saturating_mul(MACROBLOCK))?)
    }

    /// Pays for the pictures that the decoder holds, where they are larger or more than before.
    fn hold(&mut self, sps: &Sps) -> Result<(), ProbeError> {
        let pictures = u64::from(sps.references) + 3;
        let needed = pictures * sps.macroblocks() * BYTES_OF_A_MACROBLOCK;
        if needed > self.held {
            self.budget.hold(needed - self.held)?;
            self.held = needed;
        }
        Ok(())
    }
}

const NOTHING: &str = "no picture came out";
const LOST: &str = "the decoder lost its way";

impl From<Refused> for PictureError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Unsupported(what) => Self::Unsupported(what),
            Refused::TooLarge(width, height) => Self::TooLarge { width, height },
            Refused::Broken(what) => Self::Damaged(what),
        }
    }
}

impl From<DecodeError> for PictureError {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Truncated => Self::Damaged("a picture is cut short"),
            DecodeError::MissingParameterSet => Self::Damaged("parameters are missing"),
            DecodeError::Unsupported(what) => Self::Unsupported(what),
            DecodeError::Internal(_) => Self::Damaged(LOST),
        }
    }
}
