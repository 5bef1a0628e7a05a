//! What hostile and unlucky URLs come to, against servers that do what a test says.

use std::{
    collections::HashMap,
    io::Write as _,
    net::TcpListener,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use futures::future::BoxFuture;

use super::{
    server::{Server, found, hold, redirect_to},
    *,
};

const LIMIT: usize = 100_000;

/// Names that a test makes up, and how often each was looked up. The addresses go round.
#[derive(Default)]
struct Names {
    known: HashMap<&'static str, Vec<Vec<IpAddr>>>,
    asked: AtomicUsize,
}

impl Names {
    fn of(known: &[(&'static str, &[&[&str]])]) -> Arc<Self> {
        let read = |answers: &&[&[&str]]| {
            answers.iter().map(|all| all.iter().map(|one| one.parse().unwrap()).collect()).collect()
        };
        let known = known.iter().map(|(name, answers)| (*name, read(answers))).collect();
        Arc::new(Self { known, asked: AtomicUsize::new(0) })
    }
}

impl LookUp for Names {
    fn look_up(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let time = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.known.get(name.as_str()).map(|all| all[time % all.len()].clone());
        let unknown = || io::Error::new(io::ErrorKind::NotFound, "nobody knows it");
        Box::pin(std::future::ready(answer.ok_or_else(unknown)))
    }
}

/// Reaches the servers of tests, which are on this machine.
fn near() -> Egress {
    Egress::near()
}

fn far(names: Arc<Names>) -> Egress {
    Egress::with(AddressPolicy::Public, names, LONG)
}

#[tokio::test]
async fn a_picture_comes_with_nothing_sent_that_could_open_a_door() {
    let server = Server::that_says(found("a picture"));

    let picture = near().get_picture(&server.url("/a.png?size=1#top"), LIMIT).await.unwrap();

    assert_eq!(picture, "a picture");
    let head = server.requests().remove(0).head.to_lowercase();
    assert!(head.starts_with("get /a.png?size=1 http/1.1\r\n"), "{head}");
    for name in ["cookie", "authorization", "referer", "proxy"] {
        assert!(!head.contains(name), "{head}");
    }
}

#[test]
fn every_way_to_write_a_private_address_is_seen_through() {
    let outside = far(Names::of(&[]));
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://017700000001/",
        "http://127.1/",
        "http://127.0.0.1./",
        "http://①②⑦.⓪.⓪.①/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[0:0:0:0:0:ffff:7f00:1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost:8080/",
        "http://%31%32%37.0.0.1/",
        "http://10.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "https://192.168.0.1/",
    ] {
        let refused = outside.check(url);
        assert!(matches!(refused, Err(EgressError::BlockedAddress { .. })), "{url}: {refused:?}");
    }
}

#[test]
fn what_is_no_plain_web_address_is_refused_with_the_way_out() {
    let outside = far(Names::of(&[]));
    let refusal = |url: &str| outside.check(url).unwrap_err().to_string();

    assert!(refusal("cat.png").contains("it looks like `https://example.com/path`"));
    assert!(refusal("http://[fe80::1%25eth0]/").contains("not a URL"));
    assert!(refusal(&format!("https://example.com/{}", "x".repeat(3000))).contains("longer than"));
    assert!(refusal("file:///etc/passwd").contains("`file:` is not spoken here"));
    assert!(refusal("gopher://example.com/").contains("not spoken"));
    assert!(refusal("http://user@example.com/").contains("leave them out"));
    assert!(refusal("http://:pass@example.com/").contains("leave them out"));
    assert!(refusal("http://10.0.0.1/").contains("`server.allow_private_addresses`"));
    assert!(refusal("http://169.254.169.254/").ends_with("never reached; use another address"));
    assert_eq!(outside.check("https://example.com/a#b").unwrap().as_str(), "https://example.com/a");
}

#[tokio::test]
async fn a_name_that_leads_to_a_private_address_is_refused() {
    let server = Server::that_says(found("a secret"));
    let private: &[&str] = &["127.0.0.1", "10.0.0.1"];
    let names =
        Names::of(&[("inside.example", &[private]), ("meta.example", &[&["169.254.169.254"]])]);
    let outside = far(names);

    for host in ["inside.example", "meta.example"] {
        let url = format!("http://{host}:{}/", server.address().port());
        let refused = outside.get_picture(&url, LIMIT).await;
        assert!(matches!(refused, Err(EgressError::BlockedAddress { .. })), "{refused:?}");
        let told = refused.unwrap_err().to_string();
        assert!(!told.contains("127.0.0.1"), "what a name leads to is nobody's business: {told}");
    }
    assert!(server.requests().is_empty());
    let unknown = outside.get_picture("http://nowhere.example/", LIMIT).await;
    assert!(matches!(unknown, Err(EgressError::UnknownHost { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_name_is_looked_up_once_and_only_allowed_addresses_are_connected_to() {
    let server = Server::that_says(found("here"));
    // Lucky at first, private at the second look: nothing may look twice.
    let names = Names::of(&[("rebinding.example", &[&["127.0.0.1"], &["169.254.169.254"]])]);
    let outside = Egress::with(AddressPolicy::AlsoPrivate, Arc::<Names>::clone(&names), LONG);

    let url = format!("http://rebinding.example:{}/", server.address().port());
    assert_eq!(outside.get_picture(&url, LIMIT).await.unwrap(), "here");
    assert_eq!(names.asked.load(Ordering::SeqCst), 1);
    let second = outside.get_picture(&url, LIMIT).await;
    assert!(matches!(second, Err(EgressError::BlockedAddress { .. })), "{second:?}");

    let mixed: &[&str] = &["169.254.169.254", "127.0.0.1"];
    let names = Names::of(&[("mixed.example", &[mixed])]);
    let outside = Egress::with(AddressPolicy::AlsoPrivate, names, LONG);
    let url = format!("http://mixed.example:{}/", server.address().port());
    assert_eq!(outside.get_picture(&url, LIMIT).await.unwrap(), "here");
}

#[tokio::test]
async fn a_redirect_is_followed_under_the_same_rules() {
    let server = Server::that(|stream, request| {
        let head = &request.head;
        let answer = match head.split(' ').nth(1).unwrap_or_default() {
            "/relative" => redirect_to("/found"),
            "/inside" => redirect_to("http://169.254.169.254/latest/meta-data/"),
            "/file" => redirect_to("file:///etc/passwd"),
            "/password" => redirect_to("http://user:pass@example.com/"),
            "/nowhere" => redirect_to("http://"),
            "/far" => redirect_to(&format!("/{}", "x".repeat(3000))),
            "/round" => redirect_to("/round"),
            "/three" => redirect_to("/two"),
            "/two" => redirect_to("/relative"),
            "/unplaced" => "HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n".to_owned(),
            _ => found("a picture"),
        };
        drop(stream.write_all(answer.as_bytes()));
    });
    let get = async |path| near().get_picture(&server.url(path), LIMIT).await;

    assert_eq!(get("/relative").await.unwrap(), "a picture");
    assert_eq!(get("/three").await.unwrap(), "a picture");
    for path in ["/inside", "/file", "/password", "/nowhere", "/far"] {
        let refused = get(path).await;
        assert!(matches!(refused, Err(EgressError::Redirect { .. })), "{path}: {refused:?}");
    }
    let round = get("/round").await;
    assert!(matches!(round, Err(EgressError::TooManyRedirects)), "{round:?}");
    let asked = server.requests().iter().filter(|one| one.head.starts_with("GET /round")).count();
    assert_eq!(asked, 4);
    let unplaced = get("/unplaced").await;
    assert!(matches!(unplaced, Err(EgressError::Status { .. })), "{unplaced:?}");
}

#[tokio::test]
async fn a_body_that_is_too_long_is_not_taken_whatever_it_says_of_its_length() {
    let honest = Server::that_says(found(&"x".repeat(LIMIT + 1)));
    let endless = Server::that(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let chunked = Server::that(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
        while stream.write_all(b"400\r\n").is_ok()
            && stream.write_all(&[b'x'; 1024]).is_ok()
            && stream.write_all(b"\r\n").is_ok()
        {}
    });

    for server in [&honest, &endless, &chunked] {
        let refused = near().get_picture(&server.url("/"), LIMIT).await;
        assert!(matches!(refused, Err(EgressError::TooLarge { .. })), "{refused:?}");
    }
    let just_right = Server::that_says(found(&"x".repeat(LIMIT)));
    assert_eq!(near().get_picture(&just_right.url("/"), LIMIT).await.unwrap().len(), LIMIT);
}

#[tokio::test]
async fn a_body_that_ends_before_its_length_is_no_picture() {
    let server = Server::that_says("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");

    let refused = near().get_picture(&server.url("/"), LIMIT).await;

    assert!(matches!(refused, Err(EgressError::Broken { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_takes_its_time_is_left() {
    let mute = Server::that(|stream, _| hold(stream));
    let half = Server::that(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf");
        hold(stream);
    });
    let dripping = Server::that(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n");
        while stream.write_all(b"x").is_ok() {
            thread::park_timeout(Duration::from_millis(50));
        }
    });

    for (server, patience, what) in [
        (&mute, Patience { answer: SOON, ..LONG }, "did not answer"),
        (&half, Patience { silence: SOON, ..LONG }, "sent nothing more"),
        (&dripping, Patience { whole: SOON * 3, ..LONG }, "did not send it all"),
    ] {
        let outside = Egress::near_with(patience);
        let refused = outside.get_picture(&server.url("/"), LIMIT).await.unwrap_err();
        assert!(refused.to_string().contains(what), "{refused}");
    }
}

#[tokio::test]
async fn what_speaks_no_http_is_told_so() {
    let garbage = Server::that_says("220 mail.example ESMTP\r\n");
    let endless_head = Server::that(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream.write_all(b"x-filler: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n").is_ok() {}
    });
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();

    for url in [garbage.url("/"), endless_head.url("/"), format!("http://{closed}/")] {
        let refused = near().get_picture(&url, LIMIT).await;
        assert!(matches!(refused, Err(EgressError::Broken { .. })), "{url}: {refused:?}");
    }
    let mail = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}/", mail.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in mail.incoming().flatten() {
            let _ = stream.write_all(b"220 mail.example ESMTP\r\n");
        }
    });
    let no_tls = near().get_picture(&url, LIMIT).await;
    assert!(
        matches!(no_tls, Err(EgressError::Broken { .. } | EgressError::NoCertificates(_))),
        "{no_tls:?}"
    );
}

#[tokio::test]
async fn a_post_is_not_redirected_and_its_answer_is_heard_only_so_far() {
    let redirecting = Server::that_says(redirect_to("http://127.0.0.1:1/"));
    let busy =
        Server::that_says("HTTP/1.1 503 Busy\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n");
    let talkative = Server::that(|stream, _| {
        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n");
        while stream.write_all(&[b'x'; 4096]).is_ok() {}
    });
    let post = async |server: &Server| {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, "application/json".parse().unwrap())]);
        near().post(&server.url("/hook"), headers, Bytes::from_static(b"{}")).await.unwrap()
    };

    assert_eq!(post(&redirecting).await, Answer { status: StatusCode::FOUND, retry_after: None });
    let answer = post(&busy).await;
    assert_eq!((answer.status.as_u16(), answer.retry_after.as_deref()), (503, Some("7")));
    assert_eq!(post(&talkative).await.status, StatusCode::NO_CONTENT);
    let head = busy.requests().remove(0).head;
    assert!(head.starts_with("POST /hook HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("content-type: application/json"), "{head}");
}
