//! A receiver of webhooks, and what it was told in the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener},
    sync::mpsc::{Receiver, channel},
    thread,
};

use serde_json::{Value, json};

use crate::server::Server;

/// Lets a gateway reach the receivers of tests, which are on this machine.
pub(crate) const NEAR: (&str, &str) = ("RETAKE_SERVER__ALLOW_PRIVATE_ADDRESSES", "true");
pub(crate) const TAKEN: &str = "HTTP/1.1 204 No Content\r\n\r\n";

/// Takes deliveries at an address and passes on their bodies.
pub(crate) fn receiver_at(address: SocketAddr, answer: &'static str) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind(address).unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let (sender, bodies) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut seen = Vec::new();
            let mut byte = [0];
            // The body is the one JSON object after the headers.
            while !seen.ends_with(b"}}") && stream.read_exact(&mut byte).is_ok() {
                seen.push(byte[0]);
            }
            let body = seen.split(|byte| *byte == b'\n').next_back().unwrap_or_default();
            let _ = sender.send(serde_json::from_slice(body).unwrap_or_default());
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, bodies)
}

pub(crate) fn anywhere() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}

/// An endpoint that is told of every video that was completed, and what arrived there.
pub(crate) struct Endpoint {
    id: String,
    bodies: Receiver<Value>,
}

impl Endpoint {
    pub(crate) fn at(server: &Server) -> Self {
        let (url, bodies) = receiver_at(anywhere(), TAKEN);
        let wish = json!({ "name": "all", "url": url, "event_types": ["video.completed"] });
        let made = server.post("/v1/webhook_endpoints", &wish);
        Self { id: made["id"].as_str().unwrap().to_owned(), bodies }
    }

    /// Waits until every delivery on record was made, and checks that there was one for each of these videos
    /// and no other, and that the receiver heard of each under one id, and of nothing else.
    pub(crate) fn told_of_each_once(&self, server: &Server, videos: &BTreeSet<&str>) {
        let deliveries = format!("/v1/webhook_endpoints/{}/deliveries?limit=100", self.id);
        let page = server.until(&deliveries, "all delivered", |page| {
            let mut deliveries = page["data"].as_array().unwrap().iter();
            deliveries.all(|delivery| delivery["state"] == "delivered")
        });
        let recorded = page["data"].as_array().unwrap().iter();
        let recorded = by_video(recorded.map(|one| (&one["video_id"], &one["id"])));
        // A gateway that was killed over a delivery leaves a part of it behind, which is no delivery.
        let bodies: Vec<_> = self.bodies.try_iter().filter(|body| !body.is_null()).collect();
        for body in &bodies {
            assert_eq!(body["type"], "video.completed", "{body}");
        }
        let heard = by_video(bodies.iter().map(|body| (&body["data"]["id"], &body["id"])));

        assert_eq!(heard, recorded, "what was heard is not what was recorded");
        let told: BTreeSet<_> = heard.keys().map(String::as_str).collect();
        assert_eq!(&told, videos, "a webhook was lost or invented");
        for (video, ids) in &heard {
            assert_eq!(ids.len(), 1, "{video} was told of under several ids: {ids:?}");
        }
    }
}

/// The ids of deliveries by the video that they are about.
fn by_video<'a>(
    told: impl Iterator<Item = (&'a Value, &'a Value)>,
) -> BTreeMap<String, BTreeSet<String>> {
    let mut ids = BTreeMap::<_, BTreeSet<_>>::new();
    for (video, id) in told {
        let [video, id] = [video, id].map(|text| text.as_str().unwrap().to_owned());
        ids.entry(video).or_default().insert(id);
    }
    ids
}
