//! How times are told to people.

use jiff::SignedDuration;

/// The same time to the second: nobody reads microseconds. Written with `{:#}` it says `59m 30s`.
pub fn whole_seconds(time: SignedDuration) -> SignedDuration {
    let up = i64::from(time.subsec_nanos() >= 500_000_000);
    let down = i64::from(time.subsec_nanos() <= -500_000_000);
    SignedDuration::from_secs(time.as_secs().saturating_add(up - down))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_told_to_people_in_whole_seconds() {
        for (nanos, text) in [
            (59_950_229_000, "1m"),
            (59_449_999_999, "59s"),
            (400_000_000, "0s"),
            (-1_500_000_000, "2s ago"),
            (1_799_999_999_999, "30m"),
        ] {
            assert_eq!(format!("{:#}", whole_seconds(SignedDuration::from_nanos(nanos))), text);
        }
        assert_eq!(whole_seconds(SignedDuration::MAX).as_secs(), i64::MAX);
    }
}
