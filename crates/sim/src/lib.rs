//! Simulated faults: the real node, whole, on a world of its own.
//!
//! One seed draws everything: what goes wrong at all ([`faults`]), what producers send, when the
//! node ends, which unsynced sectors survive. Actors use the node's public API over a simulated
//! network, what they did and saw is a [`history`], and [`checkers`] hold it against what was
//! promised. Each seed runs twice and must leave the same [`trace`].
//!
//! Nothing depends on this crate.

mod actors;
pub mod checkers;
pub mod faults;
pub mod history;
mod node;
mod retention;
mod run;
mod scenario;
pub mod trace;
pub mod world;

use anyhow::{Context, Result, bail};

/// Runs the scenario on `seed` twice and gives its trace, or says what broke and how to see it
/// again.
pub fn prove(seed: u64) -> Result<Vec<String>> {
    let replay = || format!("replay with: cargo run --release -p sim -- {seed}");
    let first = once(seed).with_context(replay)?;
    let second = once(seed).with_context(replay)?;
    if let Some(difference) = trace::first_difference(&first, &second) {
        bail!("seed {seed} ran differently the second time, at {difference}\n{}", replay());
    }
    Ok(first)
}

#[cfg(tokio_unstable)]
fn once(seed: u64) -> Result<Vec<String>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        // tokio draws the order in which it wakes the waiters of a watch.
        .rng_seed(tokio::runtime::RngSeed::from_bytes(&seed.to_le_bytes()))
        .build()
        .context("cannot start the simulation's runtime")?;
    runtime.block_on(scenario::run(seed))
}

#[cfg(not(tokio_unstable))]
fn once(_seed: u64) -> Result<Vec<String>> {
    bail!("build with --cfg tokio_unstable, as .cargo/config.toml does unless RUSTFLAGS is set")
}
