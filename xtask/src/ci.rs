//! Everything that continuous integration checks after `cargo test`, cheapest first.

use anyhow::Result;

use crate::workspace::{self, Stopwatch, cargo};
use crate::{compat, example, tidy};

type Step = fn() -> Result<()>;

const STEPS: &[(&str, Step)] = &[
    ("format", || workspace::run(&mut cargo(&["fmt", "--all", "--check"]))),
    ("tidy", tidy::run),
    ("clippy", || {
        let clippy = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        workspace::run(&mut cargo(&clippy))
    }),
    ("example", example::run),
    ("compat", || compat::run_release(|suite| !compat::is_of_rust(suite))),
    // The last, so that the log of a check ends with cargo's summary of a test run.
    ("rust sdk", || compat::run_release(compat::is_of_rust)),
];

pub(crate) fn run() -> Result<()> {
    for (name, step) in STEPS {
        println!("=== {name}");
        let stopwatch = Stopwatch::start();
        step()?;
        println!("=== {name}: ok, {:.0} s", stopwatch.elapsed().as_secs_f64());
    }
    Ok(())
}
