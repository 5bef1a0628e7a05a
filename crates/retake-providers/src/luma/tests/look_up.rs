//! A generation whose create got no answer, in the list.

use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::{ID, dream, fixture, lost};
use crate::{
    Reconciliation, UnconfirmedSubmit,
    testing::{NOON, a_submission, hold, json},
};

/// A lost submit beside which every entry of the list is known as another's.
fn lost_among_known() -> UnconfirmedSubmit {
    UnconfirmedSubmit { known: [ID.to_owned()].into(), ..lost(true) }
}

fn look_up(lost: &UnconfirmedSubmit, pages: &[Json]) -> (usize, Reconciliation) {
    let answers = pages.iter().map(|page| json(200, page));
    let (calls, found) = hold(dream().look_up(lost, NOON), answers);
    (calls.len(), found.unwrap())
}

fn entry(seconds_ago: i64, prompt: &str, callback: Option<&str>) -> Json {
    let at = NOON - SignedDuration::from_secs(seconds_ago);
    json!({
        "id": ID, "created_at": at.to_string(), "model": "ray-2",
        "request": { "prompt": prompt, "model": "ray-2", "callback_url": callback },
    })
}

fn page_of(entries: &[Json], has_more: bool) -> Json {
    json!({ "generations": entries, "has_more": has_more })
}

// verifies: luma: look-up
#[test]
fn a_lost_submit_is_found_by_the_tag_in_its_hook() {
    let (_, found) = look_up(&lost(true), &[fixture("dream-list")]);

    assert_eq!(found, Reconciliation::Marked("00000000-0000-4000-8000-000000000003".into()));
}

#[test]
fn our_tag_is_known_however_the_list_spells_its_url() {
    let tag = a_submission("ray-2").tag;
    assert_eq!(tag, "video_0198c0de-1");
    for listed in [
        "https://retake.example/hooks/luma/unguessable?tag=video_0198c0de-1",
        "https://retake.example/hooks/luma/unguessable?tag=video%5f0198c0de%2d1",
        "https://retake.example/hooks/luma/unguessable?tag=video%255F0198c0de%252D1",
        "https%3A%2F%2Fretake.example%2Fhooks%2Fluma%2Funguessable%3Ftag%3Dvideo_0198c0de-1",
        "https://retake.example/hooks/luma/unguessable?a=b&amp;tag=video_0198c0de-1#top",
    ] {
        let ours = entry(-5, "something else", Some(listed));
        let (_, found) = look_up(&lost(true), &[page_of(&[ours], false)]);
        assert_eq!(found, Reconciliation::Marked(ID.into()), "{listed}");
    }
    // Without its end, a URL is nobody's.
    for listed in [
        "https://retake.example/hooks/luma/unguessable",
        "https://retake.example/?tag",
        "https://retake.example/?tag=video_0198c0de-",
        "https://retake.example/?tag=video_0198",
        "https://retake.example/?tag=***",
    ] {
        let cut = entry(-5, "something else", Some(listed));
        let (_, found) = look_up(&lost(true), &[page_of(&[cut], false)]);
        assert!(matches!(found, Reconciliation::Unknowable { .. }), "{listed}: {found:?}");
    }
    let anothers = entry(-5, "a lighthouse in a storm", Some("https://x/?tag=video%5F0198c0de-2"));
    assert_eq!(look_up(&lost(true), &[page_of(&[anothers], false)]).1, Reconciliation::Absent);
}

#[test]
fn a_lost_submit_is_absent_only_after_the_whole_list() {
    let others = [
        entry(5, "a storm", None),
        entry(7, "a lighthouse in a storm", Some("https://x/?tag=video_9198c0de-1")),
    ];
    let pages = vec![page_of(&others, true), page_of(&[entry(9, "a storm", None)], false)];

    assert_eq!(look_up(&lost_among_known(), &pages), (2, Reconciliation::Absent));
}

#[test]
fn a_long_list_is_left_behind_once_its_order_is_plain() {
    let entries: Vec<_> = (0..12).map(|n| entry(n * 10_000, "a storm", None)).collect();

    assert_eq!(
        look_up(&lost_among_known(), &[page_of(&entries, true)]),
        (1, Reconciliation::Absent)
    );
}

#[test]
fn a_list_without_an_order_is_read_to_its_end() {
    let mut entries: Vec<_> = (0..12).map(|n| entry(n * 100, "a storm", None)).collect();
    entries.swap(3, 7);
    let pages = vec![page_of(&entries, true), page_of(&[], false)];

    assert_eq!(look_up(&lost_among_known(), &pages), (2, Reconciliation::Absent));
}

#[test]
fn an_entry_that_may_be_ours_leaves_doubt() {
    let same = entry(-5, "a lighthouse in a storm", None);
    let enhanced = entry(-5, "a lighthouse in a storm, cinematic, 35 mm", None);
    let mut renamed = entry(-5, "a lighthouse in a storm", None);
    renamed["model"] = "ray-2-720p".into();
    let unreadable = json!({ "id": ID });
    for entry in [same, enhanced, renamed, unreadable] {
        for hook in [true, false] {
            let (_, found) = look_up(&lost(hook), &[page_of(std::slice::from_ref(&entry), false)]);

            assert!(matches!(found, Reconciliation::Unknowable { .. }), "{found:?}");
        }
    }
}

#[test]
fn a_date_alone_disproves_no_entry_that_shows_our_prompt() {
    let look = |entries: &[Json], known: &[&str]| {
        let known = known.iter().map(|&id| id.to_owned()).collect();
        look_up(&UnconfirmedSubmit { known, ..lost(false) }, &[page_of(entries, false)]).1
    };
    let of_year_one = json!("0001-01-01T00:00:00Z");
    for hours in [1, 5, 20, 400] {
        let ours = entry(hours * 3600, "a lighthouse in a storm", None);
        let mut hidden = ours.clone();
        hidden["request"] = Json::Null;
        let other = entry(hours * 3600, "a storm", None);

        let found = look(std::slice::from_ref(&ours), &[]);
        assert!(matches!(found, Reconciliation::Unknowable { .. }), "{hours}: {found:?}");
        assert_eq!(look(&[ours], &[ID]), Reconciliation::Absent, "{hours}");
        let found = look(&[hidden], &[]);
        assert_eq!(
            matches!(found, Reconciliation::Unknowable { .. }),
            hours < 15,
            "{hours}: {found:?}"
        );
        assert_eq!(look(std::slice::from_ref(&other), &[]), Reconciliation::Absent, "{hours}");
        let mut undated = other;
        undated["created_at"] = of_year_one.clone();
        assert!(matches!(look(&[undated], &[]), Reconciliation::Unknowable { .. }), "{hours}");
    }
}

#[test]
fn a_list_whose_dates_are_another_zones_is_read_further() {
    let entries: Vec<_> = (0..12).map(|n| entry(18_000 + n * 10, "a storm", None)).collect();
    let ours = entry(18_200, "a lighthouse in a storm", None);
    let pages = [page_of(&entries, true), page_of(&[ours], false)];

    let (calls, found) = look_up(&lost(false), &pages);
    assert!(calls == 2 && matches!(found, Reconciliation::Unknowable { .. }), "{calls} {found:?}");
}

#[test]
fn a_list_that_tells_of_an_error_proves_no_absence() {
    for (field, value) in [("error", json!({ "message": "no" })), ("success", json!(false))] {
        let mut page = page_of(&[], false);
        page[field] = value.clone();
        let (_, found) = look_up(&lost(true), &[page]);
        assert!(matches!(found, Reconciliation::Unknowable { .. }), "{field}: {found:?}");

        let mut with_ours = fixture("dream-list");
        with_ours[field] = value;
        assert!(
            matches!(look_up(&lost(true), &[with_ours]).1, Reconciliation::Marked(_)),
            "{field}"
        );
    }
}

#[test]
fn a_list_that_never_ends_is_given_up() {
    let page = page_of(&[entry(5, "a storm", None)], true);
    let (calls, found) = look_up(&lost(true), &vec![page; 60]);

    assert!(calls <= 50 && matches!(found, Reconciliation::Unknowable { .. }), "{calls} {found:?}");
}

#[test]
fn a_create_that_lands_after_the_first_look_is_found_by_the_second() {
    let (_, first) = look_up(&lost(true), &[page_of(&[], false)]);
    let (_, second) = look_up(&lost(true), &[fixture("dream-list")]);

    let id = "00000000-0000-4000-8000-000000000003";
    assert_eq!((first, second), (Reconciliation::Absent, Reconciliation::Marked(id.into())));
}
