//! Setting type with the embedded fonts.

use crate::scene::ink::{BLACK, Ink};
use crate::scene::num::{count, floor, size};
use crate::scene::pixels;
use cosmic_text::fontdb;
use cosmic_text::{Attrs, Buffer, Color, Family, FontSystem, Metrics, Shaping, SwashCache};
use std::sync::Arc;
use tiny_skia::Pixmap;

const REGULAR: &[u8] = include_bytes!("../fonts/Inter-Regular.otf");
const STRONG: &[u8] = include_bytes!("../fonts/Inter-SemiBold.otf");

/// The two weights in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Plain,
    Strong,
}

/// The type case: fonts and what was shaped with them.
#[derive(Debug)]
pub(crate) struct Letters {
    fonts: FontSystem,
    glyphs: SwashCache,
}

/// Room around set letters, for their shadow.
pub(super) fn padding(size: f32) -> f32 {
    (size * 0.3).ceil() + 1.0
}

impl Letters {
    /// Only the fonts that this build carries; those of the machine are never read.
    pub(crate) fn embedded() -> Self {
        let mut fonts = fontdb::Database::new();
        for font in [REGULAR, STRONG] {
            fonts.load_font_source(fontdb::Source::Binary(Arc::new(font)));
        }
        let fonts = FontSystem::new_with_locale_and_db("en-US".into(), fonts);
        Self { fonts, glyphs: SwashCache::new() }
    }

    /// Whether every font has a glyph for a letter.
    pub(crate) fn can_set(&mut self, letter: char) -> bool {
        let faces: Vec<_> = self.fonts.db().faces().map(|face| (face.id, face.weight)).collect();
        faces.into_iter().all(|(id, weight)| {
            let font = self.fonts.get_font(id, weight);
            font.is_some_and(|font| font.as_swash().charmap().map(letter) != 0)
        })
    }

    fn shaped(&mut self, text: &str, size: f32, weight: Weight) -> Buffer {
        let mut buffer = Buffer::new(&mut self.fonts, Metrics::new(size, size * 1.25));
        let weight = match weight {
            Weight::Plain => fontdb::Weight::NORMAL,
            Weight::Strong => fontdb::Weight::SEMIBOLD,
        };
        let attrs = Attrs::new().family(Family::Name("Inter")).weight(weight);
        buffer.set_size(None, None);
        buffer.set_text(text, &attrs, Shaping::Advanced, None);
        buffer.shape_until_scroll(&mut self.fonts, false);
        buffer
    }

    /// How wide a line will be.
    pub(crate) fn width(&mut self, text: &str, size: f32, weight: Weight) -> f32 {
        let buffer = self.shaped(text, size, weight);
        buffer.layout_runs().map(|run| run.line_w).fold(0.0, f32::max)
    }

    /// One line of type with a soft shadow, padded on all sides.
    pub(super) fn set(
        &mut self,
        text: &str,
        height: f32,
        weight: Weight,
        ink: Ink,
    ) -> Option<Pixmap> {
        let letters = self.plain(text, height, weight, ink)?;
        Some(with_shadow(&letters, height))
    }

    /// One line of type as it is, padded as much.
    pub(crate) fn plain(
        &mut self,
        text: &str,
        height: f32,
        weight: Weight,
        ink: Ink,
    ) -> Option<Pixmap> {
        let mut buffer = self.shaped(text, height, weight);
        let wide = buffer.layout_runs().map(|run| run.line_w).fold(0.0, f32::max);
        let pad = padding(height);
        let (width, tall) = (size(wide + 2.0 * pad), size(height * 1.25 + 2.0 * pad));
        if wide <= 0.0 || width > 8192 {
            return None;
        }
        let mut letters = Pixmap::new(width, tall)?;
        let inset = floor(pad);
        let white = Color::rgb(255, 255, 255);
        let pixels = letters.data_mut().as_chunks_mut::<4>().0;
        buffer.draw(&mut self.fonts, &mut self.glyphs, white, |x, y, _, _, colour| {
            let (x, y) = (x + inset, y + inset);
            let at = |value: i32, end: u32| u32::try_from(value).ok().filter(|value| *value < end);
            if let (Some(x), Some(y)) = (at(x, width), at(y, tall))
                && let Some(pixel) = pixels.get_mut(y as usize * width as usize + x as usize)
            {
                let cover = f32::from(colour.a()) / 255.0;
                let above = pixels::word(ink.alpha(ink.alpha * cover).bytes());
                *pixel = pixels::over(above, pixels::word(*pixel)).to_le_bytes();
            }
        });
        Some(letters)
    }
}

/// The same letters over their own blurred shape.
fn with_shadow(letters: &Pixmap, height: f32) -> Pixmap {
    let mut shadow = letters.clone();
    for pixel in shadow.data_mut().as_chunks_mut::<4>().0 {
        *pixel = BLACK.alpha(f32::from(pixel[3]) / 255.0 * 0.85).bytes();
    }
    pixels::blur(&mut shadow, count((height * 0.07).max(1.0)));
    let above = letters.data().as_chunks::<4>().0;
    for (pixel, above) in shadow.data_mut().as_chunks_mut::<4>().0.iter_mut().zip(above) {
        *pixel = pixels::over(pixels::word(*above), pixels::word(*pixel)).to_le_bytes();
    }
    shadow
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caption::words::cleaned;

    fn caption(text: &str) -> String {
        let mut letters = Letters::embedded();
        cleaned(text, |letter| letters.can_set(letter))
    }

    #[test]
    fn a_script_without_glyphs_is_left_out_of_a_caption_and_other_words_stay() {
        assert_eq!(caption("一只金毛寻回犬在公园里奔跑"), "");
        assert_eq!(caption("公園で走る golden retriever 🐕 夕方"), "Golden retriever");
        assert_eq!(caption("Σκύλος, собака, Ngôi làng"), "Σκύλος, собака, Ngôi làng");
    }

    #[test]
    fn no_letter_that_can_be_set_is_set_as_an_empty_box() {
        let mut letters = Letters::embedded();
        let known: Vec<_> = ('!'..='\u{FFFF}').filter(|letter| letters.can_set(*letter)).collect();
        assert!(known.len() > 1000, "{}", known.len());

        for weight in [Weight::Plain, Weight::Strong] {
            // The box is the glyph of number 0.
            let is_box = |letter: &&char| {
                let buffer = letters.shaped(&letter.to_string(), 20.0, weight);
                buffer.layout_runs().any(|run| run.glyphs.iter().any(|glyph| glyph.glyph_id == 0))
            };
            let boxes: Vec<_> = known.iter().filter(is_box).collect();
            assert!(boxes.is_empty(), "{boxes:?}");
        }
    }
}
