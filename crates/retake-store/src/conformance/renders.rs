//! Which attempt owns a render, wherever it was recorded and however many there are.

use retake_core::job::Event;

use super::{
    Engine, NOON, Worker, a_job_over, accepted, change_of, noon_plus,
    settling::{render, take, unknown},
};
use crate::{Change, Claimed, RenderClaim, RenderWindow, StoreError};

/// A held job whose attempt was begun then and answered with this render.
async fn answered(worker: &Worker, render: RenderClaim, seconds: i64) -> Claimed {
    let at = noon_plus(seconds);
    worker.accept(a_job_over(&["north"], at)).await;
    let mut held = worker.claim_one(at).await;
    worker.tell(&mut held, Event::Begun { route: 0 }, at).await.unwrap();
    let event = accepted(&render.remote_id);
    let change = Change { render: Some(render), ..change_of(&held, event, at, true) };
    worker.ledger.commit(&held.lease, &change).await.unwrap();
    held
}

fn window(held: &Claimed, place: &str) -> RenderWindow {
    RenderWindow {
        place: place.to_owned(),
        account: "north".to_owned(),
        id: held.job.id.clone(),
        attempt: 1,
        begun_at: NOON,
    }
}

pub(crate) async fn a_render_is_known_at_another_spelling_of_its_place_once_it_was_moved_there(
    engine: &dyn Engine,
) {
    let worker = Worker::at(engine).await;
    let now = render("", false).place;
    let before = "openai https://api.example/v1".to_owned();
    let at = |place: &str, remote_id| RenderClaim {
        place: place.to_owned(),
        ..render(remote_id, false)
    };
    let mut of_old = Vec::new();
    for remote_id in ["r-7", "r-8", "r-9"] {
        of_old.push(answered(&worker, at(&before, remote_id), 0).await);
    }
    let of_new = answered(&worker, at(&now, "r-9"), 0).await;
    let mut lost = unknown(&worker).await;
    let mut places = [before.clone(), now.clone()];
    places.sort();
    assert_eq!(worker.ledger.render_places().await.unwrap(), places);

    let mut moved = Vec::new();
    for _ in 0..3 {
        moved.push(worker.ledger.move_renders(&before, &now, 2).await.unwrap());
    }

    assert_eq!(moved, [2, 1, 0]);
    assert_eq!(worker.ledger.render_places().await.unwrap(), std::slice::from_ref(&now));
    for remote_id in ["r-7", "r-8", "r-9"] {
        let taken = take(&worker, &mut lost, remote_id, true).await;
        assert!(matches!(taken, Err(StoreError::RenderTaken { .. })), "{taken:?}");
    }
    let told = async |held: &Claimed| {
        let mut names = worker.ledger.known_renders(&window(held, &now)).await.unwrap();
        names.sort();
        names
    };
    assert_eq!(told(&of_old[0]).await, ["r-8", "r-9"]);
    assert_eq!(told(&of_new).await, ["r-7", "r-8"], "what was there already stayed as it was");
}

pub(crate) async fn of_many_renders_around_a_lost_submit_the_nearest_are_told(engine: &dyn Engine) {
    let worker = Worker::at(engine).await;
    for n in 1..=6 {
        let elsewhere =
            RenderClaim { place: "elsewhere".to_owned(), ..render(&n.to_string(), false) };
        answered(&worker, elsewhere, n).await;
    }
    for seconds in [240, -170, 60, 180, -110, 120, -50, 60_000] {
        answered(&worker, render(&seconds.to_string(), false), seconds).await;
    }
    let lost = unknown(&worker).await;

    let told = worker.ledger.known_renders(&window(&lost, &render("", false).place)).await.unwrap();

    assert_eq!(told, ["-50", "60", "-110", "120", "-170"]);
}
