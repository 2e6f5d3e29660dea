//! Bytes that begin at a page, so that the disk can be handed them as they are.

use std::ops::{Deref, DerefMut};

use bytes::{Buf, Bytes, BytesMut};

/// What the address, length and place of a write must be multiples of to go around the page cache.
pub const PAGE_BYTES: usize = 4096;

/// A buffer of a fixed size that begins at a page.
#[derive(Debug, Default)]
pub struct Pages {
    bytes: BytesMut,
    capacity: usize,
}

impl Pages {
    /// An empty one with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        let capacity = capacity.next_multiple_of(PAGE_BYTES);
        let bytes = BytesMut::with_capacity(capacity + PAGE_BYTES);
        let mut pages = Self { bytes, capacity };
        pages.align();
        pages
    }

    fn align(&mut self) {
        let start = self.bytes.as_ptr().align_offset(PAGE_BYTES);
        assert!(start < PAGE_BYTES, "an address in memory can be aligned");
        self.bytes.resize(start, 0);
        self.bytes.advance(start);
    }

    /// Room that is left, up to the end of the last page.
    pub fn room(&self) -> usize {
        let pages = self.bytes.capacity() / PAGE_BYTES;
        (pages * PAGE_BYTES).saturating_sub(self.bytes.len())
    }

    /// Adds `bytes`, for which there must be room: growing would move it off its page.
    pub fn extend(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "a buffer of pages does not grow");
        self.bytes.extend_from_slice(bytes);
    }

    /// Fills up the last page with zeros.
    pub fn pad(&mut self) {
        let length = self.len().next_multiple_of(PAGE_BYTES);
        assert!(length - self.len() <= self.room(), "a buffer of pages does not grow");
        self.bytes.resize(length, 0);
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Takes what is in it, without a copy. The room behind it is left, and begins at a page if
    /// whole pages were taken.
    pub fn split(&mut self) -> Bytes {
        self.bytes.split().freeze()
    }

    /// Takes the first `bytes` of the room, rounded up to whole pages, out of an empty buffer: an
    /// empty buffer of its own, in the same memory.
    pub fn take(&mut self, bytes: usize) -> Self {
        assert!(self.is_empty() && bytes <= self.room(), "a buffer of pages does not grow");
        let capacity = bytes.next_multiple_of(PAGE_BYTES);
        let rest = self.bytes.split_off(capacity);
        Self { bytes: std::mem::replace(&mut self.bytes, rest), capacity }
    }

    /// Empties it and takes back all the room there was at first. `false` if that cannot be,
    /// because somebody still refers to what was split off.
    pub fn reclaim(&mut self) -> bool {
        self.bytes.clear();
        let reclaimed = self.bytes.try_reclaim(self.capacity + PAGE_BYTES);
        if reclaimed {
            self.align();
        }
        reclaimed
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_aligned(bytes: &[u8]) -> bool {
        bytes.as_ptr().align_offset(PAGE_BYTES) == 0
    }

    #[test]
    fn they_begin_at_a_page_and_end_at_one_when_padded() {
        for capacity in [1, PAGE_BYTES, 3 * PAGE_BYTES] {
            let mut pages = Pages::with_capacity(capacity);
            assert!(pages.room() >= capacity && pages.room().is_multiple_of(PAGE_BYTES));
            for _ in 0..2 {
                pages.extend(b"record");
                assert_eq!(&pages[..], b"record");
                pages.pad();
                assert!(is_aligned(&pages) && pages.len() == PAGE_BYTES);
                assert_eq!(&pages[6..], [0; PAGE_BYTES - 6]);
                pages.clear();
            }
        }
    }

    #[test]
    fn what_is_split_off_is_reclaimed_when_nobody_refers_to_it() {
        let mut pages = Pages::with_capacity(3 * PAGE_BYTES);
        let mut split = |byte: u8| {
            pages.extend(&[byte]);
            pages.pad();
            pages.split()
        };
        let (first, second) = (split(1), split(2));
        assert!(is_aligned(&first) && is_aligned(&second));
        drop(first);
        assert!(!pages.reclaim());
        pages.extend(&[3; PAGE_BYTES]);
        assert_eq!((pages.len(), second[0]), (PAGE_BYTES, 2));
        drop(second);
        assert!(pages.reclaim());
        assert!(pages.is_empty() && pages.room() >= 3 * PAGE_BYTES);
        pages.extend(&[4; 3 * PAGE_BYTES]);
        assert!(is_aligned(&pages));
    }

    #[test]
    #[should_panic = "does not grow"]
    fn more_than_the_room_is_refused() {
        Pages::with_capacity(10).extend(&[0; 3 * PAGE_BYTES]);
    }
}
