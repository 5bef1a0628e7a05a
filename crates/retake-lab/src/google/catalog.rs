//! The models, their capabilities and their prices per second (provider page of 2026-11-21).

/// A Veo model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Veo {
    pub(super) id: &'static str,
    /// The id in the Gemini API.
    pub(super) gemini_id: &'static str,
    pub(super) four_k: bool,
    pub(super) references: bool,
    /// The price of a second with sound in millionths of a US dollar: 720p, 1080p, 4k.
    with_sound: [u64; 3],
    /// The price of a second without sound.
    silent: [u64; 3],
}

pub(super) const VEO: [Veo; 3] = [
    Veo {
        id: "veo-3.1-generate-001",
        gemini_id: "veo-3.1-generate-preview",
        four_k: true,
        references: true,
        with_sound: [400_000, 400_000, 600_000],
        silent: [200_000, 200_000, 400_000],
    },
    Veo {
        id: "veo-3.1-fast-generate-001",
        gemini_id: "veo-3.1-fast-generate-preview",
        four_k: true,
        references: true,
        with_sound: [100_000, 120_000, 300_000],
        silent: [80_000, 100_000, 250_000],
    },
    Veo {
        id: "veo-3.1-lite-generate-001",
        gemini_id: "veo-3.1-lite-generate-preview",
        four_k: false,
        references: false,
        with_sound: [50_000, 80_000, 80_000],
        silent: [30_000, 50_000, 50_000],
    },
];

impl Veo {
    /// The price of a second in millionths of a US dollar.
    pub(super) fn price(&self, size: Size, sound: bool) -> u64 {
        let prices = if sound { self.with_sound } else { self.silent };
        match size {
            Size::P360 | Size::P720 => prices[0],
            Size::P1080 => prices[1],
            Size::FourK => prices[2],
        }
    }
}

/// An Omni model.
#[derive(Clone, Copy, Debug)]
pub(super) struct Omni {
    pub(super) id: &'static str,
    /// The maximum length in seconds; the minimum is 3.
    pub(super) max_seconds: u64,
}

pub(super) const OMNI: [Omni; 2] = [
    Omni { id: "gemini-omni-1.2-flash", max_seconds: 15 },
    Omni { id: "gemini-omni-1.1-flash", max_seconds: 10 },
];

/// A resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    P360,
    P720,
    P1080,
    FourK,
}

impl Size {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "360p" => Self::P360,
            "720p" => Self::P720,
            "1080p" => Self::P1080,
            "4k" => Self::FourK,
            _ => return None,
        })
    }

    /// Width and height in pixels.
    pub(super) const fn pixels(self, portrait: bool) -> (u32, u32) {
        let (long, short) = match self {
            Self::P360 => (640, 360),
            Self::P720 => (1280, 720),
            Self::P1080 => (1920, 1080),
            Self::FourK => (3840, 2160),
        };
        if portrait { (short, long) } else { (long, short) }
    }

    /// The price of a second of Omni in millionths of a US dollar.
    pub(super) const fn omni_price(self) -> u64 {
        match self {
            Self::P360 => 34_000,
            Self::P720 => 100_000,
            Self::P1080 => 150_000,
            Self::FourK => 300_000,
        }
    }
}
