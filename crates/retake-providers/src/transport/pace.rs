//! How slowly a body may arrive.
//!
//! A sender that stops is found out by its silence. One that sends a byte now and then is never silent, so a
//! body has a time in which it has to be whole, and a file besides that a rate that it may not fall below.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{Stream, StreamExt as _, stream, stream::BoxStream};
use retake_core::fault::{Fault, FaultKind, FaultSource};

use super::{
    memory::Room,
    timer::{Timer, within},
};
use crate::call::NoAnswer;

/// Between two pieces of a body.
const SILENCE: Duration = Duration::from_secs(30);
/// The time over which a rate is measured.
const WINDOW: Duration = Duration::from_mins(1);
/// An answer that may be longer than this carries a file.
const LONGEST_PLAIN: usize = 16 << 20;
/// In which such an answer has to be whole if it does not say how long it is.
const UNANNOUNCED: Duration = Duration::from_mins(10);

/// How slowly a body may arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The time in which it has to be whole, once it began.
    pub whole: Duration,
    /// The bytes that every second of it has to bring, on the average of a minute.
    pub least_rate: u64,
}

impl Pace {
    /// For files.
    pub const FILE: Self = Self { whole: Duration::from_hours(1), least_rate: 1 << 10 };
    /// For the answers of an API, which are short.
    pub(super) const ANSWER: Self = Self { whole: Duration::from_mins(2), least_rate: 0 };

    /// For an answer of at most `largest` bytes that says that it has `announced`, where files have the pace `file`.
    pub(super) fn of_answer(largest: usize, announced: Option<u64>, file: Self) -> Self {
        match announced {
            _ if largest <= LONGEST_PLAIN => Self::ANSWER,
            Some(_) => file,
            None => Self { whole: file.whole.min(UNANNOUNCED), ..file },
        }
    }
}

/// The bytes that came, held against a pace.
#[derive(Debug)]
struct Meter {
    pace: Pace,
    begun: Duration,
    window: Duration,
    in_window: u64,
}

impl Meter {
    fn new(pace: Pace, now: Duration) -> Self {
        Self { pace, begun: now, window: now, in_window: 0 }
    }

    /// How long the next piece may be waited for.
    fn patience(&self, now: Duration) -> Duration {
        SILENCE.min(self.begun.saturating_add(self.pace.whole).saturating_sub(now))
    }

    /// Passes over a time in which we did not read.
    fn pause(&mut self, paused: Duration) {
        self.begun += paused;
        self.window += paused;
    }

    /// Notes a piece, or that none came, and says what is wrong with the pace.
    fn note(&mut self, bytes: usize, now: Duration) -> Result<(), String> {
        let whole = self.pace.whole;
        if now.saturating_sub(self.begun) >= whole {
            return Err(format!("was not whole after {} s", whole.as_secs()));
        }
        self.in_window = self.in_window.saturating_add(bytes as u64);
        let passed = now.saturating_sub(self.window);
        if passed < WINDOW {
            return Ok(());
        }
        let least = self.pace.least_rate.saturating_mul(passed.as_secs());
        if self.in_window < least {
            return Err(format!(
                "came too slowly: {} bytes in {} s, and {} a second are the least",
                self.in_window,
                passed.as_secs(),
                self.pace.least_rate
            ));
        }
        (self.window, self.in_window) = (now, 0);
        Ok(())
    }
}

/// What became of waiting for a piece.
enum Next<E> {
    Piece(Bytes),
    End,
    TooSlow(String),
    Broken(E),
}

async fn next<E>(
    body: &mut (impl Stream<Item = Result<Bytes, E>> + Unpin),
    meter: &mut Meter,
    timer: &dyn Timer,
) -> Next<E> {
    let patience = meter.patience(timer.passed());
    match within(timer, patience, body.next()).await {
        Some(None) => Next::End,
        Some(Some(Err(error))) => Next::Broken(error),
        Some(Some(Ok(piece))) => match meter.note(piece.len(), timer.passed()) {
            Ok(()) => Next::Piece(piece),
            Err(what) => Next::TooSlow(what),
        },
        None if patience < SILENCE => {
            Next::TooSlow(format!("was not whole after {} s", meter.pace.whole.as_secs()))
        }
        None => Next::TooSlow(format!("stopped for {} s", SILENCE.as_secs())),
    }
}

/// The whole of an answer. A long one waits for memory before more of it is read.
pub(super) async fn read<E>(
    mut body: impl Stream<Item = Result<Bytes, E>> + Unpin,
    mut room: Room,
    pace: Pace,
    timer: &dyn Timer,
    broken: impl FnOnce(E) -> NoAnswer,
) -> Result<Bytes, NoAnswer> {
    let (mut meter, mut whole) = (Meter::new(pace, timer.passed()), Vec::new());
    loop {
        match next(&mut body, &mut meter, timer).await {
            Next::End => return Ok(room.held_by(whole)),
            Next::Piece(piece) => {
                let waits = timer.passed();
                room.make_for(&mut whole, piece.len(), timer).await?;
                meter.pause(timer.passed().saturating_sub(waits));
                whole.extend_from_slice(&piece);
            }
            Next::TooSlow(what) => {
                let message = format!("the answer {what}");
                return Err(NoAnswer { sent: true, slow: true, message });
            }
            Next::Broken(error) => return Err(broken(error)),
        }
    }
}

/// The pieces of a file. It is cut off where its sender stops or is too slow.
pub(super) fn pieces<E: Send + 'static>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    pace: Pace,
    timer: Arc<dyn Timer>,
    broken: impl Fn(E) -> String + Send + Sync + 'static,
) -> BoxStream<'static, Result<Bytes, Fault>> {
    let meter = Meter::new(pace, timer.passed());
    let broken = Arc::new(broken);
    let next = move |open: Option<_>| {
        let (broken, timer) = (Arc::clone(&broken), Arc::clone(&timer));
        async move {
            let (mut body, mut meter) = open?;
            match next(&mut body, &mut meter, &*timer).await {
                Next::End => None,
                Next::Piece(piece) => Some((Ok(piece), Some((body, meter)))),
                Next::TooSlow(what) => {
                    let message = format!("the file {what}");
                    Some((Err(Fault::new(FaultKind::Timeout, FaultSource::Network, message)), None))
                }
                Next::Broken(error) => {
                    let message = format!("the file broke off: {}", broken(error));
                    Some((Err(Fault::new(FaultKind::Lost, FaultSource::Network, message)), None))
                }
            }
        }
    };
    stream::unfold(Some((body, meter)), next).boxed()
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::{
        super::{memory::AnswerMemory, timer::SystemTimer},
        *,
    };

    /// Sends a piece of that many bytes each time so much time has passed, for ever.
    fn drip(bytes: usize, every: Duration) -> impl Stream<Item = Result<Bytes, ()>> + Unpin + Send {
        let next = move |()| async move {
            tokio::time::sleep(every).await;
            Some((Ok(Bytes::from(vec![b' '; bytes])), ()))
        };
        stream::unfold((), next).boxed()
    }

    fn room(limit: usize) -> Room {
        AnswerMemory::of_an_account().room(limit, None)
    }

    fn timer() -> Arc<dyn Timer> {
        Arc::new(SystemTimer::new())
    }

    fn broken((): ()) -> NoAnswer {
        NoAnswer { sent: true, slow: false, message: "broken".into() }
    }

    #[test]
    fn an_answer_has_the_time_of_a_file_only_if_it_may_carry_one_and_says_how_long_it_is() {
        let hasty = Pace { whole: Duration::from_mins(3), ..Pace::FILE };
        let of = |largest, announced| Pace::of_answer(largest, announced, Pace::FILE);

        assert_eq!(of(96 << 20, Some(1)), Pace::FILE);
        assert_eq!(of(96 << 20, None), Pace { whole: UNANNOUNCED, ..Pace::FILE });
        assert_eq!(Pace::of_answer(96 << 20, None, hasty), hasty);
        assert_eq!((of(4 << 20, Some(1)), of(4 << 20, None)), (Pace::ANSWER, Pace::ANSWER));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_drips_a_byte_each_five_seconds_is_over_after_its_time() {
        let begun = Instant::now();

        let drip = drip(1, Duration::from_secs(5));
        let answer = read(drip, room(1 << 20), Pace::ANSWER, &SystemTimer::new(), broken).await;

        let problem = answer.unwrap_err();
        assert!(problem.sent && problem.slow, "it may have been taken on: {problem}");
        assert_eq!(begun.elapsed(), Pace::ANSWER.whole);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_drips_is_cut_off_after_a_minute_and_a_steady_one_is_not() {
        let begun = Instant::now();
        let slow = pieces(drip(5, Duration::from_secs(5)), Pace::FILE, timer(), |()| String::new());

        let fault = slow.filter_map(|piece| async { piece.err() }).boxed().next().await.unwrap();

        assert_eq!(fault.kind, FaultKind::Timeout, "{fault}");
        assert!(fault.message.contains("too slowly"), "{fault}");
        assert_eq!(begun.elapsed(), WINDOW);

        let steady = drip(6 << 10, Duration::from_secs(5)).take(100);
        let steady: Vec<_> =
            pieces(steady, Pace::FILE, timer(), |()| String::new()).collect().await;
        assert_eq!(steady.iter().filter(|piece| piece.is_ok()).count(), 100);
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_that_begins_fast_and_then_drips_is_cut_off_too() {
        let fast = drip(1 << 20, Duration::from_millis(10)).take(100);
        let file = fast.chain(drip(1, Duration::from_secs(5))).boxed();
        let begun = Instant::now();

        let pieces: Vec<_> = pieces(file, Pace::FILE, timer(), |()| String::new()).collect().await;

        assert!(pieces.last().unwrap().is_err());
        assert!(begun.elapsed() <= WINDOW * 2 + Duration::from_secs(5), "{:?}", begun.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_at_the_least_rate_ends_with_its_time() {
        let begun = Instant::now();
        let slow =
            pieces(drip(8 << 10, Duration::from_secs(5)), Pace::FILE, timer(), |()| String::new());

        let last = slow.collect::<Vec<_>>().await.pop().unwrap();

        assert!(last.unwrap_err().message.contains("not whole"));
        assert_eq!(begun.elapsed(), Pace::FILE.whole);
    }

    #[tokio::test(start_paused = true)]
    async fn a_sender_that_stops_is_not_waited_for() {
        let stopped = stream::pending::<Result<Bytes, ()>>();

        let answer = read(stopped, room(1 << 20), Pace::ANSWER, &SystemTimer::new(), broken).await;

        assert!(answer.unwrap_err().message.contains("stopped for 30 s"));
    }
}
