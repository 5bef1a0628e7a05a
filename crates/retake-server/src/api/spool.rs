//! A body on its way in.
//!
//! Whoever sends slowly must not hold memory meanwhile. So a body lies in a file from a few kilobytes on, which
//! nobody else can open and which is gone with the process, and comes into memory when all of it is there and
//! there is room for it. Few large bodies arrive at once, and one caller gets a part of them only.

use std::{
    io::{Read as _, Seek as _, SeekFrom},
    time::Duration,
};

use axum::{
    body::{Body, Bytes},
    extract::Request,
};
use http_body_util::BodyExt as _;
use tokio::{
    fs::File,
    io::AsyncWriteExt as _,
    time::{Instant, timeout},
};

use super::{AppState, Problem};
use crate::{
    disk::Writing,
    keys::Caller,
    shares::{Holder, MemoryHeld, Place},
};

/// What of a body is held in memory while it arrives.
pub(super) const IN_MEMORY: usize = 16 << 10;
/// A body that takes longer than this is no request: the largest one needs half a megabit a second.
const LONGEST_WAY: Duration = Duration::from_mins(10);
/// How long a body may take before its rate counts.
const GRACE: Duration = Duration::from_mins(1);
/// The bytes that a body has to bring every second from then on.
const LEAST_RATE: u64 = 1 << 10;

/// A body that is whole.
pub(super) struct Spooled {
    head: Vec<u8>,
    rest: Option<Rest>,
    length: usize,
    holder: Holder,
}

/// What of a body is on the disk.
struct Rest {
    file: File,
    room: Writing,
    place: Place,
}

/// Bytes, and the memory that is counted for them.
struct Counted {
    bytes: Vec<u8>,
    _held: std::sync::Arc<MemoryHeld>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that give their memory back when the last of them is dropped.
pub(super) fn counted(bytes: Vec<u8>, held: Option<&std::sync::Arc<MemoryHeld>>) -> Bytes {
    match held {
        None => Bytes::from(bytes),
        Some(held) => Bytes::from_owner(Counted { bytes, _held: std::sync::Arc::clone(held) }),
    }
}

/// On whose account a request is served.
pub(super) fn holder(request: &Request) -> Holder {
    request.extensions().get::<Holder>().cloned().unwrap_or(Holder::Operator)
}

/// Receives the body of a request. Its key may have been revoked while it arrived.
pub(super) async fn receive(
    request: Request,
    state: &AppState,
    limit: usize,
) -> Result<Spooled, Problem> {
    let holder = holder(&request);
    let caller = request.extensions().get::<Caller>().cloned();
    let mut spooled = Spooled { head: Vec::new(), rest: None, length: 0, holder };
    let arriving = spooled.fill(request.into_body(), state, limit);
    timeout(LONGEST_WAY, arriving).await.unwrap_or_else(|_| Err(Problem::incomplete_body()))?;
    if let Some(caller) = caller {
        state.keys.let_in_again(&caller).await?;
    }
    Ok(spooled)
}

impl Spooled {
    async fn fill(
        &mut self,
        mut body: Body,
        state: &AppState,
        limit: usize,
    ) -> Result<(), Problem> {
        let begun = Instant::now();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| Problem::incomplete_body())?;
            let Ok(piece) = frame.into_data() else { continue };
            self.length += piece.len();
            if self.length > limit {
                return Err(Problem::too_large(limit));
            }
            if is_too_slow(begun.elapsed(), self.length) {
                return Err(Problem::incomplete_body());
            }
            self.add(&piece, state).await?;
        }
        if let Some(rest) = &mut self.rest {
            rest.file.flush().await.map_err(|error| Problem::no_spool(&error))?;
        }
        Ok(())
    }

    async fn add(&mut self, piece: &[u8], state: &AppState) -> Result<(), Problem> {
        if self.rest.is_none() {
            if self.head.len() + piece.len() <= IN_MEMORY {
                self.head.extend_from_slice(piece);
                return Ok(());
            }
            let place = state.uploads.take(&self.holder)?;
            let room = state.disk.begin()?;
            self.rest = Some(Rest { file: state.spool_file().await?, room, place });
        }
        let Some(rest) = &mut self.rest else { return Ok(()) };
        rest.room.add(piece.len())?;
        rest.file.write_all(piece).await.map_err(|error| Problem::no_spool(&error))
    }

    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// The whole body in memory, once there is room for `times` as much.
    pub(super) async fn into_memory(
        self,
        state: &AppState,
        times: usize,
    ) -> Result<(Vec<u8>, Option<MemoryHeld>), Problem> {
        let Some(Rest { file, place, .. }) = self.rest else { return Ok((self.head, None)) };
        let held = state.memory.take(&self.holder, self.length.saturating_mul(times)).await?;
        let (head, length, file) = (self.head, self.length, file.into_std().await);
        let read = move || read_back(head, file, length).map(|bytes| (bytes, place));
        let read = tokio::task::spawn_blocking(read).await;
        let (bytes, _place) = read
            .map_err(|error| Problem::internal(error.to_string()))?
            .map_err(|error| Problem::no_spool(&error))?;
        Ok((bytes, Some(held)))
    }
}

fn read_back(head: Vec<u8>, mut file: std::fs::File, length: usize) -> std::io::Result<Vec<u8>> {
    let mut whole = head;
    whole.reserve_exact(length - whole.len());
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut whole)?;
    Ok(whole)
}

/// Whether a body comes so slowly that nobody can be waiting for what it asks.
fn is_too_slow(elapsed: Duration, bytes: usize) -> bool {
    elapsed > GRACE && (bytes as u64) < elapsed.as_secs() * LEAST_RATE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_that_trickles_is_given_up_after_a_minute() {
        let after = Duration::from_secs;

        assert!(!is_too_slow(after(60), 1));
        assert!(is_too_slow(after(61), 1));
        assert!(is_too_slow(after(120), 119 << 10));
        assert!(!is_too_slow(after(120), 120 << 10));
    }
}
