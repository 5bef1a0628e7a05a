//! A download that is answered with JSON instead of the file.
//!
//! Some servers hand out `{"url": …}` where the file should be. An address that such an answer names once is
//! followed once, with the checks that hold for every address that an answer names; the credentials of the first call
//! go along only to the same server. Anything else says nothing of the file, which is asked for again.

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::StatusCode;
use retake_core::{
    fault::{Fault, FaultKind, FaultSource},
    json::JsonLimits,
};
use serde_json::Value as Json;

use super::File;
use crate::{Call, FetchError, call::bounded_json, polling, response};

/// Longer JSON is no answer about a file.
const LONGEST: usize = 64 << 10;
/// Where the address of the file may be.
const PLACES: [&str; 18] = [
    "/url",
    "/uri",
    "/video_url",
    "/download_url",
    "/file_url",
    "/output_url",
    "/result_url",
    "/signed_url",
    "/video",
    "/video/url",
    "/video/uri",
    "/output",
    "/output/0",
    "/output/url",
    "/result/url",
    "/data",
    "/data/url",
    "/data/video_url",
];

/// What came of a download.
pub(super) enum Content {
    File(File),
    /// JSON, or the beginning of it.
    Json(Bytes),
}

impl Content {
    /// Looks at how it begins: no video begins like JSON.
    pub(super) async fn of(mut file: File) -> Self {
        let mut begun = Vec::new();
        while let Some(piece) = file.next().await {
            match piece {
                Ok(piece) => begun.extend_from_slice(&piece),
                Err(fault) => {
                    let pieces = [Ok(begun.into()), Err(fault)];
                    return Self::File(stream::iter(pieces).boxed());
                }
            }
            match begun.trim_ascii_start().first() {
                Some(b'{' | b'[') | None if begun.len() <= LONGEST => {}
                Some(b'{' | b'[') => return Self::Json(begun.into()),
                _ => {
                    let begun = stream::once(async move { Ok(begun.into()) });
                    return Self::File(begun.chain(file).boxed());
                }
            }
        }
        match begun.trim_ascii_start().first() {
            Some(b'{' | b'[') => Self::Json(begun.into()),
            _ if begun.is_empty() => Self::File(stream::empty().boxed()),
            _ => Self::File(stream::once(async move { Ok(begun.into()) }).boxed()),
        }
    }
}

/// The call for the one address that JSON names instead of the file that `asked` asked for.
pub(super) fn call(asked: &Call, text: &[u8]) -> Option<Call> {
    let json = bounded_json(text, JsonLimits::ANSWER).filter(|_| text.len() <= LONGEST)?;
    let is_said = |field: &&str| json.get(*field).is_some_and(|it| !it.is_null());
    if ["error", "errors", "detail"].iter().any(is_said) {
        return None;
    }
    let links = PLACES.iter().filter_map(|place| json.pointer(place).and_then(Json::as_str));
    // Where two readers of an address could see two hosts, nothing is sent.
    let is_plain = |link: &&str| polling::is_link(link) && !link.contains(['\\', '@']);
    let mut links = links.filter(is_plain);
    let link = links.next()?;
    if links.any(|other| other != link) || link == asked.url {
        return None;
    }
    Some(if origin(link) == origin(&asked.url) {
        Call { url: link.to_owned(), ..asked.clone() }
    } else {
        Call { patience: asked.patience, ..Call::get(link) }
    })
}

/// Scheme, host and port as they are written.
fn origin(url: &str) -> &str {
    let host_at = url.find("://").map_or(0, |at| at + 3);
    let end = url[host_at..].find(['/', '?', '#']).map_or(url.len(), |at| host_at + at);
    &url[..end]
}

/// What JSON in the place of a file comes to that names no file, or names one that is none.
pub(super) fn no_file(text: &Bytes) -> FetchError {
    let message = format!(
        "the file was not handed out: HTTP {} with JSON: {}",
        StatusCode::OK.as_u16(),
        response::plain(text)
    );
    FetchError::Later(Fault::new(FaultKind::UnknownProviderError, FaultSource::Provider, message))
}

#[cfg(test)]
mod tests;

#[cfg(test)]
mod reads {
    use serde_json::json;

    use super::*;
    use crate::Value;

    const FILE: &str = "https://cdn.example.com/v.mp4";

    fn asked() -> Call {
        Call::get("https://api.example.com/v1/videos/1/content")
            .header("authorization", Value::Secret("Bearer key".to_owned().into()))
    }

    fn link(json: &Json) -> Option<Call> {
        call(&asked(), json.to_string().as_bytes())
    }

    #[test]
    fn one_address_is_followed_and_the_key_stays_at_its_server() {
        for json in [
            json!({ "url": FILE }),
            json!({ "id": "v", "video": { "url": FILE }, "error": null }),
            json!({ "output": [FILE], "url": FILE }),
            json!({ "data": FILE }),
        ] {
            let call = link(&json).unwrap();
            assert_eq!((&*call.url, call.headers.len()), (FILE, 0), "{json}");
        }
        let own = "https://api.example.com/files/v.mp4";
        assert_eq!(link(&json!({ "url": own })).unwrap().headers.len(), 1);
        let port = "https://api.example.com:8443/files/v.mp4";
        assert_eq!(link(&json!({ "url": port })).unwrap().headers.len(), 0);
    }

    #[test]
    fn no_address_or_several_or_one_beside_an_error_is_not_followed() {
        for json in [
            json!({}),
            json!({ "url": "" }),
            json!({ "url": "/v.mp4" }),
            json!({ "url": "file:///etc/passwd" }),
            json!({ "url": "https://api.example.com@evil.example/" }),
            json!({ "url": FILE, "video_url": "https://cdn.example.com/w.mp4" }),
            json!({ "url": FILE, "error": "expired" }),
            json!({ "url": "https://api.example.com/v1/videos/1/content" }),
            json!({ "documentation_url": FILE }),
            json!([FILE]),
        ] {
            assert!(link(&json).is_none(), "{json}");
        }
        let long = json!({ "url": FILE, "x": "x".repeat(LONGEST) });
        assert!(link(&long).is_none());
    }

    #[tokio::test]
    async fn a_file_is_told_from_json_however_its_pieces_are_cut() {
        let of = |pieces: &[&'static [u8]]| {
            let pieces: Vec<_> = pieces.iter().map(|it| Ok(Bytes::from_static(it))).collect();
            Content::of(stream::iter(pieces).boxed())
        };
        for pieces in [&[&b"{\"url\""[..], b":1}"][..], &[b"", b" \n", b"[]"]] {
            assert!(matches!(of(pieces).await, Content::Json(_)));
        }
        for pieces in [&[&b"\0\0\0\x18ftyp"[..], b"{"][..], &[b" ", b"<html>"], &[b" "], &[]] {
            let Content::File(file) = of(pieces).await else { panic!("{pieces:?}") };
            let whole: Vec<_> = file.map(|piece| piece.unwrap()).collect().await;
            assert_eq!(whole.concat(), pieces.concat());
        }
    }
}
