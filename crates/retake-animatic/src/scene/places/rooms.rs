use crate::stage::Stage;
pub(super) fn stage(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn studio(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn corridor(stage: &mut Stage) { super::country::meadow(stage); }
pub(super) fn room(stage: &mut Stage) { super::country::meadow(stage); }
