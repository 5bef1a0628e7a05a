use super::{Dye, Pose};
use crate::scene::brush::Brush;
use crate::storyboard::{Role, Shot};
pub(super) fn draw(brush: &mut Brush<'_>, role: &Role, pose: &Pose, dye: Dye<'_>, _shot: &Shot) {
    super::human::draw(brush, role, pose, dye);
}
