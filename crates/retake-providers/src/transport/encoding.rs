//! Bodies that come compressed although nobody asked for that, as some caches and proxies send them.
//!
//! The first bytes decide and not the header: a proxy may have undone the compression and left the header, or the
//! other way round, and neither JSON nor a video begins like gzip. What comes out is bounded as if it had come so.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::{bufread, write};
use futures::{StreamExt as _, stream, stream::BoxStream};
use http::{HeaderMap, header};
use retake_core::fault::{Fault, FaultKind, FaultSource};

use super::{Timer, memory::Room};
use crate::call::NoAnswer;

/// How gzip with its only method begins.
const BEGINNING: [u8; 3] = [0x1f, 0x8b, 8];
/// Compressed bytes that are taken at once: no more than about a thousand times as many come of them.
const STEP: usize = 1 << 10;
/// Plain bytes for which room is made at once.
const PIECE: usize = 64 << 10;

/// A file as it comes.
type File = BoxStream<'static, Result<Bytes, Fault>>;

/// Whether a body is compressed.
pub(super) fn is_compressed(body: &[u8]) -> bool {
    body.starts_with(&BEGINNING)
}

/// How long a compressed body says that it is: its last four bytes.
pub(super) fn announced(body: &[u8]) -> Option<u64> {
    let last = *body.last_chunk::<4>()?;
    Some(u32::from_le_bytes(last).into())
}

/// The plain body. Of one that is only the beginning of another, as much as there is.
pub(super) async fn decode(
    body: Bytes,
    mut room: Room,
    is_beginning: bool,
    timer: &dyn Timer,
) -> Result<Bytes, NoAnswer> {
    let (mut decoder, mut whole) = (bufread::MultiGzDecoder::new(&body[..]), Vec::new());
    let mut piece = vec![0; PIECE];
    loop {
        match decoder.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => {
                room.make_for(&mut whole, length, timer).await?;
                whole.extend_from_slice(&piece[..length]);
                // A long one should not keep others waiting.
                tokio::task::yield_now().await;
            }
            Err(_) if is_beginning => break,
            Err(error) => {
                let message = format!("the answer cannot be decompressed: {error}");
                return Err(NoAnswer { sent: true, slow: false, message });
            }
        }
    }
    Ok(room.held_by(whole))
}

/// The way in which a file is encoded, where nobody here can read that.
pub(super) fn unreadable(headers: &HeaderMap) -> Option<&str> {
    let encoding = headers.get(header::CONTENT_ENCODING)?.to_str().ok()?.trim();
    let is_one = |name: &str| encoding.eq_ignore_ascii_case(name);
    ["br", "zstd", "deflate", "compress"].into_iter().any(is_one).then_some(encoding)
}

/// How a file goes on.
enum State {
    /// So little came that it may be either.
    Begun(Vec<u8>),
    Plain,
    Compressed {
        decoder: Box<write::MultiGzDecoder<Vec<u8>>>,
        /// What is not decoded yet.
        rest: Bytes,
    },
    Over,
}

/// The plain pieces of a file.
pub(super) fn plain(file: File) -> File {
    let next = |(mut file, state)| async move {
        let (piece, state) = step(&mut file, state).await?;
        Some((piece, (file, state)))
    };
    stream::unfold((file, State::Begun(Vec::new())), next).boxed()
}

async fn step(file: &mut File, mut state: State) -> Option<(Result<Bytes, Fault>, State)> {
    loop {
        state = match state {
            State::Over => return None,
            State::Plain => return Some((file.next().await?, State::Plain)),
            State::Begun(begun) => match file.next().await {
                Some(Ok(piece)) => {
                    let begun = if begun.is_empty() {
                        piece
                    } else {
                        [begun, piece.into()].concat().into()
                    };
                    if is_compressed(&begun) {
                        let decoder = Box::new(write::MultiGzDecoder::new(Vec::new()));
                        State::Compressed { decoder, rest: begun }
                    } else if BEGINNING.starts_with(&begun) {
                        State::Begun(begun.into())
                    } else {
                        return Some((Ok(begun), State::Plain));
                    }
                }
                Some(Err(fault)) => return Some((Err(fault), State::Over)),
                None if begun.is_empty() => return None,
                None => return Some((Ok(begun.into()), State::Over)),
            },
            State::Compressed { mut decoder, mut rest } => {
                let is_decoded = if rest.is_empty() {
                    match file.next().await {
                        Some(Ok(piece)) => {
                            state = State::Compressed { decoder, rest: piece };
                            continue;
                        }
                        Some(Err(fault)) => return Some((Err(fault), State::Over)),
                        None => decoder.try_finish().map(|()| true),
                    }
                } else {
                    let taken = rest.split_to(rest.len().min(STEP));
                    decoder.write_all(&taken).map(|()| false)
                };
                let is_over = match is_decoded {
                    Ok(is_over) => is_over,
                    Err(error) => return Some((Err(broken(&error)), State::Over)),
                };
                let piece = std::mem::take(decoder.get_mut());
                let state_then =
                    if is_over { State::Over } else { State::Compressed { decoder, rest } };
                if !piece.is_empty() {
                    return Some((Ok(piece.into()), state_then));
                }
                state_then
            }
        };
    }
}

fn broken(error: &std::io::Error) -> Fault {
    let message = format!("the file broke off: it cannot be decompressed: {error}");
    Fault::new(FaultKind::Lost, FaultSource::Network, message)
}

#[cfg(test)]
pub(crate) fn compressed(text: &[u8]) -> Vec<u8> {
    let mut encoder = write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

#[cfg(test)]
mod tests {
    use super::{
        super::{SystemTimer, memory::AnswerMemory},
        *,
    };

    fn room(limit: usize, announced: Option<u64>) -> Room {
        AnswerMemory::of_an_account().room(limit, announced)
    }

    async fn pieces_of(pieces: Vec<Vec<u8>>) -> Vec<Result<Bytes, Fault>> {
        let pieces = pieces.into_iter().map(|piece| Ok(Bytes::from(piece)));
        plain(stream::iter(pieces).boxed()).collect().await
    }

    async fn whole(pieces: Vec<Vec<u8>>) -> Vec<u8> {
        pieces_of(pieces).await.into_iter().flat_map(|piece| piece.unwrap().to_vec()).collect()
    }

    #[tokio::test]
    async fn an_answer_is_decoded_within_its_bound() {
        let text = vec![b' '; 100_000];
        let body = Bytes::from(compressed(&text));

        assert!(is_compressed(&body) && !is_compressed(b"{}"));
        assert_eq!(announced(&body), Some(100_000));
        assert_eq!(
            decode(body.clone(), room(100_000, None), false, &SystemTimer::new()).await.unwrap(),
            text
        );
        for announced in [None, Some(100_000)] {
            let problem = decode(body.clone(), room(99_999, announced), false, &SystemTimer::new())
                .await
                .unwrap_err();
            assert!(problem.sent && problem.message.contains("99999 bytes"), "{problem}");
        }
    }

    #[tokio::test]
    async fn an_answer_that_was_cut_off_is_none_and_the_beginning_of_a_file_is_enough() {
        let text: Vec<u8> = (0..50_000_u32).flat_map(u32::to_le_bytes).collect();
        let body = Bytes::from(compressed(&text)).slice(..1024);

        let problem = decode(body.clone(), room(1 << 20, None), false, &SystemTimer::new())
            .await
            .unwrap_err();
        assert!(problem.sent && !problem.slow, "{problem}");
        let begun = decode(body, room(1 << 20, None), true, &SystemTimer::new()).await.unwrap();
        assert!(!begun.is_empty() && text.starts_with(&begun));
    }

    #[tokio::test]
    async fn a_file_is_the_same_whether_it_was_compressed_or_not_and_however_it_is_cut() {
        let film: Vec<u8> = (0..60_000_u32).flat_map(u32::to_le_bytes).collect();
        let twice = [compressed(&film[..100]), compressed(&film[100..])].concat();

        for body in [film.clone(), compressed(&film), twice] {
            for size in [1, 2, 3, 1000, body.len()] {
                let pieces = body.chunks(size).map(<[u8]>::to_vec).collect();
                assert!(whole(pieces).await == film, "{size}");
            }
        }
        for short in [&b""[..], b"\x1f", b"\x1f\x8b", b"\x1f\x8c\x08", b"film"] {
            assert_eq!(whole(vec![short.to_vec()]).await, short);
        }
    }

    #[tokio::test]
    async fn a_compressed_file_that_breaks_off_or_is_garbled_ends_in_a_fault() {
        let body = compressed(&(0..60_000_u32).flat_map(u32::to_le_bytes).collect::<Vec<_>>());
        let mut garbled = body.clone();
        let middle = garbled.len() / 2;
        garbled[middle..middle + 64].fill(0xff);

        for body in [body[..body.len() - 9].to_vec(), body[..20].to_vec(), garbled] {
            let pieces = pieces_of(vec![body]).await;
            let fault = pieces.last().unwrap().clone().unwrap_err();
            assert_eq!((fault.kind, fault.source), (FaultKind::Lost, FaultSource::Network));
        }
    }

    #[tokio::test]
    async fn a_bomb_comes_in_pieces_of_which_none_is_large() {
        let bomb = compressed(&vec![0; 64 << 20]);
        assert!(bomb.len() < 128 << 10, "{}", bomb.len());

        let pieces = pieces_of(vec![bomb]).await;

        let largest = pieces.iter().map(|piece| piece.as_ref().unwrap().len()).max().unwrap();
        assert!(largest <= 2 << 20, "{largest}");
    }
}
