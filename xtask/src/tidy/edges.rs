//! Which crate may depend on which: the table of the architecture, compared with the manifests.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::Fault;
use crate::workspace;

/// One crate's row: what the product may be built from, and what only its tests may use on top.
struct Row {
    name: &'static str,
    may_use: &'static [&'static str],
    tests_may_use: &'static [&'static str],
}

/// A crate may use what its row names, and nothing else of ours. Rows run from the ground up, so
/// there is no cycle: an edge that is missing here is a change of the architecture, not a fix.
const LAW: &[Row] = &[
    Row { name: "model", may_use: &[], tests_may_use: &[] },
    Row { name: "runtime", may_use: &["model"], tests_may_use: &[] },
    Row { name: "storage", may_use: &["runtime", "model"], tests_may_use: &[] },
    Row { name: "wire", may_use: &["model"], tests_may_use: &[] },
    Row { name: "security", may_use: &["storage", "wire", "runtime", "model"], tests_may_use: &[] },
    Row {
        name: "streams",
        may_use: &["security", "storage", "wire", "runtime", "model"],
        tests_may_use: &[],
    },
    Row { name: "weir-client", may_use: &["wire", "runtime", "model"], tests_may_use: &[] },
    Row {
        name: "server",
        may_use: &["streams", "security", "storage", "wire", "runtime", "model"],
        tests_may_use: &["weir-client"],
    },
    Row {
        name: "weir",
        // `weir check` reads a stopped directory, where there is no node to ask.
        may_use: &["server", "weir-client", "storage", "wire", "runtime", "model"],
        tests_may_use: &[],
    },
    // It sees to every reader of bytes; nothing may see it.
    Row {
        name: "fuzz",
        may_use: &["server", "streams", "security", "storage", "wire", "runtime", "model"],
        tests_may_use: &[],
    },
    Row { name: "xtask", may_use: &["wire", "server"], tests_may_use: &[] },
    Row { name: "compat-rust-sdk", may_use: &[], tests_may_use: &[] },
];

/// The fake world may see everything, and nothing may see it.
const SIMULATION: &str = "sim";

/// A dependency of one of our crates on another.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: String,
    pub(super) to: String,
    pub(super) in_tests: bool,
}

/// Our crates and the edges between them, from the manifests.
pub(super) struct Graph {
    pub(super) crates: BTreeSet<String>,
    pub(super) edges: BTreeSet<Edge>,
}

/// What the law has against the graph.
pub(super) fn faults(graph: &Graph) -> Vec<Fault> {
    let law: BTreeMap<&str, &Row> = LAW.iter().map(|row| (row.name, row)).collect();
    let mut faults = Vec::new();
    for name in &graph.crates {
        if name != SIMULATION && !law.contains_key(name.as_str()) {
            faults.push(format!("crate {name}: give it a row in the table of edges"));
        }
    }
    for Row { name, .. } in LAW.iter().filter(|row| !graph.crates.contains(row.name)) {
        faults.push(format!("crate {name}: its row in the table of edges has no crate"));
    }
    for Edge { from, to, in_tests } in &graph.edges {
        let allowed = match law.get(from.as_str()) {
            _ if to == SIMULATION => false,
            None => from == SIMULATION,
            Some(row) => {
                row.may_use.contains(&to.as_str())
                    || (*in_tests && row.tests_may_use.contains(&to.as_str()))
            }
        };
        if !allowed {
            faults.push(format!("crate {from}: may not depend on {to}"));
        }
    }
    faults
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    kind: Option<String>,
    path: Option<String>,
}

/// Asks cargo for the manifests.
pub(super) fn of_the_workspace() -> Result<Graph> {
    let mut cargo = workspace::cargo(&["metadata", "--no-deps", "--format-version=1", "--locked"]);
    let answer = cargo.current_dir(workspace::root()).output().context("run cargo metadata")?;
    ensure!(answer.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&answer.stderr));
    let metadata: Metadata = serde_json::from_slice(&answer.stdout)?;
    let mut graph = Graph { crates: BTreeSet::new(), edges: BTreeSet::new() };
    for package in metadata.packages {
        for dependency in package.dependencies.into_iter().filter(|found| found.path.is_some()) {
            graph.edges.insert(Edge {
                from: package.name.clone(),
                to: dependency.name,
                in_tests: dependency.kind.as_deref() == Some("dev"),
            });
        }
        graph.crates.insert(package.name);
    }
    Ok(graph)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn law_with(from: &str, to: &str, in_tests: bool) -> Vec<Fault> {
        let crates = LAW.iter().map(|row| row.name.to_owned()).chain([SIMULATION.to_owned()]);
        let edge = Edge { from: from.to_owned(), to: to.to_owned(), in_tests };
        faults(&Graph { crates: crates.collect(), edges: [edge].into() })
    }

    #[test]
    fn an_edge_upwards_or_sideways_is_a_fault() {
        assert_eq!(law_with("storage", "wire", false), ["crate storage: may not depend on wire"]);
        assert_eq!(law_with("model", "server", false), ["crate model: may not depend on server"]);
        assert_eq!(law_with("server", "sim", true), ["crate server: may not depend on sim"]);
        assert!(law_with("streams", "storage", false).is_empty());
        assert!(law_with("sim", "server", false).is_empty());
    }

    #[test]
    fn what_tests_may_use_the_product_may_not() {
        assert!(law_with("server", "weir-client", true).is_empty());
        assert_eq!(law_with("server", "weir-client", false).len(), 1);
    }

    #[test]
    fn the_table_runs_from_the_ground_up() {
        for (position, row) in LAW.iter().enumerate() {
            for used in row.may_use {
                assert!(LAW[..position].iter().any(|below| below.name == *used), "{}", row.name);
            }
        }
    }

    #[test]
    fn a_crate_and_its_row_belong_together() {
        let mut crates: BTreeSet<String> = LAW.iter().map(|row| row.name.to_owned()).collect();
        crates.remove("wire");
        crates.insert("utensils".to_owned());
        let found = faults(&Graph { crates, edges: BTreeSet::new() });
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
