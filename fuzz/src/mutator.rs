//! Inputs made from a corpus by chance alone: what can be had without instrumented code.

use std::ops::Range;

use fastrand::Rng;

/// No input gets longer, so that one that repeats itself stays cheap.
const BYTES_MAX: usize = 4096;
/// An input is changed in at most this many places.
const CHANGES_MAX: usize = 5;

/// Bytes that mean something to one parser or another.
const TELLING: &[u8] = b"{}[]\",:\\/=&%;. -+\n\r019aAZen\x00\x5f\x7f\x80\x9f\xa0\xbf\xf6\xff";
/// Numbers at which something may overflow.
const EDGES: [u64; 9] = [
    0,
    1,
    0x7f,
    0xffff,
    0x7fff_ffff,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];

/// Makes inputs of a corpus; the same ones from the same seed.
pub struct Mutator<'c> {
    corpus: Vec<&'c [u8]>,
    rng: Rng,
}

impl<'c> Mutator<'c> {
    /// Begins with `corpus`, in the order that it has.
    pub fn new(corpus: impl IntoIterator<Item = &'c [u8]>, seed: u64) -> Self {
        Self { corpus: corpus.into_iter().collect(), rng: Rng::with_seed(seed) }
    }

    /// The next input.
    pub fn make(&mut self) -> Vec<u8> {
        let mut bytes = self.any_of_corpus().to_vec();
        for _ in 0..self.rng.usize(1..=CHANGES_MAX) {
            self.change(&mut bytes);
        }
        bytes.truncate(BYTES_MAX);
        bytes
    }

    fn any_of_corpus(&mut self) -> &'c [u8] {
        self.rng.choice(&self.corpus).copied().unwrap_or_default()
    }

    fn change(&mut self, bytes: &mut Vec<u8>) {
        let at = self.rng.usize(..=bytes.len());
        match self.rng.u8(..10) {
            0..=2 => {
                let byte = self.byte();
                if let Some(changed) = bytes.get_mut(at) {
                    *changed = byte;
                }
            }
            3 => {
                if let Some(changed) = bytes.get_mut(at) {
                    *changed ^= 1 << self.rng.u8(..8);
                }
            }
            4 => bytes.insert(at, self.byte()),
            5 => bytes.truncate(at),
            6 => drop(bytes.drain(self.piece(bytes))),
            7 => {
                let again = bytes[self.piece(bytes)].to_vec();
                bytes.splice(at..at, again);
            }
            8 => self.put_number(bytes, at),
            _ => {
                let other = self.any_of_corpus();
                let piece = self.piece(other);
                bytes.splice(at..at, other[piece].iter().copied());
            }
        }
    }

    fn byte(&mut self) -> u8 {
        if self.rng.bool() {
            self.rng.u8(..)
        } else {
            self.rng.choice(TELLING).copied().unwrap_or(0)
        }
    }

    fn piece(&mut self, of: &[u8]) -> Range<usize> {
        let (one, two) = (self.rng.usize(..=of.len()), self.rng.usize(..=of.len()));
        one.min(two)..one.max(two)
    }

    /// Writes an edge, or one beside it, over what is there, in any width and order of bytes.
    fn put_number(&mut self, bytes: &mut [u8], at: usize) {
        let edge = self.rng.choice(EDGES).unwrap_or(0);
        let number = edge.wrapping_add(self.rng.u64(..3)).wrapping_sub(1);
        let width = 1 << self.rng.usize(..4);
        let mut written = number.to_le_bytes()[..width].to_vec();
        if self.rng.bool() {
            written.reverse();
        }
        for (place, byte) in bytes[at..].iter_mut().zip(written) {
            *place = byte;
        }
    }
}
