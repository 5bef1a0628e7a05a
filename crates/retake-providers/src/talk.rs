//! A talk with a provider, without the sending: what to send next, and what to make of the answer.
//!
//! An adapter that needs several calls (a token, an upload, then the submit) says so as a chain of them.
//! Nothing here does IO, so a test holds the talk by feeding it answers.

use crate::call::{Answer, Call};

/// A talk that ends with a `T`.
pub enum Talk<T> {
    /// Something is to be sent, and the answer says how the talk goes on.
    Ask {
        /// What is to be sent.
        call: Box<Call>,
        /// How it goes on.
        then: Then<T>,
    },
    /// The talk is over.
    Over(T),
}

/// Reads an answer and says how the talk goes on.
pub type Then<T> = Box<dyn FnOnce(Answer) -> Talk<T> + Send>;

impl<T: Send + 'static> Talk<T> {
    /// Sends `call`, then goes on as `then` says.
    pub fn ask(call: Call, then: impl FnOnce(Answer) -> Self + Send + 'static) -> Self {
        Self::Ask { call: Box::new(call), then: Box::new(then) }
    }

    /// Sends `call` and ends with what `read` makes of the answer.
    pub fn once(call: Call, read: impl FnOnce(Answer) -> T + Send + 'static) -> Self {
        Self::ask(call, |answer| Self::Over(read(answer)))
    }

    /// Goes on with another talk when this one is over.
    pub fn and_then<U: Send + 'static>(
        self,
        next: impl FnOnce(T) -> Talk<U> + Send + 'static,
    ) -> Talk<U> {
        match self {
            Self::Over(value) => next(value),
            Self::Ask { call, then } => {
                Talk::Ask { call, then: Box::new(|answer| then(answer).and_then(next)) }
            }
        }
    }

    /// Ends with something made of what this talk ends with.
    pub fn map<U: Send + 'static>(self, make: impl FnOnce(T) -> U + Send + 'static) -> Talk<U> {
        self.and_then(|value| Talk::Over(make(value)))
    }
}
