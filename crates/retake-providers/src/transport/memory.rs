//! How much memory the answers of providers may take together.
//!
//! A short answer needs no permission: there are no more of them than steps that are done at once. A long one takes
//! memory in steps, as it arrives, whatever length it announces: who sends slowly holds no more than what came.
//! Where there is none, nothing more is taken from its sender. All of it is given back with the last of the answer.
//!
//! One account gets half at most, so a provider that answers slowly and at length keeps no other one waiting. Answers
//! that begin leave a quarter to those that go on. If all wait for each other nevertheless, each gives up after
//! a while what it holds, the first one first, and the others go on.

use std::{
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::timer::{Timer, within};
use crate::call::NoAnswer;

/// A shorter answer is read at once.
const SHORT: usize = 1 << 20;
/// For the long answers of all accounts together, in bytes. What is made of one takes up to twice as much again.
const TOTAL: usize = 192 << 20;
/// For those of one account: an answer of the largest kind that any adapter reads.
const OF_ONE: usize = TOTAL / 2;
/// What is taken at once.
const STEP: usize = 4 << 20;
/// How long an answer waits for its first memory.
const TURN: Duration = Duration::from_mins(2);
/// How long one waits for more, while it holds what others may be waiting for.
const GROWTH: Duration = Duration::from_secs(30);

static OF_ALL: LazyLock<Arc<Pool>> = LazyLock::new(|| Arc::new(Pool::new(TOTAL)));

/// Memory that accounts share.
#[derive(Debug)]
struct Pool {
    all: Mutex<Account>,
    /// Tells those that wait that some was given back.
    returned: Notify,
}

/// What one holder, or all of them, may have and have.
#[derive(Debug)]
struct Account {
    most: usize,
    held: usize,
}

/// The memory for answers of one account.
#[derive(Clone, Debug)]
pub(super) struct AnswerMemory {
    pool: Arc<Pool>,
    own: Arc<Mutex<Account>>,
}

/// The room for one answer.
#[derive(Debug)]
pub(super) struct Room {
    limit: usize,
    announced: Option<usize>,
    held: Held,
}

/// So many bytes, given back when this is dropped.
#[derive(Debug)]
struct Held {
    memory: AnswerMemory,
    bytes: usize,
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

impl Account {
    /// Whether so much may be taken, by an answer that begins or by one that goes on.
    fn has(&self, bytes: usize, goes_on: bool) -> bool {
        let kept = if goes_on || self.held == 0 { 0 } else { self.most / 4 };
        self.held.saturating_add(bytes) <= self.most - kept
    }
}

impl Pool {
    fn new(bytes: usize) -> Self {
        Self { all: Mutex::new(Account { most: bytes, held: 0 }), returned: Notify::new() }
    }
}

impl AnswerMemory {
    /// That of one more account of this process.
    pub(super) fn of_an_account() -> Self {
        Self::new(Arc::clone(&OF_ALL), OF_ONE)
    }

    fn new(pool: Arc<Pool>, most: usize) -> Self {
        Self { pool, own: Arc::new(Mutex::new(Account { most, held: 0 })) }
    }

    /// For an answer that may have `limit` bytes at most, and says that it has `announced`.
    pub(super) fn room(&self, limit: usize, announced: Option<u64>) -> Room {
        let announced = announced.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        Room { limit, announced, held: Held { memory: self.clone(), bytes: 0 } }
    }

    fn try_take(&self, bytes: usize, goes_on: bool) -> bool {
        let (mut all, mut own) = (lock(&self.pool.all), lock(&self.own));
        let is_there = all.has(bytes, goes_on) && own.has(bytes, goes_on);
        if is_there {
            all.held += bytes;
            own.held += bytes;
        }
        is_there
    }

    fn give_back(&self, bytes: usize) {
        let (mut all, mut own) = (lock(&self.pool.all), lock(&self.own));
        all.held -= bytes;
        own.held -= bytes;
        drop((all, own));
        self.pool.returned.notify_waiters();
    }
}

impl Held {
    /// Waits until it has so many bytes, or all that an account may have.
    async fn grow_to(&mut self, bytes: usize) {
        let goes_on = self.bytes > 0;
        let more = bytes.min(lock(&self.memory.own).most).saturating_sub(self.bytes);
        loop {
            // Before it is tried, so that nothing that is given back meanwhile is missed.
            let returned = self.memory.pool.returned.notified();
            if self.memory.try_take(more, goes_on) {
                break;
            }
            returned.await;
        }
        self.bytes += more;
    }

    /// Gives back what is not needed after all.
    fn shrink_to(&mut self, bytes: usize) {
        let spare = self.bytes.saturating_sub(bytes);
        self.bytes -= spare;
        self.memory.give_back(spare);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.memory.give_back(self.bytes);
        }
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
        if length <= SHORT || length <= self.held.bytes {
            return Ok(());
        }
        let is_first = self.held.bytes == 0;
        let patience = if is_first { TURN } else { GROWTH };
        let most = self.announced.map_or(self.limit, |_| expected);
        let bytes = length.next_multiple_of(STEP).min(most);
        if within(timer, patience, self.held.grow_to(bytes)).await.is_none() {
            let message =
                format!("timed out after {} s waiting for response memory", patience.as_secs());
            return Err(NoAnswer { sent: true, slow: true, message });
        }
        // Addresses for as much as was announced; there is memory behind them when it comes.
        if is_first {
            read.reserve_exact(expected - read.len());
        }
        Ok(())
    }

    /// The answer, which gives its room back when it is dropped.
    pub(super) fn held_by(mut self, bytes: Vec<u8>) -> Bytes {
        if self.held.bytes == 0 {
            return bytes.into();
        }
        self.held.shrink_to(bytes.len());
        Bytes::from_owner(Answer { bytes, _held: self.held })
    }
}

fn lock(account: &Mutex<Account>) -> MutexGuard<'_, Account> {
    account.lock().unwrap_or_else(PoisonError::into_inner)
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

    fn memory(total: usize, of_one: usize) -> (Arc<Pool>, AnswerMemory) {
        let of_all = Arc::new(Pool::new(total));
        (Arc::clone(&of_all), AnswerMemory::new(of_all, of_one))
    }

    fn held(memory: &Pool) -> usize {
        lock(&memory.all).held
    }

    /// An answer of which so much came, and that is not whole.
    async fn begun(
        memory: &AnswerMemory,
        length: usize,
        announced: Option<u64>,
    ) -> (Room, Vec<u8>) {
        let (mut room, mut read) = (memory.room(96 * MIB, announced), Vec::new());
        go_on(&mut room, &mut read, length, &MovedTimer::default()).await.unwrap();
        (room, read)
    }

    async fn go_on(
        room: &mut Room,
        read: &mut Vec<u8>,
        length: usize,
        timer: &MovedTimer,
    ) -> Result<(), NoAnswer> {
        while read.len() < length {
            room.make_for(read, MIB, timer).await?;
            read.resize(read.len() + MIB, b' ');
        }
        Ok(())
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
        let (mut room, mut read) = (memory.room(8 * MIB, announced), Vec::new());
        go_on(&mut room, &mut read, length, timer).await?;
        Ok(room.held_by(read))
    }

    #[tokio::test]
    async fn a_long_answer_holds_its_room_until_the_last_of_it_is_dropped() {
        let (all, memory) = memory(8 * MIB, 8 * MIB);
        let free = || 8 - held(&all) / MIB;

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
    async fn an_answer_that_has_just_begun_holds_a_step_however_long_it_may_become() {
        for announced in [None, Some(96 * MIB as u64)] {
            let (all, memory) = memory(192 * MIB, 96 * MIB);

            let (room, read) = begun(&memory, 2 * MIB, announced).await;
            assert_eq!(held(&all), STEP, "{announced:?}");
            let long = answer(&memory, 8 * MIB, None).now_or_never();
            assert!(long.is_some_and(|it| it.is_ok()), "another one of the account is read");

            drop((room, read));
            assert_eq!(held(&all), 0);
        }
    }

    #[tokio::test]
    async fn one_account_gets_half_and_the_largest_answer_of_another_is_read_at_once() {
        let (all, north) = memory(TOTAL, OF_ONE);
        let south = AnswerMemory::new(Arc::clone(&all), OF_ONE);

        let mut dripping = Vec::new();
        while let Some(one) = begun(&north, 3 * MIB, None).now_or_never() {
            dripping.push(one);
        }
        for (room, read) in &mut dripping {
            let _ = go_on(room, read, 96 * MIB, &MovedTimer::default()).now_or_never();
        }

        assert_eq!(held(&all), TOTAL / 2);
        assert!(begun(&south, 96 * MIB, None).now_or_never().is_some());
    }

    #[tokio::test]
    async fn of_answers_that_wait_for_each_other_one_gives_up_and_the_other_is_read() {
        let (all, memory) = memory(32 * MIB, 16 * MIB);
        let timer = MovedTimer::default();
        let (mut first, mut read) = begun(&memory, 4 * MIB, None).await;
        let (mut second, mut also_read) = begun(&memory, 4 * MIB, None).await;
        go_on(&mut first, &mut read, 8 * MIB, &timer).await.unwrap();
        go_on(&mut second, &mut also_read, 8 * MIB, &timer).await.unwrap();
        assert_eq!(held(&all), 16 * MIB, "all that the account may have");

        let mut first = Box::pin(async {
            let outcome = go_on(&mut first, &mut read, 12 * MIB, &timer).await;
            drop(first);
            outcome
        });
        let mut second = Box::pin(go_on(&mut second, &mut also_read, 12 * MIB, &timer));
        assert!(first.as_mut().now_or_never().is_none());
        assert!(second.as_mut().now_or_never().is_none());
        timer.0.notify_waiters();

        let problem = first.await.unwrap_err();
        assert!(problem.sent && problem.slow, "{problem}");
        assert_eq!(problem.message, "timed out after 30 s waiting for response memory");
        assert!(second.await.is_ok(), "it goes on with what the first one held");
    }

    #[tokio::test]
    async fn answers_that_begin_leave_some_to_those_that_go_on() {
        let (_, memory) = memory(32 * MIB, 16 * MIB);
        let (mut room, mut read) = begun(&memory, 4 * MIB, None).await;
        let (_others, _) = begun(&memory, 8 * MIB, None).await;

        let mut new = Box::pin(begun(&memory, 2 * MIB, None));
        assert!(new.as_mut().now_or_never().is_none());
        let timer = MovedTimer::default();
        let goes_on = go_on(&mut room, &mut read, 8 * MIB, &timer).now_or_never();
        assert!(goes_on.is_some_and(|it| it.is_ok()), "it does not wait behind those that begin");
        drop(room);

        assert!(new.now_or_never().is_some());
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
        assert_eq!(held(&all), 0);
    }
}
