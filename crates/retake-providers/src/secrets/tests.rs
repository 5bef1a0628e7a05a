//! A key never shows, however it is written.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
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
    let mut read = Reading::plain(text.as_bytes()).unescaped();
    while let Some(next) = read {
        all.push(String::from_utf8_lossy(&next.bytes).into_owned());
        read = next.unescaped();
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

fn hex(text: impl AsRef<[u8]>, between: &str) -> String {
    let digits: Vec<_> = text.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(between)
}

fn base32(text: impl AsRef<[u8]>) -> String {
    in_fives(text, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
}

fn base32hex(text: impl AsRef<[u8]>) -> String {
    in_fives(text, b"0123456789ABCDEFGHIJKLMNOPQRSTUV")
}

fn in_fives(text: impl AsRef<[u8]>, alphabet: &[u8; 32]) -> String {
    let mut bits = text.as_ref().iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
    let mut written = String::new();
    while let Some(first) = bits.next() {
        let value = (1..5).fold(first, |value, _| value << 1 | bits.next().unwrap_or(0));
        written.push(char::from(alphabet[usize::from(value)]));
    }
    written
}

/// In the characters of base 85 that stand for 0 to 84.
fn base85(text: &str, alphabet: impl Fn(u8) -> Option<u8>) -> String {
    let characters: Vec<char> = (0..85)
        .map(|value| (0..=255).find(|byte| alphabet(*byte) == Some(value)).unwrap().into())
        .collect();
    let mut padded = text.as_bytes().to_vec();
    padded.resize(text.len().next_multiple_of(4), b' ');
    let number = |four: &[u8]| u32::from_be_bytes(four.try_into().unwrap());
    let digits = |number: u32| (0..5).rev().map(move |place| number / 85_u32.pow(place) % 85);
    padded
        .chunks(4)
        .flat_map(|four| digits(number(four)))
        .map(|it| characters[it as usize])
        .collect()
}

fn uuencoded(text: &str) -> String {
    let character = |value: u8| char::from(if value == 0 { b'`' } else { b' ' + value });
    let line = |bytes: &[u8]| {
        let mut line = String::from(character(u8::try_from(bytes.len()).unwrap()));
        let mut bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1));
        while let Some(first) = bits.next() {
            line.push(character((1..6).fold(first, |it, _| it << 1 | bits.next().unwrap_or(0))));
        }
        line
    };
    let lines: Vec<_> = text.as_bytes().chunks(45).map(line).collect();
    format!("begin 644 it\n{}\n`\nend\n", lines.join("\n"))
}

/// With other letters in the place of ASCII's, from this one of `!` on.
fn moved(text: &str, first: u32) -> String {
    let moved =
        |it: char| if it.is_ascii_graphic() { u32::from(it) - 0x21 + first } else { it.into() };
    text.chars().map(|it| char::from_u32(moved(it)).unwrap()).collect()
}

fn bold(text: &str) -> String {
    let bold = |it: char| match it {
        'A'..='Z' => 0x1d400 + u32::from(it) - u32::from('A'),
        'a'..='z' => 0x1d41a + u32::from(it) - u32::from('a'),
        '0'..='9' => 0x1d7ce + u32::from(it) - u32::from('0'),
        other => other.into(),
    };
    text.chars().map(|it| char::from_u32(bold(it)).unwrap()).collect()
}

/// As programs write JSON that has nothing but ASCII.
fn ascii_json(text: &str) -> String {
    let escaped = |it: u16| match u8::try_from(it) {
        Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
        _ => format!("\\u{it:04x}"),
    };
    text.encode_utf16().map(escaped).collect()
}

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    crate::transport::encoding::compressed(text.as_ref())
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn wrapped(text: &str, at: usize, line_break: &str) -> String {
    let lines: Vec<_> = text.as_bytes().chunks(at).map(String::from_utf8_lossy).collect();
    lines.join(line_break)
}

fn percent(text: &str) -> String {
    text.bytes().flat_map(|byte| format!("%{byte:02X}").into_bytes()).map(char::from).collect()
}

fn quoted_printable(text: &str) -> String {
    wrapped(&text.replace('=', "=3D").replace('-', "=2D").replace('_', "=5F"), 9, "=\r\n")
}

type Encoding = (&'static str, fn(&str) -> String);

/// Ways in which a whole text is written.
fn encodings() -> Vec<Encoding> {
    vec![
        ("base64", |text| STANDARD.encode(text)),
        ("base64 for URLs", |text| URL_SAFE_NO_PAD.encode(text)),
        ("wrapped base64", |text| wrapped(&STANDARD.encode(text), 20, "\r\n")),
        ("hexadecimal", |text| hex(text, "")),
        ("hexadecimal with colons", |text| hex(text, ":")),
        ("hexadecimal with prefixes", |text| format!("0x{}", hex(text, ", 0x"))),
        ("base32", |text| base32(text)),
        ("base32 in lower case", |text| base32(text).to_lowercase()),
        ("wrapped base32", |text| wrapped(&base32(text), 24, "\n")),
        ("UTF-16", |text| String::from_utf8(utf16(text)).unwrap()),
        ("base64 of UTF-16", |text| STANDARD.encode(utf16(text))),
        ("percent signs", percent),
        ("quoted-printable", quoted_printable),
        ("JSON", |text| json!({ "a": text }).to_string()),
        ("lines", |text| wrapped(text, 7, "\n")),
        ("spaces", |text| wrapped(text, 1, " ")),
        ("dashes", |text| wrapped(text, 4, "-")),
        ("no width", |text| wrapped(text, 5, "\u{200b}")),
        ("base64 of gzip", |text| STANDARD.encode(gzip(text))),
        ("hexadecimal of gzip", |text| hex(gzip(text), "")),
    ]
}

#[test]
fn a_key_is_cut_from_whatever_a_text_was_encoded_as_and_from_that_encoded_again() {
    let secrets = Secrets::new([KEY, OTHER]);
    for before in ["", "k", "no", "key"] {
        let said = format!("{before}{KEY}");
        for (first, encode) in encodings() {
            let once = encode(&said);
            let cut = secrets.cut(&once);
            assert!(cut.contains(SECRET), "{first} of {said}: {once:?} became {cut:?}");
            for (second, encode) in encodings() {
                let twice = encode(&once);
                let cut = secrets.cut(&twice);
                let is_cut = cut.contains(SECRET) || cut == WITHHELD;
                assert!(is_cut, "{second} of {first} of {said}: {twice:?} became {cut:?}");
                assert!(secrets.are_in(&twice), "{second} of {first}");
            }
        }
    }
}

#[test]
fn a_key_in_an_encoding_that_is_rarely_seen_is_cut_too_and_from_that_encoded_again() {
    let secrets = Secrets::new([KEY, OTHER]);
    let rare: [Encoding; 12] = [
        ("base32hex", |text| base32hex(text)),
        ("base32hex in lower case", |text| base32hex(text).to_lowercase()),
        ("ascii85", |text| format!("<~{}~>", base85(text, alphabets::ascii85))),
        ("z85", |text| base85(text, |byte| alphabets::Z85[usize::from(byte)])),
        ("base85", |text| base85(text, |byte| alphabets::RFC_1924[usize::from(byte)])),
        ("uuencode", uuencoded),
        ("full width", |text| moved(text, 0xff01)),
        ("full width with percent signs", |text| percent(&moved(text, 0xff01))),
        ("full width in JSON", |text| ascii_json(&moved(text, 0xff01))),
        ("tags", |text| moved(text, 0xe0021)),
        ("letters of mathematics", bold),
        ("letters of mathematics in JSON", |text| ascii_json(&bold(text))),
    ];
    let usual: [Encoding; 4] = [
        ("nothing", str::to_owned),
        ("base64", |text| STANDARD.encode(text)),
        ("hexadecimal", |text| hex(text, "")),
        ("percent signs", percent),
    ];
    for before in ["", "k", "no", "the key "] {
        let said = format!("{before}{KEY}");
        for ((first, encode), (second, also)) in
            rare.iter().flat_map(|one| usual.iter().map(move |other| (one, other)))
        {
            for written in [also(&encode(&said)), encode(&also(&said))] {
                let cut = secrets.cut(&written);
                let is_cut = cut.contains(SECRET) || cut == WITHHELD;
                assert!(is_cut, "{first} and {second} of {said}: {written:?} became {cut:?}");
            }
        }
    }
}

#[test]
fn a_key_in_decimal_numbers_is_cut_as_programs_print_them() {
    let secrets = Secrets::new([KEY]);
    let joined = |separator: &str| {
        KEY.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(separator)
    };
    let plain = [
        format!("[{}]", joined(", ")),
        format!("[{}]", joined(" ")),
        format!("no account for b'\\{}'", joined("\\")),
        format!("chr({})", joined(")+chr(")),
        json!({ "type": "Buffer", "data": KEY.as_bytes() }).to_string(),
    ];
    let encoded = plain.iter().flat_map(|text| {
        [STANDARD.encode(text), hex(text, ""), percent(text), json!({ "a": text }).to_string()]
    });
    for said in plain.iter().cloned().chain(encoded.collect::<Vec<_>>()) {
        let cut = secrets.cut(&said);
        assert!(cut.contains(SECRET) || cut == WITHHELD, "{said} became {cut}");
        assert!(secrets.are_in(&said), "{said}");
    }
    let numbers = (0..2000).map(|n| (n * 7 % 256).to_string()).collect::<Vec<_>>().join(", ");
    assert_eq!(secrets.cut(&numbers), numbers);
}

#[test]
fn a_text_that_could_be_read_further_than_it_was_is_withheld() {
    let secrets = Secrets::new([KEY]);
    let deep = (0..8).fold(KEY.to_owned(), |text, _| STANDARD.encode(text));
    assert_eq!(secrets.cut(&deep), WITHHELD);
}

#[test]
fn base64_in_the_middle_of_a_message_is_cut_and_the_message_stays() {
    let secrets = Secrets::new([KEY]);
    let said = format!("no account for <{}> here", STANDARD.encode(STANDARD.encode(KEY)));

    let cut = secrets.cut(&said);

    assert!(cut.starts_with("no account for <") && cut.ends_with("> here"), "{cut}");
    assert!(cut.contains(SECRET) && cut.len() < 60, "{cut}");
}

#[test]
fn a_long_part_of_a_key_is_cut_wherever_it_was_taken_from() {
    let key = "sk-proj-Zq81LmWx04TyHvRb93KdNs56CfGj27Pa";
    let secrets = Secrets::new([key]);
    for begin in 0..key.len() - 17 {
        for part in [&key[begin..], &key[begin..begin + 17]] {
            let cut = secrets.cut(&format!("bad key {part}... try another")).into_owned();
            assert!(cut.contains(SECRET), "{part}: {cut}");
            let (first, last) = (&part[..4], &part[part.len() - 4..]);
            assert!(!cut.contains(first) && !cut.contains(last), "{part}: {cut}");
        }
    }
    for hint in ["sk-proj-Zq8***7Pa", "sk-proj…", "the key that ends with 27Pa"] {
        assert_eq!(secrets.cut(hint), hint);
    }
}

#[test]
fn ordinary_texts_of_any_kind_are_read_to_their_end_and_stay_as_they_are() {
    let secrets = Secrets::new([KEY, OTHER]);
    let prose = "The quick brown fox jumps over the lazy dog; it costs 50 % & more. ".repeat(900);
    let in_json = json!({ "a": json!({ "b": prose }).to_string() }).to_string();
    let file: Vec<u8> =
        (0..60_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    for said in [prose, in_json, STANDARD.encode(&file), hex(&file, ""), base32(&file)] {
        assert!(secrets.cut(&said) == said, "{}", &said[..60]);
    }
}

#[test]
fn the_work_on_a_hostile_text_is_bounded_and_what_it_is_too_much_for_is_withheld() {
    let secrets = Secrets::new([KEY]);
    let known = secrets.0.as_ref().unwrap();
    let slashes = "\\".repeat(1 << 20);
    // Each byte of it is base64 of what is base64 again, wherever one begins to read.
    let nested = (0..6).fold("sk-nor".repeat(9000), |text, _| STANDARD.encode(text));
    for said in [&slashes[..], &nested[..nested.len().min(1 << 20)], &"%25".repeat(349_525)] {
        let windows: Vec<_> = windows(said.len(), known.overlap).collect();
        let covered: usize = windows.iter().map(ExactSizeIterator::len).sum();

        assert!(covered <= 2 * said.len() && windows.iter().all(|it| it.len() <= WINDOW));
        let cut = secrets.cut(said);
        assert!(cut == said || cut == WITHHELD);
        let hidden = format!("{}{KEY}", &said[..WINDOW]);
        assert!(!secrets.cut(&hidden).contains(KEY));
    }
}

#[test]
fn the_work_on_what_was_packed_is_bounded_and_what_it_is_too_much_for_is_withheld() {
    let secrets = Secrets::new([KEY]);
    let bomb = gzip(vec![b' '; 32 << 20]);
    let hidden = gzip([&vec![b' '; 32 << 20][..], KEY.as_bytes()].concat());
    // Whatever begins in it reads all that follows, in parts that were not packed.
    let head = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0];
    let nested = [&[0, 10, 0, 0xf5, 0xff][..], &head].concat().repeat(2000);
    let nested = [&head[..], &nested].concat();
    for packed in [bomb, hidden, nested] {
        let said = STANDARD.encode(&packed[..packed.len().min(WINDOW / 2)]);
        assert!(secrets.cut(&said) == WITHHELD, "{} bytes", said.len());
    }
    let short = STANDARD.encode(gzip("nothing of it is a key. ".repeat(9)));
    assert_eq!(secrets.cut(&short), short);
}

#[test]
fn the_parts_in_which_a_text_is_searched_overlap_and_leave_nothing_out() {
    for length in [0, 1, WINDOW - 1, WINDOW, WINDOW + 1, 10 * WINDOW + 7] {
        let parts: Vec<_> = windows(length, 4096).collect();

        assert_eq!((parts[0].start, parts.last().unwrap().end), (0, length));
        assert!(parts.windows(2).all(|two| two[1].start + 4096 == two[0].end), "{length}");
    }
    let key_between_two = format!("{}{KEY} and so on", "x ".repeat(WINDOW / 2 - 10));
    assert!(!Secrets::new([KEY]).cut(&key_between_two).contains(&KEY[..12]));
}

#[test]
fn an_id_that_repeats_a_key_in_any_way_is_known() {
    let secrets = Secrets::new([KEY]);

    assert!(secrets.are_in(&format!("render-{KEY}")));
    assert!(secrets.are_in(&in_ways(KEY, &[1, 3])));
    assert!(!secrets.are_in("video_0123456789"));
}
