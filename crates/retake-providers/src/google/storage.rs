//! Files in Cloud Storage: where Vertex AI puts a video when it is told a `storage_uri`.
//!
//! They are listed and fetched through the JSON API, with the same token as everything else.

use super::place::{Place, segment};
use crate::{SettingsError, call::Call};

/// Where the JSON API is.
const STORAGE: &str = "https://storage.googleapis.com";

/// The JSON API of Cloud Storage.
#[derive(Clone, Debug)]
pub(super) struct Storage(String);

/// A place in a bucket: `gs://bucket/prefix`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    /// The bucket.
    pub(super) bucket: String,
    /// The name of the object, or how the names of several begin; without a slash at either end.
    pub(super) object: String,
}

impl Storage {
    /// The storage beside a place: the one that is named, Google's for Google's, else on the same host.
    pub(super) fn beside(place: &Place, named: Option<&str>) -> Self {
        let own = if place.is_googles() { STORAGE } else { place.origin() };
        Self(named.unwrap_or(own).trim_end_matches('/').to_owned())
    }

    /// The call that fetches an object.
    pub(super) fn fetch(&self, at: &Location) -> Call {
        let (bucket, object) = (segment(&at.bucket), segment(&at.object));
        Call::get(format!("{}/storage/v1/b/{bucket}/o/{object}?alt=media", self.0))
    }

    /// The call that lists what lies under a prefix.
    pub(super) fn list(&self, under: &Location) -> Call {
        let (bucket, prefix) = (segment(&under.bucket), segment(&format!("{}/", under.object)));
        let query = format!("prefix={prefix}&maxResults=20&fields=items(name)");
        Call::get(format!("{}/storage/v1/b/{bucket}/o?{query}", self.0))
    }
}

impl Location {
    /// Reads `gs://bucket/object`.
    pub(super) fn read(uri: &str) -> Option<Self> {
        let (bucket, object) = uri.strip_prefix("gs://")?.split_once('/')?;
        Self::of(bucket, object).filter(|location| !location.object.is_empty())
    }

    /// Reads the option `storage_uri`, in which a bucket alone is enough.
    pub(super) fn option(uri: &str) -> Result<Self, SettingsError> {
        let rest = uri.trim().strip_prefix("gs://");
        let found = rest.and_then(|rest| {
            let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
            Self::of(bucket, prefix)
        });
        found.ok_or_else(|| SettingsError::Unusable {
            option: "storage_uri",
            why: "it has to look like `gs://a-bucket/a-folder`".to_owned(),
        })
    }

    fn of(bucket: &str, object: &str) -> Option<Self> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let is_bucket = (3..=222).contains(&bucket.len()) && bucket.chars().all(is_plain);
        let is_short = object.len() <= 1024 && !object.contains(char::is_control);
        let object = object.trim_matches('/').to_owned();
        (is_bucket && is_short).then(|| Self { bucket: bucket.to_owned(), object })
    }

    /// A folder in it.
    pub(super) fn folder(&self, name: &str) -> Self {
        let object = match self.object.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        };
        Self { bucket: self.bucket.clone(), object }
    }

    /// It as `gs://bucket/object`.
    pub(super) fn uri(&self) -> String {
        format!("gs://{}/{}", self.bucket, self.object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_into_a_bucket_is_read_and_other_links_are_not() {
        let at = Location::read("gs://a-bucket/videos/1/sample_0.mp4").unwrap();

        assert_eq!((at.bucket.as_str(), at.object.as_str()), ("a-bucket", "videos/1/sample_0.mp4"));
        for uri in
            ["gs://a-bucket", "gs://a-bucket/", "https://a-bucket/x", "gs://a/b c@/x", "gs:///x"]
        {
            assert_eq!(Location::read(uri), None, "{uri}");
        }
    }

    #[test]
    fn an_object_is_one_segment_of_the_address() {
        let place = Place::new("https://us-central1-aiplatform.googleapis.com", "v1");
        let at = Location::read("gs://a-bucket/videos/1 a.mp4").unwrap();

        let call = Storage::beside(&place, None).fetch(&at);

        let expected =
            "https://storage.googleapis.com/storage/v1/b/a-bucket/o/videos%2F1%20a.mp4?alt=media";
        assert_eq!(call.url, expected);
    }

    #[test]
    fn the_storage_of_a_stand_in_is_on_its_own_host() {
        let place = Place::new("http://127.0.0.1:4000/google", "v1");
        let list = |named| {
            Storage::beside(&place, named)
                .list(&Location::option("gs://abc").unwrap().folder("t"))
                .url
        };

        assert!(list(None).starts_with("http://127.0.0.1:4000/storage/v1/b/abc/o?prefix=t%2F&"));
        assert!(list(Some("http://127.0.0.1:9023")).starts_with("http://127.0.0.1:9023/storage/"));
    }
}
