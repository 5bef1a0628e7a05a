//! Trees, grass and other things that grow.

use super::brush::Brush;
use super::chance::Chance;
use super::ink::Ink;
use super::num::index;

/// Kinds of trees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tree {
    Conifer,
    Broadleaf,
    Palm,
    Birch,
    Cactus,
}

/// The colours of a plant: in light, in shade, and its wood.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leafage {
    pub(crate) lit: Ink,
    pub(crate) shade: Ink,
    pub(crate) wood: Ink,
    /// Which side the light comes from, -1 or 1.
    pub(crate) side: f32,
}

/// Draws a tree that stands at a spot.
pub(crate) fn tree(
    brush: &mut Brush<'_>,
    kind: Tree,
    (x, y): (f32, f32),
    height: f32,
    tones: Leafage,
    chance: &mut Chance,
) {
    let mut brush = brush.at(x, y, height);
    match kind {
        Tree::Conifer => conifer(&mut brush, tones, chance),
        Tree::Broadleaf | Tree::Birch => broadleaf(&mut brush, kind, tones, chance),
        Tree::Palm => palm(&mut brush, tones, chance),
        Tree::Cactus => cactus(&mut brush, tones),
    }
}

fn conifer(brush: &mut Brush<'_>, tones: Leafage, chance: &mut Chance) {
    brush.rect(-0.018, -0.12, 0.036, 0.12, tones.wood);
    let width = chance.range(0.15, 0.21);
    let tiers = 7;
    let outline = |inset: f32, chance: &mut Chance| {
        let mut left = vec![(0.0, -1.0)];
        let mut right = vec![(0.0, -1.0)];
        for tier in 1..=tiers {
            let share = index(tier) / index(tiers);
            let y = -1.0 + 0.92 * share;
            let reach = width * share.powf(0.85) * chance.range(0.86, 1.12) * inset;
            left.extend([(-reach, y), (-reach * 0.55, y - 0.015)]);
            right.extend([(reach, y), (reach * 0.55, y - 0.015)]);
        }
        right.reverse();
        left.extend(right);
        left
    };
    let shape = outline(1.0, chance);
    brush.polygon_shaded(&shape, tones.shade.mix(tones.lit, 0.35), tones.shade);
    // The lit side: the same tiers, narrower, pushed towards the light.
    for tier in 1..=tiers {
        let share = index(tier) / index(tiers);
        let (y, reach) = (-1.0 + 0.92 * share, width * share.powf(0.85));
        let lit = [
            (tones.side * reach * 0.05, y - 0.15),
            (tones.side * reach * 0.92, y - 0.008),
            (tones.side * reach * 0.3, y - 0.03),
        ];
        brush.polygon(&lit, tones.lit.alpha(0.55));
    }
}

fn broadleaf(brush: &mut Brush<'_>, kind: Tree, tones: Leafage, chance: &mut Chance) {
    let thick = if kind == Tree::Birch { 0.014 } else { 0.03 };
    let lean = chance.range(-0.03, 0.03);
    brush.limb((0.0, 0.01), (lean, -0.42), thick, thick * 0.6, tones.wood);
    brush.limb((lean * 0.8, -0.36), (lean - 0.13, -0.6), thick * 0.6, thick * 0.3, tones.wood);
    brush.limb((lean * 0.8, -0.38), (lean + 0.14, -0.62), thick * 0.6, thick * 0.3, tones.wood);
    let spread = if kind == Tree::Birch { 0.16 } else { chance.range(0.26, 0.34) };
    let clumps: Vec<(f32, f32, f32)> = (0..15)
        .map(|at| {
            let turn = index(at) * 2.4;
            let reach = (index(at) / 15.0).sqrt();
            let (dx, dy) = (turn.cos() * reach * spread, turn.sin() * reach * 0.23);
            (lean + dx, -0.68 + dy, chance.range(0.09, 0.14))
        })
        .collect();
    for &(x, y, size) in &clumps {
        brush.blob(&leafy(x, y, size, chance), tones.shade);
    }
    for &(x, y, size) in &clumps {
        let (x, y) = (x + tones.side * size * 0.25, y - size * 0.35);
        brush.blob(&leafy(x, y, size * 0.72, chance), tones.lit.alpha(0.5));
    }
    for &(x, y, size) in clumps.iter().filter(|clump| clump.1 < -0.66) {
        let (x, y) = (x + tones.side * size * 0.4, y - size * 0.55);
        brush.blob(&leafy(x, y, size * 0.4, chance), tones.lit.lighter(0.12).alpha(0.5));
    }
}

/// An uneven round, like a clump of leaves.
fn leafy(x: f32, y: f32, size: f32, chance: &mut Chance) -> Vec<(f32, f32)> {
    (0..11)
        .map(|at| {
            let turn = index(at) / 11.0 * std::f32::consts::TAU;
            let reach = size * chance.range(0.78, 1.16);
            (x + turn.cos() * reach, y + turn.sin() * reach * 0.86)
        })
        .collect()
}

fn palm(brush: &mut Brush<'_>, tones: Leafage, chance: &mut Chance) {
    let lean = chance.range(-0.18, 0.18);
    let trunk: Vec<(f32, f32)> =
        (0..6).map(|at| index(at) / 5.0).map(|s| (lean * s * s, -0.8 * s)).collect();
    for pair in trunk.windows(2) {
        if let [from, to] = pair {
            brush.limb(*from, *to, 0.02, 0.015, tones.wood);
        }
    }
    for at in 0..11 {
        let turn = std::f32::consts::PI * (index(at) / 10.0 * 1.3 - 0.15);
        let (dx, dy) = (turn.cos(), -turn.sin());
        let reach = chance.range(0.26, 0.36);
        let tip = (lean + dx * reach, -0.8 + dy * reach * 0.55 + 0.1);
        let middle = (lean + dx * reach * 0.55, -0.8 + dy * reach * 0.6 - 0.03);
        let tone = if dx * tones.side > 0.0 { tones.lit } else { tones.shade };
        let low = (middle.0 - dx * 0.01, middle.1 + 0.05);
        brush.blob(&[(lean, -0.8), middle, tip, low], tone);
    }
}

fn cactus(brush: &mut Brush<'_>, tones: Leafage) {
    for (tone, shift) in [(tones.shade, 0.0), (tones.lit, tones.side * 0.02)] {
        let thin = if shift == 0.0 { 1.0 } else { 0.5 };
        brush.limb((shift, 0.0), (shift, -0.92), 0.075 * thin, 0.07 * thin, tone);
        brush.limb((shift, -0.35), (-0.2 + shift, -0.42), 0.045 * thin, 0.045 * thin, tone);
        brush.limb((-0.2 + shift, -0.42), (-0.2 + shift, -0.68), 0.045 * thin, 0.04 * thin, tone);
        brush.limb((shift, -0.48), (0.19 + shift, -0.53), 0.042 * thin, 0.042 * thin, tone);
        brush.limb((0.19 + shift, -0.53), (0.19 + shift, -0.8), 0.042 * thin, 0.036 * thin, tone);
    }
}

/// A row of grass blades along a line, as tall as `height`.
pub(crate) fn grass(
    brush: &mut Brush<'_>,
    (left, right): (f32, f32),
    y: f32,
    height: f32,
    tones: (Ink, Ink),
    chance: &mut Chance,
) {
    let step = height * 0.16;
    let mut x = left;
    while x < right {
        let tall = height * chance.range(0.35, 1.0);
        let lean = chance.range(-0.45, 0.55) * tall;
        let wide = height * chance.range(0.02, 0.045);
        let tone = tones.0.mix(tones.1, chance.unit());
        brush.polygon(
            &[
                (x - wide, y),
                (x + lean * 0.35, y - tall * 0.6),
                (x + lean, y - tall),
                (x + lean * 0.45 + wide, y - tall * 0.55),
                (x + wide, y),
            ],
            tone,
        );
        x += step * chance.range(0.4, 1.3);
    }
}

/// A bush: a low heap of leaves.
pub(crate) fn bush(
    brush: &mut Brush<'_>,
    (x, y): (f32, f32),
    size: f32,
    tones: Leafage,
    chance: &mut Chance,
) {
    for (tone, shift, scale) in [(tones.shade, 0.0, 1.0), (tones.lit.alpha(0.55), 0.22, 0.62)] {
        for _ in 0..7 {
            let (dx, dy) = (chance.range(-0.85, 0.85) * size, -chance.range(0.1, 0.5) * size);
            let (cx, cy) = (x + dx + tones.side * shift * size * 0.4, y + dy - shift * size * 0.6);
            brush.blob(&leafy(cx, cy, size * 0.42 * scale, chance), tone);
        }
    }
}
