//! The one place where time enters: everything else is handed a moment or waits for one here.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicUsize, Ordering},
    },
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
    Manual(Arc<watch::Sender<Manual>>, Arc<AtomicUsize>),
}

/// Says of a manual clock that somebody works, for as long as it is kept.
#[derive(Debug)]
pub struct Working(Option<Arc<AtomicUsize>>);

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            count.fetch_sub(1, Ordering::SeqCst);
        }
    }
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
        Self(Source::Manual(Arc::new(watch::Sender::new(start)), Arc::default()))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
            Source::System => Timestamp::now(),
            Source::Manual(shown, _) => shown.borrow().now,
        }
    }

    /// The present moment for measuring ages. Where the wall clock is set back, an age must not stand still.
    pub fn tick(&self) -> Tick {
        Tick(match &self.0 {
            Source::System => {
                SignedDuration::try_from(BEGINNING.elapsed()).unwrap_or(SignedDuration::MAX)
            }
            Source::Manual(shown, _) => shown.borrow().passed,
        })
    }

    /// Moves a manual clock on and wakes whoever waited for the new moment; the system's goes by itself.
    pub fn move_on(&self, by: SignedDuration) {
        if let Source::Manual(shown, _) = &self.0 {
            shown.send_modify(|shown| {
                shown.now += by;
                shown.passed += by;
            });
        }
    }

    /// Sets a manual clock, as somebody sets a machine's: no time passes by it.
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(shown, _) = &self.0 {
            shown.send_modify(|shown| shown.now = to);
        }
    }

    /// Says that somebody works, so that whoever moves a manual clock can wait until nobody does: no time has to
    /// pass because the machine is slow.
    pub fn working(&self) -> Working {
        let Source::Manual(_, count) = &self.0 else { return Working(None) };
        count.fetch_add(1, Ordering::SeqCst);
        Working(Some(Arc::clone(count)))
    }

    /// Whether somebody works; nobody knows of the system's clock.
    pub fn is_worked_by(&self) -> bool {
        match &self.0 {
            Source::System => true,
            Source::Manual(_, count) => count.load(Ordering::SeqCst) > 0,
        }
    }

    /// Waits until `moment` has come.
    pub async fn wait_until(&self, moment: Timestamp) {
        match &self.0 {
            Source::System => {
                let left = moment.duration_since(self.now());
                tokio::time::sleep(left.try_into().unwrap_or_default()).await;
            }
            Source::Manual(shown, _) => {
                // The sender lives in `self`, so the wait cannot fail.
                shown.subscribe().wait_for(|shown| shown.now >= moment).await.ok();
            }
        }
    }
}
