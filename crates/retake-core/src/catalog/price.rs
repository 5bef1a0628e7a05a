//! Prices that depend on more than the length.

use serde::Deserialize;

use crate::{money::Usd, size::Size};

/// A price for certain videos. What is left out fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Price {
    /// For videos whose shorter side has this many pixels.
    lines: Option<u32>,
    /// For videos of this length.
    seconds: Option<u32>,
    /// For videos with sound, or without.
    audio: Option<bool>,
    /// The price of a second, in millionths of a US dollar.
    micros_per_second: u64,
    /// The price of the whole, in millionths of a US dollar, instead of one per second.
    micros: Option<u64>,
}

impl Price {
    /// What a video costs, if this price is for it.
    pub(super) fn of(&self, seconds: u32, size: Size, audio: bool) -> Option<Usd> {
        let fits = self.lines.is_none_or(|lines| lines == size.short_side())
            && self.seconds.is_none_or(|length| length == seconds)
            && self.audio.is_none_or(|with| with == audio);
        let whole = self.micros.map(Usd::from_micros);
        fits.then(|| {
            whole.unwrap_or_else(|| Usd::from_micros(self.micros_per_second).times(seconds))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_for_the_videos_that_fit_it() {
        let price: Price = toml::from_str("lines = 1080\nseconds = 10\nmicros = 3600000").unwrap();
        let hd = Size::new(1920, 1080);

        assert_eq!(price.of(10, hd, true), Some(Usd::from_micros(3_600_000)));
        assert_eq!(price.of(5, hd, true), None);
        assert_eq!(price.of(10, Size::new(1280, 720), true), None);
    }
}
