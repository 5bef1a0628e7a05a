//! Whether the files that ARCHITECTURE.md names exist.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};

use crate::shell::Shell;

/// The document that says where things are.
const DOCUMENT: &str = "ARCHITECTURE.md";

/// Checks every path that the document names.
pub(crate) fn check(shell: &Shell) -> Result<()> {
    let text = std::fs::read_to_string(shell.root().join(DOCUMENT))
        .with_context(|| format!("failed to read {DOCUMENT}"))?;
    let missing = missing(&text, shell.root());
    ensure!(missing.is_empty(), "{DOCUMENT} names what does not exist: {}", missing.join(", "));
    Ok(())
}

/// What is named and does not exist: paths from the root, and links.
fn missing(text: &str, root: &Path) -> Vec<String> {
    let quoted = text.split('`').skip(1).step_by(2);
    let named = quoted.filter(|name| name.starts_with("crates/") || name.starts_with("docs/"));
    let links = text.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let links = links.map(|(link, _)| link).filter(|link| !link.contains("://"));
    let exists = |path: &str| {
        let path = path.split('#').next().unwrap_or_default();
        // Where one name stands for many, their folder does.
        let plain = path.split('<').next().unwrap_or_default();
        path.is_empty() || root.join(plain).exists()
    };
    named.chain(links).filter(|path| !exists(path)).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_or_a_link_that_leads_nowhere_is_named_and_what_exists_is_not() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let text = "`src/main.rs`, `crates/gone.rs`, [here](src/main.rs#top), [there](docs/gone.md), \
                    `crates/<name>/`, [far](https://example.com)";

        assert_eq!(missing(text, root), ["crates/gone.rs", "crates/<name>/", "docs/gone.md"]);
    }
}
