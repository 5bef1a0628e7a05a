//! How much memory the answers of providers may take together.
//!
//! A short answer needs no permission: there are no more of them than steps that are done at once. Before a long
//! one is read on, there has to be room for all of it that may come; until then nothing more is taken from its
//! sender. The room is given back with the last of the answer. One account gets a part of it only, so that a provider
//! that answers slowly and at length keeps no other one waiting.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::timer::{Timer, within};
use crate::call::NoAnswer;

/// A shorter answer is read at once.
const SHORT: usize = 1 << 20;
/// For the long answers of all accounts together, in bytes. What is made of one takes up to twice as much again.
const TOTAL: usize = 160 << 20;
/// For those of one account: an answer of the largest kind that any adapter reads.
const OF_ONE: usize = 96 << 20;
/// Bytes that are counted as one.
const UNIT: usize = 1 << 10;
/// How long room is waited for.
const TURN: Duration = Duration::from_mins(2);

static OF_ALL: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(TOTAL / UNIT)));

/// The memory for answers of one account.
#[derive(Clone, Debug)]
pub(super) struct AnswerMemory {
    of_all: Arc<Semaphore>,
    own: Arc<Semaphore>,
    most: usize,
}

/// The room for one answer.
#[derive(Debug)]
pub(super) struct Room {
    memory: AnswerMemory,
    limit: usize,
    announced: Option<usize>,
    held: Option<Held>,
}

/// Gives it back when it is dropped.
#[derive(Debug)]
struct Held {
    own: OwnedSemaphorePermit,
    of_all: OwnedSemaphorePermit,
}

/// An answer, and the room that it takes.
struct Answer {
    bytes: Vec<u8>,
    _held: Held,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl AnswerMemory {
    /// That of one more account of this process.
    pub(super) fn of_an_account() -> Self {
        Self::new(Arc::clone(&OF_ALL), OF_ONE)
    }

    fn new(of_all: Arc<Semaphore>, bytes: usize) -> Self {
        let most = (bytes / UNIT).max(1);
        Self { of_all, own: Arc::new(Semaphore::new(most)), most }
    }

    /// For an answer that may have `limit` bytes at most, and says that it has `announced`.
    pub(super) fn room(&self, limit: usize, announced: Option<u64>) -> Room {
        let announced = announced.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        Room { memory: self.clone(), limit, announced, held: None }
    }

    /// Waits for so many bytes. What is more than an account may have takes all that it may have.
    async fn take(&self, bytes: usize) -> Option<Held> {
        let units = u32::try_from(bytes.div_ceil(UNIT).clamp(1, self.most)).ok()?;
        let own = Arc::clone(&self.own).acquire_many_owned(units).await.ok()?;
        let of_all = Arc::clone(&self.of_all).acquire_many_owned(units).await.ok()?;
        Some(Held { own, of_all })
    }
}

impl Held {
    /// Gives back what is not needed after all.
    fn shrink(&mut self, bytes: usize) {
        let spare = self.own.num_permits().saturating_sub(bytes.div_ceil(UNIT).max(1));
        drop((self.own.split(spare), self.of_all.split(spare)));
    }
}

impl Room {
    /// Makes room for so many bytes more, or says why they are not read.
    pub(super) async fn make_for(
        &mut self,
        read: &mut Vec<u8>,
        more: usize,
        timer: &dyn Timer,
    ) -> Result<(), NoAnswer> {
        let length = read.len().saturating_add(more);
        let expected = self.announced.unwrap_or(length).max(length);
        if expected > self.limit {
            let message = format!("the answer is longer than {} bytes", self.limit);
            return Err(NoAnswer { sent: true, slow: false, message });
        }
        if length <= SHORT || self.held.is_some() {
            return Ok(());
        }
        let bytes = self.announced.map_or(self.limit, |_| expected);
        self.held = within(timer, TURN, self.memory.take(bytes)).await.flatten();
        if self.held.is_none() {
            let message =
                format!("timed out after {} s waiting for response memory", TURN.as_secs());
            return Err(NoAnswer { sent: true, slow: true, message });
        }
        // As much as was announced, and no more than is there already where nothing was.
        read.reserve(expected - read.len());
        Ok(())
    }

    /// The answer, which gives its room back when it is dropped.
    pub(super) fn held_by(self, bytes: Vec<u8>) -> Bytes {
        match self.held {
            None => bytes.into(),
            Some(mut held) => {
                held.shrink(bytes.len());
                Bytes::from_owner(Answer { bytes, _held: held })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::{FutureExt as _, future::BoxFuture};
    use jiff::Timestamp;
    use tokio::sync::Notify;

    use super::*;

    const MIB: usize = 1 << 20;

    /// A time that passes when a test says so.
    #[derive(Debug, Default)]
    struct MovedTimer(Arc<Notify>);

    impl Timer for MovedTimer {
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }

        fn passed(&self) -> Duration {
            Duration::ZERO
        }

        fn wait(&self, _: Duration) -> BoxFuture<'static, ()> {
            let moved = Arc::clone(&self.0);
            Box::pin(async move { moved.notified().await })
        }
    }

    fn memory(total: usize, of_one: usize) -> (Arc<Semaphore>, AnswerMemory) {
        let of_all = Arc::new(Semaphore::new(total / UNIT));
        (Arc::clone(&of_all), AnswerMemory::new(of_all, of_one))
    }

    async fn answer(
        memory: &AnswerMemory,
        length: usize,
        announced: Option<u64>,
    ) -> Result<Bytes, NoAnswer> {
        answer_by(&MovedTimer::default(), memory, length, announced).await
    }

    async fn answer_by(
        timer: &MovedTimer,
        memory: &AnswerMemory,
        length: usize,
        announced: Option<u64>,
    ) -> Result<Bytes, NoAnswer> {
        let mut room = memory.room(8 * MIB, announced);
        let mut read = Vec::new();
        while read.len() < length {
            room.make_for(&mut read, MIB, timer).await?;
            read.resize(read.len() + MIB, b' ');
        }
        Ok(room.held_by(read))
    }

    #[tokio::test]
    async fn a_long_answer_holds_its_room_until_the_last_of_it_is_dropped() {
        let (all, memory) = memory(8 * MIB, 8 * MIB);
        let free = || all.available_permits() * UNIT / MIB;

        let short = answer(&memory, MIB, None).await.unwrap();
        assert_eq!(free(), 8, "a short answer takes none");
        for announced in [None, Some(5 * MIB as u64)] {
            let long = answer(&memory, 5 * MIB, announced).await.unwrap();
            assert_eq!((long.len(), free()), (5 * MIB, 3), "what it does not need is given back");
            let part = long.slice(10..20);
            drop(long);
            assert_eq!(free(), 3);
            drop(part);
            assert_eq!(free(), 8);
        }
        drop(short);
    }

    #[tokio::test]
    async fn an_account_with_its_part_waits_and_another_one_does_not() {
        let (all, north) = memory(16 * MIB, 8 * MIB);
        let south = AnswerMemory::new(all, 8 * MIB);

        let first = answer(&north, 6 * MIB, None).await.unwrap();
        let mut second = Box::pin(answer(&north, 6 * MIB, None));
        assert!(second.as_mut().now_or_never().is_none());
        assert!(answer(&south, 6 * MIB, None).now_or_never().is_some_and(|it| it.is_ok()));
        drop(first);

        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn an_answer_that_waits_for_too_long_is_given_up_and_may_be_asked_for_again() {
        let (_, memory) = memory(8 * MIB, 8 * MIB);
        let _first = answer(&memory, 8 * MIB, None).await.unwrap();

        let timer = MovedTimer::default();
        let mut second = Box::pin(answer_by(&timer, &memory, 2 * MIB, None));
        assert!(second.as_mut().now_or_never().is_none());
        timer.0.notify_waiters();

        let problem = second.await.unwrap_err();
        assert!(problem.sent && problem.slow, "{problem}");
        assert_eq!(problem.message, "timed out after 120 s waiting for response memory");
    }

    #[tokio::test]
    async fn an_answer_that_announces_more_than_it_may_have_is_not_read() {
        let (all, memory) = memory(8 * MIB, 8 * MIB);

        for announced in [8 * MIB as u64 + 1, u64::MAX] {
            let problem = answer(&memory, MIB, Some(announced)).await.unwrap_err();
            assert!(problem.message.contains("longer than 8388608 bytes"), "{problem}");
        }
        let lies = answer(&memory, 9 * MIB, Some(10)).await.unwrap_err();
        assert!(lies.message.contains("longer than"), "{lies}");
        assert_eq!(all.available_permits() * UNIT, 8 * MIB);
    }
}
