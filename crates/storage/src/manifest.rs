//! The manifest: which segments are live, where the journal is needed from, and where each log
//! begins and ends there. Numbered, written once, never changed.
//!
//! Invariant: a manifest is durable before anything that only its predecessor needs is deleted
//! or used again. It shows the logs as of the last chunk that is in its segments; later changes
//! are in the journal.

use std::sync::Arc;

use futures_util::TryStreamExt;
use model::Timestamp;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};

use crate::cell::{NEVER, State};
use crate::checksum::crc32c;
use crate::error::{Damage, Error, Result};
use crate::journal::recovery::Start;
use crate::log::LogId;
use crate::segment::Segment;
use crate::varint::{Decoder, put_varint};

/// Where manifests are.
pub(crate) const DIRECTORY: &str = "manifest";
/// The version of manifest this program writes and reads.
pub(crate) const VERSION: u16 = 1;
const MAGIC: [u8; 8] = *b"WEIRMANI";
const HEADER_BYTES: usize = 16;
/// How many manifests are kept, for people to look at.
const KEPT: u64 = 2;

const SEALED: u8 = 1;
const DELETED: u8 = 2;

/// What a manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub number: u64,
    pub journal: Start,
    pub next_segment: u64,
    pub segments: Vec<Segment>,
    /// Sorted by log.
    pub logs: Vec<LogLine>,
}

/// One log as of the last chunk in segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    pub log: LogId,
    pub first: u64,
    pub next: u64,
    pub last_time: Timestamp,
    pub sealed: bool,
    /// Deleted, but its entries may still be in segments.
    pub deleted: bool,
    /// The chunks in which its entries can be; `None` if it has none in segments.
    pub chunks: Option<(u64, u64)>,
}

impl LogLine {
    /// The log as of chunk `through`, whose entries are in segments; `None` if nothing had
    /// happened to it by then, or nothing is left of it.
    pub(crate) fn of(log: LogId, state: &State, through: u64) -> Option<Self> {
        let cut = state.tail.partition_point(|run| run.chunk <= through);
        let next = state.tail.get(cut).map_or(state.durable, |run| run.first);
        let sealed = state.sealed_in <= through;
        let chunks = state.chunks_through(through);
        let nothing_yet = next == 1 && !sealed && state.deleted_in > through;
        if nothing_yet || state.is_gone(through) {
            return None;
        }
        // Even if it happens in a later chunk: its segments may be dropped already.
        let deleted = state.is_deleted();
        let first = state.first.min(next);
        Some(Self { log, first, next, last_time: state.last_time, sealed, deleted, chunks })
    }

    /// The state that recovery begins with.
    pub(crate) fn state(&self) -> State {
        State {
            appended: self.next,
            durable: self.next,
            first: self.first,
            last_time: self.last_time,
            sealing: self.sealed,
            deleting: self.deleted,
            sealed_in: if self.sealed { 0 } else { NEVER },
            deleted_in: if self.deleted { 0 } else { NEVER },
            born_in: self.chunks.map_or(NEVER, |(first, _)| first),
            cut_in: self.chunks.map_or(0, |(_, last)| last),
            ..State::default()
        }
    }
}

/// Why bytes are no manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoManifest {
    Damaged(&'static str),
    Version(u16),
}

impl Manifest {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(64 + self.segments.len() * 32 + self.logs.len() * 16);
        out.extend(MAGIC);
        out.extend(VERSION.to_le_bytes());
        out.extend([0; 6]);
        put_varint(&mut out, self.number);
        put_varint(&mut out, self.journal.chunk);
        out.extend(self.journal.previous.to_le_bytes());
        put_varint(&mut out, self.journal.sequence);
        put_varint(&mut out, self.next_segment);
        put_varint(&mut out, self.segments.len() as u64);
        let mut chunk = 0;
        for segment in &self.segments {
            put_varint(&mut out, segment.number);
            put_varint(&mut out, segment.bytes);
            put_varint(&mut out, segment.first_chunk - chunk);
            put_varint(&mut out, segment.last_chunk - segment.first_chunk);
            put_varint(&mut out, segment.entries);
            put_varint(&mut out, segment.last_time.as_millis());
            chunk = segment.last_chunk;
        }
        put_varint(&mut out, self.logs.len() as u64);
        let mut log = 0;
        for line in &self.logs {
            put_varint(&mut out, line.log.0 - log);
            log = line.log.0;
            encode_log(&mut out, line);
        }
        out.extend(crc32c(&out).to_le_bytes());
        out
    }

    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, NoManifest> {
        let mut decoder = Decoder::new(bytes);
        if decoder.array() != Some(MAGIC) {
            return Err(NoManifest::Damaged("this is not a manifest"));
        }
        // Before the checksum: a later version may keep it elsewhere.
        match decoder.u16() {
            Some(VERSION) => {}
            version => return Err(NoManifest::Version(version.unwrap_or_default())),
        }
        let body = bytes.len().checked_sub(4).filter(|length| *length >= HEADER_BYTES);
        let (body, checksum) =
            bytes.split_at(body.ok_or(NoManifest::Damaged("the manifest is cut short"))?);
        if checksum != crc32c(body).to_le_bytes() {
            return Err(NoManifest::Damaged("the manifest does not match its checksum"));
        }
        let fields = Decoder::new(&body[HEADER_BYTES..]);
        decode_fields(fields).ok_or(NoManifest::Damaged("the manifest is not one"))
    }
}

fn encode_log(out: &mut Vec<u8>, line: &LogLine) {
    let flags = if line.sealed { SEALED } else { 0 } | if line.deleted { DELETED } else { 0 };
    out.push(flags);
    put_varint(out, line.first);
    put_varint(out, line.next - line.first);
    put_varint(out, line.last_time.as_millis());
    // Chunks are numbered from 1, so 0 says that there are none.
    let (first, last) = line.chunks.unwrap_or_default();
    put_varint(out, first);
    put_varint(out, last - first);
}

pub(crate) fn decode_fields(mut decoder: Decoder<'_>) -> Option<Manifest> {
    let mut manifest = Manifest { number: decoder.varint()?, ..Manifest::default() };
    manifest.journal.chunk = decoder.varint()?;
    manifest.journal.previous = decoder.u32()?;
    manifest.journal.sequence = decoder.varint()?;
    manifest.next_segment = decoder.varint()?;
    let mut chunk = 0_u64;
    for _ in 0..decoder.varint()? {
        let (number, bytes) = (decoder.varint()?, decoder.varint()?);
        let first_chunk = chunk.checked_add(decoder.varint()?)?;
        let last_chunk = first_chunk.checked_add(decoder.varint()?)?;
        let entries = decoder.varint()?;
        let last_time = Timestamp::from_millis(decoder.varint()?);
        manifest.segments.push(Segment {
            number,
            bytes,
            first_chunk,
            last_chunk,
            entries,
            last_time,
        });
        chunk = last_chunk;
    }
    let mut log = 0_u64;
    for _ in 0..decoder.varint()? {
        log = log.checked_add(decoder.varint()?)?;
        manifest.logs.push(decode_log(&mut decoder, LogId(log))?);
    }
    decoder.is_empty().then_some(manifest)
}

fn decode_log(decoder: &mut Decoder<'_>, log: LogId) -> Option<LogLine> {
    let flags = decoder.u8().filter(|flags| flags & !(SEALED | DELETED) == 0)?;
    let first = decoder.varint()?;
    let next = first.checked_add(decoder.varint()?)?;
    let last_time = Timestamp::from_millis(decoder.varint()?);
    let first_chunk = decoder.varint()?;
    let last_chunk = first_chunk.checked_add(decoder.varint()?)?;
    Some(LogLine {
        log,
        first,
        next,
        last_time,
        sealed: flags & SEALED != 0,
        deleted: flags & DELETED != 0,
        chunks: (first_chunk > 0).then_some((first_chunk, last_chunk)),
    })
}

/// The object of the manifest of that number.
pub(crate) fn path(number: u64) -> Path {
    Path::from(format!("{DIRECTORY}/{number:020}"))
}

/// The newest manifest, if there is any. An older one is never taken instead of a damaged one:
/// what it names may be deleted, and what it does not name would be lost.
pub(crate) async fn newest(objects: &Arc<dyn ObjectStore>) -> Result<Option<Manifest>> {
    let listed = objects.list(Some(&Path::from(DIRECTORY)));
    let listed = listed.try_collect::<Vec<_>>().await;
    let listed = listed.map_err(|error| Error::objects("listing the manifests", error))?;
    let Some(path) = listed.into_iter().map(|meta| meta.location).max() else { return Ok(None) };
    let failed = |error| Error::objects(format!("reading {path}"), error);
    let bytes = objects.get(&path).await.map_err(failed)?.bytes().await.map_err(failed)?;
    match Manifest::decode(&bytes) {
        Ok(manifest) if self::path(manifest.number) == path => Ok(Some(manifest)),
        Ok(Manifest { number, .. }) => {
            let what = format!("here is another manifest, the one of number {number}");
            Err(Damage::new(path.as_ref(), 0, what).into())
        }
        Err(NoManifest::Damaged(what)) => Err(Damage::new(path.as_ref(), 0, what).into()),
        Err(NoManifest::Version(found)) => {
            Err(Error::UnknownVersion { file: path.into(), found, known: VERSION })
        }
    }
}

/// Stores `manifest`, whose number nobody has used. Answers how many bytes that took.
pub(crate) async fn store(
    objects: &Arc<dyn ObjectStore>,
    manifest: &Manifest,
) -> Result<usize, object_store::Error> {
    let bytes = manifest.encode();
    let length = bytes.len();
    let path = path(manifest.number);
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    match objects.put_opts(&path, bytes.clone().into(), options).await {
        // An earlier attempt may have got through without our hearing of it.
        Err(object_store::Error::AlreadyExists { path: taken, source }) => {
            if objects.get(&path).await?.bytes().await? != bytes {
                return Err(object_store::Error::AlreadyExists { path: taken, source });
            }
        }
        stored => drop(stored?),
    }
    Ok(length)
}

/// The manifest that is not needed once `number` is durable. The first one has number 1.
pub(crate) fn outdated_by(number: u64) -> Option<Path> {
    number.checked_sub(KEPT).filter(|outdated| *outdated > 0).map(path)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn log_line() -> impl Strategy<Value = LogLine> {
        let numbers = (1..9_u64, 1..99_u64, 0..99_u64, any::<u64>());
        let chunks = proptest::option::of((1..99_u64, 0..99_u64));
        (numbers, any::<bool>(), any::<bool>(), chunks).prop_map(
            |((log, first, length, time), sealed, deleted, chunks)| LogLine {
                log: LogId(log),
                first,
                next: first + length,
                last_time: Timestamp::from_millis(time),
                sealed,
                deleted,
                chunks: chunks.map(|(first, span)| (first, first + span)),
            },
        )
    }

    fn manifest() -> impl Strategy<Value = Manifest> {
        let segment = (any::<u64>(), any::<u64>(), 1..50_u64, 0..50_u64, any::<u64>());
        let segments = proptest::collection::vec(segment, 0..6);
        let logs = proptest::collection::vec(log_line(), 0..6);
        let journal = (any::<u64>(), any::<u32>(), any::<u64>());
        (any::<u64>(), journal, segments, logs).prop_map(|(number, journal, segments, logs)| {
            let mut manifest = Manifest { number, next_segment: 7, ..Manifest::default() };
            let (chunk, previous, sequence) = journal;
            manifest.journal = Start { chunk, previous, sequence };
            let mut chunk = 0;
            for (number, bytes, gap, span, entries) in segments {
                let first_chunk = chunk + gap;
                let last_chunk = first_chunk + span;
                let last_time = Timestamp::from_millis(entries / 2);
                let segment =
                    Segment { number, bytes, first_chunk, last_chunk, entries, last_time };
                manifest.segments.push(segment);
                chunk = last_chunk;
            }
            let mut log = 0;
            for mut line in logs {
                log += line.log.0;
                line.log = LogId(log);
                manifest.logs.push(line);
            }
            manifest
        })
    }

    proptest! {
        #[test]
        fn manifests_round_trip(manifest in manifest()) {
            prop_assert_eq!(Manifest::decode(&manifest.encode()), Ok(manifest));
        }

        #[test]
        fn any_flipped_bit_is_noticed(
            manifest in manifest(),
            position in any::<prop::sample::Index>(),
        ) {
            let mut bytes = manifest.encode();
            let bit = position.index(bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(Manifest::decode(&bytes).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Manifest::decode(&bytes).is_err());
            let _ = decode_fields(Decoder::new(&bytes));
        }
    }

    #[test]
    fn only_manifests_that_were_written_are_outdated() {
        assert_eq!(outdated_by(KEPT), None);
        assert_eq!(outdated_by(KEPT + 1), Some(path(1)));
    }

    #[test]
    fn a_later_version_is_told_from_damage() {
        let mut bytes = Manifest::default().encode();
        bytes[8] = 2;
        assert_eq!(Manifest::decode(&bytes), Err(NoManifest::Version(2)));
    }
}
