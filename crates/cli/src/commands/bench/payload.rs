//! What a record of a run is made of: a header that says which record it is and when it was due,
//! and filler that follows from the header. A reader can so tell every byte that is wrong without
//! remembering any.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use fastrand::Rng;

/// The header alone.
pub(super) const BYTES_MIN: usize = 32;

/// Which record it is, and when it was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) run: u64,
    pub(super) connection: u32,
    pub(super) key: u32,
    /// Counts the records of a connection's key from 0.
    pub(super) counter: u64,
    /// Since the run's epoch.
    pub(super) due: Duration,
}

impl Header {
    /// Appends a record of `bytes` bytes.
    pub(super) fn write(&self, bytes: usize, buffer: &mut BytesMut) {
        let end = buffer.len() + bytes;
        buffer.reserve(bytes);
        buffer.put_u64_le(self.run);
        buffer.put_u32_le(self.connection);
        buffer.put_u32_le(self.key);
        buffer.put_u64_le(self.counter);
        buffer.put_u64_le(u64::try_from(self.due.as_nanos()).unwrap_or(u64::MAX));
        let mut filler = self.filler();
        while end - buffer.len() >= 8 {
            buffer.put_u64_le(filler.u64(..));
        }
        let rest = filler.u64(..).to_le_bytes();
        buffer.put_slice(&rest[..end - buffer.len()]);
    }

    /// Reads a record and checks every byte of it.
    pub(super) fn read(data: &Bytes) -> Option<Self> {
        let header = data.first_chunk::<BYTES_MIN>()?;
        let number = |at: usize| {
            u64::from_le_bytes(header[at..at + 8].try_into().expect("it is 8 bytes long"))
        };
        let half = |at: usize| {
            u32::from_le_bytes(header[at..at + 4].try_into().expect("it is 4 bytes long"))
        };
        let header = Self {
            run: number(0),
            connection: half(8),
            key: half(12),
            counter: number(16),
            due: Duration::from_nanos(number(24)),
        };
        let mut filler = header.filler();
        let mut rest = data[BYTES_MIN..].chunks(8);
        rest.all(|chunk| *chunk == filler.u64(..).to_le_bytes()[..chunk.len()]).then_some(header)
    }

    /// The partition key: no two connections share one.
    pub(super) fn partition_key(&self) -> String {
        format!("{}-{}", self.connection, self.key)
    }

    /// Bytes that nothing can shrink.
    fn filler(&self) -> Rng {
        let which = u64::from(self.connection) << 32 | u64::from(self.key);
        let due = u64::try_from(self.due.as_nanos()).unwrap_or(u64::MAX);
        let mut filler = Rng::with_seed(self.run);
        // Each part goes through the mixer, so that swapped parts give other bytes.
        for part in [which, self.counter, due] {
            filler = Rng::with_seed(filler.u64(..) ^ part);
        }
        filler
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { run: 7, connection: 1, key: 2, counter: 3, due: Duration::from_nanos(4) };

    fn record(bytes: usize) -> BytesMut {
        let mut buffer = BytesMut::new();
        HEADER.write(bytes, &mut buffer);
        buffer
    }

    #[test]
    fn a_record_of_any_size_tells_what_it_is() {
        for bytes in [32, 33, 39, 40, 1024, 1027] {
            let data = record(bytes).freeze();
            assert_eq!(data.len(), bytes);
            assert_eq!(Header::read(&data), Some(HEADER));
        }
    }

    #[test]
    fn any_changed_byte_is_noticed() {
        for at in 0..100 {
            let mut changed = record(100);
            changed[at] ^= 1;
            assert_ne!(Header::read(&changed.freeze()), Some(HEADER), "byte {at}");
        }
        assert_eq!(Header::read(&record(100).freeze().slice(..31)), None);
    }
}
