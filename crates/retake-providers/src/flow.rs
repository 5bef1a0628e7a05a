//! The calls of one exchange with a provider, without the sending: what to send next, and what to make of the answer.
//!
//! An adapter that needs several calls (a token, an upload, then the submit) says so as a chain of them.
//! Nothing here does IO, so a test feeds it answers.

use crate::call::{Answer, Call};

/// A chain of calls that ends with a `T`.
pub enum Flow<T> {
    /// Something is to be sent, and the answer says how the flow goes on.
    Ask {
        /// What is to be sent.
        call: Box<Call>,
        /// How it goes on.
        then: Continue<T>,
    },
    /// There is nothing more to send.
    Done(T),
}

/// Reads an answer and says how the flow goes on.
pub type Continue<T> = Box<dyn FnOnce(Answer) -> Flow<T> + Send>;

impl<T: Send + 'static> Flow<T> {
    /// Sends `call`, then goes on as `then` says.
    pub fn ask(call: Call, then: impl FnOnce(Answer) -> Self + Send + 'static) -> Self {
        Self::Ask { call: Box::new(call), then: Box::new(then) }
    }

    /// Sends `call` and ends with what `read` makes of the answer.
    pub fn once(call: Call, read: impl FnOnce(Answer) -> T + Send + 'static) -> Self {
        Self::ask(call, |answer| Self::Done(read(answer)))
    }

    /// Goes on with another flow when this one is done.
    pub fn and_then<U: Send + 'static>(
        self,
        next: impl FnOnce(T) -> Flow<U> + Send + 'static,
    ) -> Flow<U> {
        match self {
            Self::Done(value) => next(value),
            Self::Ask { call, then } => {
                Flow::Ask { call, then: Box::new(|answer| then(answer).and_then(next)) }
            }
        }
    }

    /// Ends with something made of what this flow ends with.
    pub fn map<U: Send + 'static>(self, make: impl FnOnce(T) -> U + Send + 'static) -> Flow<U> {
        self.and_then(|value| Flow::Done(make(value)))
    }
}
