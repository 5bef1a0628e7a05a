//! Sees what is wrong with a video without understanding it.

use std::time::Duration;

use crate::h264::Frame;

/// Pictures are compared on a grid, each field of it a mean: coding noise is gone, motion is not.
const GRID: (u32, u32) = (64, 36);
/// A field this bright is something to be seen; black as coded varies by a few steps.
const VISIBLE: u8 = 20;
/// A field that differs by this much has changed; the same picture coded anew differs by one or two.
const CHANGED: u8 = 5;

/// What a video looks like over its whole length, as far as samples of it tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Looks {
    /// Every picture is black, or nearly so.
    pub black: bool,
    /// All pictures are practically the same.
    pub frozen: bool,
    /// The sound is below about -60 dB of full scale throughout; `None` when there is no sound, or
    /// none that can be decoded here.
    pub silent: Option<bool>,
}

/// The pictures that were looked at, as grids of brightness.
#[derive(Default)]
pub(super) struct Glances(Vec<(Duration, Vec<u8>)>);

impl Glances {
    pub(super) fn add(&mut self, frame: &Frame) {
        self.0.push((frame.at, frame.brightness(GRID.0, GRID.1)));
    }

    pub(super) fn verdict(self, silent: Option<bool>) -> Looks {
        let grids: Vec<_> = self.0.iter().map(|(_, grid)| grid.as_slice()).collect();
        let black = grids.iter().all(|grid| grid.iter().all(|&value| value < VISIBLE));
        // Each is compared with the first, so that a slow drift counts as motion.
        let frozen = grids.iter().all(|grid| {
            let fields = grid.iter().zip(grids.first().copied().unwrap_or_default());
            fields.into_iter().all(|(one, other)| one.abs_diff(*other) < CHANGED)
        });
        Looks { black, frozen, silent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(grids: [fn(usize) -> u8; 3]) -> Looks {
        let grid = |value: fn(usize) -> u8| (0..64 * 36).map(value).collect();
        Glances(grids.map(|value| (Duration::ZERO, grid(value))).into()).verdict(None)
    }

    #[test]
    fn one_bright_field_is_not_black_and_one_that_moves_is_not_frozen() {
        let black = seen([|_| 0, |at| u8::from(at % 2 == 0), |_| 2]);
        let star = seen([|_| 0, |at| if at == 700 { 90 } else { 0 }, |_| 0]);
        let ramp = |at: usize| u8::try_from(at % 200).unwrap();
        let still = seen([ramp, |at| u8::try_from(at % 200 + 1).unwrap(), ramp]);

        assert_eq!(black, Looks { black: true, frozen: true, silent: None });
        assert_eq!(star, Looks { black: false, frozen: false, silent: None });
        assert_eq!(still, Looks { black: false, frozen: true, silent: None });
    }
}
