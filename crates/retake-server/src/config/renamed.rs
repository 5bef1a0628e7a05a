//! Settings that had another name in an earlier version. Files and variables that still use it go on to work.

/// The section, the earlier name and the present one.
const RENAMED: [(&str, &str, &str); 6] = [
    ("server", "hosts", "allowed_hosts"),
    ("server", "reach_private_addresses", "allow_private_addresses"),
    ("accounts", "answer_within", "response_timeout"),
    ("accounts", "longest_render", "render_timeout"),
    ("accounts", "poll_every", "poll_interval"),
    ("policy", "retry_after", "retry_delay"),
];

/// The path under which a setting is known now; nothing where that is the one given.
pub(super) fn current_path<'a>(path: &[&'a str]) -> Option<Vec<&'a str>> {
    let (section, name) = (path.first()?, path.last()?);
    let (.., new) =
        RENAMED.iter().find(|(in_section, old, _)| in_section == section && old == name)?;
    Some([&path[..path.len() - 1], &[*new]].concat())
}

/// The path that a variable with an earlier name sets.
pub(super) fn path_of_variable(variable: &str) -> Option<Vec<&'static str>> {
    let name = variable.strip_prefix("RETAKE_")?.to_lowercase();
    let (section, old) = name.split_once("__")?;
    let found = RENAMED.iter().find(|(in_section, it, _)| *in_section == section && *it == old);
    found.filter(|_| section != "accounts").map(|(section, _, new)| vec![*section, *new])
}
