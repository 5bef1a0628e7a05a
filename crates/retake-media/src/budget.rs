//! One allowance of work and memory for everything that is done with one file.
//!
//! A file of a few kilobytes can name a million samples, a thousand scans or a picture of a hundred
//! million pixels. A bound for each table does not help against many tables, so all of them draw on
//! one [`Budget`]: every loop whose length the file decides pays before it runs, and every buffer
//! whose size the file decides pays before it is allocated. Counting is deterministic; the same file
//! costs the same on every machine.
//!
//! Time is the caller's matter. It holds a [`CancelGuard`] for as long as it wants the result, with
//! whatever timeout it likes, and the work ends soon after the guard is dropped.

use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use thiserror::Error;

/// Work for one file, in units: about eight seconds of one core, nearly all of it decoding pictures.
const WORK: u64 = 1 << 30;
/// Memory for one file.
const MEMORY: u64 = 256 << 20;
/// What reading the structure of a file may take whatever its size: two hundred thousand samples.
const STRUCTURE_WORK: u64 = 2_000_000;
/// What it may take for each byte of the file. A sample of a dozen bytes, alone in its fragment,
/// needs about 5 for each of its own and its fragment's bytes.
const STRUCTURE_WORK_PER_BYTE: u64 = 16;
/// What it may take at most: two tracks of a million samples, each in a fragment of its own.
const MOST_STRUCTURE_WORK: u64 = 1 << 28;
/// The same for memory.
const STRUCTURE_MEMORY: u64 = 16 << 20;
const STRUCTURE_MEMORY_PER_BYTE: u64 = 8;

/// Why work on a file was given up.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum BudgetError {
    #[error("the file takes more work to read than a file of its size may")]
    Work,

    #[error("the file takes more memory to read than a file of its size may")]
    Memory,

    #[error("reading the file took too long and was given up")]
    Cancelled,
}

/// What may be spent on one file. Clones draw on the same allowance.
#[derive(Clone, Debug)]
pub struct Budget {
    whole: Arc<Account>,
    /// A smaller allowance inside the whole one.
    share: Option<Arc<Account>>,
    cancelled: Arc<AtomicBool>,
}

/// What is left, and what was used.
#[derive(Debug)]
struct Account {
    work: u64,
    memory: u64,
    spent: AtomicU64,
    held: AtomicU64,
    peak: AtomicU64,
}

/// Cancels the work that was begun with its budget when it is dropped.
#[derive(Debug)]
#[must_use = "dropping the guard cancels the work"]
pub struct CancelGuard(Arc<AtomicBool>);

impl Drop for CancelGuard {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

impl Default for Budget {
    /// What a video may take: `2^30` units of work and 256 MiB.
    ///
    /// A unit is about the work of reading a row of a table, 2 to 10 nanoseconds.
    fn default() -> Self {
        Self::new(WORK, MEMORY)
    }
}

impl Budget {
    /// An allowance of so many units of work and bytes of memory.
    pub fn new(work: u64, memory: u64) -> Self {
        Self {
            whole: Account::new(work, memory),
            share: None,
            cancelled: Arc::new(AtomicBool::new(false)),
        }
    }

    /// The default allowance of work, and so many bytes of memory.
    pub fn with_memory(memory: u64) -> Self {
        Self::new(WORK, memory)
    }

    /// The default allowance, and the guard that ends the work when it is dropped.
    pub fn cancellable() -> (Self, CancelGuard) {
        let budget = Self::default();
        let guard = budget.guard();
        (budget, guard)
    }

    /// A guard that ends the work when it is dropped.
    pub fn guard(&self) -> CancelGuard {
        CancelGuard(Arc::clone(&self.cancelled))
    }

    /// The file that cannot be read any more once the work on it was cancelled.
    pub fn watch<R>(&self, reader: R) -> Watched<R> {
        Watched { reader, budget: self.clone() }
    }

    /// Units of work that were spent so far.
    pub fn work_spent(&self) -> u64 {
        self.whole.spent.load(Relaxed)
    }

    /// The most bytes that were held at once so far, as far as they were paid for.
    pub fn peak_memory(&self) -> u64 {
        self.whole.peak.load(Relaxed)
    }

    /// Units of work that are left.
    pub(crate) fn work_left(&self) -> u64 {
        self.whole.work.saturating_sub(self.work_spent())
    }

    /// The share of the allowance that reading the structure of a file of so many bytes may take.
    pub(crate) fn for_structure(&self, bytes: u64) -> Self {
        let work = STRUCTURE_WORK.saturating_add(bytes.saturating_mul(STRUCTURE_WORK_PER_BYTE));
        let memory =
            STRUCTURE_MEMORY.saturating_add(bytes.saturating_mul(STRUCTURE_MEMORY_PER_BYTE));
        let share = Account::new(work.min(MOST_STRUCTURE_WORK), memory);
        Self { share: Some(share), ..self.clone() }
    }

    /// Pays for work that is about to be done.
    pub(crate) fn spend(&self, units: u64) -> Result<(), BudgetError> {
        self.check()?;
        self.accounts().try_for_each(|account| account.spend(units))
    }

    /// Fails when nobody wants the result any more.
    pub(crate) fn check(&self) -> Result<(), BudgetError> {
        if self.cancelled.load(Relaxed) { Err(BudgetError::Cancelled) } else { Ok(()) }
    }

    /// Pays for memory that is about to be allocated.
    pub(crate) fn hold(&self, bytes: u64) -> Result<(), BudgetError> {
        self.check()?;
        self.accounts().try_for_each(|account| account.hold(bytes))
    }

    /// Pays for memory that is freed when the returned value is dropped.
    pub(crate) fn borrow(&self, bytes: u64) -> Result<Borrowed, BudgetError> {
        self.hold(bytes)?;
        Ok(Borrowed { budget: self.clone(), bytes })
    }

    fn release(&self, bytes: u64) {
        self.accounts().for_each(|account| account.release(bytes));
    }

    /// The share first: what it refuses is not taken from the whole.
    fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.share.iter().chain(std::iter::once(&self.whole)).map(Arc::as_ref)
    }
}

impl Account {
    fn new(work: u64, memory: u64) -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        Arc::new(Self { work, memory, spent: zero(), held: zero(), peak: zero() })
    }

    fn spend(&self, units: u64) -> Result<(), BudgetError> {
        let sum = |spent: u64| spent.checked_add(units).filter(|&sum| sum <= self.work);
        self.spent.fetch_update(Relaxed, Relaxed, sum).map(drop).map_err(|_| BudgetError::Work)
    }

    fn hold(&self, bytes: u64) -> Result<(), BudgetError> {
        let sum = |held: u64| held.checked_add(bytes).filter(|&sum| sum <= self.memory);
        let held = self.held.fetch_update(Relaxed, Relaxed, sum);
        let held = held.map_err(|_| BudgetError::Memory)?.saturating_add(bytes);
        self.peak.fetch_max(held, Relaxed);
        Ok(())
    }

    fn release(&self, bytes: u64) {
        let left = |held: u64| Some(held.saturating_sub(bytes));
        let _ = self.held.fetch_update(Relaxed, Relaxed, left);
    }
}

/// A file that cannot be read any more once the work on it was cancelled.
#[derive(Debug)]
pub struct Watched<R> {
    reader: R,
    budget: Budget,
}

impl<R> Watched<R> {
    fn check(&self) -> io::Result<()> {
        self.budget.check().map_err(io::Error::other)
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.check()?;
        self.reader.read(buffer)
    }
}

impl<R: BufRead> BufRead for Watched<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // In pieces, so that whoever takes all of a large file looks in between.
        const PIECE: usize = 64 << 10;
        self.check()?;
        let buffered = self.reader.fill_buf()?;
        Ok(buffered.get(..PIECE).unwrap_or(buffered))
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}

impl<R: Seek> Seek for Watched<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.reader.seek(to)
    }
}

/// Memory that was paid for, and is given back when this is dropped.
#[derive(Debug)]
pub(crate) struct Borrowed {
    budget: Budget,
    bytes: u64,
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        self.budget.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_and_shares_draw_on_one_allowance() {
        let budget = Budget::new(100, 100);
        let share = budget.for_structure(10);

        share.spend(60).unwrap();
        budget.clone().spend(40).unwrap();

        assert_eq!(budget.work_spent(), 100);
        assert_eq!(share.spend(1), Err(BudgetError::Work));
    }

    #[test]
    fn a_share_is_bounded_by_the_size_of_the_file() {
        let budget = Budget::default();
        let share = budget.for_structure(1000);

        share.spend(STRUCTURE_WORK + 16_000).unwrap();

        assert_eq!(share.spend(1), Err(BudgetError::Work));
        assert_eq!(budget.spend(1), Ok(()));
    }

    #[test]
    fn memory_that_was_given_back_can_be_used_again() {
        let budget = Budget::new(1, 100);

        let first = budget.borrow(70).unwrap();
        assert_eq!(budget.hold(31), Err(BudgetError::Memory));
        drop(first);

        assert_eq!(budget.hold(100), Ok(()));
        assert_eq!(budget.peak_memory(), 100);
    }

    #[test]
    fn numbers_from_hostile_files_do_not_run_over() {
        let budget = Budget::default();
        let share = budget.for_structure(u64::MAX);

        assert_eq!(share.hold(u64::MAX), Err(BudgetError::Memory));
        assert_eq!(share.spend(u64::MAX), Err(BudgetError::Work));
        assert_eq!(share.spend(u64::MAX), Err(BudgetError::Work));
    }

    #[test]
    fn dropping_the_guard_ends_the_work() {
        let (budget, guard) = Budget::cancellable();

        assert_eq!(budget.spend(1), Ok(()));
        drop(guard);

        assert_eq!(budget.spend(0), Err(BudgetError::Cancelled));
    }
}
