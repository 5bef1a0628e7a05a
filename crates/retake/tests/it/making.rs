//! Making videos.

use std::{io::Write as _, process::Stdio};

use crate::person::{Person, Seen, is_mp4};

const SMALL: [&str; 4] = ["--seconds", "1", "--size", "640x360"];

#[test]
fn a_prompt_becomes_a_file_with_one_line_about_it() {
    let user = Person::new();

    let seen = user
        .types(&[&["generate", "A red kite, over the sea!", "--seed", "7"], &SMALL[..]].concat());

    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert_eq!(user.files(), ["a-red-kite-over-the-sea.mp4"]);
    assert!(is_mp4(&user.here().join("a-red-kite-over-the-sea.mp4")));
    let line = seen.stdout.trim_end();
    assert!(line.starts_with("a-red-kite-over-the-sea.mp4  "), "{line}");
    assert!(line.contains(" · 1.0 s · 640x360 · seed 7 · took "), "{line}");
    assert!(seen.stderr.starts_with("making video_"), "{}", seen.stderr);
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let user = Person::new();
    let make = |name: &str| {
        let seen = user.types(
            &[&["generate", "a kite", "--seed", "7", "-q", "-o", name], &SMALL[..]].concat(),
        );
        assert_eq!(
            (seen.code, seen.stdout.as_str(), seen.stderr.as_str()),
            (0, format!("{name}\n").as_str(), "")
        );
        std::fs::read(user.here().join(name)).unwrap()
    };

    assert!(make("one.mp4") == make("two.mp4"));
}

#[test]
fn json_tells_everything_and_nothing_else() {
    let user = Person::new();

    let video = user.asks(
        &[&["generate", "a kite", "-o", "kite.mp4", "--no-audio", "--loop", "-q"], &SMALL[..]]
            .concat(),
    );

    assert_eq!(video["object"], "video");
    assert_eq!(video["status"], "completed");
    assert_eq!(video["file"], "kite.mp4");
    assert_eq!(
        (&video["retake"]["loop"], &video["retake"]["audio"]),
        (&true.into(), &false.into())
    );
    let length = std::fs::metadata(user.here().join("kite.mp4")).unwrap().len();
    assert_eq!(video["retake"]["output"]["bytes"], length);
}

#[test]
fn a_prompt_can_be_piped_in_and_the_video_out() {
    let user = Person::new();
    let mut child = user
        .command(&[&["generate", "-", "-o", "-"], &SMALL[..]].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    child.stdin.take().unwrap().write_all("a kite über dem Meer\n".as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();

    assert!(output.status.success());
    assert_eq!(&output.stdout[4..8], b"ftyp");
    assert!(
        String::from_utf8_lossy(&output.stderr).contains("640x360"),
        "the summary goes to stderr"
    );
    let newest = &user.asks(&["videos", "list"])["data"][0];
    assert_eq!(newest["prompt"], "a kite über dem Meer");
}

#[test]
fn a_picture_begins_the_video_and_brings_its_size() {
    let user = Person::new();
    let picture = user.here().join("first.png");
    std::fs::write(&picture, png(640, 360)).unwrap();
    let generate =
        ["generate", "a kite", "-o", "kite.mp4", "--seconds", "1", "--reference", "first.png"];

    let fitting = user.types(&generate);
    let other = user.types(&[&generate[..], &["--size", "480x480", "--force"]].concat());

    assert_eq!(fitting.code, 0, "{}", fitting.stderr);
    assert!(fitting.stdout.contains("640x360"), "{}", fitting.stdout);
    assert_eq!(other.code, 2);
    assert!(
        other.stderr.contains("640x360") && other.stderr.contains("480x480"),
        "{}",
        other.stderr
    );
}

#[test]
fn force_overwrites_and_leaves_nothing_else_behind() {
    let user = Person::new();
    std::fs::write(user.here().join("kite.mp4"), "old").unwrap();

    let seen =
        user.types(&[&["generate", "a kite", "-o", "kite.mp4", "--force"], &SMALL[..]].concat());

    assert_eq!(seen.code, 0, "{}", seen.stderr);
    assert!(is_mp4(&user.here().join("kite.mp4")));
    assert_eq!(user.files(), ["kite.mp4"]);
}

#[test]
fn videos_are_listed_shown_downloaded_and_deleted() {
    let user = Person::new();
    let none = user.types(&["videos", "list"]);
    assert_eq!((none.code, none.stdout.as_str()), (0, ""));
    assert!(none.stderr.contains("no videos yet"));
    let prompt = "a kite\u{1b}]0;owned\u{7} 凧が海の上を飛ぶ";
    let video = user.asks(&[&["generate", prompt, "-o", "kite.mp4", "-q"], &SMALL[..]].concat());
    let id = video["id"].as_str().unwrap();

    let list = user.types(&["videos", "list"]);
    let show = user.types(&["videos", "show", id]);
    let download = user.types(&["videos", "download", id, "-o", "again.mp4", "-q"]);
    let delete = user.types(&["videos", "delete", id]);
    let gone = user.types(&["videos", "show", id]);

    assert!(list.stdout.contains(id) && list.stdout.contains("640x360"), "{}", list.stdout);
    for text in [&list.stdout, &show.stdout] {
        assert!(text.contains("a kite\\u{1b}]0;owned") && !text.contains('\u{1b}'), "{text}");
    }
    assert!(show.stdout.contains("codecs      h264, aac"), "{}", show.stdout);
    assert_eq!(download.stdout, "again.mp4\n");
    let read = |name| std::fs::read(user.here().join(name)).unwrap();
    assert!(read("again.mp4") == read("kite.mp4"));
    assert_eq!((delete.code, delete.stderr.as_str()), (0, format!("{id} is deleted\n").as_str()));
    assert_eq!(gone.code, 3);
}

#[test]
fn a_reader_that_hangs_up_is_no_error() {
    let user = Person::new();
    let mut child = user
        .command(&["config", "reference"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();

    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();

    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

#[test]
fn doctor_finds_nothing_wrong_and_leaves_nothing_behind() {
    let user = Person::new();

    let report = user.asks(&["doctor", "-q"]);

    assert_eq!(report["ok"], true);
    let names: Vec<_> =
        report["checks"].as_array().unwrap().iter().map(|check| &check["name"]).collect();
    assert_eq!(names, ["settings", "data directory", "disk", "ledger", "renderer"]);
    assert_eq!(user.asks(&["videos", "list"])["data"], serde_json::json!([]));
}

#[test]
fn models_are_told_with_their_limits() {
    let Seen { code, stdout, .. } = Person::new().types(&["models"]);

    assert_eq!(code, 0);
    assert!(stdout.lines().nth(1).is_some_and(|line| line.starts_with("animatic")), "{stdout}");
}

/// A plain picture. Written by hand: a PNG may be stored without compression.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut rows = Vec::new();
    for _ in 0..height {
        rows.push(0);
        rows.extend(std::iter::repeat_n([90_u8, 120, 160], width as usize).flatten());
    }
    let mut stored = vec![0x78, 0x01];
    let blocks: Vec<_> = rows.chunks(0xffff).collect();
    for (number, block) in blocks.iter().enumerate() {
        let length = u16::try_from(block.len()).unwrap();
        stored.push(u8::from(number + 1 == blocks.len()));
        stored.extend(length.to_le_bytes());
        stored.extend((!length).to_le_bytes());
        stored.extend(*block);
    }
    stored.extend(adler(&rows).to_be_bytes());

    let mut header = Vec::new();
    header.extend(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [(b"IHDR", header), (b"IDAT", stored), (b"IEND", Vec::new())] {
        let chunk = [&kind[..], &content].concat();
        file.extend(u32::try_from(content.len()).unwrap().to_be_bytes());
        file.extend(&chunk);
        file.extend(crc(&chunk).to_be_bytes());
    }
    file
}

fn adler(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

fn crc(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    })
}
