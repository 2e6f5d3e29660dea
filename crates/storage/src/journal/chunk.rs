//! The chunk: what one group commit writes. `docs/formats.md` has the same in prose.
//!
//! Header (80 bytes, own checksum), directory (its checksum is in the header), runs (their
//! checksums are in the directory): every byte that says something is covered, damage is named to
//! the run, and the header's checksum, which the next chunk repeats, stands for the whole chunk.

use std::ops::Range;

use bytes::Bytes;
use model::Timestamp;

use crate::checksum::crc32c;
use crate::log::LogId;
use crate::varint::{Decoder, put_varint};

/// Chunks begin at multiples of this, so that a torn write never touches a durable chunk.
pub(crate) const ALIGNMENT: usize = 4096;
/// Length of a header.
pub(crate) const HEADER_BYTES: usize = 80;
/// The version of chunk this program writes and reads.
pub(crate) const VERSION: u16 = 2;
const MAGIC: u32 = u32::from_le_bytes(*b"WCHK");
const CHECKSUM_AT: usize = HEADER_BYTES - 4;
/// Offsets and counts beyond this are not believed, so that sums of them cannot overflow.
const OFFSET_MAX: u64 = 1 << 62;

/// What every chunk begins with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Header {
    /// Which opening of the storage wrote it.
    pub epoch: u64,
    /// Which use of its file it belongs to.
    pub salt: u64,
    /// Dense over the life of the journal.
    pub number: u64,
    /// The chunk known durable when this one was written.
    pub durable_through: u64,
    /// When it was written, by the wall clock; for people only.
    pub written: Timestamp,
    /// The header checksum of the chunk before.
    pub previous: u32,
    /// Of the directory: runs, and padding between them.
    pub lines: u32,
    pub directory_bytes: u32,
    pub directory_checksum: u32,
    pub body_bytes: u64,
}

/// Why bytes are no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoHeader {
    /// They do not begin as one.
    Magic,
    /// They do, but are not what was written.
    Checksum,
    /// A whole header of a version unknown here.
    Version(u16),
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = Vec::with_capacity(HEADER_BYTES);
        bytes.extend(MAGIC.to_le_bytes());
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend([0; 2]);
        for number in [self.epoch, self.salt, self.number, self.durable_through] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(self.written.as_millis().to_le_bytes());
        bytes.extend(self.previous.to_le_bytes());
        bytes.extend(self.lines.to_le_bytes());
        bytes.extend(self.directory_bytes.to_le_bytes());
        bytes.extend(self.directory_checksum.to_le_bytes());
        bytes.extend(self.body_bytes.to_le_bytes());
        bytes.resize(CHECKSUM_AT, 0);
        bytes.extend(crc32c(&bytes).to_le_bytes());
        bytes.try_into().expect("the fields fill the header exactly")
    }

    /// The header at the front of `bytes`, and its checksum.
    pub(crate) fn decode(bytes: &[u8]) -> Result<(Self, u32), NoHeader> {
        let bytes = bytes.get(..HEADER_BYTES).ok_or(NoHeader::Magic)?;
        let mut decoder = Decoder::new(bytes);
        if decoder.u32() != Some(MAGIC) {
            return Err(NoHeader::Magic);
        }
        let checksum = crc32c(&bytes[..CHECKSUM_AT]);
        if bytes[CHECKSUM_AT..] != checksum.to_le_bytes() {
            return Err(NoHeader::Checksum);
        }
        match decoder.u16() {
            Some(VERSION) => {}
            version => return Err(NoHeader::Version(version.unwrap_or_default())),
        }
        decoder.u16();
        let fields = |decoder: &mut Decoder<'_>| {
            Some(Self {
                epoch: decoder.u64()?,
                salt: decoder.u64()?,
                number: decoder.u64()?,
                durable_through: decoder.u64()?,
                written: Timestamp::from_millis(decoder.u64()?),
                previous: decoder.u32()?,
                lines: decoder.u32()?,
                directory_bytes: decoder.u32()?,
                directory_checksum: decoder.u32()?,
                body_bytes: decoder.u64()?,
            })
        };
        fields(&mut decoder).map(|header| (header, checksum)).ok_or(NoHeader::Magic)
    }

    /// Bytes of the chunk without its padding, if that is a length at all.
    pub(crate) fn chunk_bytes(&self) -> Option<usize> {
        let body = usize::try_from(self.body_bytes).ok()?;
        let directory = usize::try_from(self.directory_bytes).ok()?;
        HEADER_BYTES.checked_add(directory)?.checked_add(body).filter(|bytes| *bytes < 1 << 40)
    }
}

/// Bytes of a chunk on disk.
pub(crate) fn padded(bytes: usize) -> usize {
    bytes.next_multiple_of(ALIGNMENT)
}

/// What a run says about its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Here are its next entries.
    Entries,
    /// It takes no more.
    Seal,
    /// Everything below `first` is dead.
    Trim,
    /// All of it is dead.
    Delete,
}

/// One line of the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    pub log: LogId,
    pub kind: Kind,
    /// Of entries: the offset of the first. Of a trim: what becomes the first. Else the next one.
    pub first: u64,
    pub count: u32,
    pub first_time: Timestamp,
    pub last_time: Timestamp,
    pub length: u32,
    pub checksum: u32,
}

impl Run {
    /// A run without entries.
    pub(crate) fn mark(log: LogId, kind: Kind, first: u64) -> Self {
        let time = Timestamp::default();
        let (first_time, last_time) = (time, time);
        Self { log, kind, first, count: 0, first_time, last_time, length: 0, checksum: 0 }
    }

    /// The offset after its last entry.
    pub(crate) fn end(&self) -> u64 {
        self.first + u64::from(self.count)
    }
}

/// Marks a line of padding where others have their kind.
const PADDING: u8 = 4;

/// A directory, encoded line by line.
#[derive(Default)]
pub(crate) struct Directory {
    pub bytes: Vec<u8>,
    pub lines: u32,
    /// The log of the line before.
    log: u64,
}

impl Directory {
    pub(crate) fn run(&mut self, run: &Run) {
        let out = &mut self.bytes;
        put_varint(out, zigzag(run.log.0.wrapping_sub(self.log)));
        out.push(run.kind as u8);
        put_varint(out, run.first);
        if run.kind == Kind::Entries {
            put_varint(out, u64::from(run.count));
            put_varint(out, run.first_time.as_millis());
            put_varint(out, run.last_time.millis_since(run.first_time));
            put_varint(out, u64::from(run.length));
            out.extend(run.checksum.to_le_bytes());
        }
        (self.log, self.lines) = (run.log.0, self.lines + 1);
    }

    /// So many bytes of the body say nothing. The length of the line says nothing of them.
    pub(crate) fn padding(&mut self, length: usize) {
        self.bytes.extend([zigzag(0) as u8, PADDING]);
        self.bytes.extend((length as u32).to_le_bytes());
        self.lines += 1;
    }

    /// Changes the length of the padding that is the first line: it may depend on all others.
    pub(crate) fn set_lead(&mut self, length: usize) {
        self.bytes[2..6].copy_from_slice(&(length as u32).to_le_bytes());
    }
}

/// Small for small steps in both directions.
fn zigzag(step: u64) -> u64 {
    (step << 1) ^ ((step as i64 >> 63) as u64)
}

fn unzigzag(code: u64) -> u64 {
    (code >> 1) ^ (code & 1).wrapping_neg()
}

/// Decodes a directory of `count` lines: its runs, with the place of each in the body of `body`
/// bytes. `None` if the bytes are not one, whatever their checksum says.
pub(crate) fn decode_directory(
    bytes: &[u8],
    count: u32,
    body: usize,
) -> Option<Vec<(Run, Range<usize>)>> {
    let mut decoder = Decoder::new(bytes);
    let mut runs = Vec::with_capacity(bytes.len().min(count as usize));
    let (mut log, mut position) = (0_u64, 0_usize);
    for _ in 0..count {
        let line = decode_line(&mut decoder, &mut log)?;
        let end = position.checked_add(line.length())?;
        if let Line::Run(run) = line {
            runs.push((run, position..end));
        }
        position = end;
    }
    (decoder.is_empty() && position == body).then_some(runs)
}

/// One line of a directory.
pub(crate) enum Line {
    Run(Run),
    Padding(u32),
}

impl Line {
    /// How much of the body it stands for.
    fn length(&self) -> usize {
        match self {
            Self::Run(run) => run.length as usize,
            Self::Padding(length) => *length as usize,
        }
    }
}

/// The next line, where the one before was of `log`.
pub(crate) fn decode_line(decoder: &mut Decoder<'_>, log: &mut u64) -> Option<Line> {
    *log = log.wrapping_add(unzigzag(decoder.varint()?));
    let kind = match decoder.u8()? {
        0 => Kind::Entries,
        1 => Kind::Seal,
        2 => Kind::Trim,
        3 => Kind::Delete,
        PADDING => return decoder.u32().map(Line::Padding),
        _ => return None,
    };
    let mut run = Run::mark(LogId(*log), kind, decoder.varint().filter(|at| *at < OFFSET_MAX)?);
    if kind == Kind::Entries {
        run.count = decoder.varint_u32()?;
        let first_time = decoder.varint()?;
        run.first_time = Timestamp::from_millis(first_time);
        run.last_time = Timestamp::from_millis(first_time.checked_add(decoder.varint()?)?);
        run.length = decoder.varint_u32()?;
        run.checksum = decoder.u32()?;
    }
    Some(Line::Run(run))
}

/// A chunk read back.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub header: Header,
    /// The header's checksum, which the next chunk repeats.
    pub checksum: u32,
    /// Each run with its place in `bytes`.
    pub runs: Vec<(Run, Range<usize>)>,
    /// The whole chunk without padding.
    pub bytes: Bytes,
}

/// What is wrong below a valid header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BadBody {
    /// The bytes end before the chunk does.
    Short,
    /// The directory is not what was written, so nothing is known of the runs.
    Directory,
    /// Some runs are not what was written.
    Runs {
        /// Every run of the chunk with its place in it.
        all: Vec<(Run, Range<usize>)>,
        /// Which of them are damaged.
        damaged: Vec<usize>,
    },
}

impl Chunk {
    /// Checks the directory and every run of the chunk `bytes` that begins with `header`.
    pub(crate) fn decode(header: Header, checksum: u32, bytes: Bytes) -> Result<Self, BadBody> {
        let length = header.chunk_bytes().filter(|length| *length <= bytes.len());
        let bytes = bytes.slice(..length.ok_or(BadBody::Short)?);
        let start = HEADER_BYTES + header.directory_bytes as usize;
        let directory = &bytes[HEADER_BYTES..start];
        if crc32c(directory) != header.directory_checksum {
            return Err(BadBody::Directory);
        }
        let mut runs = decode_directory(directory, header.lines, bytes.len() - start)
            .ok_or(BadBody::Directory)?;
        for (_, place) in &mut runs {
            *place = start + place.start..start + place.end;
        }
        let is_damaged = |index: &usize| {
            let (run, place) = &runs[*index];
            run.kind == Kind::Entries && crc32c(&bytes[place.clone()]) != run.checksum
        };
        let damaged: Vec<_> = (0..runs.len()).filter(is_damaged).collect();
        if !damaged.is_empty() {
            return Err(BadBody::Runs { all: runs, damaged });
        }
        Ok(Self { header, checksum, runs, bytes })
    }
}

#[cfg(test)]
#[path = "chunk/tests.rs"]
mod tests;
