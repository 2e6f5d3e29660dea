//! What the compiler cannot check: each rule is a pure function from a file to its faults.

mod edges;
mod files;
mod links;
mod words;

use anyhow::{Result, bail};

use crate::docs;
use crate::workspace::{self, Source};

/// What is wrong, and where.
pub(crate) type Fault = String;

const RULES: &[fn(&Source) -> Vec<Fault>] = &[
    files::too_long,
    files::meaningless_name,
    files::manifest_without_lints,
    words::forbidden,
    links::broken,
];

pub(crate) fn run() -> Result<()> {
    let sources = workspace::sources()?;
    let mut faults = edges::faults(&edges::of_the_workspace()?);
    for source in &sources {
        faults.extend(RULES.iter().flat_map(|rule| rule(source)));
    }
    faults.extend(docs::out_of_date()?);
    for fault in &faults {
        println!("{fault}");
    }
    if !faults.is_empty() {
        bail!("{} faults", faults.len());
    }
    println!("tidy: {} files, no faults", sources.len());
    Ok(())
}
