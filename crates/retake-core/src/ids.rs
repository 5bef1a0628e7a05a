//! Names of things: prefixed, sortable by time, safe in a path and in a URL.
//!
//! Randomness enters the program here and nowhere else. An id is a `UUIDv7` behind a prefix, so
//! ids sort by the moment they were made and a list can page over them without a second index.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};
use uuid::Uuid;

/// A text that is no id of the kind that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not a {kind} id, which looks like `{prefix}0198c0de…`")]
pub struct InvalidId {
    /// What the text should have named.
    pub kind: &'static str,
    /// What such ids begin with.
    pub prefix: &'static str,
    /// The text, shortened.
    pub found: String,
}

macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(String);

        impl $name {
            /// Makes an id that nothing else has; it sorts by `now`.
            pub fn new(now: Timestamp) -> Self {
                Self(format!("{}{}", $prefix, fresh(now).simple()))
            }

            /// The id as it is written.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            fn check(text: &str) -> Result<(), InvalidId> {
                let body = text.strip_prefix($prefix).unwrap_or_default();
                let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
                if body.len() == 32 && body.bytes().all(hex) {
                    return Ok(());
                }
                let found = text.chars().take(48).collect();
                Err(InvalidId { kind: $kind, prefix: $prefix, found })
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::check(&text).map(|()| Self(text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    };
}

prefixed_id!(
    /// A video, and the job that makes it.
    VideoId, "video", "video_"
);
prefixed_id!(
    /// One running process that works on the ledger.
    ReplicaId, "replica", "replica_"
);
prefixed_id!(
    /// One request to the gateway, as `x-request-id` names it.
    RequestId, "request", "req_"
);
prefixed_id!(
    /// An uploaded picture or a stored file.
    AssetId, "asset", "asset_"
);

prefixed_id!(
    /// An API key, and the tenant whose key it is.
    KeyId, "key", "key_"
);
prefixed_id!(
    /// A character that videos can show.
    CharacterId, "character", "char_"
);
prefixed_id!(
    /// A webhook endpoint: an address that is told when videos end.
    EndpointId, "webhook endpoint", "whep_"
);
prefixed_id!(
    /// A notice to one webhook endpoint. It is the same at every try, so that a receiver can tell a
    /// repetition.
    EventId, "event", "evt_"
);

/// A secret of 32 random bytes, in letters that a URL and a shell leave alone.
pub fn fresh_secret() -> String {
    let halves = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    halves.iter().map(|half| half.simple().to_string()).collect::<String>()[..64].to_owned()
}

/// A seed for a request that named none.
pub fn fresh_seed(now: Timestamp) -> u64 {
    let (_, low) = fresh(now).as_u64_pair();
    // 53 bits, so that every JSON reader keeps the number exact.
    low & ((1 << 53) - 1)
}

fn fresh(now: Timestamp) -> Uuid {
    let seconds = u64::try_from(now.as_second()).unwrap_or(0);
    let nanos = u32::try_from(now.subsec_nanosecond()).unwrap_or(0);
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_being_written_and_read() {
        let id = VideoId::new(Timestamp::UNIX_EPOCH);

        assert_eq!(id.to_string().parse::<VideoId>(), Ok(id));
    }

    #[test]
    fn ids_sort_by_the_moment_they_were_made() {
        let early = VideoId::new(Timestamp::from_second(1_000).unwrap());
        let late = VideoId::new(Timestamp::from_second(2_000).unwrap());

        assert!(early < late);
    }

    #[test]
    fn a_path_is_no_id() {
        for text in ["", "video_", "video_../../etc/passwd", "video_ABCDEF", "req_00"] {
            assert!(text.parse::<VideoId>().is_err(), "{text}");
        }
    }
}
