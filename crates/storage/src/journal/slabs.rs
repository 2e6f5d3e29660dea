//! Memory that chunks are written from and that the tail then refers to. It is used again when
//! nobody refers to it any more: fresh memory costs the kernel about as much as writing it.

use runtime::Pages;

/// Chunks share slabs of this size; a larger one gets its own.
const SLAB_BYTES: usize = 8 << 20;
/// So many are kept. Others go when the tail lets go of them.
const SLABS_MAX: usize = 8;

/// The slabs, first the one that is being filled.
#[derive(Default)]
pub(crate) struct Slabs(Vec<Pages>);

impl Slabs {
    /// Empty pages with room for `bytes`.
    pub(crate) fn with_room(&mut self, bytes: usize) -> &mut Pages {
        if self.0.first().is_none_or(|slab| slab.room() < bytes) {
            match self.0.iter_mut().position(|slab| slab.reclaim() && slab.room() >= bytes) {
                Some(free) => self.0.swap(0, free),
                None => {
                    self.0.insert(0, Pages::with_capacity(bytes.max(SLAB_BYTES)));
                    self.0.truncate(SLABS_MAX);
                }
            }
        }
        &mut self.0[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_referred_to_stays_and_what_is_not_is_used_again() {
        let mut slabs = Slabs::default();
        let mut take = |byte: u8| {
            let pages = slabs.with_room(SLAB_BYTES / 2);
            pages.extend(&vec![byte; SLAB_BYTES / 2]);
            (pages.split(), slabs.0.len())
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
        let mut slabs = Slabs::default();
        let chunks: Vec<_> = (0..2 * SLABS_MAX)
            .map(|_| {
                let pages = slabs.with_room(SLAB_BYTES);
                pages.extend(&[1]);
                pages.pad();
                pages.split()
            })
            .collect();
        assert_eq!(slabs.0.len(), SLABS_MAX);
        drop(chunks);
    }
}
