//! Arbitrary bytes for everything that reads bytes which somebody else may have written.
//!
//! A [`Target`] takes any bytes and panics if the reader does, or if what it read is not what it
//! should be. Each has a corpus under `fuzz/corpus/NAME`: `cargo test -p fuzz` runs it and some
//! thousand [mutations](Mutator) of it, `cargo run -p fuzz` as many as there is time for, and
//! `cargo fuzz run NAME` looks for inputs that reach what no input reached before.
//!
//! Nothing depends on this crate.

mod corpus;
mod mutator;
mod run;
mod targets;

pub use corpus::Corpus;
pub use mutator::Mutator;
pub use run::{Budget, Failure, run};
pub use targets::{TARGETS, Target};

/// Runs one input of a target: for libFuzzer, which has a program for each.
pub fn run_one(name: &str, bytes: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    (target.unwrap_or_else(|| panic!("there is no target {name}")).run)(bytes);
}
