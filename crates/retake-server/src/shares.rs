//! What callers share, and how much of it one of them may hold.
//!
//! Whoever holds less than what is free may take one more. So one caller alone gets half, two get a third each,
//! and however many come, something is left for the next. Nothing has to be known of them beforehand, and nothing
//! is taken away from anybody.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use retake_core::ids::KeyId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// Bytes that are counted as one.
const UNIT: usize = 1 << 10;
/// How long memory is waited for.
const TURN: Duration = Duration::from_mins(1);
/// Callers whose memory is remembered before those that have none are forgotten.
const REMEMBERED: usize = 1024;

/// On whose account something is held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// An API key.
    Key(KeyId),
    /// Whoever calls from there without one.
    Peer(IpAddr),
    /// The machine's owner, or an administrator.
    Operator,
}

impl Holder {
    /// Whoever calls from an address. A network hands out IPv6 addresses by the 2^64, so they count as one.
    pub(crate) fn at(address: IpAddr) -> Self {
        Self::Peer(match address.to_canonical() {
            IpAddr::V6(long) => IpAddr::V6(Ipv6Addr::from_bits(long.to_bits() & (u128::MAX << 64))),
            short @ IpAddr::V4(_) => short,
        })
    }
}

/// Why there was none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NoShare {
    /// This caller has its share.
    Yours {
        /// What of.
        what: &'static str,
        /// How many it holds.
        held: usize,
    },
    /// Everything is taken.
    Everybodys {
        /// What of.
        what: &'static str,
    },
}

/// So many places of a kind.
#[derive(Clone, Debug)]
pub(crate) struct Shares {
    what: &'static str,
    places: Arc<Mutex<Places>>,
}

#[derive(Debug)]
struct Places {
    free: usize,
    held: HashMap<Holder, usize>,
}

/// A place that somebody has, until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    holder: Holder,
    places: Arc<Mutex<Places>>,
}

impl Shares {
    /// `free` places; `what` they are, for people.
    pub(crate) fn new(what: &'static str, free: usize) -> Self {
        let places = Places { free, held: HashMap::new() };
        Self { what, places: Arc::new(Mutex::new(places)) }
    }

    /// Takes a place.
    pub(crate) fn take(&self, holder: &Holder) -> Result<Place, NoShare> {
        let mut places = lock(&self.places);
        let Places { free, held } = &mut *places;
        match held.get_mut(holder) {
            Some(count) if *count < *free => *count += 1,
            Some(count) => return Err(NoShare::Yours { what: self.what, held: *count }),
            None if *free == 0 => return Err(NoShare::Everybodys { what: self.what }),
            None => {
                held.insert(holder.clone(), 1);
            }
        }
        *free -= 1;
        drop(places);
        Ok(Place { holder: holder.clone(), places: Arc::clone(&self.places) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = lock(&self.places);
        places.free += 1;
        match places.held.get_mut(&self.holder) {
            Some(held) if *held > 1 => *held -= 1,
            _ => drop(places.held.remove(&self.holder)),
        }
    }
}

/// What is waited for in a line that is fair: one caller gets half at most, and waits behind itself first, so that
/// the line of all is no longer than there are callers.
#[derive(Debug)]
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    most: usize,
    of_one: Mutex<HashMap<Holder, Weak<Semaphore>>>,
}

/// A turn, until this is dropped.
#[derive(Debug)]
pub(crate) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_one: OwnedSemaphorePermit,
}

/// Memory that bodies may take together. Whoever finds none waits for a turn; one caller gets half at most.
#[derive(Clone, Debug)]
pub(crate) struct Memory(Arc<Turns>);

/// Memory that somebody has, until this is dropped.
#[derive(Debug)]
pub(crate) struct MemoryHeld(#[expect(dead_code, reason = "gives it back")] Turn);

impl Turns {
    /// So many at once.
    pub(crate) fn new(at_once: usize) -> Self {
        let at_once = at_once.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize);
        let all = Arc::new(Semaphore::new(at_once));
        Self { all, most: (at_once / 2).max(1), of_one: Mutex::default() }
    }

    /// Waits for a turn. There is none only where the gateway has ended.
    pub(crate) async fn take(&self, holder: &Holder) -> Option<Turn> {
        self.take_many(holder, 1).await
    }

    /// Waits for so many turns. More than a caller's part are all of it.
    async fn take_many(&self, holder: &Holder, count: usize) -> Option<Turn> {
        let count = u32::try_from(count.clamp(1, self.most)).unwrap_or(u32::MAX);
        let of_one = self.of(holder).acquire_many_owned(count).await.ok()?;
        let of_all = Arc::clone(&self.all).acquire_many_owned(count).await.ok()?;
        Some(Turn { _of_all: of_all, _of_one: of_one })
    }

    fn of(&self, holder: &Holder) -> Arc<Semaphore> {
        let mut known = lock(&self.of_one);
        if let Some(own) = known.get(holder).and_then(Weak::upgrade) {
            return own;
        }
        if known.len() >= REMEMBERED {
            known.retain(|_, own| own.strong_count() > 0);
        }
        let own = Arc::new(Semaphore::new(self.most));
        known.insert(holder.clone(), Arc::downgrade(&own));
        own
    }
}

impl Memory {
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes).unwrap_or(usize::MAX).div_ceil(UNIT).max(2);
        Self(Arc::new(Turns::new(units)))
    }

    /// Waits for that much memory. What is larger than a caller's part takes the whole of it.
    pub(crate) async fn take(&self, holder: &Holder, bytes: usize) -> Result<MemoryHeld, NoShare> {
        let turn = self.0.take_many(holder, bytes.div_ceil(UNIT));
        let what = "memory for bodies (`server.upload_memory`)";
        let turn = timeout(TURN, turn).await.ok().flatten().ok_or(NoShare::Everybodys { what })?;
        Ok(MemoryHeld(turn))
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;

    fn at(address: &str) -> Holder {
        Holder::at(address.parse().unwrap())
    }

    #[test]
    fn one_caller_gets_half_and_the_next_ones_a_part_of_the_rest() {
        let shares = Shares::new("places", 20);
        let take = |holder: &Holder| {
            let mut held = Vec::new();
            while let Ok(place) = shares.take(holder) {
                held.push(place);
            }
            held
        };

        let first = take(&at("10.0.0.1"));
        let second = take(&at("10.0.0.2"));

        assert_eq!((first.len(), second.len()), (10, 5));
        assert!(matches!(shares.take(&at("10.0.0.1")), Err(NoShare::Yours { held: 10, .. })));
        assert!(shares.take(&at("10.0.0.3")).is_ok());
        drop(first);
        assert_eq!(take(&at("10.0.0.2")).len(), 5, "what is given back is shared anew");
    }

    #[test]
    fn the_addresses_of_one_network_are_one_caller() {
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }

    proptest! {
        #[test]
        fn nothing_is_given_out_twice_and_everything_comes_back(
            total in 1_usize..30, asks in prop::collection::vec((0_u8..4, any::<bool>()), 0..100)
        ) {
            let shares = Shares::new("places", total);
            let mut held: Vec<(u8, Place)> = Vec::new();
            for (who, gives_back) in asks {
                if gives_back {
                    if let Some(at) = held.iter().position(|(of, _)| *of == who) {
                        held.swap_remove(at);
                    }
                } else if let Ok(place) = shares.take(&at(&format!("10.0.0.{who}"))) {
                    held.push((who, place));
                }
                prop_assert!(held.len() <= total);
                prop_assert_eq!(lock(&shares.places).free, total - held.len());
            }
            drop(held);
            prop_assert!(lock(&shares.places).held.is_empty());
        }
    }

    #[tokio::test]
    async fn whoever_waits_for_many_turns_does_not_stand_before_others() {
        for at_once in [1, 2, 8] {
            let turns = Turns::new(at_once);
            let (north, south) = (at("10.0.0.1"), at("10.0.0.2"));
            let mut held = Vec::new();
            while let Some(turn) = turns.take(&north).now_or_never() {
                held.push(turn.unwrap());
            }
            assert_eq!(held.len(), (at_once / 2).max(1), "of {at_once}");
            let mut line: Vec<_> = (0..20).map(|_| Box::pin(turns.take(&north))).collect();
            for waiting in &mut line {
                assert!(waiting.now_or_never().is_none());
            }

            let mut other = Box::pin(turns.take(&south));
            if at_once == 1 {
                assert!(other.as_mut().now_or_never().is_none(), "somebody has the only one");
                held.clear();
                assert!(line.iter_mut().all(|waiting| waiting.now_or_never().is_none()));
            }
            assert!(other.now_or_never().flatten().is_some(), "of {at_once}");
        }
    }

    #[tokio::test]
    async fn memory_is_waited_for_and_one_caller_never_has_more_than_half() {
        let memory = Memory::new(8 << 20);
        let (north, south) = (Holder::Key(KeyId::new(Timestamp::UNIX_EPOCH)), at("10.0.0.1"));

        let first = memory.take(&north, 3 << 20).await.unwrap();
        let mut second = Box::pin(memory.take(&north, 2 << 20));
        assert!(second.as_mut().now_or_never().is_none(), "it has to wait for its own");
        let others = memory.take(&south, 4 << 20).now_or_never();
        assert!(others.is_some_and(|taken| taken.is_ok()), "others do not wait for it");
        drop(first);

        assert!(second.await.is_ok());
        assert!(memory.take(&north, 1 << 30).now_or_never().is_some(), "alone it gets its half");
    }
}
