//! The catalog: what every known model accepts, costs and lasts.
//!
//! The facts are data (a file for each provider in `catalog/`), so that a limit can be read and corrected
//! without reading code, and each carries its source and the day it was checked. A model that its
//! provider shut down stays in, because "this was removed on that day" is a better answer than
//! "unknown model", and because it names those that took its place.

mod input;
mod price;

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

pub use self::{
    input::{Field, Input, Length, ModelInput, UnsupportedInput},
    price::Price,
};
use crate::{money::Usd, request::OriginKind, size::Size};

/// The files that ship with this version, in the order in which their models are listed.
const SHIPPED: [&str; 7] = [
    include_str!("catalog/animatic.toml"),
    include_str!("catalog/openai.toml"),
    include_str!("catalog/google.toml"),
    include_str!("catalog/runway.toml"),
    include_str!("catalog/luma.toml"),
    include_str!("catalog/fal.toml"),
    include_str!("catalog/replicate.toml"),
];

/// All models that this version knows.
#[derive(Clone, Debug)]
pub struct Catalog {
    models: Vec<Model>,
}

/// What one model of one provider accepts, costs and lasts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is one fact of the data file")]
pub struct Model {
    /// The provider that offers it.
    pub provider: String,
    /// Which of the provider's APIs offers it; nothing for the usual one.
    #[serde(default)]
    pub variant: Option<String>,
    /// Its name there.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The lengths it renders.
    pub seconds: Seconds,
    /// The sizes it renders.
    pub sizes: Vec<Size>,
    /// The longest prompt, in characters.
    pub prompt_chars: usize,
    /// How far it follows a negative prompt.
    pub negative: Negative,
    /// Whether it can loop.
    #[serde(rename = "loop")]
    pub looping: bool,
    /// Whether it makes sound.
    pub audio: bool,
    /// Whether a seed is taken.
    pub seed: bool,
    /// The largest seed that is taken.
    #[serde(default = "largest_seed")]
    pub seed_max: u64,
    /// Whether a picture to start from is taken.
    pub first_frame: bool,
    /// Why none can be taken, where that is not the model's fault but that of how it is reached.
    #[serde(skip)]
    pub no_first_frame_because: Option<&'static str>,
    /// Whether the provider fits a picture of another size by itself. Otherwise its pixels have to match.
    #[serde(default)]
    pub fits_first_frame: bool,
    /// Whether nothing is made without a picture to start from.
    #[serde(default)]
    pub needs_first_frame: bool,
    /// Whether sound can be turned off; where it cannot, there always is some.
    #[serde(default = "yes")]
    pub audio_switch: bool,
    /// What it can make from another video.
    #[serde(default)]
    pub makes_from: Vec<OriginKind>,
    /// How many characters can appear in one video.
    #[serde(default)]
    pub characters: usize,
    /// Price of a second of video, in millionths of a US dollar, where no other price fits; 0 where it is not known.
    micros_per_second: u64,
    /// Whether nobody sends a bill for it. Without that a price of nothing means that it is not known.
    #[serde(default)]
    pub free: bool,
    /// Prices for certain sizes, lengths or sound; the first that fits counts.
    #[serde(default)]
    price: Vec<Price>,
    /// Whether its provider documents that a render which failed there is not charged.
    #[serde(default)]
    pub failed_renders_are_free: bool,
    /// How its inputs are called, at providers where every model has names of its own.
    #[serde(default)]
    pub input: Option<Input>,
    /// Who takes its place once it is shut down, as `provider/model`, best first.
    #[serde(default)]
    pub successors: Vec<String>,
    /// First day it was offered.
    pub released: Date,
    /// The day its provider removes or removed it.
    pub shutdown: Option<Date>,
    /// Where these facts come from.
    pub source: String,
    /// The day they were true.
    pub checked: Date,
}

/// The lengths a model renders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(untagged, deny_unknown_fields)]
pub enum Seconds {
    /// Every whole second between the two, both included.
    Range {
        /// The shortest.
        min: u32,
        /// The longest.
        max: u32,
    },
    /// These and no others.
    OneOf {
        /// The lengths, ascending.
        one_of: Vec<u32>,
    },
}

/// How far a model follows a negative prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Negative {
    /// It takes none.
    None,
    /// It takes one and does not promise to follow it.
    Limited,
    /// It follows it.
    Full,
}

/// A catalog file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not the shape of a catalog.
    #[error("the catalog cannot be read")]
    Unreadable(#[from] toml::de::Error),
    /// An entry that contradicts itself.
    #[error("the catalog entry `{model}` is unusable: {why}")]
    Unusable {
        /// The entry, as `provider/name`.
        model: String,
        /// What is wrong with it.
        why: &'static str,
    },
}

impl Catalog {
    /// The catalog that ships with this version.
    ///
    /// # Errors
    ///
    /// [`CatalogError`] when the shipped file is broken, which a test rules out.
    pub fn shipped() -> Result<Self, CatalogError> {
        let mut models = Vec::new();
        for file in SHIPPED {
            models.extend(Self::parse(file)?.models);
        }
        Ok(Self { models })
    }

    /// Reads a catalog.
    ///
    /// # Errors
    ///
    /// [`CatalogError`] when the text is no catalog, or an entry could never accept a request.
    pub fn parse(text: &str) -> Result<Self, CatalogError> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct File {
            #[serde(default)]
            model: Vec<Model>,
        }
        let mut models = toml::from_str::<File>(text)?.model;
        for model in &mut models {
            if let Some(input) = &model.input {
                model.seed_max = model.seed_max.min(input.largest_seed());
            }
        }
        for model in &models {
            let unusable = |why| Err(CatalogError::Unusable { model: model.to_string(), why });
            if model.sizes.is_empty() {
                return unusable("it has no size");
            }
            match &model.seconds {
                Seconds::Range { min, max } if *min == 0 || min > max => {
                    return unusable("its shortest length is above its longest, or zero");
                }
                Seconds::OneOf { one_of } if one_of.is_empty() => return unusable("no lengths"),
                _ => {}
            }
        }
        Ok(Self { models })
    }

    /// This catalog with the models of another one, which win over those of the same name.
    #[must_use]
    pub fn with(mut self, own: Self) -> Self {
        let is_own = |model: &Model| own.model(&model.provider, &model.name).is_some();
        self.models.retain(|model| !is_own(model));
        self.models.extend(own.models);
        self
    }

    /// The entry of `name` at `provider`.
    pub fn model(&self, provider: &str, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.provider == provider && model.name == name)
    }

    /// Every entry with that name, at any provider.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Model> {
        self.models.iter().filter(move |model| model.name == name)
    }

    /// All entries, in the order of the file.
    pub fn models(&self) -> &[Model] {
        &self.models
    }
}

impl Model {
    /// What a video costs at the listed price.
    pub fn price(&self, seconds: u32, size: Size, audio: bool) -> Usd {
        let special = self.price.iter().find_map(|price| price.of(seconds, size, audio));
        special.unwrap_or_else(|| Usd::from_micros(self.micros_per_second).times(seconds))
    }

    /// A seed that it takes, made of any.
    pub fn seed_of(&self, seed: u64) -> u64 {
        self.seed_max.checked_add(1).map_or(seed, |range| seed % range)
    }

    /// What a second costs, where no other price fits; nothing where that is not known.
    pub fn price_of_a_second(&self) -> Option<Usd> {
        let is_known = self.free || self.micros_per_second != 0;
        is_known.then(|| Usd::from_micros(self.micros_per_second))
    }

    /// Whether its provider has removed it by `today`.
    pub fn is_shut_down(&self, today: Date) -> bool {
        self.shutdown.is_some_and(|day| day <= today)
    }
}

fn yes() -> bool {
    true
}

fn largest_seed() -> u64 {
    u64::MAX
}

impl Negative {
    /// The word that stands for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Limited => "limited",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.name)
    }
}

impl Seconds {
    /// Whether a video of this length can be asked for.
    pub fn allow(&self, seconds: u32) -> bool {
        match self {
            Self::Range { min, max } => (*min..=*max).contains(&seconds),
            Self::OneOf { one_of } => one_of.contains(&seconds),
        }
    }

    /// The allowed length nearest to the one asked for; the shorter of two equally near.
    pub fn nearest(&self, seconds: u32) -> u32 {
        match self {
            Self::Range { min, max } => seconds.clamp(*min, *max),
            Self::OneOf { one_of } => {
                one_of.iter().copied().min_by_key(|s| (s.abs_diff(seconds), *s)).unwrap_or(seconds)
            }
        }
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { min, max } => write!(f, "{min} to {max}"),
            Self::OneOf { one_of } => {
                let shown: Vec<_> = one_of.iter().map(u32::to_string).collect();
                f.write_str(&shown.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_catalog_can_be_used() {
        let catalog = Catalog::shipped().unwrap();

        assert!(catalog.model("animatic", "animatic").is_some());
    }

    #[test]
    fn every_default_of_the_openai_dialect_is_legal_for_the_embedded_model() {
        let catalog = Catalog::shipped().unwrap();
        let model = catalog.model("animatic", "animatic").unwrap();

        assert!(model.seconds.allow(4) && model.sizes.contains(&Size::new(720, 1280)));
    }

    #[test]
    fn a_model_is_shut_down_from_its_day_on() {
        let catalog = Catalog::shipped().unwrap();
        let sora = catalog.model("openai", "sora-2").unwrap();

        assert!(!sora.is_shut_down(Date::constant(2026, 9, 23)));
        assert!(sora.is_shut_down(Date::constant(2026, 9, 24)));
    }

    #[test]
    fn an_entry_that_could_never_accept_a_request_is_refused() {
        let text = SHIPPED[0].replacen("min = 1", "min = 500", 1);

        assert!(matches!(Catalog::parse(&text), Err(CatalogError::Unusable { .. })));
    }

    #[test]
    fn the_nearest_length_is_the_shorter_of_two_equally_near() {
        let seconds = Seconds::OneOf { one_of: vec![4, 8, 12] };

        assert_eq!(seconds.nearest(6), 4);
        assert_eq!(seconds.nearest(60), 12);
    }
}
