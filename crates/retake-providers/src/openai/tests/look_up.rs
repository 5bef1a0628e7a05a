//! A render whose create got no answer, in the list.

use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::{adapter, with_picture};
use crate::{
    Reconciliation, Submission, UnconfirmedSubmit,
    testing::{self, NOON, a_submission, hold},
};

fn looked_up(variant: Option<&str>, submission: Submission, pages: &[Json]) -> Reconciliation {
    looked_up_knowing(&[], variant, submission, pages)
}

fn looked_up_knowing(
    known: &[&str],
    variant: Option<&str>,
    submission: Submission,
    pages: &[Json],
) -> Reconciliation {
    let known = known.iter().map(|&id| id.to_owned()).collect();
    let lost = UnconfirmedSubmit { submission, begun_at: NOON, lost_at: NOON, known };
    let answers = pages.iter().map(|page| testing::json(200, page));
    hold(adapter(variant).look_up(&lost, NOON), answers).1.unwrap()
}

fn entry(id: &str, after: i64) -> Json {
    let at = (NOON + SignedDuration::from_secs(after)).as_second();
    json!({
        "id": id, "object": "video", "model": "sora-2-2025-12-08", "status": "queued", "created_at": at,
        "prompt": "a lighthouse in a storm", "size": "1280x720", "seconds": "4",
    })
}

fn page(entries: &[Json], has_more: bool) -> Json {
    let last = entries.last().map_or(Json::Null, |entry| entry["id"].clone());
    json!({ "object": "list", "data": entries, "has_more": has_more, "last_id": last })
}

fn is_unknowable(found: &Reconciliation) -> bool {
    matches!(found, Reconciliation::Unknowable { .. })
}

// verifies: openai: look-up
#[test]
fn the_only_render_of_that_time_with_the_same_wish_is_ours() {
    let mut other = entry("video_2", 40);
    other["prompt"] = "something else".into();
    let pages = [page(&[other, entry("video_1", 3), entry("video_0", -4000)], true)];

    let found = looked_up(None, a_submission("sora-2"), &pages);
    assert_eq!(found, Reconciliation::Found("video_1".into()));
}

#[test]
fn of_several_that_nobody_owns_the_one_made_nearest_to_the_intent_is_taken() {
    let three = [page(&[entry("video_3", 90), entry("video_2", 9), entry("video_1", -60)], false)];
    for variant in [None, Some("vllm-omni"), Some("relay")] {
        let look =
            |known: &[&str]| looked_up_knowing(known, variant, a_submission("sora-2"), &three);
        assert_eq!(look(&[]), Reconciliation::Found("video_2".into()), "{variant:?}");
        assert_eq!(look(&["video_2"]), Reconciliation::Found("video_1".into()), "{variant:?}");
        assert_eq!(
            look(&["video_1", "video_2"]),
            Reconciliation::Found("video_3".into()),
            "{variant:?}"
        );
    }
}

#[test]
fn one_that_hides_its_prompt_leaves_it_open() {
    let mut hidden = entry("video_2", 9);
    hidden["prompt"] = Json::Null;
    let hidden = [page(&[hidden], false)];
    assert!(is_unknowable(&looked_up(None, a_submission("sora-2"), &hidden)));

    let frame = [page(&[entry("video_1", 3)], false)];
    assert!(is_unknowable(&looked_up(None, with_picture(a_submission("sora-2")), &frame)));
}

#[test]
fn the_only_one_that_is_ours_for_certain_is_taken_from_a_relays_list_too() {
    let relay = |pages: &[Json]| looked_up(Some("relay"), a_submission("sora-2"), pages);
    let ours = Reconciliation::Found("video_1".into());
    let mut unpaged = page(&[entry("video_1", 3)], false);
    unpaged.as_object_mut().unwrap().remove("has_more");

    assert_eq!(relay(&[page(&[entry("video_1", 3)], false)]), ours);
    assert_eq!(relay(std::slice::from_ref(&unpaged)), ours);
    let mut without_last = page(&[entry("video_1", 3)], true);
    without_last["last_id"] = Json::Null;
    assert_eq!(relay(&[without_last, page(&[], false)]), ours);

    // A list of which more is to come, or one that says less.
    let cut_off = json!({ "data": [] });
    assert!(is_unknowable(&relay(&[page(&[entry("video_1", 3)], true), cut_off])));
    unpaged["data"][0]["size"] = Json::Null;
    assert!(is_unknowable(&relay(&[unpaged])));
}

#[test]
fn an_absence_is_promised_only_after_a_walk_past_the_intent_or_to_the_end() {
    let past = [page(&[entry("video_9", 4000)], true), page(&[entry("video_0", -90_000)], true)];
    assert_eq!(looked_up(None, a_submission("sora-2"), &past), Reconciliation::Absent);
    let relay = looked_up_knowing(&["video_0"], Some("relay"), a_submission("sora-2"), &past);
    assert!(is_unknowable(&relay), "a clock may be hours off: {relay:?}");
    let known = &["video_0", "video_9"];
    let relay = looked_up_knowing(known, Some("relay"), a_submission("sora-2"), &past);
    assert_eq!(relay, Reconciliation::Absent);
    // A relay's list may show finished renders only, and then ours is not in it while it runs.
    let mut finished = past.clone();
    for entry in finished.iter_mut().flat_map(|page| page["data"].as_array_mut().unwrap()) {
        entry["status"] = "completed".into();
    }
    let look = |variant| looked_up_knowing(known, variant, a_submission("sora-2"), &finished);
    assert!(is_unknowable(&look(Some("relay"))));
    assert_eq!(look(None), Reconciliation::Absent, "OpenAI's list shows all");

    let end = [page(&[], false)];
    assert_eq!(looked_up(None, a_submission("sora-2"), &end), Reconciliation::Absent);
    assert!(is_unknowable(&looked_up(Some("relay"), a_submission("sora-2"), &end)));

    let broken_off = [page(&[entry("video_9", 4000)], true), json!({ "data": [] })];
    assert!(is_unknowable(&looked_up(None, a_submission("sora-2"), &broken_off)));

    // A list that ignores the order hides what it has further down.
    let unordered =
        [page(&[entry("video_0", -900), entry("video_9", 4000)], true), json!({ "data": [] })];
    assert!(is_unknowable(&looked_up(None, a_submission("sora-2"), &unordered)));
}

#[test]
fn a_render_that_a_list_shows_otherwise_than_it_was_asked_for_stands_against_an_absence() {
    let changed: [(&str, Json); 5] = [
        ("size", "1280x704".into()),
        ("seconds", "5".into()),
        ("prompt", "a lighthouse in a storm, cinematic".into()),
        ("created_at", (NOON.as_second() + 3600).into()),
        ("created_at", (NOON.as_second() - 3600).into()),
    ];
    for variant in ["vllm-omni", "relay"] {
        for (field, value) in &changed {
            let mut ours = entry("video_1", 3);
            ours[*field] = value.clone();
            let pages = [page(&[ours, entry("video_0", -7200)], false)];
            let look = |known: &[&str]| {
                looked_up_knowing(known, Some(variant), a_submission("sora-2"), &pages)
            };
            assert!(is_unknowable(&look(&["video_0"])), "{variant} {field} {value}");
            assert_eq!(
                look(&["video_0", "video_1"]),
                Reconciliation::Absent,
                "{variant} {field} {value}"
            );
        }
    }

    // OpenAI's own list repeats what was asked.
    let mut other = entry("video_1", 3);
    other["prompt"] = "something else".into();
    let look = |other: &Json| {
        let pages = [page(&[other.clone(), entry("video_0", -7200)], false)];
        looked_up(None, a_submission("sora-2"), &pages)
    };
    assert!(is_unknowable(&look(&other)));
    other["size"] = "720x1280".into();
    assert_eq!(look(&other), Reconciliation::Absent);
}

#[test]
fn a_prompt_that_a_list_shows_changed_is_not_another_ones_whatever_else_differs() {
    let changed = [
        "A café by the sea,\r\nat  dusk. One lamp swings in the wind",
        "A cafe\u{301} by the sea,\nat dusk. One lamp swings in the wind",
        "A café by the sea, at dus",
    ];
    let mut submission = a_submission("sora-2");
    submission.spec.prompt = "A café by the sea,\nat dusk. One lamp swings in the wind".into();
    for variant in [None, Some("azure"), Some("vllm-omni"), Some("relay")] {
        for prompt in changed {
            let mut ours = entry("video_1", 3);
            ours["prompt"] = prompt.into();
            ours["model"] = "sora".into();
            ours["size"] = "1920x1080".into();
            let pages = [page(&[ours, entry("video_0", -90_000)], false)];
            let look =
                |known: &[&str]| looked_up_knowing(known, variant, submission.clone(), &pages);
            assert!(is_unknowable(&look(&["video_0"])), "{variant:?} {prompt}");
        }
    }
}

#[test]
fn a_date_alone_disproves_no_render_that_shows_our_words() {
    let at = |id: &str, created_at: Json| {
        let mut entry = entry(id, 0);
        entry["created_at"] = created_at;
        entry
    };
    let hours = |hours: i64| Json::from(NOON.as_second() + hours * 3600);
    let mut other = entry("video_0", -2_000_000);
    other["prompt"] = "something else".into();
    for created_at in [json!(0), json!(-62_135_596_800_i64), hours(-20), hours(20), hours(-400)] {
        for variant in ["vllm-omni", "relay"] {
            let pages = [page(&[at("video_1", created_at.clone()), other.clone()], false)];
            let look = |known: &[&str]| {
                looked_up_knowing(known, Some(variant), a_submission("sora-2"), &pages)
            };
            assert!(is_unknowable(&look(&[])), "{variant} {created_at}");
            assert_eq!(look(&["video_1"]), Reconciliation::Absent, "{variant} {created_at}");
        }
    }
    assert!(is_unknowable(&looked_up(
        None,
        a_submission("sora-2"),
        &[page(&[at("video_1", json!(0)), other.clone()], false)]
    )));

    // Nor do dates of another zone prove that the list was read back to the time before.
    let behind = |id: &str, seconds: i64| {
        let mut entry = entry(id, seconds);
        entry["prompt"] = "something else".into();
        entry
    };
    let zone = [
        page(&[behind("video_2", -17_000)], true),
        page(&[entry("video_1", -17_990), behind("video_0", -90_000)], true),
    ];
    let found = looked_up(Some("relay"), a_submission("sora-2"), &zone);
    assert!(is_unknowable(&found), "five hours behind: {found:?}");
}

#[test]
fn a_list_that_tells_of_an_error_proves_no_absence() {
    let old = entry("video_0", -90_000);
    for (field, value) in [
        ("error", json!({ "message": "database unavailable", "code": "internal" })),
        ("success", json!(false)),
        ("code", json!(500)),
        ("status", json!("error")),
        ("status", json!(503)),
        ("detail", json!("the index is being rebuilt")),
    ] {
        for variant in [None, Some("vllm-omni"), Some("relay")] {
            let look = |entries: &[Json]| {
                let mut page = page(entries, false);
                page[field] = value.clone();
                looked_up_knowing(&["video_0"], variant, a_submission("sora-2"), &[page])
            };
            assert!(is_unknowable(&look(&[])), "{variant:?} {field}");
            assert!(is_unknowable(&look(std::slice::from_ref(&old))), "{variant:?} {field}");
            // What it shows is there all the same.
            let ours = look(&[entry("video_1", 3)]);
            assert_eq!(ours, Reconciliation::Found("video_1".into()), "{variant:?} {field}");
        }
    }
}

#[test]
fn an_id_from_a_list_is_judged_as_that_of_a_create() {
    let named = |field: &str, id: Json| {
        let mut listed = entry("", 3);
        listed.as_object_mut().unwrap().remove("id");
        listed[field] = id;
        let look = |known: &[&str]| {
            let pages = [page(&[listed.clone(), entry("video_0", -90_000)], false)];
            looked_up_knowing(known, Some("relay"), a_submission("sora-2"), &pages)
        };
        (look(&["video_0"]), look(&["video_0", "t-1"]))
    };

    for odd in ["..", ".", "two words", ""] {
        assert!(is_unknowable(&named("id", odd.into()).0), "{odd}");
    }
    let ours = Reconciliation::Found("t-1".into());
    assert_eq!(named("task_id", "t-1".into()), (ours, Reconciliation::Absent));
    assert_eq!(named("id", json!(17)).0, Reconciliation::Found("17".into()));
}

#[test]
fn a_render_that_another_attempt_owns_hides_no_lost_one_and_proves_nothing_by_itself() {
    let both = [page(&[entry("video_2", 9), entry("video_1", 3)], false)];
    let found = looked_up_knowing(&["video_1"], Some("relay"), a_submission("sora-2"), &both);
    assert_eq!(found, Reconciliation::Found("video_2".into()));

    let mut one = page(&[entry("video_1", 3)], false);
    one.as_object_mut().unwrap().remove("has_more");
    let found = looked_up_knowing(&["video_1"], Some("relay"), a_submission("sora-2"), &[one]);
    assert!(is_unknowable(&found), "the only page of a list that may have more: {found:?}");
}

#[test]
fn a_clock_that_is_wrong_is_read_by_the_date_of_the_answer() {
    let mut reply = testing::json(200, &page(&[entry("video_1", 3603)], false));
    let date = "Sat, 21 Nov 2026 13:00:00 GMT".parse().unwrap();
    reply.as_mut().unwrap().headers.insert("date", date);
    let known = std::collections::BTreeSet::default();
    let lost = UnconfirmedSubmit {
        submission: a_submission("sora-2"),
        begun_at: NOON,
        lost_at: NOON,
        known,
    };

    let found = hold(adapter(Some("relay")).look_up(&lost, NOON), [reply]).1;
    assert_eq!(found, Ok(Reconciliation::Found("video_1".into())));
}

#[test]
fn a_walk_goes_on_where_the_page_ended() {
    let lost = UnconfirmedSubmit {
        submission: a_submission("sora-2"),
        begun_at: NOON,
        lost_at: NOON,
        known: std::collections::BTreeSet::default(),
    };
    let pages = [page(&[entry("video_9", 4000)], true), page(&[], false)];
    let answers = pages.iter().map(|page| testing::json(200, page));
    let (calls, _) = hold(adapter(None).look_up(&lost, NOON), answers);

    assert_eq!(calls[0].url, "https://api.openai.com/v1/videos?limit=100&order=desc");
    assert_eq!(calls[1].url, "https://api.openai.com/v1/videos?limit=100&order=desc&after=video_9");
}

#[test]
fn without_a_list_nobody_can_tell() {
    for variant in ["openrouter", "litellm", "newapi"] {
        assert!(is_unknowable(&looked_up(Some(variant), a_submission("m"), &[])));
    }
    let lost = UnconfirmedSubmit {
        submission: a_submission("m"),
        begun_at: NOON,
        lost_at: NOON,
        known: std::collections::BTreeSet::default(),
    };
    let gone = hold(adapter(None).look_up(&lost, NOON), [testing::json(404, &json!({}))]).1;
    assert!(is_unknowable(&gone.unwrap()));
}

#[test]
fn a_create_that_lands_after_the_first_look_is_found_by_the_second() {
    let before = entry("video_0", -4000);
    let earlier = page(std::slice::from_ref(&before), true);
    let first = looked_up(None, a_submission("sora-2"), &[earlier]);
    let landed = [entry("video_1", 128), before];
    let second = looked_up(None, a_submission("sora-2"), &[page(&landed, true)]);

    assert_eq!((first, second), (Reconciliation::Absent, Reconciliation::Found("video_1".into())));
}
