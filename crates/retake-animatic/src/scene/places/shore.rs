use crate::stage::Stage;
pub(super) fn water(stage: &mut Stage) { super::country::meadow(stage); }
