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

    /// Whether the one of `count` equal chances came.
    pub fn one_in(&self, count: u64) -> bool {
        self.within(0..count) == 0
    }

    /// The number of one of `count` things; there must be one.
    pub fn index(&self, count: usize) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).usize(0..count)
    }
}

impl Entropy for SimEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fill(buffer);
    }
}
