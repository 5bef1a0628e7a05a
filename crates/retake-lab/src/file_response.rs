//! Serves a finished file, whole or in ranges, with the download fault that the scenario asks for.

use axum::{
    Json,
    body::Body,
    response::{Html, IntoResponse as _, Response},
};
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use crate::{
    clock::Clock,
    fault::{Fault, FaultKind},
    fault_sampler,
    listener::drop_connection,
    response_fault,
};

/// The bytes that follow the last box of a file with trailing bytes.
const TRAILER: &[u8] = b"\n<!-- served from cache -->\n";
/// The number of pieces of a slow download.
const SLOW_PIECES: usize = 16;

/// The reason why a file is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileUnavailable {
    /// The job has not ended.
    NotReady,
    /// There is no video, and never will be.
    NoVideo,
    /// The URL, or the file, has expired.
    Expired,
    /// The caller has to authenticate.
    KeyRequired,
    /// The file is not stored yet, but will be.
    NotYetStored,
    /// The lab could not render the file.
    RenderFailed,
}

/// The response that a fault sends instead of the file, if it does.
pub(crate) fn substitute(fault: &Fault) -> Option<Response> {
    Some(match fault.kind {
        FaultKind::PageForFile => Html(
            "<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Please wait while we check \
             your browser.</body></html>",
        )
        .into_response(),
        FaultKind::JsonForFile => {
            Json(json!({ "code": 500, "message": "the file could not be read" })).into_response()
        }
        FaultKind::EmptyFile => ([(header::CONTENT_TYPE, "video/mp4")], "").into_response(),
        FaultKind::FileRefused => {
            let statuses = ["403", "404", "410"];
            let asked = statuses.into_iter().find(|it| fault.shape.as_deref() == Some(*it));
            let status = asked.or_else(|| fault_sampler::pick(fault.sample, &statuses));
            let status = status.and_then(|it| it.parse().ok()).unwrap_or(StatusCode::NOT_FOUND);
            let body = "<?xml version=\"1.0\"?><Error><Code>NoSuchKey</Code></Error>";
            (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
        }
        _ => return None,
    })
}

/// A response with a file; `fault` is the fault of this download.
pub(crate) fn respond(
    file: Bytes,
    content_type: &str,
    headers: &HeaderMap,
    fault: Option<&Fault>,
    clock: &Clock,
) -> Response {
    let file = match fault.map(|it| it.kind) {
        Some(FaultKind::Corrupt) => corrupt_index(&file),
        Some(FaultKind::HalfFile) => file.slice(..file.len() / 2),
        Some(FaultKind::TrailingBytes) => [&file[..], TRAILER].concat().into(),
        _ => file,
    };
    let whole = file.len();
    let range = headers.get(header::RANGE).and_then(|it| it.to_str().ok());
    let (status, from, until) = match range.map(|text| parse_range(text, whole)) {
        None | Some(ByteRange::Ignored) => (StatusCode::OK, 0, whole),
        Some(ByteRange::Bytes(from, until)) => (StatusCode::PARTIAL_CONTENT, from, until),
        Some(ByteRange::NotSatisfiable) => return range_not_satisfiable(whole),
    };
    let part = file.slice(from..until);
    let mut response = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, content_type)
        .header(header::ACCEPT_RANGES, "bytes");
    let is_chunked = fault
        .is_some_and(|it| it.kind == FaultKind::HalfFile && it.shape.as_deref() == Some("chunked"));
    if !is_chunked {
        response = response.header(header::CONTENT_LENGTH, part.len());
    }
    if status == StatusCode::PARTIAL_CONTENT {
        let last = until.saturating_sub(1);
        response = response.header(header::CONTENT_RANGE, format!("bytes {from}-{last}/{whole}"));
    }
    response.body(body(part, fault, clock)).unwrap_or_else(|_| drop_connection())
}

fn body(part: Bytes, fault: Option<&Fault>, clock: &Clock) -> Body {
    match fault {
        Some(fault) if fault.kind == FaultKind::Truncated => {
            let sent = part.slice(..partial_len(part.len(), fault.progress.unwrap_or(0.5)));
            let broken = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
            // A short delay, so that what was sent is flushed before the connection is closed.
            let end = stream::once(async move {
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                Err(broken)
            });
            Body::from_stream(stream::iter([Ok(sent)]).chain(end))
        }
        Some(fault) if fault.kind == FaultKind::SlowDownload => {
            let (clock, pause) = (clock.clone(), fault.lasting_or(120) / 16);
            let size = part.len().div_ceil(SLOW_PIECES).max(1);
            let pieces: Vec<Bytes> = part.chunks(size).map(Bytes::copy_from_slice).collect();
            let stream = stream::iter(pieces).then(move |piece| {
                let clock = clock.clone();
                async move {
                    clock.hold(pause).await;
                    Ok::<_, std::io::Error>(piece)
                }
            });
            Body::from_stream(stream)
        }
        Some(fault) if fault.kind == FaultKind::DripDownload => {
            response_fault::drip_body(Body::from(part), fault.lasting_or(5), clock.clone())
        }
        Some(fault) if fault.kind == FaultKind::HalfFile => {
            // A stream has no known length, so no `Content-Length` is added where none was set.
            Body::from_stream(stream::iter([Ok::<_, std::io::Error>(part)]))
        }
        _ => Body::from(part),
    }
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rough place in a file"
)]
fn partial_len(len: usize, part: f64) -> usize {
    ((len as f64 * part.clamp(0.0, 1.0)) as usize).min(len.saturating_sub(1))
}

/// The file with its index overwritten, so that it cannot be played.
fn corrupt_index(file: &Bytes) -> Bytes {
    let mut bytes = file.to_vec();
    let end = bytes.len().min(400);
    bytes.get_mut(40.min(end)..end).unwrap_or_default().fill(0xA5);
    bytes.into()
}

fn range_not_satisfiable(whole: usize) -> Response {
    Response::builder()
        .status(StatusCode::RANGE_NOT_SATISFIABLE)
        .header(header::CONTENT_RANGE, format!("bytes */{whole}"))
        .body(Body::empty())
        .unwrap_or_else(|_| drop_connection())
}

#[derive(Debug, PartialEq, Eq)]
enum ByteRange {
    Bytes(usize, usize),
    NotSatisfiable,
    Ignored,
}

/// Parses a range of bytes. Several ranges, and other units, are ignored and the whole file is sent
/// (RFC 9110, 14.2).
fn parse_range(text: &str, whole: usize) -> ByteRange {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|it| it.split_once('-')) else {
        return ByteRange::Ignored;
    };
    match (first.trim().parse::<usize>(), last.trim().parse::<usize>()) {
        (Ok(first), _) if first >= whole => ByteRange::NotSatisfiable,
        (Ok(first), Ok(last)) if last >= first => {
            ByteRange::Bytes(first, last.saturating_add(1).min(whole))
        }
        (Ok(first), Err(_)) if last.trim().is_empty() => ByteRange::Bytes(first, whole),
        (Err(_), Ok(0)) => ByteRange::NotSatisfiable,
        (Err(_), Ok(last)) if first.trim().is_empty() => {
            ByteRange::Bytes(whole.saturating_sub(last), whole)
        }
        _ => ByteRange::Ignored,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_read_as_the_standard_says() {
        for (text, expected) in [
            ("bytes=0-9", ByteRange::Bytes(0, 10)),
            ("bytes=90-", ByteRange::Bytes(90, 100)),
            ("bytes=-10", ByteRange::Bytes(90, 100)),
            ("bytes=50-999", ByteRange::Bytes(50, 100)),
            ("bytes=100-", ByteRange::NotSatisfiable),
            ("bytes=9-1", ByteRange::Ignored),
            ("lines=1-2", ByteRange::Ignored),
            ("bytes=1-2,5-6", ByteRange::Ignored),
        ] {
            assert_eq!(parse_range(text, 100), expected, "{text}");
        }
    }

    #[test]
    fn a_damaged_file_is_as_long_and_differs() {
        let file = Bytes::from(vec![1; 1000]);
        let corrupt_index = corrupt_index(&file);
        assert!(corrupt_index.len() == 1000 && corrupt_index != file);
    }
}
