//! Bits that are not what was written. They lie over the true bytes, so that what rotted can be
//! healed; what is written anew is whole again.

use std::collections::BTreeMap;
use std::ops::Range;

/// The changed bits of one file, by byte.
#[derive(Default)]
pub(super) struct Rot(BTreeMap<usize, u8>);

impl Rot {
    /// One bit changes, or changes back.
    pub(super) fn flip(&mut self, byte: usize, bit: u64) {
        let bits = self.0.entry(byte).or_default();
        *bits ^= 1 << bit;
        if *bits == 0 {
            self.0.remove(&byte);
        }
    }

    /// `bytes`, which begin at `start`, as a reader gets them.
    pub(super) fn apply(&self, start: usize, bytes: &mut [u8]) {
        for (byte, bits) in self.0.range(start..start + bytes.len()) {
            bytes[byte - start] ^= bits;
        }
    }

    /// New bytes are written there.
    pub(super) fn forget(&mut self, range: Range<usize>) {
        self.0.retain(|byte, _| !range.contains(byte));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
