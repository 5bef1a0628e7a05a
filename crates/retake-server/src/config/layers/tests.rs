use super::*;
use crate::config::{BUILT_IN, ByteSize, Retention};

struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn with(file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(FILE), file).unwrap();
        Self { folder }
    }

    fn load(&self, variables: &[(&str, &str)]) -> Result<Loaded, ConfigError> {
        let variables = variables.iter().copied().chain([("HOME", "/home/ada")]);
        Config::load(None, &Environment::of(self.folder.path(), variables))
    }

    fn refusal(&self, variables: &[(&str, &str)]) -> String {
        self.load(variables).unwrap_err().to_string()
    }
}

#[test]
fn without_file_and_variables_the_defaults_hold() {
    let folder = tempfile::tempdir().unwrap();
    let environment = Environment::of(folder.path(), [("HOME", "/home/ada")]);

    let loaded = Config::load(None, &environment).unwrap();

    assert_eq!(loaded.file, None);
    assert_eq!(loaded.config.default_model, BUILT_IN);
    assert_eq!(loaded.config.server.bind.to_string(), "127.0.0.1:8080");
    #[cfg(target_os = "linux")]
    assert_eq!(loaded.config.data_dir, Path::new("/home/ada/.local/share/retake"));
}

#[test]
fn a_later_layer_wins_and_is_named_as_the_source() {
    let place = Place::with(
        "default_model = \"sora-2\"\n\n[policy]\nmax_attempts = 2\ndeadline = \"1h\"\n\
         [models.sora-2]\nroutes = [\"animatic/animatic\"]\n",
    );
    let environment = Environment::of(
        place.folder.path(),
        [
            ("HOME", "/home/ada"),
            ("RETAKE_POLICY__MAX_ATTEMPTS", "7"),
            ("RETAKE_ASSETS__RETENTION", "30d"),
        ],
    );
    let bind = Flag { name: "--bind", key: "server.bind", value: "[::1]:9000".to_owned() };

    let loaded = Config::load_with_flags(None, &environment, &[bind]).unwrap();

    let (config, source) = (&loaded.config, |key| loaded.sources.of(key).to_string());
    assert_eq!(
        (config.policy.max_attempts, source("policy.max_attempts").as_str()),
        (7, "RETAKE_POLICY__MAX_ATTEMPTS")
    );
    assert_eq!(config.policy.deadline.as_mins(), 60);
    assert_eq!(source("policy.deadline"), "retake.toml:5");
    assert!(matches!(config.assets.retention, Retention::For(time) if time.as_hours() == 720));
    assert_eq!(
        (config.server.bind.to_string().as_str(), source("server.bind").as_str()),
        ("[::1]:9000", "--bind")
    );
    assert_eq!(source("server.max_upload"), "default");
    assert_eq!(config.server.max_upload, ByteSize::mib(32));
}

#[test]
fn everything_wrong_is_told_at_once_with_its_place_and_a_way_out() {
    let place = Place::with(
        "retries = 3\n[server]\nbnd = \"127.0.0.1:1\"\nmax_upload = 25\n[assets]\nretention = \"5m\"\n\
         [log]\nformat = \"xml\"\n[models.sora-2]\nroutes = [\"relay/sora-2\"]\n",
    );

    let refusal =
        place.refusal(&[("RETAKE_SERVER__BIND", "nowhere"), ("RETAKE_LOG__LEVLE", "info")]);

    for told in [
        "8 settings cannot be used",
        "retake.toml:1: retries: found an unknown key",
        "retake.toml:3: server.bnd: found an unknown key, expected one of bind, allowed_hosts, max_connections, max_upload, max_uploads, upload_memory, max_event_streams, max_characters, allow_private_addresses, public_url, shutdown_grace; did you mean `server.bind`?",
        "retake.toml:4: server.max_upload: found 25, expected a size with its unit",
        "retake.toml:6: assets.retention: found 5m, expected at least 1h",
        "retake.toml:8: log.format: found \"xml\", expected \"pretty\" or \"json\"",
        "RETAKE_SERVER__BIND: server.bind: found \"nowhere\"",
        "retake.toml:10: models.sora-2.routes: found \"relay/sora-2\"",
        "\n  RETAKE_LOG__LEVLE: found an unknown variable",
        "did you mean RETAKE_LOG__LEVEL?",
    ] {
        assert!(refusal.contains(told), "{told:?} is missing from:\n{refusal}");
    }
}

#[test]
fn a_key_in_the_wrong_section_is_shown_its_own() {
    let refusal = Place::with("bind = \"127.0.0.1:1\"\n").refusal(&[]);

    assert!(refusal.contains("did you mean `server.bind`?"), "{refusal}");
}

#[test]
fn a_section_that_is_no_table_is_refused() {
    let refusal = Place::with("server = 3\nmodels = { sora-2 = 1 }\n").refusal(&[]);

    assert!(refusal.contains("retake.toml:1: server: found 3, expected a table"), "{refusal}");
    assert!(refusal.contains("models.sora-2: found 1, expected a table"), "{refusal}");
}

#[test]
fn a_file_that_is_no_toml_is_refused_with_its_line() {
    let refusal = Place::with("[server]\nbind = = 3\n").refusal(&[]);

    assert!(refusal.contains("is not valid TOML") && refusal.contains("line 2: "), "{refusal}");
}

#[test]
fn variables_of_others_are_left_alone_unless_they_are_near_misses() {
    let place = Place::with("");

    assert!(place.load(&[("RETAKE_DATABASE_URL", "x"), ("RETAKE_SERVER", "http://x")]).is_ok());
    assert!(place.load(&[("RETAKE_LAB_OPENAI", "http://x"), ("RETAKE_LAB_", "x")]).is_ok());
    let refusal = place.refusal(&[("RETAKE_DATADIR", "/srv")]);
    assert!(refusal.contains("did you mean RETAKE_DATA_DIR?"), "{refusal}");
    let refusal = place.refusal(&[("RETAKE_DATABASE", "postgres://db/retake")]);
    assert!(refusal.contains("did you mean RETAKE_DATABASE_URL?"), "{refusal}");
    let refusal = place.refusal(&[("RETAKE_MODELS__X__ROUTES", "a/b")]);
    assert!(refusal.contains("models are set in retake.toml"), "{refusal}");
}

#[test]
fn a_data_dir_is_found_from_where_it_was_named() {
    let place = Place::with("data_dir = \"videos\"\n");

    let from_file = place.load(&[]).unwrap().config.data_dir;
    let from_home = place.load(&[("RETAKE_DATA_DIR", "~/videos")]).unwrap().config.data_dir;

    assert_eq!(from_file, place.folder.path().join("videos"));
    assert_eq!(from_home, Path::new("/home/ada/videos"));
}

#[test]
fn a_missing_file_that_was_asked_for_is_an_error() {
    let environment = Environment::of("/", [("HOME", "/home/ada")]);

    let error = Config::load(Some(Path::new("/nowhere/retake.toml")), &environment).unwrap_err();

    assert!(matches!(error, ConfigError::NoFile { .. }));
}

#[test]
fn without_a_home_the_data_dir_has_to_be_named() {
    let folder = tempfile::tempdir().unwrap();

    let refusal = Config::load(None, &Environment::of(folder.path(), [])).unwrap_err().to_string();

    assert!(refusal.contains("RETAKE_DATA_DIR"), "{refusal}");
}

#[test]
fn a_setting_under_its_earlier_name_is_read_as_the_present_one() {
    let place = Place::with(
        "[server]\nhosts = [\"a.example\"]\n[accounts.lab]\nprovider = \"runway\"\napi_key_env = \"K\"\n\
         longest_render = \"40m\"\npoll_every = \"9s\"\nanswer_within = \"30s\"\n[policy]\nretry_after = \"7s\"\n",
    );

    let variables = [("RETAKE_SERVER__REACH_PRIVATE_ADDRESSES", "true"), ("K", "key")];
    let loaded = place.load(&variables).unwrap();

    let (config, of) = (&loaded.config, |key: &str| loaded.sources.of(key).to_string());
    assert_eq!(config.server.allowed_hosts, ["a.example"]);
    assert!(config.server.allow_private_addresses);
    let lab = &config.accounts["lab"];
    let seconds =
        [lab.render_timeout, lab.poll_interval, lab.response_timeout].map(|it| it.as_secs());
    assert_eq!((seconds, config.policy.retry_delay.as_secs()), ([2400, 9, 30], 7));
    assert_eq!(of("policy.retry_delay"), "retake.toml:10");
    let both = Place::with("[policy]\nretry_delay = \"9s\"\nretry_after = \"7s\"\n");
    assert!(both.refusal(&[]).contains("under two names"), "{}", both.refusal(&[]));
}
