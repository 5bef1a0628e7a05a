//! The providers that the lab emulates.

use serde::{Deserialize, Serialize};

/// A provider, by the name that scenarios and the ledger use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Provider {
    Openai,
    Google,
    Runway,
    Luma,
    Fal,
    Replicate,
}

impl Provider {
    /// All providers, in the order of their ports.
    pub const ALL: [Self; 6] =
        [Self::Openai, Self::Google, Self::Runway, Self::Luma, Self::Fal, Self::Replicate];

    /// The name that scenarios use.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Openai => "openai",
            Self::Google => "google",
            Self::Runway => "runway",
            Self::Luma => "luma",
            Self::Fal => "fal",
            Self::Replicate => "replicate",
        }
    }

    /// The provider of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}
