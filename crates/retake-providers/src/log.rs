//! The log of one step: the exchanges with a provider, in their order, without secrets.

use std::sync::{Arc, Mutex, PoisonError};

use retake_core::evidence::Exchange;

/// What one step keeps at most; of a longer talk the last ones.
const MOST: usize = 16;

/// Collects the exchanges of one step.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<Exchange>>>);

impl Log {
    /// Adds an exchange.
    pub fn keep(&self, exchange: Exchange) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == MOST {
            kept.remove(0);
        }
        kept.push(exchange);
    }

    /// Takes what was kept so far.
    pub fn take(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
