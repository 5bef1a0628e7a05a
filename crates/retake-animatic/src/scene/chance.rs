//! Chance that is the same every time: a seeded generator and smooth noise.

/// A small seeded generator (`SplitMix64`). Equal seeds give equal pictures.
#[derive(Clone, Debug)]
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new(seed: u64, salt: u64) -> Self {
        Self(seed ^ salt.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        scramble(self.0)
    }

    /// Between 0 and 1.
    #[expect(clippy::cast_precision_loss, reason = "24 bits fit")]
    pub(crate) fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / 16_777_216.0
    }

    /// Between two bounds.
    pub(crate) fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.unit()
    }

    /// Whether something of this likelihood happens.
    pub(crate) fn odds(&mut self, likelihood: f32) -> bool {
        self.unit() < likelihood
    }

    /// One of several.
    pub(crate) fn pick<T: Copy>(&mut self, from: &[T], otherwise: T) -> T {
        let at = super::num::count(self.unit() * super::num::index(from.len()));
        from.get(at).copied().unwrap_or(otherwise)
    }
}

fn scramble(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// Smooth noise along a line, between -1 and 1.
pub(crate) fn noise(seed: u64, x: f32) -> f32 {
    let cell = x.floor();
    let share = x - cell;
    let share = share * share * (3.0 - 2.0 * share);
    let at = i64::from(super::num::floor(cell));
    super::num::mix(lattice(seed, at), lattice(seed, at + 1), share)
}

#[expect(clippy::cast_sign_loss, reason = "the bits are only scrambled")]
fn lattice(seed: u64, at: i64) -> f32 {
    Chance(scramble(seed ^ (at as u64).wrapping_mul(0xD6E8_FEB8_6659_FD93))).unit() * 2.0 - 1.0
}

/// Noise with finer noise on top, between -1 and 1.
pub(crate) fn rough(seed: u64, x: f32, octaves: u32) -> f32 {
    let mut sum = 0.0;
    let (mut size, mut pitch, mut whole) = (1.0, 1.0, 0.0);
    for octave in 0..octaves {
        sum += size * noise(seed.wrapping_add(u64::from(octave) * 7919), x * pitch);
        whole += size;
        size *= 0.5;
        pitch *= 2.1;
    }
    sum / whole
}
