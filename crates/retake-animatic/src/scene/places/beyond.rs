use crate::stage::Stage;
pub(super) fn underwater(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn space(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn planet(stage: &mut Stage) { super::country::desert(stage); }
pub(super) fn sky(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn cave(stage: &mut Stage) { super::country::meadow(stage); }
