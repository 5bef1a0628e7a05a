use std::io::Cursor;
use std::time::Duration;

use image::{ImageFormat, RgbImage};
use proptest::prelude::*;
use retake_media::{Looks, Picture, PictureError, Still, StillFormat, StillLimits};
use retake_media::{is_silent, looks, preview, spritesheet, thumbnail};

use crate::films::{Film, a_film, grey};

const REORDERED: &[u8] = include_bytes!("../fixtures/reordered.mp4");
const INDEX_LAST: &[u8] = include_bytes!("../fixtures/index-last.mp4");
const HEVC: &[u8] = include_bytes!("../fixtures/hevc.mov");

fn looks_of(film: &Film) -> Looks {
    looks(Cursor::new(film.file())).unwrap()
}

/// What the brightness of video is once it is a colour.
fn as_colour(brightness: u8) -> u8 {
    u8::try_from((u32::from(brightness) - 16) * 255 / 219).unwrap()
}

#[test]
fn a_thumbnail_is_a_small_webp_of_the_picture_with_the_most_to_see() {
    // Black at first, flat in the middle, stripes from the second half on.
    let stripes: fn(u32, u32, u32) -> u8 = |frame, x, _| match frame {
        0..16 => 16,
        16..32 => 120,
        _ if x / 16 % 2 == 0 => 60,
        _ => 180,
    };
    let film = Film { size: (1280, 720), brightness: stripes, ..a_film() };

    let small = thumbnail(Cursor::new(film.file())).unwrap();

    let expected = Still { format: StillFormat::WebP, width: 640, height: 360 };
    assert_eq!(Still::read(&small.webp).unwrap(), expected);
    assert_eq!((small.width, small.height), (640, 360));
    assert!(small.at >= Duration::from_secs(32) / 24, "{:?}", small.at);
    assert!(small.webp.len() < 100_000, "{} bytes", small.webp.len());
    let picture = Picture::decode(&small.webp, StillLimits::default()).unwrap();
    let (dark, bright) = (picture.rgba[4 * 4], picture.rgba[12 * 4]);
    assert!(dark.abs_diff(as_colour(60)) < 4 && bright.abs_diff(as_colour(180)) < 4);
}

#[test]
fn a_thumbnail_of_noise_is_made_smaller_until_the_file_is() {
    let noise = |frame: u32, x: u32, y: u32| {
        let mixed = (frame * 7919 + x * 104_729 + y * 1_299_709).wrapping_mul(2_654_435_761);
        u8::try_from(mixed >> 24).unwrap()
    };
    let film = Film { frames: 8, size: (640, 640), brightness: noise, ..a_film() };

    let small = thumbnail(Cursor::new(film.file())).unwrap();

    assert!(small.width < 640, "{} pixels", small.width);
    assert_eq!(small.width, small.height);
}

#[test]
fn the_tiles_of_a_spritesheet_stand_where_the_layout_says() {
    let film = Film { size: (400, 200), ..a_film() };

    let sheet = spritesheet(Cursor::new(film.file())).unwrap();

    assert_eq!((sheet.columns, sheet.rows), (5, 5));
    assert_eq!((sheet.tile_width, sheet.tile_height), (320, 160));
    assert_eq!(sheet.moments.len(), 25);
    let picture = image::load_from_memory_with_format(&sheet.jpeg, ImageFormat::Jpeg).unwrap();
    let picture: RgbImage = picture.into_rgb8();
    assert_eq!(picture.dimensions(), (1600, 800));
    for (number, moment) in (0..).zip(&sheet.moments) {
        let middle = moment.as_secs_f64() * 50.0 - f64::from(number) * 4.0;
        assert!((0.0..4.0).contains(&middle), "tile {number} shows {moment:?}");
        let (column, row) = (number % sheet.columns, number / sheet.columns);
        let found = picture.get_pixel(column * 320 + 160, row * 160 + 80)[0];
        let frame = u32::try_from((moment.as_nanos() * 24).div_ceil(1_000_000_000)).unwrap();
        let expected = as_colour(grey(frame));
        assert!(found.abs_diff(expected) < 4, "tile {number}: {found} in place of {expected}");
    }
}

#[test]
fn a_video_of_a_few_pictures_has_a_sheet_of_as_many() {
    let film = Film { frames: 3, size: (90, 160), ..a_film() };

    let sheet = spritesheet(Cursor::new(film.file())).unwrap();

    assert_eq!((sheet.columns, sheet.rows), (2, 2));
    assert_eq!((sheet.tile_width, sheet.tile_height), (90, 160));
    assert_eq!(sheet.moments.len(), 3);
}

#[test]
fn a_film_with_motion_and_sound_looks_right() {
    assert_eq!(looks_of(&a_film()), Looks { black: false, frozen: false, silent: Some(false) });
}

#[test]
fn a_black_and_silent_film_is_called_that() {
    // As dark as coding noise makes it, and a sound far below what can be heard.
    let night: fn(u32, u32, u32) -> u8 =
        |frame, x, y| if (frame + x + y) % 3 == 0 { 18 } else { 16 };
    let film = Film { brightness: night, loudness: Some(0.0002), ..a_film() };

    assert_eq!(looks_of(&film), Looks { black: true, frozen: true, silent: Some(true) });
}

#[test]
fn a_still_picture_is_frozen_and_a_small_change_in_it_is_not() {
    let still: fn(u32, u32, u32) -> u8 = |_, x, y| u8::try_from(40 + x + y).unwrap();
    let blinking: fn(u32, u32, u32) -> u8 = |frame, x, y| {
        let light = frame > 40 && (40..46).contains(&x) && (20..26).contains(&y);
        if light { 230 } else { u8::try_from(40 + x + y).unwrap() }
    };
    let frozen = Film { brightness: still, loudness: None, ..a_film() };
    let alive = Film { brightness: blinking, ..frozen.clone() };

    assert_eq!(looks_of(&frozen), Looks { black: false, frozen: true, silent: None });
    assert_eq!(looks_of(&alive), Looks { black: false, frozen: false, silent: None });
}

#[test]
fn a_short_sound_in_a_silent_film_is_heard() {
    assert_eq!(is_silent(Cursor::new(REORDERED)).unwrap(), Some(false));
    let quiet = Film { loudness: Some(0.0), ..a_film() };
    assert_eq!(is_silent(Cursor::new(quiet.file())).unwrap(), Some(true));
}

#[test]
fn sound_that_cannot_be_decoded_is_neither_silent_nor_not() {
    assert_eq!(looks(Cursor::new(INDEX_LAST)).unwrap().silent, None);
}

#[test]
fn one_look_yields_all_of_it() {
    let all = preview(Cursor::new(REORDERED)).unwrap();

    assert_eq!(all.spritesheet, spritesheet(Cursor::new(REORDERED)).unwrap());
    assert_eq!(all.looks, looks(Cursor::new(REORDERED)).unwrap());
    assert_eq!((all.thumbnail.width, all.thumbnail.height), (64, 48));
}

#[test]
fn what_cannot_be_decoded_has_no_preview_and_says_why() {
    let error = preview(Cursor::new(HEVC)).unwrap_err();

    assert!(matches!(error, PictureError::NotDecodable { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn no_change_to_a_valid_file_makes_a_preview_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = REORDERED.to_vec();
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        let _ = preview(Cursor::new(file));
    }
}
