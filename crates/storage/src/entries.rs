//! Entries, alone and as the groups in which they are stored.
//!
//! A *group* is the entries of one batch: `time count length (entry length, entry)*`, the first
//! three and each entry's length as varints. A run of the journal and a block of a segment are
//! groups of one log back to back, so bytes move from one to the other as they are.

use std::ops::Deref;

use bytes::Bytes;
use model::Timestamp;
use runtime::Pages;

use crate::checksum::crc32c;
use crate::config::APPEND_BYTES_MAX;
use crate::error::{Error, Result};
use crate::log::Offset;
use crate::slabs::Slabs;
use crate::varint::{Decoder, VARINT_BYTES_MAX, put_varint};

/// The most bytes in front of a group's entries.
pub(crate) const GROUP_HEADER_BYTES_MAX: usize = 3 * VARINT_BYTES_MAX;

/// One entry of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the log.
    pub offset: Offset,
    /// When it was appended; never earlier than the entry before it.
    pub time: Timestamp,
    /// What was appended. Shares memory with its neighbours: copy what is kept for long.
    pub payload: Bytes,
}

/// What a read found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// In offset order, without gaps.
    pub entries: Vec<Entry>,
    /// Where to read on.
    pub next: Offset,
}

/// From this size on a batch is written to the journal from where it is.
const PAGES_BYTES_MIN: usize = 64 << 10;

/// Entries to append together: all of them become durable, with one time, or none.
#[derive(Debug)]
pub struct Batch {
    time: Timestamp,
    count: u32,
    entries: Encoded,
}

/// The entries of a batch, encoded.
#[derive(Debug)]
pub(crate) enum Encoded {
    Bytes(Vec<u8>),
    /// In pages, behind room for the header of their group. Once that is there, it begins at
    /// `start`, and the group has the checksum.
    Pages {
        pages: Pages,
        start: usize,
        checksum: u32,
    },
}

impl Encoded {
    /// How many bytes the entries take.
    pub(crate) fn len(&self) -> usize {
        self.bytes().len()
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Pages { pages, .. } => &pages[GROUP_HEADER_BYTES_MAX..],
        }
    }

    /// Sees to it that there is room. Pages do not grow.
    fn reserve(&mut self, bytes: usize) {
        if let Self::Pages { pages, .. } = self
            && pages.room() < bytes
        {
            let mut moved = Vec::with_capacity(2 * (pages.len() + bytes));
            moved.extend_from_slice(self.bytes());
            *self = Self::Bytes(moved);
        }
    }

    /// Adds bytes, for which there is room.
    fn extend(&mut self, more: &[u8]) {
        match self {
            Self::Bytes(bytes) => bytes.extend_from_slice(more),
            Self::Pages { pages, .. } => pages.extend(more),
        }
    }

    /// Makes what is in pages a group of `count` entries; others become one when they are copied.
    pub(crate) fn set_header(&mut self, time: Timestamp, count: u32) {
        if let Self::Pages { pages, start, checksum } = self {
            let header = group_header(time, count, pages.len() - GROUP_HEADER_BYTES_MAX);
            *start = GROUP_HEADER_BYTES_MAX - header.len();
            pages[*start..GROUP_HEADER_BYTES_MAX].copy_from_slice(&header);
            *checksum = crc32c(&pages[*start..]);
        }
    }

    fn last_mut(&mut self, length: usize) -> &mut [u8] {
        let bytes = match self {
            Self::Bytes(bytes) => &mut bytes[..],
            Self::Pages { pages, .. } => &mut pages[..],
        };
        let start = bytes.len() - length;
        &mut bytes[start..]
    }
}

impl Batch {
    /// An empty batch of the given time, with room for `bytes` of payload. A large one is better
    /// begun with [`Permit::batch`](crate::Permit::batch).
    pub fn new(time: Timestamp, bytes: usize) -> Self {
        Self { time, count: 0, entries: Encoded::Bytes(Vec::with_capacity(bytes)) }
    }

    /// The same in pages, if it is worth it.
    pub(crate) fn in_slabs(time: Timestamp, bytes: usize, slabs: &Slabs) -> Self {
        if bytes < PAGES_BYTES_MIN {
            return Self::new(time, bytes);
        }
        let mut pages = slabs.take(GROUP_HEADER_BYTES_MAX + bytes);
        pages.extend(&[0; GROUP_HEADER_BYTES_MAX]);
        Self { time, count: 0, entries: Encoded::Pages { pages, start: 0, checksum: 0 } }
    }

    /// Adds one entry whose payload is `parts` in a row. Answers the payload, which may still be
    /// changed where it is.
    pub fn push(&mut self, parts: &[&[u8]]) -> &mut [u8] {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let mut prefix = [0; VARINT_BYTES_MAX];
        let mut rest = &mut prefix[..];
        put_varint(&mut rest, length as u64);
        let prefix_bytes = VARINT_BYTES_MAX - rest.len();
        self.entries.reserve(prefix_bytes + length);
        self.entries.extend(&prefix[..prefix_bytes]);
        for part in parts {
            self.entries.extend(part);
        }
        self.count += 1;
        self.entries.last_mut(length)
    }

    /// The payloads, in order.
    pub fn entries(&self) -> impl Iterator<Item = &[u8]> {
        let bytes = self.entries.bytes();
        let mut decoder = Decoder::new(bytes);
        std::iter::from_fn(move || {
            let length = decoder.length()?;
            decoder.take(length)
        })
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.count as usize
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// What an append of it takes from its permit: see [`crate::Storage::admit`].
    pub fn cost(&self) -> usize {
        self.entries.len() + GROUP_HEADER_BYTES_MAX + crate::tail::RUN_OVERHEAD
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.time
    }

    /// The count and the encoded entries. What is in pages is a group of the batch's time.
    pub(crate) fn into_parts(mut self) -> Result<(u32, Encoded)> {
        let size = self.entries.len();
        if size > APPEND_BYTES_MAX {
            return Err(Error::TooLarge { size, limit: APPEND_BYTES_MAX });
        }
        self.entries.set_header(self.time, self.count);
        Ok((self.count, self.entries))
    }
}

/// What stands before the entries of a group.
#[derive(Clone, Copy)]
pub(crate) struct GroupHeader {
    bytes: [u8; GROUP_HEADER_BYTES_MAX],
    length: usize,
}

impl Deref for GroupHeader {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// What stands before `count` entries that are `length` bytes long together.
pub(crate) fn group_header(time: Timestamp, count: u32, length: usize) -> GroupHeader {
    let mut header = GroupHeader { bytes: [0; GROUP_HEADER_BYTES_MAX], length: 0 };
    let mut rest = &mut header.bytes[..];
    put_varint(&mut rest, time.as_millis());
    put_varint(&mut rest, u64::from(count));
    put_varint(&mut rest, length as u64);
    header.length = GROUP_HEADER_BYTES_MAX - rest.len();
    header
}

/// One decoded group: its entries lie at `start..start + length` of the bytes it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub time: Timestamp,
    pub count: u32,
    pub start: usize,
    pub length: usize,
}

/// Bytes that are not groups. Their checksum held, so a program wrote them wrongly.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// The next group, or `None` at the end.
pub(crate) fn next_group(decoder: &mut Decoder<'_>) -> Result<Option<Group>, Malformed> {
    if decoder.is_empty() {
        return Ok(None);
    }
    let group = |decoder: &mut Decoder<'_>| {
        let time = Timestamp::from_millis(decoder.varint()?);
        let count = decoder.varint_u32()?;
        let length = decoder.length()?;
        let start = decoder.position();
        decoder.take(length)?;
        Some(Group { time, count, start, length })
    };
    group(decoder).map(Some).ok_or(Malformed)
}

/// How much a read may still take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub entries: usize,
    pub bytes: usize,
    /// What of a payload counts.
    pub weigh: fn(&[u8]) -> usize,
}

impl Budget {
    #[cfg(test)]
    pub(crate) fn new(entries: usize, bytes: usize) -> Self {
        Self { entries, bytes, weigh: <[u8]>::len }
    }

    /// Takes one entry of `bytes`; the first one always fits, so that a reader moves on.
    fn admits(&mut self, bytes: usize, first: bool) -> bool {
        if !first && (self.entries == 0 || self.bytes < bytes) {
            self.entries = 0;
            return false;
        }
        self.entries = self.entries.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }

    /// Whether so many times this many entries of this many bytes are within it.
    pub(crate) fn allows(&self, times: usize, (entries, bytes): (usize, usize)) -> bool {
        times * entries <= self.entries && times * bytes <= self.bytes
    }

    pub(crate) fn is_spent(&self) -> bool {
        self.entries == 0 || self.bytes == 0
    }
}

/// Adds to `out` the entries of `groups` (whose first entry is `first`) from `from` on.
pub(crate) fn decode(
    groups: &Bytes,
    first: u64,
    from: u64,
    budget: &mut Budget,
    out: &mut Vec<Entry>,
) -> Result<(), Malformed> {
    let mut decoder = Decoder::new(groups);
    let mut offset = first;
    while let Some(group) = next_group(&mut decoder)? {
        let end = offset + u64::from(group.count);
        if end > from {
            let mut entries = Decoder::new(&groups[group.start..group.start + group.length]);
            while offset < end {
                let length = entries.length().ok_or(Malformed)?;
                let start = group.start + entries.position();
                entries.take(length).ok_or(Malformed)?;
                if offset >= from {
                    let weight = (budget.weigh)(&groups[start..start + length]);
                    if !budget.admits(weight, out.is_empty()) {
                        return Ok(());
                    }
                    let payload = groups.slice(start..start + length);
                    out.push(Entry { offset: Offset(offset), time: group.time, payload });
                }
                offset += 1;
            }
        }
        offset = end;
    }
    Ok(())
}

/// Whether `groups` hold `count` whole entries whose times never go back.
pub(crate) fn are_whole(groups: &[u8], count: u32) -> bool {
    let count_all = || {
        let mut decoder = Decoder::new(groups);
        let (mut entries, mut time) = (0_u64, Timestamp::default());
        while let Some(group) = next_group(&mut decoder).ok()? {
            let mut lengths = Decoder::new(&groups[group.start..group.start + group.length]);
            for _ in 0..group.count {
                let length = lengths.length()?;
                lengths.take(length)?;
            }
            (lengths.is_empty() && group.time >= time).then_some(())?;
            (entries, time) = (entries + u64::from(group.count), group.time);
        }
        Some(entries)
    };
    count_all() == Some(u64::from(count))
}

/// The first offset whose entry is of `time` or later.
pub(crate) fn first_at(
    groups: &[u8],
    first: u64,
    time: Timestamp,
) -> Result<Option<u64>, Malformed> {
    let mut decoder = Decoder::new(groups);
    let mut offset = first;
    while let Some(group) = next_group(&mut decoder)? {
        if group.time >= time {
            return Ok(Some(offset));
        }
        offset += u64::from(group.count);
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(batches: &[(u64, Vec<Vec<u8>>)]) -> Bytes {
        let mut bytes = Vec::new();
        for (time, payloads) in batches {
            let mut batch = Batch::new(Timestamp::from_millis(*time), 0);
            for payload in payloads {
                let (front, back) = payload.split_at(payload.len() / 2);
                batch.push(&[front, back]);
            }
            let time = batch.time();
            let (count, entries) = batch.into_parts().unwrap();
            bytes.extend(&*group_header(time, count, entries.len()));
            bytes.extend(entries.bytes());
        }
        bytes.into()
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let payload = proptest::collection::vec(any::<u8>(), 0..40);
        proptest::collection::vec(payload, 1..6)
    }

    proptest! {
        #[test]
        fn groups_round_trip_from_any_offset(
            batches in proptest::collection::vec((0..1000u64, payloads()), 1..6),
            skipped in 0..20u64,
        ) {
            let bytes = encoded(&batches);
            let all: Vec<_> = batches
                .iter()
                .flat_map(|(time, payloads)| payloads.iter().map(move |p| (*time, p.clone())))
                .collect();
            let times_rise = batches.is_sorted_by_key(|(time, _)| time);
            prop_assert_eq!(are_whole(&bytes, all.len() as u32), times_rise);
            prop_assert!(!are_whole(&bytes, all.len() as u32 + 1));
            let mut budget = Budget::new(usize::MAX, usize::MAX);
            let mut out = Vec::new();
            decode(&bytes, 7, 7 + skipped, &mut budget, &mut out).unwrap();
            let expected = all.iter().enumerate().skip(skipped as usize);
            prop_assert_eq!(out.len(), expected.len());
            for (entry, (index, (time, payload))) in out.iter().zip(expected) {
                prop_assert_eq!(entry.offset, Offset(7 + index as u64));
                prop_assert_eq!(entry.time.as_millis(), *time);
                prop_assert_eq!(&entry.payload[..], &payload[..]);
            }
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let bytes = Bytes::from(bytes);
            let mut budget = Budget::new(100, 1000);
            let _ = decode(&bytes, 1, 1, &mut budget, &mut Vec::new());
            let _ = first_at(&bytes, 1, Timestamp::from_millis(5));
            let _ = are_whole(&bytes, 3);
        }
    }

    #[test]
    fn a_read_counts_what_its_reader_weighs() {
        let bytes = encoded(&[(1, vec![vec![0; 10], vec![0; 10], vec![0; 10]])]);
        let mut budget = Budget { weigh: |payload| payload.len() - 4, ..Budget::new(10, 12) };
        let mut out = Vec::new();
        decode(&bytes, 1, 1, &mut budget, &mut out).unwrap();
        assert_eq!(out.len(), 2);
        assert!(budget.is_spent());
    }

    #[test]
    fn a_read_takes_at_least_one_entry_and_then_keeps_its_budget() {
        let bytes = encoded(&[(1, vec![vec![0; 10], vec![0; 10], vec![0; 10]])]);
        for (entries, limit, expected) in [(10, 5, 1), (10, 20, 2), (2, 100, 2), (10, 29, 2)] {
            let mut budget = Budget::new(entries, limit);
            let mut out = Vec::new();
            decode(&bytes, 1, 1, &mut budget, &mut out).unwrap();
            assert_eq!(out.len(), expected, "entries {entries}, bytes {limit}");
        }
    }
}
