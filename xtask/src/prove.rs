//! The long part of what is tested by chance, within a time that is shared out.
//!
//! Each part is a command of its own, which anybody may type. What it prints goes into a file; here
//! it becomes one line.

mod parts;

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::{self, Stopwatch, cargo};
use parts::{PARTS, Pace, Part};

/// Arguments of `cargo xtask prove`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long in all, building left out; every part runs once at least
    #[arg(long, default_value = "30m", value_name = "TIME", value_parser = duration)]
    budget: Duration,
    /// Where chance begins; without it, another one each second
    #[arg(long)]
    seed: Option<u64>,
    /// Only these parts, which then share the whole budget
    parts: Vec<String>,
}

/// A run that takes so much longer than its share hangs.
const OVERTIME: Duration = Duration::from_secs(900);
/// Lines of a failure that are shown here.
const TAIL: usize = 40;

pub(crate) fn run(args: &Args) -> Result<()> {
    let parts = chosen(&args.parts)?;
    let seed = args.seed.unwrap_or_else(workspace::seconds_since_1970);
    println!("seed {seed}");
    let builds: BTreeSet<_> = parts.iter().map(|part| part.build).collect();
    for build in builds {
        workspace::run(&mut cargo(build))?;
    }
    let weights: u32 = parts.iter().map(|part| part.weight).sum();
    let mut failed = Vec::new();
    for part in parts {
        let proof = Proof { part, share: args.budget * part.weight / weights, seed };
        match proof.run() {
            Ok(found) => println!("{found}"),
            Err(error) => {
                println!("{:<10} FAILED: {error:#}", part.name);
                failed.push(part.name);
            }
        }
    }
    ensure!(failed.is_empty(), "prove: {} failed", failed.join(", "));
    Ok(())
}

fn chosen(names: &[String]) -> Result<Vec<&'static Part>> {
    let known: Vec<&str> = PARTS.iter().map(|part| part.name).collect();
    for name in names {
        ensure!(known.contains(&name.as_str()), "no part {name}, only {}", known.join(", "));
    }
    let wanted = |part: &&Part| names.is_empty() || names.iter().any(|name| name == part.name);
    Ok(PARTS.iter().filter(wanted).collect())
}

/// One part, and what it may cost.
struct Proof {
    part: &'static Part,
    share: Duration,
    seed: u64,
}

impl Proof {
    /// Runs the part as often as its share allows, and says what that was.
    fn run(&self) -> Result<String> {
        let stopwatch = Stopwatch::start();
        let mut counted = 0;
        let mut longest = Duration::ZERO;
        for run in 0.. {
            let started = stopwatch.elapsed();
            let output = self.run_once(self.seed + run)?;
            if let Some(skipped) = output.lines().find(|line| line.starts_with("SKIPPED")) {
                return Ok(format!("{:<10} {skipped}", self.part.name));
            }
            counted += (self.part.count)(&output);
            longest = longest.max(stopwatch.elapsed() - started);
            if self.part.pace != Pace::Again || stopwatch.elapsed() + longest > self.share {
                break;
            }
        }
        ensure!(counted > 0, "it tried nothing; see {}", self.log().display());
        let Part { name, what, .. } = self.part;
        let seconds = stopwatch.elapsed().as_secs();
        Ok(format!("{name:<10} {counted:>12} {what} in {seconds} s: nothing is wrong"))
    }

    fn run_once(&self, seed: u64) -> Result<String> {
        let (variables, arguments) = self.part.command(seed, self.share);
        let mut command = cargo(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        command.envs(variables.iter().map(|(name, value)| (name, value)));
        let outcome = self.finish(&mut command);
        let output = fs::read(self.log()).context("read what it printed")?;
        let output = String::from_utf8_lossy(&output).into_owned();
        if let Err(error) = outcome {
            let from = output.lines().count().saturating_sub(TAIL);
            output.lines().skip(from).for_each(|line| println!("    {line}"));
            let variables = variables.iter().map(|(name, value)| format!("{name}={value} "));
            let variables: String = variables.collect();
            bail!(
                "{error:#}; all of it is in {}; again: {variables}cargo {}",
                self.log().display(),
                arguments.join(" ")
            );
        }
        Ok(output)
    }

    fn finish(&self, command: &mut Command) -> Result<()> {
        let log = self.log();
        fs::create_dir_all(log.parent().expect("it is in a folder"))?;
        let file = OpenOptions::new().create(true).write(true).truncate(true).open(&log)?;
        command.stdout(file.try_clone()?).stderr(file);
        workspace::finish_within(self.share + OVERTIME, command)
    }

    fn log(&self) -> PathBuf {
        workspace::root().join("target/prove").join(self.part.name).with_extension("log")
    }
}

/// `30m`, `1h 30m`.
pub(crate) fn duration(text: &str) -> Result<Duration> {
    let span: jiff::SignedDuration = text.parse()?;
    Duration::try_from(span).context("it must not be negative")
}
