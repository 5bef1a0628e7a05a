use super::*;
use proptest::prelude::*;
use vocabulary::Vocabulary;

fn brief(prompt: &str) -> Brief {
    Brief {
        prompt: prompt.into(),
        negative_prompt: None,
        seconds: 8,
        width: 128,
        height: 72,
        seed: 7,
        looped: false,
        audio: false,
        first_frame: None,
        characters: Vec::new(),
        continues: None,
    }
}

fn board(prompt: &str) -> Storyboard {
    storyboard(&brief(prompt))
}

fn only(prompt: &str) -> Shot {
    let board = board(prompt);
    assert_eq!(board.shots.len(), 1, "{:#?}", board.shots);
    board.shots.into_iter().next().unwrap()
}

#[test]
fn every_word_of_the_vocabulary_means_something_the_renderer_knows() {
    for meaning in Vocabulary::embedded().meanings() {
        let name = meaning.name;
        let known = match meaning.section {
            "camera" => name == "pan" || Move::named(name).is_some(),
            "framing" => Framing::named(name).is_some(),
            "angle" => Angle::named(name).is_some(),
            "time" => Hour::named(name).is_some(),
            "weather" => Weather::named(name).is_some(),
            "place" => Place::named(name).is_some(),
            "look" => Look::named(name).is_some(),
            "action" => Action::named(name).is_some(),
            "direction" => Heading::named(name).is_some(),
            "garment" => Garment::named(name).is_some(),
            "family" => Family::named(name).is_some(),
            "figure" => Figure::named(name).is_some(),
            "transition" => Transition::named(name).is_some(),
            "count" => name.parse::<u8>().is_ok(),
            "colour" => meaning.tint.is_some(),
            "negation" | "pronoun" | "aside" | "banned" => true,
            _ => false,
        };
        assert!(known, "[{}] {name}", meaning.section);
    }
}

#[test]
fn every_figure_and_place_has_words() {
    let words = Vocabulary::embedded();
    let listed = |section: &str, name: &str| {
        words.meanings().iter().any(|meaning| meaning.section == section && meaning.name == name)
    };
    for figure in Figure::ALL.iter().filter(|figure| **figure != Figure::Thing) {
        assert!(listed("figure", figure.word()), "{figure:?}");
    }
    for place in Place::ALL {
        assert!(listed("place", place.word()), "{place:?}");
    }
}

#[test]
fn cut_to_starts_a_new_shot() {
    let board = board("A dog runs on a beach. Cut to: a cat sleeping on a sofa");

    assert_eq!(board.shots.len(), 2);
    assert_eq!(board.shots[0].cast[0].figure, Figure::Dog);
    assert_eq!(board.shots[0].place, Place::Beach);
    assert_eq!(board.shots[1].cast[0].figure, Figure::Cat);
    assert_eq!(board.shots[1].cast[0].action, Action::Lie);
    assert_eq!(board.shots[1].caption, "a cat sleeping on a sofa");
}

#[test]
fn times_in_brackets_decide_the_lengths() {
    let board = board("[0-2s] A red car on a highway [2-8s] the car drives into a city at night");

    let frames: Vec<u32> = board.shots.iter().map(|shot| shot.frames).collect();
    assert_eq!(frames, [48, 144]);
}

#[test]
fn numbered_shots_are_shots() {
    let board = board(
        "Shot 1: wide view of a castle.\nShot 2: close-up of a knight.\nShot 3 (2s): a dragon flies over the sea",
    );

    assert_eq!(board.shots.len(), 3);
    assert_eq!(board.shots[2].frames, 48);
    assert_eq!(board.shots[2].place, Place::Ocean);
}

#[test]
fn clock_times_are_read_too() {
    let board = board("0:00-0:03: a forest at dawn\n0:03-0:08: a deer drinks from a river");

    assert_eq!(board.shots.iter().map(|shot| shot.frames).collect::<Vec<_>>(), [72, 120]);
}

#[test]
fn a_sentence_about_the_light_is_not_a_shot() {
    let shot =
        only("A woman walks through a park. Soft golden hour lighting, shallow depth of field.");

    assert_eq!(shot.hour, Hour::Golden);
    assert_eq!(shot.cast[0].figure, Figure::Woman);
}

#[test]
fn a_sentence_about_the_camera_moves_the_shot_before_it() {
    let shot = only("A lighthouse on a cliff. The camera slowly pans left.");

    assert_eq!(shot.camera, Move::PanLeft);
}

#[test]
fn what_is_only_heard_is_not_drawn() {
    let shot = only("A quiet lake at dusk. Audio: dogs barking, a train passing.");

    assert!(shot.cast.is_empty());
}

#[test]
fn speech_names_nobody() {
    let shot = only("An old man says \"the dragon is coming.\"");

    assert_eq!(shot.cast.len(), 1);
    assert_eq!(shot.cast[0].figure, Figure::Elder);
}

#[test]
fn colours_belong_to_the_noun_they_precede() {
    let shot = only("a red vintage car next to a blue bicycle");

    let tint = |figure| shot.cast.iter().find(|role| role.figure == figure).unwrap().tint;
    assert_eq!(tint(Figure::Car), Some(Tint(0xb8, 0x32, 0x2a)));
    assert_eq!(tint(Figure::Bicycle), Some(Tint(0x2f, 0x5f, 0x9e)));
}

#[test]
fn a_golden_retriever_is_golden_and_says_nothing_about_the_hour() {
    let shot = only("a golden retriever running in a meadow");

    assert_eq!(shot.cast[0].figure, Figure::Dog);
    assert_eq!(shot.cast[0].action, Action::Run);
    assert_eq!(shot.cast[0].tint, Some(Tint(0xd2, 0x99, 0x4e)));
    assert_eq!(shot.hour, Hour::Morning);
}

#[test]
fn a_negative_prompt_removes_the_rain() {
    let negative = Some("rain, text, people".into());
    let board = storyboard(&Brief {
        negative_prompt: negative,
        ..brief("a man and a dog in heavy rain in the city")
    });

    assert_eq!(board.shots[0].weather, Weather::Clear);
    assert!(board.shots[0].cast.iter().all(|role| role.figure == Figure::Dog));
    assert!(!board.captions);
}

#[test]
fn no_people_means_no_people() {
    let shot = only("an empty street at night, no people, without cars");

    assert!(shot.cast.is_empty(), "{:?}", shot.cast);
    assert!(!shot.allows(Family::Human));
}

#[test]
fn a_pronoun_means_the_one_before() {
    let board = board("A knight stands in a castle. Then he jumps.");

    assert_eq!(board.shots.len(), 2);
    assert_eq!(board.shots[1].cast[0].figure, Figure::Knight);
    assert_eq!(board.shots[1].cast[0].action, Action::Jump);
}

#[test]
fn a_description_in_many_sentences_stays_one_shot() {
    let shot = only(
        "A stylish woman walks down a Tokyo street filled with warm glowing neon. She wears a \
         black leather jacket and a long red dress. She walks confidently. The street is damp and \
         reflective.",
    );

    assert_eq!(shot.place, Place::Street);
    assert_eq!(shot.cast[0].action, Action::Walk);
    assert!(shot.cast[0].garment.is_some());
}

#[test]
fn a_noun_nobody_listed_still_gets_a_part() {
    let shot = only("a brass theremin on a marble plinth");

    assert_eq!(shot.cast[0].figure, Figure::Thing);
    assert_eq!(shot.cast[0].name, "theremin");
}

#[test]
fn crowds_and_plurals_are_counted() {
    assert_eq!(only("two horses gallop").cast[0].count, 2);
    assert_eq!(only("a flock of birds in the sky").cast[0].count, 5);
    assert_eq!(only("children play in a park").cast[0].count, 3);
}

#[test]
fn a_language_without_words_in_the_lists_still_makes_a_shot() {
    let board = board("Пёс бежит по лугу на закате солнца");

    assert_eq!(board.shots.len(), 1);
    assert_eq!(board.shots[0].frames, 192);
}

#[test]
fn more_sentences_than_seconds_are_joined() {
    let many: Vec<_> = (0..30).map(|n| format!("Shot {n}: a dog runs in scene {n}. ")).collect();
    let many = many.concat();
    let board = storyboard(&Brief { seconds: 4, ..brief(&many) });

    assert!(board.shots.len() <= 4);
    assert!(board.shots.iter().all(|shot| shot.frames >= FPS));
}

proptest! {
    #[test]
    fn frames_always_add_up(prompt in "\\PC{0,200}", seconds in 1_u32..61) {
        let board = storyboard(&Brief { seconds, ..brief(&prompt) });

        prop_assert_eq!(board.shots.iter().map(|shot| shot.frames).sum::<u32>(), seconds * FPS);
        prop_assert!(board.shots.iter().all(|shot| shot.frames > 0));
    }

    #[test]
    fn marked_prompts_add_up_too(
        parts in prop::collection::vec(
            "(Shot [0-9]: |\\[[0-9]-[0-9]s\\] |cut to |then |)(a dog runs|the sea|ß“q”|\\[|night; )(\\. |\n|)",
            0..12,
        ),
        seconds in 1_u32..20,
    ) {
        let board = storyboard(&Brief { seconds, ..brief(&parts.concat()) });

        prop_assert_eq!(board.shots.iter().map(|shot| shot.frames).sum::<u32>(), seconds * FPS);
    }
}
