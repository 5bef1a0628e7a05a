//! The one place where time enters: everything else is handed a moment or waits for one here.

use std::{
    sync::{Arc, LazyLock},
    time::Instant,
};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Tells the time and waits for it.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<Manual>>),
}

/// What a clock shows that is moved by hand.
#[derive(Clone, Copy, Debug)]
struct Manual {
    now: Timestamp,
    passed: SignedDuration,
}

/// A moment by which time can be measured: it stands for nothing else, and no setting of the clock moves it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(SignedDuration);

impl Tick {
    /// How much time has passed since an earlier one.
    pub fn since(self, earlier: Self) -> SignedDuration {
        self.0 - earlier.0
    }
}

/// Where the ticks of the system's clock begin.
static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock {
    /// The time of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is moved by hand.
    pub fn manual(start: Timestamp) -> Self {
        let start = Manual { now: start, passed: SignedDuration::ZERO };
        Self(Source::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
            Source::System => Timestamp::now(),
            Source::Manual(shown) => shown.borrow().now,
        }
    }

    /// The present moment for measuring ages. Where the wall clock is set back, an age must not stand still.
    pub fn tick(&self) -> Tick {
        Tick(match &self.0 {
            Source::System => {
                SignedDuration::try_from(BEGINNING.elapsed()).unwrap_or(SignedDuration::MAX)
            }
            Source::Manual(shown) => shown.borrow().passed,
        })
    }

    /// Moves a manual clock on and wakes whoever waited for the new moment; the system's goes by itself.
    pub fn move_on(&self, by: SignedDuration) {
        if let Source::Manual(shown) = &self.0 {
            shown.send_modify(|shown| {
                shown.now += by;
                shown.passed += by;
            });
        }
    }

    /// Sets a manual clock, as somebody sets a machine's: no time passes by it.
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(shown) = &self.0 {
            shown.send_modify(|shown| shown.now = to);
        }
    }

    /// Waits until `moment` has come.
    pub async fn wait_until(&self, moment: Timestamp) {
        match &self.0 {
            Source::System => {
                let left = moment.duration_since(self.now());
                tokio::time::sleep(left.try_into().unwrap_or_default()).await;
            }
            Source::Manual(shown) => {
                // The sender lives in `self`, so the wait cannot fail.
                shown.subscribe().wait_for(|shown| shown.now >= moment).await.ok();
            }
        }
    }
}
