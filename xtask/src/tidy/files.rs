//! Files: their size, their names, and what every manifest says.

use std::path::Path;

use super::Fault;
use crate::workspace::Source;

const LINES_MAX: usize = 500;
/// A thing needed twice has a name of its own.
const MEANINGLESS: &[&str] =
    &["common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"];

pub(super) fn too_long(source: &Source) -> Vec<Fault> {
    let lines = source.text.lines().count();
    if !source.is("rs") || lines <= LINES_MAX {
        return Vec::new();
    }
    vec![format!("{}: {lines} lines, at most {LINES_MAX} are allowed", source.path)]
}

pub(super) fn meaningless_name(source: &Source) -> Vec<Fault> {
    if !source.is("rs") {
        return Vec::new();
    }
    let in_path = Path::new(&source.path).iter().filter_map(|part| Path::new(part).file_stem());
    let in_path = in_path.filter_map(|name| name.to_str());
    let inline = source.text.lines().filter_map(inline_module);
    in_path
        .chain(inline)
        .filter(|name| MEANINGLESS.contains(name))
        .map(|name| format!("{}: {name} says nothing about what is in it", source.path))
        .collect()
}

/// The name of the module that starts on this line, if one does.
fn inline_module(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("pub").map_or(line, |rest| {
        rest.strip_prefix("(crate)").or(rest.strip_prefix("(super)")).unwrap_or(rest).trim_start()
    });
    let name = line.strip_prefix("mod ")?.strip_suffix('{')?;
    Some(name.trim())
}

pub(super) fn manifest_without_lints(source: &Source) -> Vec<Fault> {
    if !source.path.ends_with("/Cargo.toml") {
        return Vec::new();
    }
    let manifest: toml::Table = match toml::from_str(&source.text) {
        Ok(manifest) => manifest,
        Err(error) => return vec![format!("{}: {error}", source.path)],
    };
    let inherits = |lints: &toml::Value| lints.get("workspace").and_then(toml::Value::as_bool);
    match manifest.get("lints").and_then(inherits) {
        Some(true) => Vec::new(),
        _ => vec![format!("{}: [lints] workspace = true is missing", source.path)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_file_of_501_lines_is_too_long() {
        assert!(too_long(&source("a.rs", &"\n".repeat(500))).is_empty());
        assert_eq!(too_long(&source("a.rs", &"\n".repeat(501))).len(), 1);
        assert!(too_long(&source("a.md", &"\n".repeat(501))).is_empty());
    }

    #[test]
    fn names_without_meaning_are_found_in_paths_and_inline() {
        for (path, text) in [
            ("crates/wire/src/utils.rs", ""),
            ("crates/wire/src/helpers/hex.rs", ""),
            ("crates/wire/src/hex.rs", "    pub(crate) mod common {"),
            ("crates/wire/src/hex.rs", "mod misc {"),
        ] {
            assert_eq!(meaningless_name(&source(path, text)).len(), 1, "{path} {text}");
        }
        assert!(meaningless_name(&source("crates/wire/src/hex.rs", "mod tests {")).is_empty());
    }

    #[test]
    fn a_manifest_inherits_the_lints() {
        let manifest = |text| manifest_without_lints(&source("crates/a/Cargo.toml", text)).len();
        assert_eq!(manifest("[lints]\nworkspace = true\n"), 0);
        assert_eq!(manifest("[lints]\nworkspace = false\n"), 1);
        assert_eq!(manifest("[package]\nname = 'a'\n"), 1);
    }
}
