//! Where an account's API is, and what lies inside it.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a segment of a path may carry as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The API of one account: its root and its version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    root: String,
    version: String,
}

impl Place {
    /// The place at `base_url`. Google's own tools name it without a version, people often with one: both
    /// are understood.
    pub(super) fn new(base_url: &str, version: &str) -> Self {
        let base = base_url.trim_end_matches('/');
        match base.rsplit_once('/') {
            Some((root, last)) if is_version(last) && !root.ends_with('/') => {
                Self { root: root.to_owned(), version: last.to_owned() }
            }
            _ => Self { root: base.to_owned(), version: version.to_owned() },
        }
    }

    /// The address of a path that is encoded already.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}/{}/{path}", self.root, self.version)
    }

    /// Where everything begins: the base URL without a version.
    pub(super) fn root(&self) -> &str {
        &self.root
    }

    /// Scheme and host.
    pub(super) fn origin(&self) -> &str {
        let host_at = self.root.find("://").map_or(0, |at| at + 3);
        let end = self.root[host_at..].find('/').map_or(self.root.len(), |at| host_at + at);
        &self.root[..end]
    }

    /// Whether a link leads to the same host, so that it may be given the account's key. It has to be written
    /// the same way, which leaves no room for two readings.
    pub(super) fn owns(&self, link: &str) -> bool {
        link.strip_prefix(self.origin()).is_some_and(|rest| rest.starts_with('/'))
    }

    /// Whether Google itself is there, and no proxy or emulator.
    pub(super) fn is_googles(&self) -> bool {
        self.origin().starts_with("https://") && self.origin().ends_with(".googleapis.com")
    }
}

/// A name as one segment of a path.
pub(super) fn segment(name: &str) -> String {
    utf8_percent_encode(name, SEGMENT).to_string()
}

/// A resource's name, such as `models/x/operations/y`, as a path. Nothing when it would lead elsewhere.
pub(super) fn resource(name: &str) -> Option<String> {
    let segments: Vec<_> = name.split('/').map(segment).collect();
    let leads_away = |part: &String| matches!(part.as_str(), "" | "." | "..");
    (!segments.iter().any(leads_away)).then(|| segments.join("/"))
}

fn is_version(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next() == Some('v')
        && letters.next().is_some_and(|c| c.is_ascii_digit())
        && letters.all(|c| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_may_name_the_version_or_leave_it_out() {
        let url = |base| Place::new(base, "v1beta").url("models");

        assert_eq!(url("https://a.example.com"), "https://a.example.com/v1beta/models");
        assert_eq!(url("https://a.example.com/v1/"), "https://a.example.com/v1/models");
        assert_eq!(
            url("https://a.example.com/google"),
            "https://a.example.com/google/v1beta/models"
        );
        assert_eq!(url("https://v1"), "https://v1/v1beta/models");
    }

    #[test]
    fn only_a_link_to_the_same_host_gets_the_key() {
        let place = Place::new("https://a.example.com/google/v1", "v1beta");

        assert!(place.owns("https://a.example.com/files/1"));
        for link in [
            "https://a.example.com.evil.example/",
            "https://a.example.com@evil.example/",
            "http://a.example.com/",
            "https://a.example.com",
        ] {
            assert!(!place.owns(link), "{link}");
        }
    }

    #[test]
    fn a_resource_cannot_climb() {
        assert_eq!(
            resource("models/a b/operations/1").as_deref(),
            Some("models/a%20b/operations/1")
        );
        assert_eq!(resource("models/../keys"), None);
        assert_eq!(resource("//evil.example"), None);
    }
}
