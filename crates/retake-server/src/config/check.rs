//! What types alone cannot check: that the settings make sense, and fit together.

use jiff::{SignedDuration, civil::Date};
use retake_core::{plan::Route, policy::OnUnknownSubmit};

use super::{
    AccountConfig, AssetsConfig, BUILT_IN, ByteSize, Config, ConfigProblem, ModelConfig,
    PolicyConfig, RendererConfig, Retention, ServerConfig, UnknownSubmit, quantity::duration,
};
use crate::accounts::AccountModels;

const HOUR: SignedDuration = SignedDuration::from_hours(1);
const LEAST_UPLOAD: ByteSize = ByteSize::bytes(1 << 10);
const MOST_UPLOAD: ByteSize = ByteSize::mib(4 << 10);
const LEAST_MEMORY: ByteSize = ByteSize::mib(1);
const MOST_MEMORY: ByteSize = ByteSize::mib(1 << 20);
const MOST_CONNECTIONS: usize = 1_000_000;
const MOST_THREADS: usize = 256;
const MOST_ATTEMPTS: u32 = 100;
const MOST_RENDERS: u32 = 100_000;

impl Config {
    /// Adds everything that is wrong to `problems`.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        if self.data_dir.as_os_str().is_empty() {
            problems.push(ConfigProblem::new(
                "data_dir",
                "nothing",
                "the folder for jobs and videos",
                "set data_dir to a folder, for example with RETAKE_DATA_DIR",
            ));
        }
        self.check_default_model(problems);
        for (name, model) in &self.models {
            model.check(name, self, problems);
        }
        for (name, account) in &self.accounts {
            account.check(name, problems);
            if let Some(own) = account.on_unknown_submit.0 {
                let section = format!("accounts.{name}");
                self.policy.check_unknown_submit(&section, own, problems);
            }
        }
        self.server.check(problems);
        self.assets.check(problems);
        self.renderer.check(problems);
        self.policy.check(problems);
    }

    fn check_default_model(&self, problems: &mut Vec<ConfigProblem>) {
        let catalog = &self.known_models.0;
        let wanted = &self.default_model;
        let known = || self.models.keys().map(String::as_str).chain([BUILT_IN]);
        let offered = self.shelves().any(|(_, shelf)| shelf.model(catalog, wanted).is_some());
        if offered || known().any(|name| name == wanted) {
            return;
        }
        let names: Vec<_> = known().collect();
        problems.push(ConfigProblem::new(
            "default_model",
            format!("{wanted:?}"),
            format!("one of {}, or a model of a configured account", names.join(", ")),
            match nearest(wanted, known()) {
                Some(name) => format!("did you mean {name:?}?"),
                None => format!("add [models.{wanted}] with its routes"),
            },
        ));
    }

    /// What each account offers.
    fn shelves(&self) -> impl Iterator<Item = (&str, AccountModels)> {
        let own = AccountModels {
            provider: BUILT_IN,
            variant: None,
            is_blind: false,
            is_elsewhere: false,
        };
        let shelf = |(name, settings)| {
            Some((String::as_str(name), AccountModels::of(settings, self).ok()?))
        };
        self.open_accounts.iter().filter_map(shelf).chain([(BUILT_IN, own)])
    }

    /// Whether an account offers the model of a route; else what is wrong, and what to write instead.
    fn check_route(&self, text: &str) -> Result<(), (String, String)> {
        let accounts = || self.shelves().map(|(name, _)| name).collect::<Vec<_>>().join(", ");
        let expected = "an account and a model that exist, as \"account/model\"".to_owned();
        let Ok(route) = text.parse::<Route>() else {
            return Err((expected, format!("for example \"{BUILT_IN}/{BUILT_IN}\"")));
        };
        let Some((_, shelf)) = self.shelves().find(|(name, _)| *name == route.account) else {
            if self.accounts.contains_key(&route.account) {
                // What is wrong with the account is told of the account.
                return Ok(());
            }
            let remedy = format!("add [accounts.{}]; there are {}", route.account, accounts());
            return Err((expected, remedy));
        };
        let catalog = &self.known_models.0;
        if shelf.model(catalog, &route.model).is_some() {
            return Ok(());
        }
        let here: Vec<_> = shelf.offers(catalog, Date::MIN).map(|m| m.name.as_str()).collect();
        let remedy = match nearest(&route.model, here.iter().copied()) {
            Some(near) => format!("did you mean \"{}/{near}\"?", route.account),
            None => format!("`{}` offers {}", route.account, here.join(", ")),
        };
        Err((expected, remedy))
    }
}

impl ServerConfig {
    fn check(&self, problems: &mut Vec<ConfigProblem>) {
        if !(1..=MOST_CONNECTIONS).contains(&self.max_connections) {
            problems.push(ConfigProblem::new(
                "server.max_connections",
                self.max_connections.to_string(),
                format!("between 1 and {MOST_CONNECTIONS}"),
                "8192 is a good value; the system's limit on open files has to be above it",
            ));
        }
        if !(LEAST_UPLOAD..=MOST_UPLOAD).contains(&self.max_upload) {
            problems.push(ConfigProblem::new(
                "server.max_upload",
                self.max_upload.to_string(),
                format!("between {LEAST_UPLOAD} and {MOST_UPLOAD}"),
                "reference images are rarely larger than a few MiB: 32MiB is a good value",
            ));
        }
        self.check_shares(problems);
        let url = &self.public_url;
        if !(url.is_empty() || url.starts_with("https://") || url.starts_with("http://")) {
            problems.push(ConfigProblem::new(
                "server.public_url",
                format!("{url:?}"),
                "where this gateway can be reached, as \"https://retake.example.com\"",
                "write it with its scheme, or leave it out",
            ));
        }
        within("server.shutdown_grace", self.shutdown_grace, SignedDuration::ZERO, HOUR, problems);
    }
}

impl AssetsConfig {
    fn check(&self, problems: &mut Vec<ConfigProblem>) {
        if let Retention::For(time) = self.retention
            && time < HOUR
        {
            problems.push(ConfigProblem::new(
                "assets.retention",
                duration::show(&time),
                "at least 1h",
                "a video has to stay long enough to be fetched: raise it, or use \"forever\"",
            ));
        }
    }
}

impl RendererConfig {
    fn check(&self, problems: &mut Vec<ConfigProblem>) {
        if self.threads > MOST_THREADS {
            problems.push(ConfigProblem::new(
                "renderer.threads",
                self.threads.to_string(),
                format!("at most {MOST_THREADS}"),
                "0 sizes the renderer to the machine",
            ));
        }
    }
}

impl ModelConfig {
    fn check(&self, name: &str, config: &Config, problems: &mut Vec<ConfigProblem>) {
        let key = format!("models.{name}.routes");
        if self.routes.is_empty() {
            problems.push(ConfigProblem::new(
                key,
                "no routes",
                "at least one route as \"account/model\"",
                format!("for example routes = [\"{BUILT_IN}/{BUILT_IN}\"]"),
            ));
            return;
        }
        for route in &self.routes {
            if let Err((expected, remedy)) = config.check_route(route) {
                let found = format!("{route:?}");
                problems.push(ConfigProblem::new(&key, found, expected, remedy));
            }
        }
    }
}

impl AccountConfig {
    fn check(&self, name: &str, problems: &mut Vec<ConfigProblem>) {
        if name.contains('/') || name.is_empty() {
            problems.push(ConfigProblem::new(
                format!("accounts.{name}"),
                format!("{name:?}"),
                "a name without a slash",
                "routes are written as \"account/model\", so choose another name",
            ));
        }
        let key = |setting| format!("accounts.{name}.{setting}");
        if self.concurrency > MOST_RENDERS {
            problems.push(ConfigProblem::new(
                key("concurrency"),
                self.concurrency.to_string(),
                format!("at most {MOST_RENDERS}"),
                "0 is what the provider gives a new account",
            ));
        }
        let day = HOUR * 24;
        within(&key("poll_interval"), self.poll_interval, SignedDuration::ZERO, HOUR, problems);
        within(
            &key("response_timeout"),
            self.response_timeout,
            SignedDuration::ZERO,
            HOUR,
            problems,
        );
        within(&key("render_timeout"), self.render_timeout, SignedDuration::ZERO, day, problems);
    }
}

impl ServerConfig {
    /// What callers share has to be there.
    fn check_shares(&self, problems: &mut Vec<ConfigProblem>) {
        let counts = [
            ("server.max_uploads", self.max_uploads, "64 is a good value"),
            ("server.max_event_streams", self.max_event_streams, "1024 is a good value"),
        ];
        for (key, found, remedy) in counts {
            if !(1..=MOST_CONNECTIONS).contains(&found) {
                let expected = format!("between 1 and {MOST_CONNECTIONS}");
                problems.push(ConfigProblem::new(key, found.to_string(), expected, remedy));
            }
        }
        if !(LEAST_MEMORY..=MOST_MEMORY).contains(&self.upload_memory) {
            problems.push(ConfigProblem::new(
                "server.upload_memory",
                self.upload_memory.to_string(),
                format!("between {LEAST_MEMORY} and {MOST_MEMORY}"),
                "four times server.max_upload is a good value",
            ));
        }
    }
}

impl PolicyConfig {
    fn check_unknown_submit(
        &self,
        section: &str,
        setting: OnUnknownSubmit,
        problems: &mut Vec<ConfigProblem>,
    ) {
        if let OnUnknownSubmit::ContinueAfter(Some(time)) = setting
            && !(SignedDuration::ZERO..self.deadline).contains(&time)
        {
            problems.push(ConfigProblem::new(
                format!("{section}.on_unknown_submit"),
                UnknownSubmit(setting).to_string(),
                "a time that is less than policy.deadline",
                "no other attempt would fit into the deadline; lower the time, or write \"hold\" if you want none",
            ));
        }
    }

    fn check(&self, problems: &mut Vec<ConfigProblem>) {
        if !(1..=MOST_ATTEMPTS).contains(&self.max_attempts) {
            problems.push(ConfigProblem::new(
                "policy.max_attempts",
                self.max_attempts.to_string(),
                format!("between 1 and {MOST_ATTEMPTS}"),
                "1 means that nothing is tried twice",
            ));
        }
        let (second, day) = (SignedDuration::from_secs(1), HOUR * 24);
        within("policy.deadline", self.deadline, second, day * 30, problems);
        within("policy.retry_delay", self.retry_delay, SignedDuration::ZERO, day, problems);
        within("policy.lease", self.lease, second * 2, HOUR, problems);
        within("policy.download_timeout", self.download_timeout, second * 10, day * 7, problems);
        self.check_unknown_submit("policy", self.on_unknown_submit.0, problems);
        let none = SignedDuration::ZERO;
        within("policy.duration_tolerance", self.duration_tolerance, none, HOUR, problems);
        within("policy.fetch_within", self.fetch_within, second, day * 30, problems);
        if self.retry_delay >= self.deadline {
            problems.push(ConfigProblem::new(
                "policy.retry_delay",
                duration::show(&self.retry_delay),
                "less than policy.deadline",
                "lower policy.retry_delay, or raise policy.deadline",
            ));
        }
    }
}

fn within(
    key: &str,
    found: SignedDuration,
    least: SignedDuration,
    most: SignedDuration,
    problems: &mut Vec<ConfigProblem>,
) {
    if !(least..=most).contains(&found) {
        let (least, most) = (duration::show(&least), duration::show(&most));
        problems.push(ConfigProblem::new(
            key,
            duration::show(&found),
            format!("between {least} and {most}"),
            "choose a duration in that range",
        ));
    }
}

/// The known word that `word` was probably meant to be.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|name| (strsim::jaro_winkler(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}
