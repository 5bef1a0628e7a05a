//! The one place where time enters: everything else is handed a moment or waits for one here.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Tells the time and waits for it.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    System,
    Manual(Arc<watch::Sender<Timestamp>>),
}

impl Clock {
    /// The time of the machine.
    pub fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that stands still until it is moved by hand.
    pub fn manual(start: Timestamp) -> Self {
        Self(Source::Manual(Arc::new(watch::Sender::new(start))))
    }

    /// The present moment.
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            #[expect(clippy::disallowed_methods, reason = "this is the one place that may")]
            Source::System => Timestamp::now(),
            Source::Manual(moment) => *moment.borrow(),
        }
    }

    /// Moves a manual clock on and wakes whoever waited for the new moment; the system's goes by itself.
    pub fn move_on(&self, by: SignedDuration) {
        if let Source::Manual(moment) = &self.0 {
            moment.send_modify(|now| *now += by);
        }
    }

    /// Waits until `moment` has come.
    pub async fn wait_until(&self, moment: Timestamp) {
        match &self.0 {
            Source::System => {
                let left = moment.duration_since(self.now());
                tokio::time::sleep(left.try_into().unwrap_or_default()).await;
            }
            Source::Manual(now) => {
                // The sender lives in `self`, so the wait cannot fail.
                now.subscribe().wait_for(|now| *now >= moment).await.ok();
            }
        }
    }
}
