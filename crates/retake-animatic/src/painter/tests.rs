use retake_media::Picture;

use super::*;
use crate::sound::tests::a_brief;
use crate::{Character, Continuation, storyboard};

fn painted(brief: &Brief, frame: u32) -> Pixmap {
    let mut painter = Painter::new(brief, &storyboard(brief)).unwrap();
    let mut canvas = Pixmap::new(brief.width, brief.height).unwrap();
    painter.paint(frame, &mut canvas);
    canvas
}

/// A picture of the size of the brief, striped in red and green, as a file.
fn a_picture(brief: &Brief) -> Picture {
    let stripe = |at: u32| [[200, 40, 30, 255], [20, 160, 60, 255]][(at / 16 % 2) as usize];
    let rgba = (0..brief.width * brief.height).flat_map(stripe).collect();
    Picture { width: brief.width, height: brief.height, rgba }
}

fn a_large_brief(prompt: &str) -> Brief {
    Brief { width: 640, height: 360, ..a_brief(prompt) }
}

fn mean_difference(one: &Pixmap, other: &Pixmap) -> u64 {
    let steps = one.data().iter().zip(other.data()).map(|(a, b)| u64::from(a.abs_diff(*b)));
    steps.sum::<u64>() / one.data().len() as u64
}

#[test]
fn a_continued_video_begins_with_the_picture_that_the_earlier_clip_ended_with() {
    let plain = a_large_brief("A calm lake at dawn");
    let picture = a_picture(&plain);
    let last_picture = picture.to_webp().unwrap();
    let brief =
        Brief { continues: Some(Continuation { last_picture, frames: 48 }), ..plain.clone() };

    let frames: Vec<Pixmap> = [0, 4, 8, 12, 16, 20].map(|at| painted(&brief, at)).into();

    assert_eq!(frames[0].data(), picture.rgba);
    let whole = mean_difference(&frames[0], &frames[5]);
    for pair in frames.windows(2) {
        assert!(mean_difference(&pair[0], &pair[1]) < whole / 2, "the dissolve jumps");
    }
    // Afterwards only the time code and the progress tell that something came before.
    let difference = mean_difference(&frames[5], &painted(&plain, 20));
    assert!(difference < 2, "{difference} steps");
    assert_ne!(frames[5].data(), painted(&plain, 20).data());
}

#[test]
fn a_character_is_seen_in_the_shots_that_name_it_and_in_no_other() {
    let plain = a_large_brief("A calm lake at dawn. Cut to Mossy in a city street.");
    let picture = Picture { width: 4, height: 4, rgba: [250, 0, 250, 255].repeat(16) };
    let mossy = Character { name: "mossy".to_owned(), picture: picture.to_webp().unwrap() };
    let brief = Brief { characters: vec![mossy], ..plain };
    let cut = storyboard(&brief).shots[1].start;

    let purple = |at: u32| {
        let is_purple = |pixel: &&[u8; 4]| pixel[0] > 225 && pixel[1] < 30 && pixel[2] > 225;
        painted(&brief, at).data().as_chunks::<4>().0.iter().filter(is_purple).count()
    };

    assert_eq!((purple(cut / 2), purple(cut)), (0, 0));
    assert!(purple(cut + 30) > 5000, "{} pixels of a portrait", purple(cut + 30));
    assert_eq!(painted(&brief, cut + 30), painted(&brief, cut + 30));
}

#[test]
fn a_picture_that_cannot_be_read_is_named() {
    let brief = a_brief("A lake");
    let broken = Continuation { last_picture: b"no picture".to_vec(), frames: 1 };
    let brief = Brief { continues: Some(broken), ..brief };

    let error = Painter::new(&brief, &storyboard(&brief)).unwrap_err();

    assert!(matches!(error, PaintError::Continuation(_)), "{error}");
}
