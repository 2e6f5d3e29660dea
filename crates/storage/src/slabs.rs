//! Memory that chunks are written from and that the tail then refers to. It is used again when
//! nobody refers to it any more: fresh memory costs the kernel about as much as writing it.

use parking_lot::Mutex;
use runtime::Pages;

/// Slabs are of this size; what is larger gets its own.
const SLAB_BYTES: usize = 8 << 20;

/// Slabs beyond those that hold the tail.
const SPARE: usize = 2;

/// The slabs, first the one that is being given out.
#[derive(Debug)]
pub(crate) struct Slabs {
    slabs: Mutex<Vec<Pages>>,
    /// So many are kept. Others go when the tail lets go of them.
    kept: usize,
}

impl Slabs {
    /// Enough to hold a tail of `tail_bytes` and what is being written.
    pub(crate) fn new(tail_bytes: usize) -> Self {
        Self { slabs: Mutex::default(), kept: tail_bytes / SLAB_BYTES + SPARE }
    }

    /// An empty buffer with room for `bytes`.
    pub(crate) fn take(&self, bytes: usize) -> Pages {
        let mut slabs = self.slabs.lock();
        if slabs.first().is_none_or(|slab| slab.room() < bytes) {
            match slabs.iter_mut().position(|slab| slab.reclaim() && slab.room() >= bytes) {
                Some(free) => slabs.swap(0, free),
                None => {
                    slabs.insert(0, Pages::with_capacity(bytes.max(SLAB_BYTES)));
                    slabs.truncate(self.kept);
                }
            }
        }
        slabs[0].take(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_stays_and_what_is_not_is_used_again() {
        let slabs = Slabs::new(4 * SLAB_BYTES);
        let take = |byte: u8| {
            let mut pages = slabs.take(SLAB_BYTES / 2);
            pages.extend(&vec![byte; SLAB_BYTES / 2]);
            (pages.split(), slabs.slabs.lock().len())
        };
        let (first, _) = take(1);
        let (second, _) = take(2);
        let address = first.as_ptr();
        let (third, slabs_then) = take(3);
        assert_eq!(slabs_then, 2);
        assert!(first.iter().all(|byte| *byte == 1) && second.iter().all(|byte| *byte == 2));
        drop((first, second));
        let (_fourth, _) = take(4);
        let (fifth, slabs_then) = take(5);
        assert_eq!((fifth.as_ptr(), slabs_then), (address, 2));
        assert!(third.iter().all(|byte| *byte == 3));
    }

    #[test]
    fn no_more_than_the_bound_are_kept() {
        let slabs = Slabs::new(2 * SLAB_BYTES);
        let taken: Vec<_> = (0..10).map(|_| slabs.take(SLAB_BYTES)).collect();
        assert_eq!(slabs.slabs.lock().len(), 2 + SPARE);
        drop(taken);
    }
}
