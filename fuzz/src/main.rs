//! `cargo run --release -p fuzz -- --for 5m [TARGET..]`: a long run of the plain mutator.
#![expect(clippy::print_stdout, reason = "a command-line program talks to its user")]

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::Parser;
use fuzz::{Budget, Corpus, Failure, TARGETS, Target, run};

/// Runs targets on mutations of their corpora, without libFuzzer
#[derive(Parser)]
struct Args {
    /// How long, shared out evenly among the targets
    #[arg(long = "for", default_value = "1m", value_name = "TIME", value_parser = duration)]
    time: Duration,
    /// Another seed makes other mutations; without one it is drawn and printed
    #[arg(long)]
    seed: Option<u64>,
    /// Which targets; all of them, if none is named
    targets: Vec<String>,
}

fn main() -> Result<()> {
    let Args { time, seed, targets } = Args::parse();
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    let named: Vec<&Target> = match targets.is_empty() {
        true => TARGETS.iter().collect(),
        false => targets.iter().map(|name| target(name)).collect::<Result<_>>()?,
    };
    let share = time / u32::try_from(named.len()).expect("there are few targets");
    println!("seed {seed}");
    for target in named {
        let corpus = Corpus::load(target.name)
            .with_context(|| format!("cannot read the corpus of {}", target.name))?;
        match run(target, &corpus, seed, Budget::Time(share)) {
            Ok(mutations) => println!("{:16} {mutations:>12} mutations", target.name),
            Err(failure) => return report(target, &failure),
        }
    }
    Ok(())
}

fn target(name: &str) -> Result<&'static Target> {
    let found = TARGETS.iter().find(|target| target.name == name);
    found.with_context(|| {
        let names: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        format!("there is no target {name}, there are: {}", names.join(" "))
    })
}

/// Keeps the input where `cargo fuzz` does too.
fn report(target: &Target, Failure { from, input }: &Failure) -> Result<()> {
    let directory = Corpus::directory(target.name).join("../../artifacts").join(target.name);
    std::fs::create_dir_all(&directory)?;
    let path = directory.join("found");
    std::fs::write(&path, input)?;
    bail!("{} failed at {from}; the input is in {}", target.name, path.display());
}

/// `5m`, `1h 30m`.
fn duration(text: &str) -> Result<Duration> {
    let span: jiff::SignedDuration = text.parse()?;
    let duration = Duration::try_from(span).context("it must not be negative")?;
    ensure!(!duration.is_zero(), "it must not be zero");
    Ok(duration)
}
