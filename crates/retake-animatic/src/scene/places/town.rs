use crate::stage::Stage;
pub(super) fn village(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn street(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn skyline(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn stadium(stage: &mut Stage) { super::country::meadow(stage); }
