//! Signs of life of the work in the background, and what they say of the gateway.
//!
//! Each loop beats when it has done a round. One that has not beaten for longer than any round takes is stuck,
//! though its process is alive; one that panicked is begun again and has to beat before it counts as well.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use retake_core::time::whole_seconds;

/// How many times as long as it may be silent a loop is waited for before the process is given up.
const GIVEN_UP: u32 = 10;
/// Says that nothing was measured.
const UNKNOWN: i64 = i64::MIN;

/// The signs of life of one gateway.
#[derive(Clone, Debug)]
pub(crate) struct Vitals(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    pulses: Mutex<Vec<Pulse>>,
    skew_ms: AtomicI64,
    most_skew: SignedDuration,
}

/// That of one loop.
#[derive(Clone, Debug)]
pub(crate) struct Pulse(Arc<Beats>);

#[derive(Debug)]
struct Beats {
    name: &'static str,
    within: Duration,
    begun: Instant,
    last_ms: AtomicU64,
    restarts: AtomicU32,
    is_down: AtomicBool,
}

/// How a loop is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Condition {
    pub(crate) name: &'static str,
    /// Since its last beat.
    pub(crate) silent: Duration,
    /// How long it may be silent.
    pub(crate) within: Duration,
    pub(crate) restarts: u32,
    /// Whether it broke and has not done a round since.
    pub(crate) is_down: bool,
}

/// Why a gateway cannot be relied on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ailment {
    /// A loop broke or is stuck.
    #[error("{name} has made no progress for {} s; the log says more, and a restart may help", silent.as_secs())]
    Stalled {
        /// Which loop.
        name: &'static str,
        /// For how long.
        silent: Duration,
    },
    /// Leases are judged by the clock, so replicas have to agree on the time.
    #[error(
        "the clock of this machine is {:#} off that of the database, and {:#} is the most; set it by NTP",
        whole_seconds(*skew), whole_seconds(*most)
    )]
    Skewed {
        /// How far it is ahead.
        skew: SignedDuration,
        /// How far it may be.
        most: SignedDuration,
    },
}

impl Condition {
    pub(crate) fn is_stalled(&self) -> bool {
        self.is_down || self.silent > self.within
    }

    /// Whether nothing but another process will help.
    fn is_hopeless(&self) -> bool {
        self.silent > self.within.saturating_mul(GIVEN_UP)
    }
}

impl Vitals {
    /// For a gateway whose clock may be that far off its database's.
    pub(crate) fn new(most_skew: SignedDuration) -> Self {
        let skew_ms = AtomicI64::new(UNKNOWN);
        Self(Arc::new(Inner { pulses: Mutex::default(), skew_ms, most_skew }))
    }

    /// The pulse of a loop which does a round within that time.
    pub(crate) fn pulse(&self, name: &'static str, within: Duration) -> Pulse {
        let pulse = Pulse::new(name, within);
        self.pulses().push(pulse.clone());
        pulse
    }

    pub(crate) fn conditions(&self) -> Vec<Condition> {
        self.pulses().iter().map(Pulse::condition).collect()
    }

    /// How far our clock was ahead of the database's when that was last compared.
    pub(crate) fn skew(&self) -> Option<SignedDuration> {
        let skew = self.0.skew_ms.load(Ordering::Relaxed);
        (skew != UNKNOWN).then(|| SignedDuration::from_millis(skew))
    }

    /// Notes how far our clock is ahead of the database's. Says so when that has become, or ceased to be, too far.
    pub(crate) fn note_skew(&self, skew: SignedDuration) {
        let was_far = self.skewed().is_some();
        let ms = i64::try_from(skew.as_millis()).unwrap_or(i64::MAX);
        self.0.skew_ms.store(ms, Ordering::Relaxed);
        match self.skewed() {
            Some(ailment) if !was_far => tracing::error!(error = %ailment, "the clocks disagree"),
            None if was_far => tracing::info!("the clocks agree again"),
            _ => {}
        }
    }

    /// What is wrong, if anything is.
    pub(crate) fn ailment(&self) -> Option<Ailment> {
        let stalled = self.conditions().into_iter().find(Condition::is_stalled);
        let stalled = stalled.map(|it| Ailment::Stalled { name: it.name, silent: it.silent });
        stalled.or_else(|| self.skewed())
    }

    /// A loop that is stuck for so long that it will not come back.
    pub(crate) fn hopeless(&self) -> Option<Condition> {
        self.conditions().into_iter().find(Condition::is_hopeless)
    }

    fn skewed(&self) -> Option<Ailment> {
        let (skew, most) = (self.skew()?, self.0.most_skew);
        (skew.abs() > most).then_some(Ailment::Skewed { skew, most })
    }

    fn pulses(&self) -> MutexGuard<'_, Vec<Pulse>> {
        self.0.pulses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pulse {
    pub(crate) fn new(name: &'static str, within: Duration) -> Self {
        Self(Arc::new(Beats {
            name,
            within,
            begun: Instant::now(),
            last_ms: AtomicU64::new(0),
            restarts: AtomicU32::new(0),
            is_down: AtomicBool::new(false),
        }))
    }

    pub(crate) fn name(&self) -> &'static str {
        self.0.name
    }

    /// A round is done.
    pub(crate) fn beat(&self) {
        let ms = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.0.last_ms.store(ms, Ordering::Relaxed);
        self.0.is_down.store(false, Ordering::Relaxed);
    }

    /// The loop broke. Returns how often it did.
    pub(crate) fn broke(&self) -> u32 {
        self.0.is_down.store(true, Ordering::Relaxed);
        self.0.restarts.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    pub(crate) fn condition(&self) -> Condition {
        let last = Duration::from_millis(self.0.last_ms.load(Ordering::Relaxed));
        Condition {
            name: self.0.name,
            silent: self.0.begun.elapsed().saturating_sub(last),
            within: self.0.within,
            restarts: self.0.restarts.load(Ordering::Relaxed),
            is_down: self.0.is_down.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[test]
    fn a_loop_that_broke_counts_as_well_only_once_it_did_a_round() {
        let vitals = Vitals::new(SignedDuration::from_secs(5));
        let pulse = vitals.pulse("the scheduler", HOUR);
        assert_eq!(vitals.ailment(), None);

        assert_eq!(pulse.broke(), 1);
        assert!(matches!(vitals.ailment(), Some(Ailment::Stalled { name: "the scheduler", .. })));
        pulse.beat();

        assert_eq!((vitals.ailment(), pulse.condition().restarts), (None, 1));
    }

    #[test]
    fn a_loop_that_is_silent_for_too_long_is_stuck_and_in_the_end_hopeless() {
        let after = |silent| Condition {
            name: "the scheduler",
            silent,
            within: HOUR,
            restarts: 0,
            is_down: false,
        };

        assert!(!after(HOUR).is_stalled());
        assert!(after(HOUR * 2).is_stalled() && !after(HOUR * 2).is_hopeless());
        assert!(after(HOUR * 11).is_hopeless());
    }

    #[test]
    fn a_loop_that_only_waits_for_others_may_be_silent_for_ever() {
        let vitals = Vitals::new(SignedDuration::from_secs(5));
        vitals.pulse("the listener", Duration::MAX);

        assert!(vitals.hopeless().is_none());
    }

    #[test]
    fn a_clock_that_is_too_far_off_is_told_in_either_direction() {
        let vitals = Vitals::new(SignedDuration::from_secs(5));
        for (seconds, is_far) in [(0, false), (5, false), (-5, false), (40, true), (-40, true)] {
            vitals.note_skew(SignedDuration::from_secs(seconds));

            let ailment = vitals.ailment();
            assert_eq!(matches!(ailment, Some(Ailment::Skewed { .. })), is_far, "{seconds}");
        }
    }
}
