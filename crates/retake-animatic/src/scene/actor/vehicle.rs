use super::{Dye, Pose};
use crate::scene::brush::Brush;
use crate::scene::ink::Ink;
use crate::storyboard::{Action, Figure, Role};
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, _pose: &Pose, dye: Dye<'_>) {
    let tone = dye.of(role.tint.map_or(crate::scene::ink::ink(0x888888), Ink::from));
    brush.oval(0.0, -0.4, 0.5, 0.4, tone);
}
pub(super) fn bounds(_f: Figure) -> [f32; 4] { [-0.7, -1.0, 0.7, 0.1] }
pub(super) fn shine(_brush: &mut Brush<'_>, _role: &Role, _pose: &Pose, _dye: Dye<'_>) {}
