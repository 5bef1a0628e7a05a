//! Where providers reach this gateway to tell that a render has news.
//!
//! A notice is a hint and nothing more: it makes its job due, and the poll that follows asks the provider
//! itself. So one that comes twice, too late or out of order does no harm. Still nobody else may send any:
//! the URL that a provider is given ends in a code that only this gateway could have made, for one attempt
//! on one account, and what the provider signs is checked besides.

use std::{collections::BTreeSet, sync::Arc};

use hmac::{Hmac, KeyInit as _, Mac as _};
use retake_core::ids::VideoId;
use sha2::Sha256;

/// The path under which notices come in.
pub(crate) const PATH: &str = "/retake/v1/hooks";
/// The path under which providers fetch pictures.
pub(crate) const PICTURES: &str = "/retake/v1/pictures";

/// Makes and checks the URLs that providers are given.
#[derive(Clone)]
pub(crate) struct Callbacks {
    /// Where this gateway can be reached from outside.
    public_url: Arc<str>,
    /// What the codes are made with.
    key: [u8; 32],
    /// The accounts whose providers may be given any.
    accounts: Arc<BTreeSet<String>>,
}

impl Callbacks {
    /// URLs below `public_url` for these accounts. The secret is the gateway's own: nobody at a provider knows
    /// it, all replicas have it, and neither a restart nor another API key changes it.
    pub(crate) fn new<'a>(
        public_url: &str,
        secret: &str,
        accounts: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        Self {
            public_url: public_url.trim_end_matches('/').into(),
            key: code(secret.as_bytes(), "retake urls"),
            accounts: Arc::new(accounts.into_iter().map(str::to_owned).collect()),
        }
    }

    /// The URL for an attempt on an account; nothing for one that is not configured.
    pub(crate) fn url(&self, account: &str, tag: &str) -> Option<String> {
        let code = self.code_of(account, tag)?;
        let account =
            percent_encoding::utf8_percent_encode(account, percent_encoding::NON_ALPHANUMERIC);
        Some(format!("{}{PATH}/{account}/{tag}/{code}", self.public_url))
    }

    /// The job that a notice is about, if its URL is one of ours.
    pub(crate) fn job(&self, account: &str, tag: &str, code: &str) -> Option<VideoId> {
        let expected = self.code_of(account, tag)?;
        let (id, _attempt) = tag.rsplit_once('-').filter(|_| same(&expected, code))?;
        id.parse().ok()
    }

    /// Where a stored picture can be fetched by whoever knows the URL.
    pub(crate) fn picture_url(&self, key: &str) -> String {
        let code = self.code_of_picture(key);
        let key = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC);
        format!("{}{PICTURES}/{key}/{code}", self.public_url)
    }

    /// Whether the URL of a picture is one of ours.
    pub(crate) fn knows_picture(&self, key: &str, code: &str) -> bool {
        same(&self.code_of_picture(key), code)
    }

    fn code_of_picture(&self, key: &str) -> String {
        self.code(&format!("picture\n{key}"))
    }

    fn code_of(&self, account: &str, tag: &str) -> Option<String> {
        let is_ours = self.accounts.contains(account);
        is_ours.then(|| self.code(&format!("hook\n{account}\n{tag}")))
    }

    fn code(&self, text: &str) -> String {
        crate::assets::hex(&code(&self.key, text)[..16])
    }
}

/// Whether two texts are the same, in a time that does not tell where they part.
fn same(a: &str, b: &str) -> bool {
    let differs = a.bytes().zip(b.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    a.len() == b.len() && differs == 0
}

fn code(key: &[u8], text: &str) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn only_a_url_that_was_given_out_leads_to_a_job() {
        let base = "https://retake.example.com/";
        let hooks = Callbacks::new(base, "secret", ["my runway", "luma"]);
        let id = VideoId::new(Timestamp::UNIX_EPOCH);
        let tag = format!("{id}-2");

        let url = hooks.url("my runway", &tag).unwrap();
        let code = url.rsplit('/').next().unwrap();

        assert!(url.starts_with("https://retake.example.com/retake/v1/hooks/my%20runway/video_"));
        assert_eq!(hooks.job("my runway", &tag, code), Some(id.clone()));
        assert_eq!(hooks.job("luma", &tag, code), None);
        assert_eq!(hooks.job("another", &tag, code), None);
        assert_eq!(hooks.job("my runway", &format!("{id}-3"), code), None);
        assert_eq!(hooks.job("my runway", &tag, ""), None);
        assert_eq!(hooks.url("another", &tag), None);
    }

    #[test]
    fn another_secret_makes_other_urls_and_knows_none_of_these() {
        let base = "https://retake.example.com/";
        let (ours, theirs) =
            (Callbacks::new(base, "secret", ["luma"]), Callbacks::new(base, "another", ["luma"]));
        let id = VideoId::new(Timestamp::UNIX_EPOCH);
        let tag = format!("{id}-1");
        let code_in = |url: String| url.rsplit('/').next().unwrap().to_owned();

        let (hook, picture) =
            (code_in(ours.url("luma", &tag).unwrap()), code_in(ours.picture_url("pictures/1")));

        assert!(ours.knows_picture("pictures/1", &picture));
        assert!(!ours.knows_picture("pictures/2", &picture));
        assert!(!theirs.knows_picture("pictures/1", &picture));
        assert_eq!(theirs.job("luma", &tag, &hook), None);
        // A code for one thing is none for another.
        assert!(!ours.knows_picture("pictures/1", &hook));
    }
}
