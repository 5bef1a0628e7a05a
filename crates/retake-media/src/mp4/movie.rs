//! What a file to be written consists of, and its index: the `moov` box.
//!
//! The index stands before the samples it points at, so its length has to be known before the first
//! sample is. It follows from the counts in [`Movie`] alone: the same function lays it out with empty
//! [`Tables`] at the start and with the real ones at the end, and both come out equally long.

use super::avc::AvcConfig;

/// Samples of a packet of AAC-LC.
const AAC_PACKET: u32 = 1024;
/// ISO 639-2 `und`, packed.
const UNDETERMINED: u16 = 0x55C4;
pub(super) const UNITY_MATRIX: [u32; 9] = [0x0001_0000, 0, 0, 0, 0x0001_0000, 0, 0, 0, 0x4000_0000];

/// Everything about a file that is known before it is written.
#[derive(Clone, Debug)]
pub struct Movie {
    pub picture: AvcTrack,
    pub sound: Option<AacTrack>,
    /// What players show as the title.
    pub title: Option<String>,
    /// A remark for people.
    pub comment: Option<String>,
    /// What wrote the file.
    pub tool: Option<String>,
}

/// The picture track: H.264 without reordering, BT.709 in limited range.
#[derive(Clone, Debug)]
pub struct AvcTrack {
    pub config: AvcConfig,
    pub width: u16,
    pub height: u16,
    /// Frames per second.
    pub frame_rate: u32,
    pub frames: u32,
    /// How many of the frames are key frames.
    pub key_frames: u32,
}

/// The sound track: AAC-LC. It plays for exactly as long as the pictures do.
#[derive(Clone, Debug)]
pub struct AacTrack {
    /// The `AudioSpecificConfig` of the encoder.
    pub config: Vec<u8>,
    pub sample_rate: u32,
    pub channels: u16,
    /// Samples that a decoder puts out before the first one that is meant to be heard.
    pub priming: u32,
    pub packets: u32,
}

impl AvcTrack {
    /// Ticks of one frame. A thousand of them leave room for editors to cut between frames.
    pub(super) const FRAME_TICKS: u32 = 1000;

    pub(super) fn timescale(&self) -> u32 {
        self.frame_rate.saturating_mul(Self::FRAME_TICKS)
    }

    pub(super) fn duration(&self) -> u64 {
        u64::from(self.frames) * u64::from(Self::FRAME_TICKS)
    }

    /// Half a second of frames to a chunk.
    pub(super) fn frames_per_chunk(&self) -> u32 {
        (self.frame_rate / 2).max(1)
    }
}

impl AacTrack {
    /// Half a second of packets to a chunk.
    pub(super) fn packets_per_chunk(&self) -> u32 {
        (self.sample_rate / (2 * AAC_PACKET)).max(1)
    }

    /// What the last packet contributes, when the track ends together with `picture`; `None` when
    /// the packets are too few for that, or too many.
    pub(super) fn last_packet(&self, picture: &AvcTrack) -> Option<u32> {
        let rate = u64::from(picture.frame_rate.max(1));
        let heard = (u64::from(picture.frames) * u64::from(self.sample_rate)).div_ceil(rate);
        let before = u64::from(self.packets.checked_sub(1)?) * u64::from(AAC_PACKET);
        let last = (heard + u64::from(self.priming)).checked_sub(before)?;
        u32::try_from(last).ok().filter(|last| (1..=AAC_PACKET).contains(last))
    }
}

/// Where the samples of one track lie: what `moov` says beyond the counts.
#[derive(Clone, Debug, Default)]
pub(super) struct Tables {
    pub(super) sizes: Vec<u32>,
    pub(super) chunks: Vec<u64>,
    /// One-based numbers of the key frames.
    pub(super) key_frames: Vec<u32>,
}

impl Tables {
    /// As long as the real ones will be, and empty of meaning.
    pub(super) fn blank(samples: u32, samples_per_chunk: u32, key_frames: u32) -> Self {
        Self {
            sizes: vec![0; samples as usize],
            chunks: vec![0; samples.div_ceil(samples_per_chunk) as usize],
            key_frames: vec![0; key_frames as usize],
        }
    }

    fn bytes(&self) -> u64 {
        self.sizes.iter().map(|&size| u64::from(size)).sum()
    }
}

pub(super) fn file_type() -> Vec<u8> {
    let mut out = Vec::new();
    boxed(&mut out, *b"ftyp", |out| {
        out.extend(b"isom\0\0\x02\0isomiso2avc1mp41");
    });
    out
}

/// Lays out the whole index.
pub(super) fn moov(movie: &Movie, pictures: &Tables, sounds: &Tables) -> Vec<u8> {
    let mut out = Vec::new();
    let duration = movie.picture.duration();
    boxed(&mut out, *b"moov", |out| {
        full_box(out, *b"mvhd", 0, |out| {
            words(out, &[0, 0, movie.picture.timescale(), low(duration), 0x0001_0000]);
            out.extend([1, 0]); // full volume
            out.extend([0; 10]);
            words(out, &UNITY_MATRIX);
            words(out, &[0, 0, 0, 0, 0, 0, 3]); // the next track would be number 3
        });
        picture_track(out, &movie.picture, pictures);
        if let Some(sound) = &movie.sound {
            sound_track(out, sound, &movie.picture, sounds);
        }
        metadata(out, movie);
    });
    out
}

fn picture_track(out: &mut Vec<u8>, track: &AvcTrack, tables: &Tables) {
    let duration = track.duration();
    boxed(out, *b"trak", |out| {
        track_header(out, 1, duration, 0, (track.width, track.height));
        edit_list(out, duration, 0);
        boxed(out, *b"mdia", |out| {
            media_header(out, track.timescale(), duration);
            handler(out, *b"vide", "Pictures");
            boxed(out, *b"minf", |out| {
                full_box(out, *b"vmhd", 1, |out| out.extend([0; 8]));
                data_reference(out);
                boxed(out, *b"stbl", |out| {
                    full_box(out, *b"stsd", 0, |out| {
                        words(out, &[1]);
                        avc_sample_entry(out, track);
                    });
                    full_box(out, *b"stts", 0, |out| {
                        words(out, &[1, track.frames, AvcTrack::FRAME_TICKS]);
                    });
                    full_box(out, *b"stss", 0, |out| {
                        words(out, &[count(&tables.key_frames)]);
                        words(out, &tables.key_frames);
                    });
                    sample_positions(out, tables, track.frames_per_chunk());
                });
            });
        });
    });
}

fn sound_track(out: &mut Vec<u8>, track: &AacTrack, picture: &AvcTrack, tables: &Tables) {
    let last = track.last_packet(picture).unwrap_or(AAC_PACKET);
    let before = track.packets.saturating_sub(1);
    let coded = u64::from(before) * u64::from(AAC_PACKET) + u64::from(last);
    boxed(out, *b"trak", |out| {
        track_header(out, 2, picture.duration(), 0x0100, (0, 0));
        edit_list(out, picture.duration(), track.priming);
        boxed(out, *b"mdia", |out| {
            media_header(out, track.sample_rate, coded);
            handler(out, *b"soun", "Sound");
            boxed(out, *b"minf", |out| {
                full_box(out, *b"smhd", 0, |out| out.extend([0; 4]));
                data_reference(out);
                boxed(out, *b"stbl", |out| {
                    full_box(out, *b"stsd", 0, |out| {
                        words(out, &[1]);
                        aac_sample_entry(out, track, bit_rate(tables, coded, track.sample_rate));
                    });
                    full_box(out, *b"stts", 0, |out| {
                        let runs = [before, AAC_PACKET, 1, last];
                        let runs = if before == 0 { &runs[2..] } else { &runs[..] };
                        words(out, &[count(runs) / 2]);
                        words(out, runs);
                    });
                    sample_positions(out, tables, track.packets_per_chunk());
                });
            });
        });
    });
}

fn track_header(out: &mut Vec<u8>, id: u32, duration: u64, volume: u16, size: (u16, u16)) {
    const ENABLED_AND_IN_MOVIE: u32 = 3;
    full_box(out, *b"tkhd", ENABLED_AND_IN_MOVIE, |out| {
        words(out, &[0, 0, id, 0, low(duration), 0, 0, 0]);
        out.extend(volume.to_be_bytes());
        out.extend([0; 2]);
        words(out, &UNITY_MATRIX);
        words(out, &[u32::from(size.0) << 16, u32::from(size.1) << 16]);
    });
}

/// One edit: play `duration` (in ticks of the movie) from `media_time` (in ticks of the track).
fn edit_list(out: &mut Vec<u8>, duration: u64, media_time: u32) {
    boxed(out, *b"edts", |out| {
        full_box(out, *b"elst", 0, |out| words(out, &[1, low(duration), media_time, 0x0001_0000]));
    });
}

fn media_header(out: &mut Vec<u8>, timescale: u32, duration: u64) {
    full_box(out, *b"mdhd", 0, |out| {
        words(out, &[0, 0, timescale, low(duration)]);
        out.extend(UNDETERMINED.to_be_bytes());
        out.extend([0; 2]);
    });
}

pub(super) fn handler(out: &mut Vec<u8>, kind: [u8; 4], name: &str) {
    full_box(out, *b"hdlr", 0, |out| {
        out.extend([0; 4]);
        out.extend(kind);
        out.extend([0; 12]);
        out.extend(name.as_bytes());
        out.push(0);
    });
}

/// The samples are in this very file.
pub(super) fn data_reference(out: &mut Vec<u8>) {
    boxed(out, *b"dinf", |out| {
        full_box(out, *b"dref", 0, |out| {
            words(out, &[1]);
            full_box(out, *b"url ", 1, |_| ());
        });
    });
}

fn avc_sample_entry(out: &mut Vec<u8>, track: &AvcTrack) {
    boxed(out, *b"avc1", |out| {
        out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend([0; 16]);
        out.extend(track.width.to_be_bytes());
        out.extend(track.height.to_be_bytes());
        words(out, &[0x0048_0000, 0x0048_0000, 0]); // 72 dpi
        out.extend([0, 1]);
        out.extend([0; 32]); // no compressor name
        out.extend([0, 24, 0xFF, 0xFF]);
        boxed(out, *b"avcC", |out| out.extend(track.config.record()));
        boxed(out, *b"colr", |out| out.extend(b"nclx\0\x01\0\x01\0\x01\0"));
        boxed(out, *b"pasp", |out| words(out, &[1, 1]));
    });
}

fn aac_sample_entry(out: &mut Vec<u8>, track: &AacTrack, bit_rate: u32) {
    boxed(out, *b"mp4a", |out| {
        out.extend([0, 0, 0, 0, 0, 0, 0, 1]);
        out.extend([0; 8]);
        out.extend(track.channels.to_be_bytes());
        out.extend([0, 16, 0, 0, 0, 0]);
        words(out, &[track.sample_rate << 16]);
        full_box(out, *b"esds", 0, |out| {
            const AAC: u8 = 0x40;
            const AUDIO_STREAM: u8 = 0x15;
            let mut decoder = vec![AAC, AUDIO_STREAM, 0, 0, 0];
            words(&mut decoder, &[bit_rate, bit_rate]);
            descriptor(&mut decoder, 5, &track.config);
            let mut stream = vec![0, 2, 0];
            descriptor(&mut stream, 4, &decoder);
            descriptor(&mut stream, 6, &[2]);
            descriptor(out, 3, &stream);
        });
    });
}

/// A tag, a length, a body (ISO/IEC 14496-1). Ours are short: one byte of length does.
fn descriptor(out: &mut Vec<u8>, tag: u8, body: &[u8]) {
    out.extend([tag, u8::try_from(body.len()).unwrap_or(0x7F)]);
    out.extend(body);
}

fn bit_rate(tables: &Tables, coded: u64, sample_rate: u32) -> u32 {
    let bits = tables.bytes().saturating_mul(8).saturating_mul(u64::from(sample_rate));
    low(bits / coded.max(1))
}

/// The three tables that lead from a sample's number to its place in the file.
fn sample_positions(out: &mut Vec<u8>, tables: &Tables, per_chunk: u32) {
    let samples = count(&tables.sizes);
    let (full, rest) = (samples / per_chunk, samples % per_chunk);
    full_box(out, *b"stsc", 0, |out| {
        let mut runs = Vec::new();
        if full > 0 {
            runs.extend([1, per_chunk, 1]);
        }
        if rest > 0 {
            runs.extend([full + 1, rest, 1]);
        }
        words(out, &[count(&runs) / 3]);
        words(out, &runs);
    });
    full_box(out, *b"stsz", 0, |out| {
        words(out, &[0, samples]);
        words(out, &tables.sizes);
    });
    full_box(out, *b"co64", 0, |out| {
        words(out, &[count(&tables.chunks)]);
        out.extend(tables.chunks.iter().flat_map(|offset| offset.to_be_bytes()));
    });
}

fn metadata(out: &mut Vec<u8>, movie: &Movie) {
    let entries =
        [(*b"\xA9nam", &movie.title), (*b"\xA9cmt", &movie.comment), (*b"\xA9too", &movie.tool)];
    if entries.iter().all(|(_, text)| text.is_none()) {
        return;
    }
    boxed(out, *b"udta", |out| {
        full_box(out, *b"meta", 0, |out| {
            full_box(out, *b"hdlr", 0, |out| out.extend(b"\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0"));
            boxed(out, *b"ilst", |out| {
                for (name, text) in entries {
                    let Some(text) = text else { continue };
                    boxed(out, name, |out| {
                        const UTF8: u32 = 1;
                        full_box(out, *b"data", UTF8, |out| {
                            words(out, &[0]);
                            out.extend(text.as_bytes());
                        });
                    });
                }
            });
        });
    });
}

pub(super) fn boxed(out: &mut Vec<u8>, kind: [u8; 4], content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; 4]);
    out.extend(kind);
    content(out);
    let size = low((out.len() - start) as u64);
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// A box that begins with a version (here always 0) and flags.
pub(super) fn full_box(
    out: &mut Vec<u8>,
    kind: [u8; 4],
    flags: u32,
    content: impl FnOnce(&mut Vec<u8>),
) {
    boxed(out, kind, |out| {
        words(out, &[flags]);
        content(out);
    });
}

pub(super) fn words(out: &mut Vec<u8>, values: &[u32]) {
    out.extend(values.iter().flat_map(|value| value.to_be_bytes()));
}

pub(super) fn count<T>(items: &[T]) -> u32 {
    low(items.len() as u64)
}

/// The writer refuses plans whose numbers need more than 32 bits, so nothing is lost here.
pub(super) fn low(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
