//! Running a target without libFuzzer.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tokio::time::Instant;

use crate::corpus::Corpus;
use crate::mutator::Mutator;
use crate::targets::Target;

/// How long to go on.
#[derive(Clone, Copy, Debug)]
pub enum Budget {
    /// So many mutations.
    Mutations(u64),
    /// So long.
    Time(Duration),
}

/// An input at which a target panicked.
#[derive(Debug)]
pub struct Failure {
    /// Where it comes from.
    pub from: String,
    /// The input.
    pub input: Vec<u8>,
}

/// Runs `target` on its corpus and on mutations of it, and answers how many mutations that were.
/// Stops at the first input at which it panics; the panic itself has been printed.
pub fn run(target: &Target, corpus: &Corpus, seed: u64, budget: Budget) -> Result<u64, Failure> {
    for (name, input) in &corpus.inputs {
        attempt(target, input, || format!("corpus/{}/{name}", target.name))?;
    }
    let begun = Instant::now();
    let mut mutator = Mutator::new(corpus.inputs.iter().map(|(_, input)| &input[..]), seed);
    let mut made = 0;
    while !budget.is_spent(made, begun) {
        let input = mutator.make();
        attempt(target, &input, || format!("mutation {made} of seed {seed}"))?;
        made += 1;
    }
    Ok(made)
}

impl Budget {
    fn is_spent(self, made: u64, begun: Instant) -> bool {
        match self {
            Self::Mutations(count) => made >= count,
            Self::Time(time) => begun.elapsed() >= time,
        }
    }
}

fn attempt(target: &Target, input: &[u8], from: impl Fn() -> String) -> Result<(), Failure> {
    let outcome = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    outcome.map_err(|_| Failure { from: from(), input: input.to_vec() })
}
