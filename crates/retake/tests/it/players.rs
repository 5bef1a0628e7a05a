//! Independent players agree that the file is what was asked for. They are used where they are present.

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::Value;

#[test]
fn ffprobe_agrees_on_duration_size_codecs_and_frames() {
    let Some(ffprobe) = present(&["ffprobe"]) else { return skipped("ffprobe") };
    let (_home, file) = a_file();

    let probed = Command::new(ffprobe)
        .args([
            "-v",
            "error",
            "-print_format",
            "json",
            "-show_format",
            "-show_streams",
            "-count_frames",
        ])
        .arg(&file)
        .output()
        .unwrap();

    assert!(probed.status.success() && probed.stderr.is_empty(), "{probed:?}");
    let told: Value = serde_json::from_slice(&probed.stdout).unwrap();
    let stream = |kind: &str| {
        let streams = told["streams"].as_array().unwrap();
        streams.iter().find(|stream| stream["codec_type"] == kind).unwrap().clone()
    };
    let (video, audio) = (stream("video"), stream("audio"));
    assert_eq!((&video["codec_name"], &audio["codec_name"]), (&"h264".into(), &"aac".into()));
    assert_eq!((&video["width"], &video["height"]), (&640.into(), &360.into()));
    assert_eq!((&video["nb_read_frames"], &video["r_frame_rate"]), (&"48".into(), &"24/1".into()));
    for start in [&video["start_time"], &audio["start_time"]] {
        assert!(start.as_str().unwrap().parse::<f64>().unwrap().abs() < 1e-6, "{start}");
    }
    let duration: f64 = told["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!((duration - 2.0).abs() < 0.001, "{duration}");
}

#[test]
fn chromium_plays_the_file_from_its_first_frame_to_its_last() {
    let Some(chromium) = present(&["chromium", "chromium-browser", "google-chrome"]) else {
        return skipped("Chromium");
    };
    let (home, file) = a_file();
    let ear = TcpListener::bind("127.0.0.1:0").unwrap();
    let page = home.path().join("page.html");
    // The page tells what it saw by asking for a picture whose name says it.
    let script = r#"<!doctype html><video muted src="FILE"></video><script>
        const video = document.querySelector("video");
        const tell = (word) => {
            const seen = `${word}-${video.videoWidth}x${video.videoHeight}-${video.duration}`;
            new Image().src = `http://ADDRESS/${seen}`;
        };
        video.addEventListener("error", () => tell("error"));
        video.addEventListener("loadeddata", () => { video.currentTime = 1.5; });
        video.addEventListener("seeked", () => video.play(), { once: true });
        video.addEventListener("ended", () => tell("ended"));
    </script>"#;
    let address = ear.local_addr().unwrap().to_string();
    let name = file.file_name().unwrap().to_str().unwrap();
    std::fs::write(&page, script.replace("FILE", name).replace("ADDRESS", &address)).unwrap();

    let mut browser = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .args(["--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0"])
        .arg(format!("--user-data-dir={}", home.path().join("profile").display()))
        .arg(format!("file://{}", page.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let told = first_request(&ear);
    browser.kill().unwrap();
    browser.wait().unwrap();

    assert_eq!(told.as_deref(), Some("GET /ended-640x360-2 HTTP/1.1"));
}

/// The first line of the first request that comes in within a minute.
fn first_request(ear: &TcpListener) -> Option<String> {
    let ear = ear.try_clone().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        let (caller, _) = ear.accept().unwrap();
        let mut line = String::new();
        BufReader::new(caller).read_line(&mut line).unwrap();
        // Nobody listens any more when it came too late.
        tell.send(line.trim_end().to_owned()).ok();
    });
    told.recv_timeout(Duration::from_mins(1)).ok()
}

fn a_file() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("video.mp4");
    let made = Command::new(env!("CARGO_BIN_EXE_retake"))
        .args(["generate", "a lighthouse in a storm. Cut to a fishing boat", "--quiet"])
        .args(["--seconds", "2", "--size", "640x360", "--seed", "7", "--output"])
        .arg(&file)
        .arg("--data-dir")
        .arg(home.path().join("data"))
        .env_clear()
        .env("HOME", home.path())
        .current_dir(home.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    (home, file)
}

fn present(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let candidates =
        names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.into_iter().find(|candidate: &PathBuf| Path::is_file(candidate))
}

#[expect(clippy::print_stderr, reason = "a skipped check has to be seen")]
fn skipped(program: &str) {
    eprintln!("skipped: {program} is not installed");
}
