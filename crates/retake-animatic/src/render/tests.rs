//! Finished files, judged by readers and decoders that share no code with what made them.

use std::io::Cursor;
use std::time::Duration;

use retake_media::{Codec, Pictures, VideoFile, probe, stitch};
use rusty_h264_decoder::Decoder;

use super::*;
use crate::Continuation;
use crate::encode::I420;
use crate::sound::tests::{a_brief, level};

/// A picture with soft and hard edges, in motion: what the painter's pictures are made of.
fn a_scene(frame: u32, canvas: &mut Pixmap) {
    let (width, height) = (canvas.width(), canvas.height());
    let byte = |value: u32| u8::try_from(value % 256).unwrap();
    for (at, pixel) in (0..).zip(canvas.data_mut().chunks_exact_mut(4)) {
        let (x, y) = (at % width, at / width);
        let disc = (frame * 2 % width, height / 2);
        let on_disc = x.abs_diff(disc.0).pow(2) + y.abs_diff(disc.1).pow(2) < 200;
        let sky = byte(80 + 120 * y / height);
        let colour = if on_disc { [240, 200, 40, 255] } else { [sky / 2, sky, 200, 255] };
        pixel.copy_from_slice(&colour);
    }
}

fn rendered(brief: &Brief) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    let board = storyboard(brief);
    let mut watch = |_| ControlFlow::Continue(());
    let video = produce(brief, &board, || Ok(a_scene), &mut out, &mut watch).unwrap();
    assert_eq!(video.bytes, out.get_ref().len() as u64);
    out.into_inner()
}

fn probed(file: &[u8]) -> VideoFile {
    probe(Cursor::new(file)).unwrap()
}

#[test]
fn a_rendered_file_is_exactly_what_was_asked_for() {
    let brief = Brief { seconds: 2, ..a_brief("a lake at dawn, then rain over the city") };

    let file = rendered(&brief);

    let video = probed(&file);
    assert_eq!((video.picture.width, video.picture.height), (128, 72));
    assert_eq!(video.duration.as_duration(), Duration::from_secs(2));
    assert!(video.sound.is_some());
    assert_eq!(video.picture.frames, 48);
    assert_eq!(video.picture.codec, Codec::H264);
    assert!(video.faststart);
    let judge = re_mp4::Mp4::read_bytes(&file).unwrap();
    let pictures = &judge.tracks()[&1];
    assert_eq!(pictures.samples.len(), 48);
    assert_eq!(pictures.duration, 2 * pictures.timescale);
    assert!(pictures.samples[0].is_sync);
}

#[test]
fn equal_briefs_render_to_equal_bytes() {
    let brief = Brief { seconds: 2, ..a_brief("waves on a beach") };

    assert!(rendered(&brief) == rendered(&brief));
}

#[test]
fn an_independent_decoder_sees_the_pictures_that_were_drawn() {
    let brief = Brief { seconds: 2, ..a_brief("a lake") };

    let frames = Decoder::new().decode_stream(&annex_b(&rendered(&brief))).unwrap();

    assert_eq!(frames.len(), 48);
    let mut canvas = Pixmap::new(128, 72).unwrap();
    let mut drawn = I420::new(128, 72);
    for (number, frame) in (0..).zip(&frames) {
        a_scene(number, &mut canvas);
        drawn.convert(&canvas);
        let quality = psnr(drawn.planes().0, &frame.y);
        assert!(quality > 36.0, "frame {number} has {quality} dB");
    }
}

#[test]
fn the_sound_is_heard_for_as_long_as_the_pictures_are_seen() {
    let brief = Brief { seconds: 2, ..a_brief("rain") };
    let sound = syom::decode_with(&rendered(&brief), &syom::DecodeOptions::audio()).unwrap();

    assert_eq!(sound.sample_rate, 48_000);
    assert_eq!(sound.channels.len(), 2);
    assert_eq!(sound.channels[0].len(), 2 * 48_000);
    assert!(level(&sound.channels[0][24_000..72_000]) > 0.01);
}

#[test]
fn a_clip_and_its_continuation_are_one_video_without_a_jump() {
    let earlier = Brief { seconds: 2, ..a_brief("a calm lake at dawn") };
    let drawn = |brief: &Brief| {
        let mut out = Cursor::new(Vec::new());
        render(brief, &mut out, &mut |_| ControlFlow::Continue(())).unwrap();
        out.into_inner()
    };
    let first = drawn(&earlier);
    let last = Pictures::open(Cursor::new(&first)).unwrap().last().unwrap();
    let last_picture = last.to_webp().unwrap();
    let continues = Some(Continuation { last_picture, frames: 48 });
    let later = Brief { continues, ..a_brief("a city street at night in the rain") };

    let mut file = Vec::new();
    let joined = stitch(Cursor::new(&first), Cursor::new(drawn(&later)), &mut file).unwrap();

    assert_eq!(joined.duration.as_duration(), Duration::from_secs(8));
    let mut pictures = Pictures::open(Cursor::new(&file)).unwrap();
    let mut gaps = Vec::new();
    let mut before = pictures.at(Duration::from_secs(44) / 24).unwrap();
    for frame in 45..74 {
        let next = pictures.at(Duration::from_secs(frame) / 24).unwrap();
        let steps = before.rgba.iter().zip(&next.rgba).map(|(a, b)| u64::from(a.abs_diff(*b)));
        gaps.push(steps.sum::<u64>() / next.rgba.len() as u64);
        before = next;
    }
    assert!(gaps.iter().all(|&gap| gap < 6), "{gaps:?}");
}

#[test]
fn a_brief_without_sound_gets_a_silent_track() {
    let brief = Brief { seconds: 1, audio: false, ..a_brief("rain") };
    let file = rendered(&brief);

    let sound = syom::decode_with(&file, &syom::DecodeOptions::audio()).unwrap();

    assert!(probed(&file).sound.is_some());
    assert!(level(&sound.channels[0]) < 1e-4);
}

#[test]
fn a_cancelled_render_stops_within_a_few_frames() {
    let brief = Brief { seconds: 600, ..a_brief("a lake") };
    let mut last = None;
    let mut watch = |progress: Progress| {
        last = Some(progress);
        if progress.frames_done < 20 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    let out = Cursor::new(Vec::new());

    let board = storyboard(&brief);
    let error = produce(&brief, &board, || Ok(a_scene), out, &mut watch).unwrap_err();

    assert!(matches!(error, RenderError::Cancelled));
    let last = last.unwrap();
    assert_eq!(last.frames_total, 14_400);
    assert!(last.frames_done < 600, "{last:?}");
}

#[test]
fn progress_rises_to_the_last_frame() {
    let brief = Brief { seconds: 2, ..a_brief("a lake") };
    let mut seen = Vec::new();
    let mut watch = |progress| {
        seen.push(progress);
        ControlFlow::Continue(())
    };

    produce(&brief, &storyboard(&brief), || Ok(a_scene), Cursor::new(Vec::new()), &mut watch)
        .unwrap();

    assert!(seen.is_sorted_by_key(|progress| progress.frames_done));
    assert!(seen.len() > 48);
    let end = Progress { stage: Stage::Finishing, frames_done: 48, frames_total: 48 };
    assert_eq!(seen.last(), Some(&end));
}

#[test]
fn a_painter_that_cannot_begin_ends_the_render_with_its_reason() {
    let brief = a_brief("a lake");
    let refuse = || Err::<fn(u32, &mut Pixmap), _>(RenderError::NoCanvas { width: 1, height: 1 });
    let mut watch = |_| ControlFlow::Continue(());

    let error = produce(&brief, &storyboard(&brief), refuse, Cursor::new(Vec::new()), &mut watch);

    assert!(matches!(error, Err(RenderError::NoCanvas { width: 1, height: 1 })));
}

/// The picture track as a byte stream with start codes.
fn annex_b(file: &[u8]) -> Vec<u8> {
    let judge = re_mp4::Mp4::read_bytes(file).unwrap();
    let track = &judge.tracks()[&1];
    let re_mp4::StsdBoxContent::Avc1(entry) = &track.trak(&judge).mdia.minf.stbl.stsd.contents
    else {
        panic!("the picture track is not H.264");
    };
    let mut stream = Vec::new();
    let parameter_sets =
        entry.avcc.sequence_parameter_sets.iter().chain(&entry.avcc.picture_parameter_sets);
    for set in parameter_sets {
        stream.extend([0, 0, 0, 1]);
        stream.extend(&set.bytes);
    }
    for sample in &track.samples {
        let at = usize::try_from(sample.offset).unwrap();
        let mut units = &file[at..at + usize::try_from(sample.size).unwrap()];
        while let Some((length, rest)) = units.split_first_chunk::<4>() {
            let (unit, rest) = rest.split_at(u32::from_be_bytes(*length) as usize);
            stream.extend([0, 0, 0, 1]);
            stream.extend(unit);
            units = rest;
        }
    }
    stream
}

fn psnr(left: &[u8], right: &[u8]) -> f64 {
    assert_eq!(left.len(), right.len());
    let squares = left.iter().zip(right).map(|(&left, &right)| {
        let difference = f64::from(left) - f64::from(right);
        difference * difference
    });
    let pixels = f64::from(u32::try_from(left.len()).unwrap());
    10.0 * (255.0 * 255.0 * pixels / squares.sum::<f64>().max(1e-9)).log10()
}
