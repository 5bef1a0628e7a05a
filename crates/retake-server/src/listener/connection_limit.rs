//! The places for connections. Whoever has one and is not asking for anything makes room for somebody new.
//!
//! A connection stands in line while it is waited for its next request, and at the desk from the moment the
//! head of a request was read until the last of the answer was taken off our hands. When there is no place
//! left, a newcomer gets the one of who has stood in line the longest. Nobody at the desk is disturbed.

use std::{
    collections::BTreeMap,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// The right to be here.
pub(super) type Place = OwnedSemaphorePermit;

/// Who is here, and for how many more there is room.
pub(super) struct ConnectionLimit {
    places: Arc<Semaphore>,
    line: Mutex<Line>,
    /// Somebody went back into line.
    rested: Notify,
}

/// Those that ask for nothing, in the order in which they came to stand there.
#[derive(Default)]
struct Line {
    next: u64,
    waiting: BTreeMap<u64, Waiting>,
}

struct Waiting {
    place: Place,
    leave: CancellationToken,
}

/// A connection that has, or had, a place.
pub(super) struct Connection {
    lobby: Arc<ConnectionLimit>,
    leave: CancellationToken,
    asked: AtomicBool,
    whereabouts: Mutex<ConnectionState>,
}

enum ConnectionState {
    /// In line, under this number, unless somebody else got the place.
    InLine(u64),
    /// At the desk, with the place, unless somebody else got it just before.
    AtTheDesk(Option<Place>),
}

/// A request under way. When it is dropped, the guest goes back into line.
pub(super) struct PendingRequest(Arc<Connection>);

impl ConnectionLimit {
    pub(super) fn with(places: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(places));
        Arc::new(Self { places, line: Mutex::default(), rested: Notify::new() })
    }

    /// A place for somebody new, as soon as there is one.
    pub(super) async fn place(&self) -> Place {
        loop {
            if let Some(place) = self.free_place() {
                return place;
            }
            tokio::select! {
                // Never closed, so there is always one in the end.
                Ok(place) = Arc::clone(&self.places).acquire_owned() => return place,
                () = self.rested.notified() => {}
            }
        }
    }

    /// Somebody new, who has yet to say something.
    pub(super) fn welcome(self: &Arc<Self>, place: Place) -> Arc<Connection> {
        let leave = CancellationToken::new();
        let number = self.line_up(place, &leave);
        let whereabouts = Mutex::new(ConnectionState::InLine(number));
        let asked = AtomicBool::new(false);
        Arc::new(Connection { lobby: Arc::clone(self), leave, asked, whereabouts })
    }

    fn free_place(&self) -> Option<Place> {
        if let Ok(place) = Arc::clone(&self.places).try_acquire_owned() {
            return Some(place);
        }
        let (_, longest) = self.line().waiting.pop_first()?;
        longest.leave.cancel();
        Some(longest.place)
    }

    fn line_up(&self, place: Place, leave: &CancellationToken) -> u64 {
        let mut line = self.line();
        line.next += 1;
        let number = line.next;
        line.waiting.insert(number, Waiting { place, leave: leave.clone() });
        drop(line);
        self.rested.notify_one();
        number
    }

    fn step_out(&self, number: u64) -> Option<Place> {
        self.line().waiting.remove(&number).map(|waiting| waiting.place)
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connection {
    /// The guest asks for something.
    pub(super) fn asks(self: &Arc<Self>) -> PendingRequest {
        self.asked.store(true, Ordering::Relaxed);
        let mut whereabouts = self.whereabouts();
        if let ConnectionState::InLine(number) = *whereabouts {
            *whereabouts = ConnectionState::AtTheDesk(self.lobby.step_out(number));
        }
        PendingRequest(Arc::clone(self))
    }

    /// Whether anything was ever asked for.
    pub(super) fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Whether something was asked for and not all of the answer is out.
    pub(super) fn is_served(&self) -> bool {
        matches!(*self.whereabouts(), ConnectionState::AtTheDesk(_))
    }

    /// Resolves when somebody else got the place.
    pub(super) async fn shown_out(&self) {
        self.leave.cancelled().await;
    }

    fn goes_back(&self) {
        let mut whereabouts = self.whereabouts();
        // Nobody has the number 0, so whoever lost the place has none to give back.
        let ConnectionState::AtTheDesk(place) =
            mem::replace(&mut *whereabouts, ConnectionState::InLine(0))
        else {
            return;
        };
        if let Some(place) = place {
            *whereabouts = ConnectionState::InLine(self.lobby.line_up(place, &self.leave));
        }
    }

    fn whereabouts(&self) -> MutexGuard<'_, ConnectionState> {
        self.whereabouts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let ConnectionState::InLine(number) = *self.whereabouts() {
            drop(self.lobby.step_out(number));
        }
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.0.goes_back();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    async fn comes(lobby: &Arc<ConnectionLimit>) -> Arc<Connection> {
        lobby.welcome(lobby.place().await)
    }

    fn is_shown_out(guest: &Connection) -> bool {
        guest.leave.is_cancelled()
    }

    #[tokio::test]
    async fn who_has_stood_in_line_the_longest_makes_room() {
        let lobby = ConnectionLimit::with(2);
        let (first, second) = (comes(&lobby).await, comes(&lobby).await);
        drop(first.asks());

        let third = comes(&lobby).await;

        assert!(is_shown_out(&second) && !is_shown_out(&first) && !is_shown_out(&third));
    }

    #[tokio::test]
    async fn nobody_at_the_desk_is_disturbed_and_a_newcomer_waits_for_the_first_to_go_back() {
        let lobby = ConnectionLimit::with(1);
        let served = comes(&lobby).await;
        let asking = served.asks();
        let mut newcomer = Box::pin(lobby.place());

        assert!(newcomer.as_mut().now_or_never().is_none());
        assert!(served.is_served() && !is_shown_out(&served));
        drop(asking);

        assert!(newcomer.as_mut().now_or_never().is_some());
        assert!(is_shown_out(&served) && !served.is_served());
    }

    #[tokio::test]
    async fn who_was_shown_out_and_asks_at_the_last_moment_takes_no_place_from_anybody() {
        let lobby = ConnectionLimit::with(1);
        let first = comes(&lobby).await;
        let second = comes(&lobby).await;

        let asking = first.asks();
        assert!(first.is_served());
        drop((asking, first));

        assert!(!is_shown_out(&second));
        assert!(Arc::clone(&lobby.places).try_acquire_owned().is_err(), "the second has it");
        drop(second);
        assert!(Arc::clone(&lobby.places).try_acquire_owned().is_ok());
    }

    #[tokio::test]
    async fn a_guest_who_leaves_in_the_middle_gives_the_place_back() {
        let lobby = ConnectionLimit::with(1);
        let guest = comes(&lobby).await;
        let asking = guest.asks();

        drop((guest, asking));

        assert!(lobby.line().waiting.is_empty());
        assert_eq!(lobby.places.available_permits(), 1);
    }
}
