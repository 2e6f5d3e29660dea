//! Links between the pages of the repository.

use std::path::Path;

use super::Fault;
use crate::workspace::{self, Source};

pub(super) fn broken(source: &Source) -> Vec<Fault> {
    if !source.is("md") {
        return Vec::new();
    }
    let page = workspace::root().join(&source.path);
    let folder = page.parent().expect("a file is in a folder");
    let mut faults = Vec::new();
    for (number, target) in local_targets(source) {
        if !folder.join(Path::new(target)).exists() {
            faults.push(format!("{}:{number}: the link to {target} leads nowhere", source.path));
        }
    }
    faults
}

/// The files that a page links to, without the links to places within a page.
fn local_targets(source: &Source) -> Vec<(usize, &str)> {
    let mut targets = Vec::new();
    let mut in_code = false;
    for (number, line) in source.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        for piece in line.split("](").skip(1) {
            let Some((target, _)) = piece.split_once(')') else { continue };
            let file = target.split_once('#').map_or(target, |(file, _)| file);
            if !file.is_empty() && !file.contains(':') {
                targets.push((number, file));
            }
        }
    }
    targets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(text: &str) -> Source {
        Source { path: "README.md".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn links_to_files_are_found_and_others_are_not() {
        let page = page("[a](b.md) [c](d/e.md#f)\n[g](https://example.com) [h](#i)\n```\n[j](k)\n");
        assert_eq!(local_targets(&page), [(1, "b.md"), (1, "d/e.md")]);
    }

    #[test]
    fn a_link_into_nothing_is_broken() {
        assert!(broken(&page("[itself](xtask/Cargo.toml)")).is_empty());
        let faults = broken(&page("\n[gone](no/such/page.md)"));
        assert_eq!(faults, ["README.md:2: the link to no/such/page.md leads nowhere"]);
    }
}
