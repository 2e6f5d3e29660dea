//! Bytes that begin at a page, so that the disk can be handed them as they are.

use std::ops::Deref;

use bytes::Bytes;

/// What the address, length and place of a write must be multiples of to go around the page cache.
pub const PAGE_BYTES: usize = 4096;

/// A buffer of a fixed size that begins at a page.
#[derive(Default)]
pub struct Pages {
    bytes: Vec<u8>,
    /// Where the page begins.
    start: usize,
    capacity: usize,
}

impl Pages {
    /// An empty one with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        let mut bytes: Vec<u8> = Vec::with_capacity(capacity + PAGE_BYTES);
        let start = bytes.as_ptr().align_offset(PAGE_BYTES);
        assert!(start < PAGE_BYTES, "an address in memory can be aligned");
        bytes.resize(start, 0);
        Self { bytes, start, capacity }
    }

    /// How much it can hold.
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Room that is left.
    pub fn room(&self) -> usize {
        self.capacity - self.len()
    }

    /// Adds `bytes`, for which there must be room: growing would move it off its page.
    pub fn extend(&mut self, bytes: &[u8]) {
        assert!(bytes.len() <= self.room(), "a buffer of pages does not grow");
        self.bytes.extend_from_slice(bytes);
    }

    /// Fills up the last page with zeros.
    pub fn pad(&mut self) {
        let length = self.len().next_multiple_of(PAGE_BYTES);
        assert!(length <= self.capacity, "a buffer of pages does not grow");
        self.bytes.resize(self.start + length, 0);
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.bytes.truncate(self.start);
    }

    /// The bytes, without a copy.
    pub fn into_bytes(self) -> Bytes {
        Bytes::from(self.bytes).slice(self.start..)
    }
}

impl Deref for Pages {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_begin_at_a_page_and_end_at_one_when_padded() {
        for capacity in [PAGE_BYTES, 3 * PAGE_BYTES] {
            let mut pages = Pages::with_capacity(capacity);
            for _ in 0..2 {
                pages.extend(b"record");
                assert_eq!(&pages[..], b"record");
                pages.pad();
                assert_eq!(pages.as_ptr().align_offset(PAGE_BYTES), 0);
                assert_eq!((pages.len(), pages.room()), (PAGE_BYTES, capacity - PAGE_BYTES));
                assert_eq!(&pages[6..], [0; PAGE_BYTES - 6]);
                pages.clear();
            }
            pages.extend(b"kept");
            assert_eq!(&pages.into_bytes()[..], b"kept");
        }
    }

    #[test]
    #[should_panic = "does not grow"]
    fn more_than_the_room_is_refused() {
        Pages::with_capacity(10).extend(&[0; 11]);
    }
}
