//! The one place where time enters: everything else is handed a moment or waits for one here.

use std::{
    sync::{
        Arc, LazyLock, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use retake_providers::Timer;
use tokio::sync::watch;

/// Tells the time and waits for it.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<ManualClock>),
}

/// A clock that is moved by hand.
#[derive(Debug)]
struct ManualClock {
    shown: watch::Sender<Manual>,
    /// How many work.
    workers: Arc<AtomicUsize>,
    /// What has to have passed when the calls in flight are given up.
    limits: Mutex<Vec<SignedDuration>>,
}

impl ManualClock {
    fn limits(&self) -> MutexGuard<'_, Vec<SignedDuration>> {
        self.limits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the limit of a call.
    async fn wait(&self, time: SignedDuration) {
        let over = self.shown.borrow().passed.saturating_add(time);
        let _limit = Limit::set(self, over);
        // The sender lives in `self`, so the wait cannot fail.
        self.shown.subscribe().wait_for(|shown| shown.passed >= over).await.ok();
    }
}

/// The limit of a call, for as long as it is in flight.
struct Limit<'a>(&'a ManualClock, SignedDuration);

impl<'a> Limit<'a> {
    fn set(hand: &'a ManualClock, over: SignedDuration) -> Self {
        hand.limits().push(over);
        Self(hand, over)
    }
}

impl Drop for Limit<'_> {
    fn drop(&mut self) {
        let mut limits = self.0.limits();
        if let Some(at) = limits.iter().position(|over| *over == self.1) {
            limits.swap_remove(at);
        }
    }
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
        let hand = ManualClock {
            shown: watch::Sender::new(start),
            workers: Arc::default(),
            limits: Mutex::default(),
        };
        Self(Source::Manual(Arc::new(hand)))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
            Source::System => Timestamp::now(),
            Source::Manual(hand) => hand.shown.borrow().now,
        }
    }

    /// The present moment for measuring ages. Where the wall clock is set back, an age must not stand still.
    pub fn tick(&self) -> Tick {
        Tick(match &self.0 {
            Source::System => {
                SignedDuration::try_from(BEGINNING.elapsed()).unwrap_or(SignedDuration::MAX)
            }
            Source::Manual(hand) => hand.shown.borrow().passed,
        })
    }

    /// Moves a manual clock on and wakes whoever waited for the new moment; the system's goes by itself.
    pub fn move_on(&self, by: SignedDuration) {
        if let Source::Manual(hand) = &self.0 {
            hand.shown.send_modify(|shown| {
                shown.now += by;
                shown.passed += by;
            });
        }
    }

    /// Sets a manual clock, as somebody sets a machine's: no time passes by it.
    pub fn set(&self, to: Timestamp) {
        if let Source::Manual(hand) = &self.0 {
            hand.shown.send_modify(|shown| shown.now = to);
        }
    }

    /// Says that somebody works, so that whoever moves a manual clock can wait until nobody does: no time has to
    /// pass because the machine is slow.
    pub fn working(&self) -> Working {
        let Source::Manual(hand) = &self.0 else { return Working(None) };
        hand.workers.fetch_add(1, Ordering::SeqCst);
        Working(Some(Arc::clone(&hand.workers)))
    }

    /// Whether somebody works; nobody knows of the system's clock.
    pub fn is_worked_by(&self) -> bool {
        match &self.0 {
            Source::System => true,
            Source::Manual(hand) => hand.workers.load(Ordering::SeqCst) > 0,
        }
    }

    /// How long each call in flight is still waited for, by a manual clock.
    pub fn limits(&self) -> Vec<SignedDuration> {
        let Source::Manual(hand) = &self.0 else { return Vec::new() };
        let passed = hand.shown.borrow().passed;
        hand.limits().iter().map(|over| *over - passed).collect()
    }

    /// Waits until `moment` has come.
    pub async fn wait_until(&self, moment: Timestamp) {
        match &self.0 {
            Source::System => {
                let left = moment.duration_since(self.now());
                tokio::time::sleep(left.try_into().unwrap_or_default()).await;
            }
            Source::Manual(hand) => {
                // The sender lives in `self`, so the wait cannot fail.
                hand.shown.subscribe().wait_for(|shown| shown.now >= moment).await.ok();
            }
        }
    }
}

impl Timer for Clock {
    fn now(&self) -> Timestamp {
        self.now()
    }

    fn passed(&self) -> Duration {
        self.tick().0.try_into().unwrap_or_default()
    }

    fn wait(&self, time: Duration) -> BoxFuture<'static, ()> {
        match &self.0 {
            Source::System => Box::pin(tokio::time::sleep(time)),
            Source::Manual(hand) => {
                let hand = Arc::clone(hand);
                let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
                Box::pin(async move { hand.wait(time).await })
            }
        }
    }
}
