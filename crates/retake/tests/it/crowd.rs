//! A crowd of connections that say nothing, or not enough, must not keep others out.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpStream},
};

use serde_json::json;

use crate::server::Server;

/// Idle connections, where the system lets one process have so many.
const CROWD: u64 = 10_000;
/// Files that this process has besides.
const OWN_FILES: u64 = 100;

#[test]
fn ten_thousand_connections_that_say_nothing_keep_nobody_out() {
    let home = tempfile::tempdir().unwrap();
    let files = rlimit::increase_nofile_limit(CROWD + OWN_FILES).unwrap();
    let crowd_size = CROWD.min(files - OWN_FILES);
    // Fewer than come, wherever the system allows fewer files.
    let places = (crowd_size / 2).to_string();
    let server = Server::start_with(home.path(), &[("RETAKE_SERVER__MAX_CONNECTIONS", &places)]);

    let _crowd = crowd(&server, crowd_size, b"");

    a_video_is_made(&server);
}

#[test]
fn connections_that_never_finish_what_they_say_keep_nobody_out() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_with(home.path(), &[("RETAKE_SERVER__MAX_CONNECTIONS", "50")]);

    let _crowd = crowd(&server, 200, b"POST /v1/videos HTTP/1.1\r\nhost: 127.0.0.1\r\n");

    a_video_is_made(&server);
}

#[test]
fn where_few_files_may_be_open_connections_leave_enough_of_them_for_the_work() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start_where(home.path(), "ulimit -n 512");

    let _crowd = crowd(&server, 700, b"");

    a_video_is_made(&server);
}

/// Connections to a server that each begin with these words, and then say no more.
fn crowd(server: &Server, count: u64, words: &[u8]) -> Vec<TcpStream> {
    let address: SocketAddr = server.url().strip_prefix("http://").unwrap().parse().unwrap();
    let come = |_| {
        let mut stream = TcpStream::connect(address).unwrap();
        // Who comes late may have been shown out already.
        let _ = stream.write_all(words);
        stream
    };
    (0..count).map(come).collect()
}

fn a_video_is_made(server: &Server) {
    let id = server.create(&json!({ "prompt": "a kite", "seconds": "1", "size": "640x360" }));
    server.until(&format!("/v1/videos/{id}"), "it is made", |video| video["status"] == "completed");
}
