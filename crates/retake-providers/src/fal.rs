//! fal.

use std::sync::Arc;

use retake_core::catalog::Catalog;

use crate::{Adapter, Facts, Settings, SettingsError};

pub(crate) const FACTS: &[Facts] = &[];

/// The adapter for an account.
pub(crate) fn adapter(
    _settings: &Settings,
    _catalog: &Arc<Catalog>,
) -> Result<Box<dyn Adapter>, SettingsError> {
    Err(SettingsError::Missing { option: "provider", why: "it is not built yet" })
}
