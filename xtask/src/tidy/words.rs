//! Words that do not belong into the repository.

use super::Fault;
use crate::workspace::Source;

/// Put together from halves, so that this file does not find itself.
const FORBIDDEN: &[(&str, &str)] = &[
    (concat!("crates", ".io"), "name packages, not the registry that serves them"),
    (concat!("pypi", ".org"), "name packages, not the registry that serves them"),
    (concat!("pythonhosted", ".org"), "name packages, not the registry that serves them"),
    (concat!("npmjs", ".org"), "name packages, not the registry that serves them"),
    (concat!("npmjs", ".com"), "name packages, not the registry that serves them"),
    (concat!("repo1.maven", ".org"), "name packages, not the registry that serves them"),
    (concat!("proxy.golang", ".org"), "name packages, not the registry that serves them"),
    (concat!("/ho", "me/"), "a path of one machine"),
    (concat!("/ro", "ot/"), "a path of one machine"),
    (concat!("/Us", "ers/"), "a path of one machine"),
    (concat!("/wo", "rk/"), "a path of one machine"),
    (concat!("/t", "mp/"), "a path of one machine"),
    (concat!("TO", "DO"), "do it, or open an issue"),
    (concat!("FIX", "ME"), "fix it, or open an issue"),
];

/// Cargo writes it, and names the registry of every package.
const LOCK_FILE: &str = "Cargo.lock";

pub(super) fn forbidden(source: &Source) -> Vec<Fault> {
    if source.path == LOCK_FILE {
        return Vec::new();
    }
    let mut faults = Vec::new();
    for (number, line) in source.lines() {
        for (word, reason) in FORBIDDEN.iter().filter(|(word, _)| line.contains(word)) {
            faults.push(format!("{}:{number}: {word:?}: {reason}", source.path));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_names_its_line() {
        let text = format!("fine\n// {} later\n", concat!("TO", "DO"));
        let mut source = Source { path: "a.rs".to_owned(), text };
        let [fault] = forbidden(&source).try_into().expect("one fault");
        assert!(fault.starts_with("a.rs:2: "), "{fault}");
        source.path = LOCK_FILE.to_owned();
        assert!(forbidden(&source).is_empty());
    }
}
