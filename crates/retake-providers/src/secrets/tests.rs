//! A key never shows, however it is written.

use proptest::prelude::*;
use retake_core::fault::{FaultKind, FaultSource};
use serde_json::json;

use super::*;

const KEY: &str = "sk-north_0123456789/abc+DEF=";
const OTHER: &str = "key_of_another_account_4711";

/// Every way in which one character of a text may be written.
fn written(character: char, way: usize) -> String {
    let code = u32::from(character);
    match way {
        1 => format!("\\u{code:04x}"),
        2 => format!("\\u{code:04X}"),
        3 => format!("%{code:02x}"),
        4 => format!("%{code:02X}"),
        5 => format!("&#{code};"),
        6 => format!("&#x{code:x};"),
        7 => format!("\\x{code:02x}"),
        8 => format!("\\u{{{code:x}}}"),
        9 => format!("%u{code:04x}"),
        10 => format!("\\{code:03o}"),
        11 if "/\"\\".contains(character) => format!("\\{character}"),
        12 if character == '_' => "&lowbar;".to_owned(),
        12 if character == '/' => "&sol;".to_owned(),
        13 => format!("&#{code:04}"),
        _ => character.to_string(),
    }
}

/// A text in which each character is written in the way that is its turn.
fn in_ways(text: &str, ways: &[usize]) -> String {
    text.chars().zip(ways.iter().cycle()).map(|(it, way)| written(it, *way)).collect()
}

/// All that a reader could make of a text.
fn readings(text: &str) -> Vec<String> {
    let mut all = vec![text.to_owned()];
    let mut read = Decoded::of(text.as_bytes());
    while let Some(next) = read {
        all.push(String::from_utf8_lossy(&next.bytes).into_owned());
        read = next.again();
    }
    all
}

fn shows(text: &str, secret: &str) -> bool {
    readings(text).iter().any(|reading| reading.to_lowercase().contains(&secret.to_lowercase()))
}

#[test]
fn the_ways_that_were_seen_are_cut() {
    let secrets = Secrets::new([KEY, "Bearer token_of_nobody_99", "id:half_of_a_pair_1"]);
    for said in [
        "no such key: sk-north_0123456789/abc+DEF=",
        r"no such key: \u0073k-north_0123456789\/abc+DEF=",
        "no such key: sk%2Dnorth%5F0123456789%2Fabc%2BDEF%3D",
        "no such key: sk%252Dnorth_0123456789%252Fabc%252BDEF%253D",
        "no such key: sk-north_0123456789&#x2F;abc&plus;DEF&equals;",
        r#"{\"error\":\"{\\\"key\\\":\\\"\\\\u0073k-north_0123456789\\/abc+DEF=\\\"}\"}"#,
        "SK-NORTH_0123456789/ABC+DEF=",
        "the token token_of_nobody_99 is old",
        "the pair half_of_a_pair_1",
    ] {
        let cut = secrets.cut(said);
        assert!(cut.contains(SECRET), "{said} became {cut}");
        for secret in [KEY, "token_of_nobody_99", "half_of_a_pair_1"] {
            assert!(!shows(&cut, secret), "{said} became {cut}");
        }
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    let secrets = Secrets::new([KEY, "short", ""]);
    for said in ["sk-nor***DEF=", "50 % of \"short\" words &amp; \\n escapes", "", "\\", "%", "&#;"]
    {
        assert_eq!(secrets.cut(said), said);
    }
    assert_eq!(Secrets::default().cut(KEY), KEY);
}

#[test]
fn only_the_secret_is_cut_and_what_is_around_it_stays() {
    let secrets = Secrets::new([KEY]);

    let cut = secrets.cut(r#"{"a":"é\u00e9 \u0073k-north_0123456789\/abc+DEF= ü","b":1}"#);

    assert_eq!(cut, r#"{"a":"é\u00e9 [secret] ü","b":1}"#);
}

#[test]
fn a_key_with_escapes_of_its_own_is_found_too() {
    let odd = r"key%41with\u0042&amp;escapes";
    let secrets = Secrets::new([odd]);

    for said in [odd.to_owned(), json!({ "key": odd }).to_string(), in_ways(odd, &[1, 3, 5])] {
        assert!(secrets.cut(&said).contains(SECRET), "{said}");
    }
}

proptest! {
    #[test]
    fn no_writing_of_a_key_is_shown(
        before in ".{0,20}",
        after in ".{0,20}",
        ways in prop::collection::vec(0_usize..14, 1..28),
        key in prop::sample::select(vec![KEY, OTHER]),
    ) {
        let secrets = Secrets::new([KEY, OTHER]);
        let said = format!("{before} {} {after}", in_ways(key, &ways));

        let once = secrets.cut(&said);
        prop_assert!(!shows(&once, key), "{said} became {once}");
        let in_json = json!({ "error": { "message": said, "again": [said] } }).to_string();
        let cut = secrets.cut(&in_json);
        prop_assert!(!shows(&cut, key), "{in_json} became {cut}");
        let bytes = secrets.cut_bytes(in_json.as_bytes());
        let bytes = bytes.unwrap_or_else(|| in_json.clone().into_bytes());
        prop_assert_eq!(cut.as_bytes(), bytes);
    }

    #[test]
    fn a_key_in_base64_or_in_hexadecimal_is_not_shown(before in ".{0,9}", after in ".{0,9}") {
        let secrets = Secrets::new([KEY]);
        let whole = format!("{before}{KEY}{after}");
        let hex: String = whole.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).map(char::from).collect();

        for said in [STANDARD_NO_PAD.encode(&whole), URL_SAFE_NO_PAD.encode(&whole), hex] {
            let cut = secrets.cut(&said);
            prop_assert!(cut.contains(SECRET), "{said}");
        }
    }

    #[test]
    fn a_fault_says_nothing_of_a_key(ways in prop::collection::vec(0_usize..14, 1..28)) {
        let said = in_ways(KEY, &ways);
        let fault = Fault::new(FaultKind::Auth, FaultSource::Provider, format!("no key {said}"))
            .with_code(said);

        let fault = fault.guarded(&Secrets::new([KEY]));

        prop_assert!(!shows(&fault.message, KEY), "{}", fault.message);
        prop_assert!(!shows(fault.code.as_deref().unwrap(), KEY));
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Secrets::new([KEY]).cut_bytes(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = Secrets::new([KEY]).cut(&text);
    }
}

#[test]
fn a_text_that_was_shortened_in_the_middle_of_a_key_does_not_end_with_its_beginning() {
    let secrets = Secrets::new([KEY, OTHER]);
    for end in ["", "…"] {
        for length in SHORTEST..KEY.len() {
            let said = format!("no such key: {}{end}", &KEY[..length]);

            assert_eq!(secrets.cut(&said), format!("no such key: {SECRET}{end}"));
        }
    }
    assert_eq!(secrets.cut("it ends with sk-no"), "it ends with sk-no");
}

#[test]
fn an_id_that_repeats_a_key_in_any_way_is_known() {
    let secrets = Secrets::new([KEY]);

    assert!(secrets.are_in(&format!("render-{KEY}")));
    assert!(secrets.are_in(&in_ways(KEY, &[1, 3])));
    assert!(!secrets.are_in("video_0123456789"));
}
