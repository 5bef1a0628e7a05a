//! The settings written out: the full reference, and the values in force.

use toml::Table;

use super::{
    Config, Loaded,
    layers::{at, variable},
    section::{Section, Setting},
};

/// A `retake.toml` with every setting, its meaning and its default, all commented out.
///
/// Text starts with `# `, a setting with `#` alone: taking those away changes nothing.
pub fn reference() -> String {
    let head = "# Settings of Retake: every one, with its default.\n\
                # Take the `#` from a setting to change it. The variable named above it sets it too.\n";
    let sections = Section::ALL
        .iter()
        .flat_map(|section| if section.is_named() { example(section) } else { commented(section) });
    [head.to_owned()].into_iter().chain(sections).collect()
}

/// A section as it stands in the file, each setting below its meaning.
fn commented(section: &Section) -> Vec<String> {
    let mut parts = Vec::new();
    if !section.path.is_empty() {
        parts.push(format!("\n{}[{}]\n", comment(section.doc), section.path));
    }
    for setting in section.settings {
        let value = default(section, setting).unwrap_or_default();
        let (doc, variable) = (comment(setting.doc), variable(section, setting));
        parts.push(format!("\n{doc}# {variable}\n#{} = {value}\n", setting.name));
    }
    parts
}

/// A section that only exists under names of the owner's choice: text, with nothing to set.
fn example(section: &Section) -> Vec<String> {
    let settings = section.settings.iter().map(|setting| {
        format!("#\n# {}: {}.\n{}", setting.name, setting.expected, comment(setting.doc))
    });
    [format!("\n{}", comment(section.doc))].into_iter().chain(settings).collect()
}

/// The same as a page of the documentation.
pub fn reference_markdown() -> String {
    let mut parts = vec![PAGE_HEAD.to_owned()];
    for section in Section::ALL {
        let title = if section.path.is_empty() { "At the top" } else { section.path };
        parts.push(format!("\n## {title}\n\n{}\n", prose(section.doc)));
        for setting in section.settings {
            let default = default(&section, setting).filter(|_| !section.is_named()).map(|value| {
                format!(" Default: `{value}`. Variable: `{}`.", variable(&section, setting))
            });
            parts.push(format!(
                "\n### `{}`\n\n{}\n\nTakes {}.{}\n",
                section.key(setting.name),
                prose(setting.doc),
                setting.expected,
                default.unwrap_or_default()
            ));
        }
    }
    parts.push(format!("\n## The whole file\n\n```toml\n{}```\n", reference()));
    parts.concat()
}

const PAGE_HEAD: &str = "\
# Configuration

Every setting has a good default: Retake runs without a settings file.

Settings come from four layers, the later winning:

1. the defaults below;
2. `retake.toml`: the file given by `--config`, else `./retake.toml`, else `retake/retake.toml` in the
   user's config folder (`$XDG_CONFIG_HOME`, else `~/.config`; on macOS `~/Library/Application Support`;
   on Windows `%APPDATA%`). Only the first that exists is read;
3. variables: `RETAKE_` and the key in capitals, for a setting in a section the section first and two
   underscores between: `RETAKE_DATA_DIR`, `RETAKE_SERVER__BIND`. A variable set to nothing counts as not set;
4. flags: `--data-dir`, `--bind`.

Three more variables are no settings: `RETAKE_SERVER` and `RETAKE_API_KEY` say which gateway commands talk to (see
[cli.md](cli.md)), and `RETAKE_DATABASE_URL` names a database for the ledger (see [postgresql.md](postgresql.md)).

A key that does not exist, a variable that looks like one of these and is none, or a value that cannot be used, is refused, with the place it came
from. `retake config check` tells everything that is wrong at once; `retake config show` prints the values
in force with the source of each; `retake config reference` prints the file at the end of this page.

Sizes are written with their unit (`\"32MiB\"`, `\"2GB\"`), durations likewise (`\"30s\"`, `\"5m\"`, `\"1h 30m\"`,
`\"30d\"`; a day is 24 hours).

<!-- generated from crates/retake-server/src/config.rs by `cargo xtask generate`: change it there -->
";

impl Loaded {
    /// The settings in force as a `retake.toml`, each with where it came from.
    pub fn render_toml(&self) -> String {
        let values = Table::try_from(&self.config).unwrap_or_default();
        let mut parts = Vec::new();
        for section in Section::ALL {
            for path in tables(section.path, &self.config) {
                if !path.is_empty() {
                    let keys: Vec<_> = path.iter().map(|key| quoted(key)).collect();
                    parts.push(format!("\n[{}]\n", keys.join(".")));
                }
                for setting in section.settings {
                    let keys: Vec<_> =
                        path.iter().map(String::as_str).chain([setting.name]).collect();
                    let Some(value) = at(&values, &keys) else { continue };
                    let source = self.sources.of(&keys.join("."));
                    parts.push(format!("{} = {value} # {source}\n", setting.name));
                }
            }
        }
        parts.concat()
    }
}

/// The tables of a section that are there: one, or one for each name.
fn tables(path: &str, config: &Config) -> Vec<Vec<String>> {
    match path {
        "" => vec![Vec::new()],
        "models.NAME" => named("models", config.models.keys()),
        "accounts.NAME" => named("accounts", config.accounts.keys()),
        path => vec![vec![path.to_owned()]],
    }
}

fn named<'a>(table: &str, names: impl Iterator<Item = &'a String>) -> Vec<Vec<String>> {
    names.map(|name| vec![table.to_owned(), name.clone()]).collect()
}

/// A key as TOML writes it: bare when it can be.
fn quoted(key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        toml::Value::String(key.to_owned()).to_string()
    }
}

/// The default of a setting as the file writes it, for those that have one.
fn default(section: &Section, setting: &Setting) -> Option<String> {
    let defaults = Table::try_from(Config::default()).ok()?;
    let path: Vec<&str> =
        [section.path, setting.name].into_iter().filter(|part| !part.is_empty()).collect();
    at(&defaults, &path).map(|value| value.to_string())
}

fn comment(doc: &[&str]) -> String {
    doc.iter().flat_map(|line| ["#", line, "\n"]).collect()
}

/// Doc lines as Markdown; indented ones stay a block of code.
fn prose(doc: &[&str]) -> String {
    let lines: Vec<_> = doc.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Source};

    fn elsewhere() -> (tempfile::TempDir, Environment) {
        let folder = tempfile::tempdir().unwrap();
        let environment = Environment::of(folder.path(), [("HOME", "/home/ada")]);
        (folder, environment)
    }

    #[test]
    fn the_reference_loads_and_changes_nothing() {
        let (folder, environment) = elsewhere();
        let uncommented: String = reference()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(setting) if !setting.starts_with([' ', '#']) => format!("{setting}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        std::fs::write(folder.path().join("retake.toml"), &uncommented).unwrap();

        let loaded = Config::load(None, &environment).unwrap();

        let data_dir = "/home/ada/.local/share/retake".into();
        assert_eq!(loaded.config, Config { data_dir, ..Config::default() });
        assert!(matches!(loaded.sources.of("policy.deadline"), Source::File { .. }));
        let every_key = toml::Table::try_from(Config::default()).unwrap();
        assert_eq!(uncommented.parse::<toml::Table>().unwrap(), {
            let mut keys = every_key;
            keys.remove("models");
            keys.remove("accounts");
            keys
        });
    }

    #[test]
    fn what_is_shown_can_be_read_again() {
        let (folder, environment) = elsewhere();
        let file =
            "data_dir = \"/srv/retake\"\n[models.\"gen4.5\"]\nroutes = [\"animatic/animatic\"]\n";
        std::fs::write(folder.path().join("retake.toml"), file).unwrap();
        let first = Config::load(None, &environment).unwrap();
        let shown = first.render_toml();

        std::fs::write(folder.path().join("retake.toml"), &shown).unwrap();
        let second = Config::load(None, &environment).unwrap();

        assert_eq!(second.config, first.config);
        assert!(shown.contains("data_dir = \"/srv/retake\" # retake.toml:1\n"), "{shown}");
        assert!(shown.contains("[models.\"gen4.5\"]"), "{shown}");
        assert!(shown.contains("max_attempts = 4 # default\n"), "{shown}");
    }

    #[test]
    fn the_page_names_every_setting() {
        let page = reference_markdown();

        for section in Section::ALL {
            for setting in section.settings {
                assert!(page.contains(&format!("`{}`", section.key(setting.name))));
            }
        }
    }
}
