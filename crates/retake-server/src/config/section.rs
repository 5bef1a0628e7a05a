//! How one section of the settings is declared: fields, defaults and reference in one place.
//!
//! A plain `#[derive(Deserialize)]` forgets its doc comments, so a reference written
//! elsewhere would age. The macro keeps them: from one declaration come the struct, its
//! serde rules, its defaults and the [`Setting`]s that loading and the reference walk.

use std::{net::SocketAddr, path::PathBuf};

use jiff::SignedDuration;
use retake_core::{
    output::OnMismatch,
    policy::{OnBusy, OnModeration},
};

use super::{
    AccountConfig, AssetsConfig, Config, LogConfig, LogFormat, LogLevel, ModelConfig, PolicyConfig,
    RendererConfig, ServerConfig,
    quantity::{AccountUnknownSubmit, ByteSize, Pixels, Retention, UnknownSubmit},
};

/// One thing that can be set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// What may be written, in words: "a duration such as "30s"".
    pub(super) expected: &'static str,
    pub(super) doc: &'static [&'static str],
}

/// A table of the settings file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Section {
    /// Its dotted path; empty for the settings above the first table.
    pub(super) path: &'static str,
    pub(super) doc: &'static [&'static str],
    pub(super) settings: &'static [Setting],
}

impl Section {
    /// Every section there is, in the order of the reference.
    pub(super) const ALL: [Section; 8] = [
        Config::SECTION,
        ServerConfig::SECTION,
        AssetsConfig::SECTION,
        RendererConfig::SECTION,
        AccountConfig::SECTION,
        ModelConfig::SECTION,
        PolicyConfig::SECTION,
        LogConfig::SECTION,
    ];

    /// Whether it only exists under names of the owner's choice.
    pub(super) fn is_named(&self) -> bool {
        self.path.split_once('.').is_some_and(|(_, name)| name == "NAME")
    }

    pub(super) fn find(path: &str) -> Option<Section> {
        Self::ALL.into_iter().find(|section| section.path == path)
    }

    pub(super) fn setting(&self, name: &str) -> Option<&'static Setting> {
        self.settings.iter().find(|setting| setting.name == name)
    }

    /// The dotted path of one of its settings.
    pub(super) fn key(&self, name: &str) -> String {
        join(self.path, name)
    }
}

/// Joins two parts of a dotted path, the first of which may be empty.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

/// A type that can say what it wants to read.
pub(super) trait Expects {
    const EXPECTED: &'static str;
}

macro_rules! expects {
    ($($type:ty: $text:literal),* $(,)?) => {
        $(impl Expects for $type { const EXPECTED: &'static str = $text; })*
    };
}

expects! {
    PathBuf: "a path in quotes",
    String: "text in quotes",
    Vec<String>: "a list of texts such as [\"animatic/animatic\"]",
    SocketAddr: "an address with a port such as \"127.0.0.1:8080\"",
    usize: "a whole number, 0 or more",
    bool: "true or false",
    u32: "a whole number",
    ByteSize: "a size with its unit such as \"32MiB\"",
    SignedDuration: "a duration such as \"30s\", \"5m\" or \"30d\"",
    Pixels: "a number of pixels such as \"16px\"",
    OnMismatch: "\"keep\" or \"retry\"",
    Retention: "\"forever\" or a duration such as \"30d\"",
    UnknownSubmit: "\"hold\", \"continue_after\" or \"continue_after:5m\"",
    AccountUnknownSubmit: "\"hold\", \"continue_after\", \"continue_after:5m\" or empty",
    OnBusy: "\"switch\" or \"wait\"",
    OnModeration: "\"fail\" or \"switch\"",
    LogFormat: "\"pretty\" or \"json\"",
    LogLevel: "\"error\", \"warn\", \"info\", \"debug\" or \"trace\"",
}

/// Declares a section. `field: Type as "module" = default` reads and writes the field with
/// that serde module; `sections` and `named` are the tables inside it, the latter keyed by a
/// name of the owner's choice. What is `carried` is no setting: it is found while loading.
macro_rules! section {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident at $path:literal {
            $($(#[doc = $doc:literal])* $field:ident: $type:ty $(as $with:literal)? = $default:expr,)*
        }
        $(sections { $($section:ident: $section_type:ty,)* })?
        $(named { $($named:ident: $named_type:ty,)* })?
        $(carried { $($(#[doc = $why:literal])* $carried:ident: $carried_type:ty,)* })?
    ) => {
        $(#[doc = $about])*
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $($(#[doc = $doc])* $(#[serde(with = $with)])? pub $field: $type,)*
            $($(pub $section: $section_type,)*)?
            $($(pub $named: BTreeMap<String, $named_type>,)*)?
            $($($(#[doc = $why])* #[serde(skip)] pub $carried: $carried_type,)*)?
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    $($field: $default,)*
                    $($($section: <$section_type>::default(),)*)?
                    $($($named: BTreeMap::new(),)*)?
                    $($($carried: <$carried_type>::default(),)*)?
                }
            }
        }

        impl $name {
            pub(in crate::config) const SECTION: $crate::config::section::Section =
                $crate::config::section::Section {
                    path: $path,
                    doc: &[$($about),*],
                    settings: &[$($crate::config::section::Setting {
                        name: stringify!($field),
                        expected: <$type as $crate::config::section::Expects>::EXPECTED,
                        doc: &[$($doc),*],
                    }),*],
                };
        }
    };
}
pub(super) use section;
