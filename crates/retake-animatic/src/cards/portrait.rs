//! Paints one card: a picture on paper, a name below it, a shadow behind it.

use crate::Character;
use crate::caption::letters::{Letters, Weight};
use crate::caption::words;
use crate::painter::{PaintError, cover};
use crate::scene::brush::{self, Brush};
use crate::scene::ink::{BLACK, ink};
use crate::scene::num::{count, real, size};
use crate::scene::pixels;
use retake_media::{Picture, StillLimits};
use tiny_skia::{FillRule, Mask, Pixmap, PixmapPaint, Transform};

/// Faces are more often in the upper part of a picture than in its middle.
const FACE: f32 = 0.3;
/// What is seen through transparent pictures.
const BACKDROP: [u8; 3] = [0xC9, 0xD3, 0xDC];

/// A card whose paper is so many pixels wide; its shadow reaches further, on all sides alike.
pub(super) fn paint(character: &Character, wide: f32) -> Result<Pixmap, PaintError> {
    let picture = Picture::decode(&character.picture, StillLimits::default())
        .map_err(|source| PaintError::Character { name: character.name.clone(), source })?;
    let no_room = PaintError::Size { width: size(wide), height: size(wide) };
    framed(picture, &character.name, wide).ok_or(no_room)
}

fn framed(picture: Picture, name: &str, wide: f32) -> Option<Pixmap> {
    let border = (wide * 0.055).round();
    let inner = (size(wide - 2.0 * border), size((wide - 2.0 * border) * 1.16));
    let label = label(name, wide);
    let strip = if label.is_some() { wide * 0.19 } else { border };
    let tall = border + real(inner.1) + strip;
    let reach = (wide * 0.09).round();
    let paper = [reach, reach, wide, tall];

    let mut card = Pixmap::new(size(wide + 2.0 * reach), size(tall + 2.0 * reach))?;
    let fall = [reach, reach + wide * 0.02, wide, tall];
    Brush::new(&mut card, Transform::identity()).round(fall, wide * 0.06, BLACK.alpha(0.75));
    pixels::blur(&mut card, count(reach * 0.45));
    let mut brush = Brush::new(&mut card, Transform::identity());
    brush.round_shaded(paper, wide * 0.06, ink(0xFB_FA_F6), ink(0xE9_E6_DE));

    let at = (reach + border, reach + border);
    hang(&mut card, picture, inner, at, wide * 0.035)?;
    if let Some(label) = label {
        // In the middle of the strip.
        let left = reach + (wide - real(label.width())) / 2.0;
        let top = at.1 + real(inner.1) + (strip - real(label.height())) / 2.0;
        crate::caption::put(&mut card, &label, (left, top), 1.0);
    }
    Some(card)
}

/// Hangs the picture into its frame, with soft corners and a thin dark edge.
fn hang(
    card: &mut Pixmap,
    mut picture: Picture,
    (width, height): (u32, u32),
    (left, top): (f32, f32),
    radius: f32,
) -> Option<()> {
    for [red, green, blue, alpha] in picture.rgba.as_chunks_mut::<4>().0 {
        let over = |part: u8, behind: u8| {
            let sum =
                u32::from(part) * u32::from(*alpha) + u32::from(behind) * (255 - u32::from(*alpha));
            u8::try_from((sum + 127) / 255).unwrap_or(255)
        };
        *red = over(*red, BACKDROP[0]);
        *green = over(*green, BACKDROP[1]);
        *blue = over(*blue, BACKDROP[2]);
        *alpha = 255;
    }
    let hung = cover(&picture.rgba, (picture.width, picture.height), (width, height), FACE)?;
    let edge = brush::rounded([left, top, real(width), real(height)], radius)?;
    let mut mask = Mask::new(card.width(), card.height())?;
    mask.fill_path(&edge, FillRule::Winding, true, Transform::identity());
    let place = Transform::from_translate(left, top);
    card.draw_pixmap(0, 0, hung.as_ref(), &PixmapPaint::default(), place, Some(&mask));
    Brush::new(card, Transform::identity()).stroke(
        &edge,
        (radius * 0.18).max(1.0),
        BLACK.alpha(0.28),
    );
    Some(())
}

/// The name, as large as it fits; a long one ends in an ellipsis.
fn label(name: &str, wide: f32) -> Option<Pixmap> {
    let (room, mut height) = (wide * 0.88, wide * 0.105);
    let mut letters = Letters::embedded();
    let mut name = words::cleaned(name, |letter| letters.can_set(letter));
    while letters.width(&name, height, Weight::Strong) > room {
        if height > wide * 0.08 {
            height *= 0.94;
            continue;
        }
        let kept = name.trim_end_matches('…');
        let shorter = kept.chars().count().checked_sub(1).filter(|&kept| kept > 0)?;
        name = kept.chars().take(shorter).chain(['…']).collect();
    }
    letters.plain(&name, height, Weight::Strong, ink(0x2A_2E_36))
}

#[cfg(test)]
pub(super) mod tests {
    use image::{ImageFormat, Rgba, RgbaImage};

    use super::*;

    /// Red above, blue below, as PNG.
    pub(in crate::cards) fn a_face() -> Vec<u8> {
        let face = RgbaImage::from_fn(60, 90, |_, y| {
            if y < 60 { Rgba([220, 30, 30, 255]) } else { Rgba([30, 30, 220, 255]) }
        });
        let mut bytes = std::io::Cursor::new(Vec::new());
        face.write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn a_card(name: &str) -> Pixmap {
        paint(&Character { name: name.to_owned(), picture: a_face() }, 200.0).unwrap()
    }

    #[test]
    fn a_card_shows_the_picture_on_paper() {
        let card = a_card("Mossy");

        let at = |x: u32, y: u32| card.pixel(x, y).unwrap();
        let (middle, paper) = (at(card.width() / 2, 90), at(18 + 5, card.height() / 2));
        assert!(middle.red() > 200 && middle.green() < 60);
        assert!(paper.red() > 220 && paper.blue() > 210);
        assert_eq!(at(0, 0).alpha(), 0);
    }

    #[test]
    fn a_long_name_stays_on_its_card() {
        let name = "Maximilian Alexander Theophrastus of the Northern Marches and Elsewhere";

        assert_eq!(a_card(name).width(), a_card("Bo").width());
        assert!(label(name, 200.0).unwrap().width() < 200);
    }

    #[test]
    fn a_name_that_cannot_be_written_leaves_the_picture_alone() {
        assert!(a_card("王").height() < a_card("Wang").height());
    }

    #[test]
    fn a_damaged_picture_names_its_character() {
        let broken = Character { name: "Mossy".to_owned(), picture: vec![1, 2, 3] };

        let error = paint(&broken, 200.0).unwrap_err();

        assert!(matches!(error, PaintError::Character { name, .. } if name == "Mossy"));
    }
}
