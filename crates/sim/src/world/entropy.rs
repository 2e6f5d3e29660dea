//! Chance from one seed.

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use runtime::Entropy;

/// A seeded generator: the same seed and the same order of calls give the same numbers.
#[derive(Debug)]
pub struct SimEntropy(Mutex<fastrand::Rng>);

impl SimEntropy {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }

    /// A number in `range`.
    pub fn within(&self, range: Range<u64>) -> u64 {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).u64(range)
    }
}

impl Entropy for SimEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(buffer);
    }
}
