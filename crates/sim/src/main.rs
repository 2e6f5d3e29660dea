//! `cargo run --release -p sim -- FIRST [LAST] [--for 10m]`: runs seeds.
//!
//! One seed prints its trace. Of several, each prints its first line; with `--for` seeds that do
//! not fit into the time are left out. The first failure ends it, with the command to see it again.
//! `RUST_LOG=sim=debug,warn` shows what happens while it happens, and what the node says.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use tokio::time::Instant;

const USAGE: &str = "usage: sim FIRST [LAST] [--for 10m]";

fn main() -> Result<()> {
    let wanted = tracing_subscriber::EnvFilter::builder()
        .with_default_directive(tracing_subscriber::filter::LevelFilter::OFF.into())
        .from_env_lossy();
    tracing_subscriber::fmt().with_env_filter(wanted).with_writer(std::io::stderr).init();
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (seeds, time) = match arguments.iter().position(|argument| argument == "--for") {
        Some(at) => (&arguments[..at], Some(duration(&arguments[at + 1..])?)),
        None => (&arguments[..], None),
    };
    let seed = |text: &String| text.parse::<u64>().context(USAGE);
    let (first, last) = match seeds {
        [first] if time.is_some() => (seed(first)?, u64::MAX),
        [only] => {
            println!("{}", sim::prove(seed(only)?)?.join("\n"));
            return Ok(());
        }
        [first, last] => (seed(first)?, seed(last)?),
        _ => bail!(USAGE),
    };
    let started = Instant::now();
    let mut done = 0_u64;
    for seed in first..=last {
        if time.is_some_and(|time| started.elapsed() >= time) {
            break;
        }
        let trace = sim::prove(seed)?;
        println!("{} ({} lines)", trace[0].trim_start(), trace.len());
        done += 1;
    }
    println!("{done} seeds in {} s, each run twice: nothing is wrong", started.elapsed().as_secs());
    Ok(())
}

/// `90s`, `10m`, `8h`.
fn duration(arguments: &[String]) -> Result<Duration> {
    let [text] = arguments else { bail!(USAGE) };
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let seconds = ["s", "m", "h"].iter().position(|known| *known == unit);
    let seconds = 60_u64.pow(seconds.context(USAGE)? as u32);
    let number: u64 = number.parse().context(USAGE)?;
    ensure!(number > 0, "the time is over before it begins");
    Ok(Duration::from_secs(number * seconds))
}
