//! The built-in scenarios: some written by hand, and one for each fault alone.

use super::{Rule, Scenario, When};
use crate::fault::{Fault, FaultKind};

/// The hand-written scenarios: name and text.
pub const ALL: &[(&str, &str)] = &[
    ("calm", include_str!("../scenarios/calm.toml")),
    ("bad-day", include_str!("../scenarios/bad-day.toml")),
    ("six-causes", include_str!("../scenarios/six-causes.toml")),
    ("peak-hours", include_str!("../scenarios/peak-hours.toml")),
    ("tight-limits", include_str!("../scenarios/tight-limits.toml")),
    ("incident", include_str!("../scenarios/incident.toml")),
    ("shutdown", include_str!("../scenarios/shutdown.toml")),
];

/// The names of all built-in scenarios, those of single faults included.
pub fn names() -> impl Iterator<Item = &'static str> {
    ALL.iter().map(|it| it.0).chain(FaultKind::ALL.iter().map(|kind| kind.name()))
}

/// The scenario in which every create meets this fault and no other.
pub(super) fn from_fault(kind: FaultKind) -> Scenario {
    let rule = Rule { name: String::new(), when: When::default(), what: Fault::new(kind) };
    Scenario {
        about: format!("Every time: {}", kind.about()),
        faults: vec![rule],
        ..Scenario::default()
    }
}
