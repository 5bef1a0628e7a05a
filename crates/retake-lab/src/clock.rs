//! The only source of time.
//!
//! The lab has its own time, which starts at the wall-clock time and may run faster: at a speed of
//! 600, ten minutes pass in a second. Everything a provider does by the clock (rendering, limits,
//! expiry) uses lab time. What a caller compares with *its* clock, such as a signature's timestamp
//! or a token's validity, uses [`Clock::wall`]; how long a caller is asked to wait uses
//! [`Clock::real`].
//!
//! At a speed of 0 the clock stands still until it is advanced: a test then decides when time
//! passes, and the speed of the machine makes no difference.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// The minimum and the maximum speed of a clock that does not stand still.
const SPEEDS: (f64, f64) = (0.01, 1_000_000.0);

/// The lab's clock. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    pace: Arc<watch::Sender<Pace>>,
    /// The times until which responses are held back.
    held: Arc<Mutex<Vec<Timestamp>>>,
}

/// Since `real`, when the lab's time was `lab`, lab time has passed `speed` times as fast.
#[derive(Clone, Copy, Debug)]
struct Pace {
    begun: Timestamp,
    lab: Timestamp,
    real: Instant,
    speed: f64,
}

impl Pace {
    fn at(&self, real: Instant) -> Timestamp {
        let passed = real.saturating_duration_since(self.real).as_secs_f64() * self.speed;
        later(self.lab, SignedDuration::try_from_secs_f64(passed).unwrap_or(SignedDuration::ZERO))
    }
}

impl Clock {
    /// A clock that shows `start` now (the wall-clock time if that is `None`) and runs `speed`
    /// times as fast as wall-clock time, within 0.01 to 1,000,000; at 0 it stands still.
    pub fn new(start: Option<Timestamp>, speed: f64) -> Self {
        let lab = start.unwrap_or_else(system_now);
        let pace = Pace { begun: lab, lab, real: Instant::now(), speed: clamp_speed(speed) };
        Self { pace: Arc::new(watch::Sender::new(pace)), held: Arc::default() }
    }

    /// The current time in the lab.
    pub fn now(&self) -> Timestamp {
        self.pace.borrow().at(Instant::now())
    }

    /// How long the lab has been running, in lab time.
    pub fn running(&self) -> SignedDuration {
        let begun = self.pace.borrow().begun;
        self.now().duration_since(begun)
    }

    /// The current wall-clock time, for what callers compare with their own clock.
    pub fn wall(&self) -> Timestamp {
        system_now()
    }

    /// How many times as fast as wall-clock time the clock runs.
    pub fn speed(&self) -> f64 {
        self.pace.borrow().speed
    }

    /// Changes the speed of the clock.
    pub fn set_speed(&self, speed: f64) {
        self.pace.send_modify(|pace| {
            let real = Instant::now();
            *pace = Pace { lab: pace.at(real), real, speed: clamp_speed(speed), begun: pace.begun };
        });
    }

    /// Advances the clock.
    pub fn advance(&self, by: SignedDuration) {
        self.pace.send_modify(|pace| pace.lab = later(pace.lab, by.max(SignedDuration::ZERO)));
    }

    /// How long a duration of lab time takes in wall-clock time. A clock that stands still is
    /// advanced together with the caller's, so the duration stays the same there.
    pub fn real(&self, lab: SignedDuration) -> Duration {
        let speed = Some(self.speed()).filter(|speed| *speed > 0.0).unwrap_or(1.0);
        let seconds = lab.as_secs_f64().max(0.0) / speed;
        Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
    }

    /// The times until which responses are held back.
    pub fn held_answers(&self) -> Vec<Timestamp> {
        self.held().clone()
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Vec<Timestamp>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the lab's time is `moment`.
    pub async fn wait_until(&self, moment: Timestamp) {
        let mut changes = self.pace.subscribe();
        loop {
            changes.mark_unchanged();
            let left = moment.duration_since(self.now());
            if left <= SignedDuration::ZERO {
                return;
            }
            // A little more, so that the time has come when the sleep ends.
            let sleep = self.real(left).saturating_add(Duration::from_micros(200));
            let runs = self.speed() > 0.0;
            tokio::select! {
                () = tokio::time::sleep(sleep), if runs => {}
                changed = changes.changed() => if changed.is_err() { return },
            }
        }
    }

    /// Holds a response back until the lab's time is `moment`.
    pub async fn hold_until(&self, moment: Timestamp) {
        let _held = HeldAnswer::new(self, moment);
        self.wait_until(moment).await;
    }

    /// Holds a response back for a duration of lab time.
    pub async fn hold(&self, stretch: SignedDuration) {
        self.hold_until(later(self.now(), stretch)).await;
    }

    /// Waits for a duration of lab time.
    pub async fn wait(&self, stretch: SignedDuration) {
        self.wait_until(later(self.now(), stretch)).await;
    }
}

/// An entry in a clock's list for as long as a response is held back.
struct HeldAnswer<'a> {
    clock: &'a Clock,
    moment: Timestamp,
}

impl<'a> HeldAnswer<'a> {
    fn new(clock: &'a Clock, moment: Timestamp) -> Self {
        clock.held().push(moment);
        Self { clock, moment }
    }
}

impl Drop for HeldAnswer<'_> {
    fn drop(&mut self) {
        let mut held = self.clock.held();
        if let Some(at) = held.iter().position(|moment| *moment == self.moment) {
            held.swap_remove(at);
        }
    }
}

/// `moment` plus `stretch`, or the maximum timestamp.
pub(crate) fn later(moment: Timestamp, stretch: SignedDuration) -> Timestamp {
    moment.checked_add(stretch).unwrap_or(Timestamp::MAX)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
fn system_now() -> Timestamp {
    Timestamp::now()
}

fn clamp_speed(speed: f64) -> f64 {
    match speed {
        0.0 => 0.0,
        speed if speed.is_finite() => speed.clamp(SPEEDS.0, SPEEDS.1),
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[test]
    fn a_fast_clock_is_ahead_of_the_world_and_keeps_its_time_when_it_slows_down() {
        let clock = Clock::new(Some(Timestamp::UNIX_EPOCH), 1.0);

        clock.advance(HOUR);
        clock.set_speed(600.0);
        let after = clock.now();

        assert!(after.duration_since(Timestamp::UNIX_EPOCH) >= HOUR);
        assert_eq!(clock.real(SignedDuration::from_mins(10)), Duration::from_secs(1));
        assert!(clock.running() >= HOUR);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_when_the_clock_is_put_forward() {
        let clock = Clock::new(None, 1.0);
        let waiter = clock.clone();
        let moment = later(clock.now(), HOUR);

        let waiting = async move { waiter.wait_until(moment).await };
        let ((), ()) = tokio::join!(waiting, async { clock.advance(HOUR * 2) });

        assert!(clock.now() >= moment);
    }

    #[tokio::test]
    async fn a_clock_that_stands_still_knows_which_answers_are_held_and_moves_by_hand_only() {
        let clock = Clock::new(Some(Timestamp::UNIX_EPOCH), 0.0);
        let waiter = clock.clone();
        let hour = later(Timestamp::UNIX_EPOCH, HOUR);

        let waiting = async move { waiter.hold_until(hour).await };
        let moving = async {
            assert_eq!(clock.held_answers(), [hour]);
            assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
            assert_eq!(clock.real(HOUR), Duration::from_hours(1));
            clock.advance(HOUR);
        };
        let ((), ()) = tokio::join!(waiting, moving);

        assert_eq!((clock.now(), clock.held_answers()), (hour, Vec::new()));
    }

    #[test]
    fn an_absurd_speed_is_kept_in_bounds() {
        assert!((Clock::new(None, f64::NAN).speed() - 1.0).abs() < f64::EPSILON);
        assert!((Clock::new(None, 1e300).speed() - SPEEDS.1).abs() < f64::EPSILON);
    }
}
