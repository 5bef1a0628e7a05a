//! How the layers become one [`Config`]: file, then environment, then flags.
//!
//! Every value is judged on its own before it is laid over the one below, so that one
//! mistake does not hide the next, and each is remembered with its source, so that a
//! later complaint can point at the line to change.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{Table, Value, de::DeTable};

use super::{
    Config, ConfigError, ConfigProblem, Environment, Source,
    check::nearest,
    renamed,
    section::{Section, Setting},
};

const FILE: &str = "retake.toml";
const PREFIX: &str = "RETAKE_";

/// A setting given on the command line.
#[derive(Clone, Debug)]
pub struct Flag {
    /// As it is written there: `--bind`.
    pub name: &'static str,
    /// What it sets: `server.bind`.
    pub key: &'static str,
    pub value: String,
}

/// The settings in force, and how they came about.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub config: Config,
    pub sources: Sources,
    /// The file that was read, if there was one.
    pub file: Option<PathBuf>,
}

/// Where each setting got its value.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<String, Source>);

impl Sources {
    /// The source of a setting by its dotted path.
    pub fn of(&self, key: &str) -> &Source {
        self.0.get(key).unwrap_or(&Source::Default)
    }
}

impl Config {
    /// Reads the settings from `path` (else `./retake.toml`, else the one in the user's
    /// config folder) and lays the environment over them.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] when a file cannot be read, or with every value that cannot be used.
    pub fn load(path: Option<&Path>, environment: &Environment) -> Result<Loaded, ConfigError> {
        Self::load_with_flags(path, environment, &[])
    }

    /// [`Config::load`], with flags of the command line laid over the result.
    ///
    /// # Errors
    ///
    /// As [`Config::load`].
    pub fn load_with_flags(
        path: Option<&Path>,
        environment: &Environment,
        flags: &[Flag],
    ) -> Result<Loaded, ConfigError> {
        let file = path.map(Path::to_owned).or_else(|| find_file(environment));
        let mut layers = Layers::default();
        if let Some(file) = &file {
            let text = std::fs::read_to_string(environment.folder().join(file))
                .map_err(|source| ConfigError::reading(file, source))?;
            layers.lay_file(file, &text)?;
        }
        layers.lay_variables(environment);
        for flag in flags {
            let path: Vec<&str> = flag.key.split('.').collect();
            let value = layers.read_plain(&path, &flag.value);
            layers.lay(&path, value, Source::Flag(flag.name));
        }
        layers.finish(environment, file)
    }
}

fn find_file(environment: &Environment) -> Option<PathBuf> {
    let here = PathBuf::from(FILE);
    if environment.folder().join(&here).is_file() {
        return Some(here);
    }
    environment.config_home().map(|home| home.join("retake").join(FILE)).filter(|f| f.is_file())
}

#[derive(Default)]
struct Layers {
    /// What was accepted so far, in the shape of the file.
    values: Table,
    sources: BTreeMap<String, Source>,
    problems: Vec<ConfigProblem>,
}

impl Layers {
    fn lay_file(&mut self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let text = text.trim_start_matches('\u{feff}');
        let (spans, faults) = DeTable::parse_recoverable(text);
        let syntax = |faults| ConfigError::Syntax { path: file.to_owned(), faults };
        if !faults.is_empty() {
            return Err(syntax(faults.iter().map(|fault| located(fault, text)).collect()));
        }
        let values: Table =
            text.parse().map_err(|fault: toml::de::Error| syntax(vec![located(&fault, text)]))?;
        let at = |offset| Source::File { path: file.to_owned(), line: line_of(text, offset) };
        self.lay_table(&mut Vec::new(), spans.get_ref(), &values, &at);
        Ok(())
    }

    fn lay_table<'t>(
        &mut self,
        path: &mut Vec<&'t str>,
        spans: &'t DeTable<'_>,
        values: &Table,
        at: &dyn Fn(usize) -> Source,
    ) {
        for (name, span) in spans {
            let source = at(name.span().start);
            let Some(value) = values.get(name.get_ref().as_ref()) else { continue };
            path.push(name.get_ref());
            match (is_table(path), span.get_ref().as_table(), value) {
                (true, Some(spans), Value::Table(values)) => {
                    self.lay_table(path, spans, values, at);
                }
                (true, ..) => self.problems.push(
                    ConfigProblem::new(
                        path.join("."),
                        value.to_string(),
                        "a table",
                        format!("write [{}] on a line of its own", path.join(".")),
                    )
                    .at(source),
                ),
                (false, ..) => self.lay(path, value.clone(), source),
            }
            path.pop();
        }
    }

    fn lay_variables(&mut self, environment: &Environment) {
        let known = variables();
        for (variable, text) in environment.beginning_with(PREFIX) {
            let source = Source::Variable(variable.to_owned());
            let found = known.iter().find(|(name, _)| name == variable);
            let path = found.map(|(_, path)| path.clone());
            if let Some(path) = path.or_else(|| renamed::path_of_variable(variable)) {
                let value = self.read_plain(&path, text);
                self.lay(&path, value, source);
            } else if let Some(remedy) = stray_variable(variable, &known) {
                self.problems.push(
                    ConfigProblem::new(
                        variable,
                        "an unknown variable",
                        "RETAKE_SECTION__KEY with a known section and key",
                        remedy,
                    )
                    .at(source),
                );
            }
        }
    }

    /// Plain text as the kind of value the setting takes.
    #[expect(clippy::unused_self, reason = "reads beside `lay`, which takes what this returns")]
    fn read_plain(&self, path: &[&str], text: &str) -> Value {
        let default = Table::try_from(Config::default()).ok().and_then(|table| at(&table, path));
        match default {
            Some(Value::Integer(_)) => text.parse().map(Value::Integer).ok(),
            Some(Value::Boolean(_)) => text.parse().map(Value::Boolean).ok(),
            _ => None,
        }
        .unwrap_or_else(|| Value::String(text.to_owned()))
    }

    /// Lays one value over what is there, if it is one the setting takes.
    fn lay(&mut self, path: &[&str], value: Value, source: Source) {
        let current = renamed::current_path(path);
        let given = path.join(".");
        let path = current.as_deref().unwrap_or(path);
        if let (Source::File { .. }, Some(Source::File { .. })) =
            (&source, self.sources.get(&path.join(".")))
        {
            let problem = ConfigProblem::new(
                given,
                "the same setting under two names",
                format!("`{}` alone", path.join(".")),
                "remove the other one, which is its earlier name",
            );
            self.problems.push(problem.at(source));
            return;
        }
        let Some(setting) = setting(path) else {
            self.problems.push(unknown_key(path).at(source));
            return;
        };
        let mut alone = Table::new();
        insert(&mut alone, path, value.clone());
        if alone.try_into::<Config>().is_err() {
            let remedy =
                format!("write it as in `retake config reference`, under {}", path.join("."));
            self.problems.push(
                ConfigProblem::new(path.join("."), value.to_string(), setting.expected, remedy)
                    .at(source),
            );
            return;
        }
        insert(&mut self.values, path, value);
        self.sources.insert(path.join("."), source);
    }

    fn finish(
        mut self,
        environment: &Environment,
        file: Option<PathBuf>,
    ) -> Result<Loaded, ConfigError> {
        // Each value was read on its own before, so together they can only fit.
        let mut config = self.values.try_into::<Config>().unwrap_or_default();
        let sources = Sources(self.sources);
        let mut found = Vec::new();
        match place_data_dir(&config.data_dir, sources.of("data_dir"), environment) {
            Some(path) => config.data_dir = path,
            None => found.push(ConfigProblem::new(
                "data_dir",
                format!("\"{}\" without a home folder", config.data_dir.display()),
                "a folder that can be found",
                "set HOME, or set data_dir to an absolute path (RETAKE_DATA_DIR)",
            )),
        }
        match place_assets(&config.assets.folder, sources.of("assets.folder"), environment) {
            Some(path) => config.assets.folder = path,
            None => found.push(ConfigProblem::new(
                "assets.folder",
                format!("\"{}\" without a home folder", config.assets.folder.display()),
                "a folder that can be found",
                "set HOME, or set assets.folder to an absolute path",
            )),
        }
        match place_assets(&config.catalog, sources.of("catalog"), environment) {
            Some(path) => config.catalog = path,
            None => found.push(ConfigProblem::new(
                "catalog",
                format!("\"{}\" without a home folder", config.catalog.display()),
                "a file that can be found",
                "set HOME, or set catalog to an absolute path",
            )),
        }
        let mut sources = sources;
        config.complete(environment, &mut sources.0, &mut found);
        config.check(&mut found);
        self.problems.extend(found.into_iter().map(|problem| {
            let source = sources.of(&problem.key).clone();
            problem.at(source)
        }));
        if self.problems.is_empty() {
            Ok(Loaded { config, sources, file })
        } else {
            Err(ConfigError::Problems(self.problems))
        }
    }
}

/// The folder that `data_dir` means, or `None` when it cannot be told.
fn place_data_dir(path: &Path, source: &Source, environment: &Environment) -> Option<PathBuf> {
    match source {
        Source::Default => Some(environment.data_home()?.join("retake")),
        _ => place(path, source, environment),
    }
}

/// The folder that `assets.folder` means; nothing stays nothing.
fn place_assets(path: &Path, source: &Source, environment: &Environment) -> Option<PathBuf> {
    match source {
        Source::Default => Some(path.to_owned()),
        _ => place(path, source, environment),
    }
}

/// The folder that a path means, given where it was written.
fn place(path: &Path, source: &Source, environment: &Environment) -> Option<PathBuf> {
    let folder = match source {
        Source::File { path, .. } => environment.folder().join(path.parent()?),
        Source::Default | Source::Variable(_) | Source::Flag(_) => environment.folder().to_owned(),
    };
    if path.as_os_str().is_empty() {
        return Some(path.to_owned());
    }
    let path = match path.strip_prefix("~") {
        Ok(below) => environment.home()?.join(below),
        Err(_) => folder.join(path),
    };
    std::path::absolute(path).ok()
}

/// The section of the schema that holds the setting at `path`.
fn section_of(path: &[&str]) -> Option<Section> {
    match path {
        [_] => Section::find(""),
        [section, _] => Section::find(section),
        [named, _, _] => Section::find(&format!("{named}.NAME")),
        _ => None,
    }
}

fn setting(path: &[&str]) -> Option<&'static Setting> {
    section_of(path)?.setting(path.last()?)
}

fn is_table(path: &[&str]) -> bool {
    match path {
        [name] if Section::find(name).is_some() => true,
        [name] | [name, _] => Section::find(&format!("{name}.NAME")).is_some(),
        _ => false,
    }
}

fn unknown_key(path: &[&str]) -> ConfigProblem {
    let (parents, name) = path.split_at(path.len().saturating_sub(1));
    let name = name.first().copied().unwrap_or_default();
    let own = section_of(path).map(|section| section.settings).unwrap_or_default();
    let tables = ["server", "assets", "renderer", "accounts", "models", "policy", "log"];
    let tables = if parents.is_empty() { tables.as_slice() } else { &[] };
    let known = || own.iter().map(|setting| setting.name).chain(tables.iter().copied());
    let here = known().collect::<Vec<_>>().join(", ");
    let expected =
        if here.is_empty() { "no such key".to_owned() } else { format!("one of {here}") };
    let prefix = parents.iter().fold(String::new(), |all, part| format!("{all}{part}."));
    let remedy = match nearest(name, known()) {
        Some(near) => format!("did you mean `{prefix}{near}`?"),
        None => match elsewhere(name) {
            Some(key) => format!("did you mean `{key}`?"),
            None => "remove it, or see `retake config reference`".to_owned(),
        },
    };
    ConfigProblem::new(path.join("."), "an unknown key", expected, remedy)
}

/// A setting of that name in another section.
fn elsewhere(name: &str) -> Option<String> {
    Section::ALL.iter().find(|section| section.setting(name).is_some()).map(|s| s.key(name))
}

/// The variables that set something, each with the path of what it sets.
fn variables() -> Vec<(String, Vec<&'static str>)> {
    let settable = Section::ALL.into_iter().filter(|section| !section.is_named());
    settable
        .flat_map(|section| {
            section.settings.iter().map(move |setting| {
                let path = if section.path.is_empty() { vec![] } else { vec![section.path] };
                (variable(&section, setting), [path, vec![setting.name]].concat())
            })
        })
        .collect()
}

/// The variable that sets `setting`.
pub(super) fn variable(section: &Section, setting: &Setting) -> String {
    format!("{PREFIX}{}", section.key(setting.name).replace('.', "__").to_uppercase())
}

/// Variables that are read elsewhere.
const OTHERS: [&str; 3] = ["RETAKE_API_KEY", "RETAKE_DATABASE_URL", "RETAKE_SERVER"];

/// Where the lab's emulators are: for programs that talk to them, and never a setting.
const LAB: &str = "RETAKE_LAB_";

/// What to do about a variable that looks like ours and sets nothing. One without `__` may
/// belong to something else, unless it is a near miss or the beginning of a name.
fn stray_variable(name: &str, known: &[(String, Vec<&str>)]) -> Option<String> {
    for named in ["models", "accounts"] {
        if name.starts_with(&format!("RETAKE_{}__", named.to_uppercase())) {
            return Some(format!("{named} are set in retake.toml, under [{named}.NAME]"));
        }
    }
    if OTHERS.contains(&name) || name.starts_with(LAB) {
        return None;
    }
    let names = || known.iter().map(|(name, _)| name.as_str()).chain(OTHERS);
    if name.contains("__") {
        return Some(match nearest(name, names()) {
            Some(near) => format!("did you mean {near}?"),
            None => "unset it, or see `retake config reference`".to_owned(),
        });
    }
    names()
        .find(|known| known.starts_with(name) || strsim::damerau_levenshtein(known, name) <= 2)
        .map(|near| format!("did you mean {near}?"))
}

fn insert(table: &mut Table, path: &[&str], value: Value) {
    match path {
        [] => {}
        [name] => {
            table.insert((*name).to_owned(), value);
        }
        [name, rest @ ..] => {
            let inner = table.entry(*name).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// The value at a path of a table.
pub(super) fn at(table: &Table, path: &[&str]) -> Option<Value> {
    match path {
        [name] => table.get(*name).cloned(),
        [name, rest @ ..] => at(table.get(*name)?.as_table()?, rest),
        [] => None,
    }
}

fn located(fault: &toml::de::Error, text: &str) -> String {
    let line = line_of(text, fault.span().map_or(0, |span| span.start));
    format!("line {line}: {}", fault.message())
}

fn line_of(text: &str, offset: usize) -> usize {
    1 + text.bytes().take(offset).filter(|byte| *byte == b'\n').count()
}

#[cfg(test)]
mod tests;
