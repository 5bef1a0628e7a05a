//! Validation of references to media (Runway's page on inputs, 2026-11-21).
//!
//! Three forms: an HTTPS URL with a domain name, a data URI of at most 5 MB whose bytes are what it
//! says, and the `runway://` name of an upload. The lab fetches nothing: only the form of a URL is
//! checked.

use std::net::IpAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// The maximum length of a URL, in characters.
const MAX_URL_CHARS: usize = 2048;
/// The maximum length of a data URI, in characters.
const MAX_DATA_CHARS: usize = 5 << 20;

/// The kind of a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Medium {
    Image,
    Video,
    Audio,
}

impl Medium {
    const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
        }
    }
}

/// The issue with a reference, if there is one. `is_upload_ready` says whether an upload can be
/// used.
pub(super) fn check(
    uri: &str,
    medium: Medium,
    is_upload_ready: &dyn Fn(&str) -> bool,
) -> Option<&'static str> {
    if let Some(data) = uri.strip_prefix("data:") {
        return check_data_uri(data, medium);
    }
    if let Some(id) = uri.strip_prefix("runway://") {
        return (!is_upload_ready(id))
            .then_some("The upload does not exist, has expired or is not complete.");
    }
    check_url(uri)
}

fn check_url(uri: &str) -> Option<&'static str> {
    if uri.chars().count() > MAX_URL_CHARS {
        return Some("The URL is longer than 2048 characters.");
    }
    let Ok(url) = uri.parse::<http::Uri>() else { return Some("Invalid URL") };
    if url.scheme_str() != Some("https") {
        return Some("Only HTTPS URLs are accepted.");
    }
    let host = url.host().unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_domain = bare.parse::<IpAddr>().is_err() && host.contains('.');
    (!is_domain).then_some("The URL has to have a domain name.")
}

fn check_data_uri(data: &str, medium: Medium) -> Option<&'static str> {
    if data.len() > MAX_DATA_CHARS {
        return Some("The data URI is larger than 5 MB.");
    }
    let Some((head, body)) = data.split_once(";base64,") else {
        return Some("The data URI has to be in base64.");
    };
    let kind = head.split(';').next().unwrap_or_default();
    if kind.split('/').next() != Some(medium.name()) || kind == "image/gif" {
        return Some("The data URI's type is not accepted here.");
    }
    let Ok(bytes) = STANDARD.decode(body) else { return Some("The data URI is not base64.") };
    let is_it = medium != Medium::Image || is_image(&bytes);
    (!is_it).then_some("The data is not a JPEG, PNG or WebP image.")
}

/// Whether the bytes begin like a JPEG, a PNG or a WebP.
pub(super) fn is_image(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xFF, 0xD8, 0xFF])
        || bytes.starts_with(b"\x89PNG\r\n\x1a\n")
        || (bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP".as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_runway_could_fetch_is_accepted() {
        let png = format!("data:image/png;base64,{}", STANDARD.encode(b"\x89PNG\r\n\x1a\nrest"));
        let lie = format!("data:image/png;base64,{}", STANDARD.encode(b"not an image"));
        for (uri, is_good) in [
            ("https://example.com/a.png", true),
            (png.as_str(), true),
            ("runway://there", true),
            ("runway://gone", false),
            ("http://example.com/a.png", false),
            ("https://127.0.0.1/a.png", false),
            ("https://[::1]/a.png", false),
            ("https://localhost/a.png", false),
            ("data:image/gif;base64,R0lG", false),
            ("data:video/mp4;base64,AAAA", false),
            (lie.as_str(), false),
            ("a picture", false),
        ] {
            let found = check(uri, Medium::Image, &|id| id == "there");
            assert_eq!(found.is_none(), is_good, "{uri}: {found:?}");
        }
    }
}
