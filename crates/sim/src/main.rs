//! `cargo run -p sim -- SEED [COUNT]`: runs seeds and prints the last one's trace.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use anyhow::{Context, Result};

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let seed = arguments.next().context("usage: sim SEED [COUNT]")?.parse()?;
    let count: u64 = arguments.next().map_or(Ok(1), |count| count.parse())?;
    let mut trace = Vec::new();
    for seed in seed..seed + count {
        trace = sim::prove(seed)?;
    }
    println!("{}", trace.join("\n"));
    Ok(())
}
