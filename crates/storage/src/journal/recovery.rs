//! Reads the journal back, for opening and for checking. Changes nothing.
//!
//! The journal ends at the first chunk that is not whole, **if** nothing shows that this chunk was
//! durable. Something does when a later chunk of the same file was begun, because its header says
//! so (`durable_through`), or when a later file begins with a higher number. Then it is damage.

use std::sync::Arc;

use bytes::Bytes;
use runtime::{Disk, DiskFile};

use crate::error::{Damage, Error, Result};
use crate::journal::chunk::{
    self, ALIGNMENT, BadBody, Chunk, HEADER_BYTES, Header, NoHeader, padded,
};
use crate::journal::file::{self, DIRECTORY, FileHeader, LiveFile, NoFileHeader};

/// How much is read at once when looking for headers.
const SCAN_BYTES: usize = 1 << 20;

/// Where the journal is read from, as the manifest says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// The first chunk that is not in a segment.
    pub chunk: u64,
    /// The header checksum of the chunk before.
    pub previous: u32,
    /// The file that held it, or was to; 0 if there was none.
    pub sequence: u64,
}

impl Default for Start {
    fn default() -> Self {
        Self { chunk: 1, previous: 0, sequence: 0 }
    }
}

/// Where the journal ends, and what there is of files.
pub(crate) struct End {
    /// The number of the next chunk.
    pub chunk: u64,
    /// The header checksum of the last one.
    pub previous: u32,
    /// The highest epoch seen.
    pub epoch: u64,
    /// The files with chunks that are needed.
    pub live: Vec<LiveFile>,
    /// All other files.
    pub free: Vec<String>,
    pub next_sequence: u64,
    pub next_name: u64,
    /// The last chunk: nobody knows whether it was synced.
    pub last: Option<Place>,
    /// Where an unfinished chunk was found and left out.
    pub torn: Option<(String, u64)>,
}

/// A chunk and where it is.
#[derive(Clone)]
pub(crate) struct Place {
    pub path: String,
    pub position: u64,
    pub bytes: Bytes,
}

/// One file of the journal.
pub(crate) struct JournalFile {
    pub path: String,
    pub file: Box<dyn DiskFile>,
    pub length: u64,
    pub header: Option<FileHeader>,
}

/// Opens every file of the journal, sorted by sequence number, those without a header first.
pub(crate) async fn files(disk: &Arc<dyn Disk>) -> Result<Vec<JournalFile>> {
    let failed = |path: &str, error| Error::io(format!("reading {path}"), error);
    let names = disk.list(DIRECTORY).await.map_err(|error| failed(DIRECTORY, error))?;
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let path = format!("{DIRECTORY}/{name}");
        let opened = async {
            let file = disk.open_read_only(&path).await?;
            let length = file.len().await?;
            let block = file.read_at(0, ALIGNMENT).await?;
            Ok((file, length, block))
        };
        let (file, length, block) = opened.await.map_err(|error| failed(&path, error))?;
        let header = match FileHeader::decode(&block) {
            Ok(header) => Some(header),
            Err(NoFileHeader::Blank) => None,
            Err(NoFileHeader::Version(found)) => {
                return Err(Error::UnknownVersion { file: path, found, known: file::VERSION });
            }
        };
        files.push(JournalFile { path, file, length, header });
    }
    files.sort_by_key(|file| file.header.map_or(0, |header| header.sequence));
    Ok(files)
}

/// Reads the journal from `start`, handing every chunk to `visit`.
pub(crate) async fn walk(
    disk: &Arc<dyn Disk>,
    start: Start,
    mut visit: impl FnMut(&str, u64, Chunk) -> Result<()>,
) -> Result<End> {
    let files = files(disk).await?;
    let next_name =
        files.iter().filter_map(|file| name_number(&file.path)).max().map_or(1, |n| n + 1);
    refuse_twins(&files)?;
    let first = first_needed(&files, start)?;
    let mut walk = Walk::new(start);
    for (index, file) in files.iter().enumerate().skip(first) {
        walk.enter(file, index == first)?;
        walk.read_file(file, &mut visit).await?;
    }
    for file in files.iter().filter(|file| file.header.is_none()) {
        walk.refuse_lost_file(file).await?;
    }
    let chunk = walk.expected;
    let live: Vec<_> = files[first..].iter().filter_map(|file| live_file(file, chunk)).collect();
    let is_free = |file: &&JournalFile| !live.iter().any(|live| live.path == file.path);
    let headers = files.iter().filter_map(|file| file.header);
    let sequences = headers.clone().map(|header| header.sequence);
    Ok(End {
        chunk,
        previous: walk.previous,
        epoch: headers.clone().map(|header| header.epoch).max().unwrap_or_default(),
        free: files.iter().filter(is_free).map(|file| file.path.clone()).collect(),
        next_sequence: sequences.max().unwrap_or_default().max(start.sequence) + 1,
        live,
        next_name,
        last: walk.last,
        torn: walk.torn,
    })
}

fn name_number(path: &str) -> Option<u64> {
    path.rsplit('/').next()?.parse().ok()
}

fn live_file(file: &JournalFile, next_chunk: u64) -> Option<LiveFile> {
    let header = file.header.filter(|header| header.first_chunk < next_chunk)?;
    let FileHeader { sequence, first_chunk, .. } = header;
    Some(LiveFile { path: file.path.clone(), sequence, first_chunk })
}

/// No two uses of files have the same number. If they seem to, one file's header is not its own,
/// and what the file holds would be taken for remains of a former use.
fn refuse_twins(files: &[JournalFile]) -> Result<()> {
    let sequence = |file: &JournalFile| file.header.map(|header| header.sequence);
    let are_twins = |pair: &&[JournalFile]| {
        sequence(&pair[0]).is_some() && sequence(&pair[0]) == sequence(&pair[1])
    };
    let Some([one, other]) = files.windows(2).find(are_twins) else { return Ok(()) };
    let what = format!("its header has the same sequence number as that of {}", one.path);
    Err(Damage::new(&other.path, 0, what).into())
}

/// The index of the file to begin with.
fn first_needed(files: &[JournalFile], start: Start) -> Result<usize> {
    let candidate =
        |file: &&JournalFile| file.header.is_some_and(|header| header.sequence >= start.sequence);
    let Some(oldest) = files.iter().find(candidate) else {
        if start.sequence == 0 {
            return Ok(files.len());
        }
        let what = format!(
            "the file with sequence number {} is missing or has lost its header, and with it \
             chunk {} and what follows",
            start.sequence, start.chunk
        );
        return Err(Damage::new(DIRECTORY, 0, what).in_chunk(start.chunk).into());
    };
    let begins = |file: &JournalFile| file.header.is_some_and(|h| h.first_chunk <= start.chunk);
    let last = files.iter().rposition(|file| candidate(&file) && begins(file));
    last.ok_or_else(|| {
        let found = oldest.header.map_or(0, |header| header.first_chunk);
        let what = format!(
            "chunks {} to {} are missing: the oldest file left, {}, begins with chunk {found}",
            start.chunk,
            found.saturating_sub(1),
            oldest.path
        );
        Damage::new(DIRECTORY, 0, what).in_chunk(start.chunk).into()
    })
}

/// What stands at a place where a chunk may begin.
pub(crate) enum Found {
    Nothing(NoHeader),
    Chunk { header: Header, checksum: u32, body: Result<Chunk, BadBody> },
}

/// Reads what stands at `position`.
pub(crate) async fn read_chunk(file: &JournalFile, position: u64) -> Result<Found> {
    let failed = |error| Error::io(format!("reading {} at byte {position}", file.path), error);
    let block = file.file.read_at(position, ALIGNMENT).await.map_err(failed)?;
    let (header, checksum) = match Header::decode(&block) {
        Ok(found) => found,
        Err(NoHeader::Version(found)) => {
            let file = file.path.clone();
            return Err(Error::UnknownVersion { file, found, known: chunk::VERSION });
        }
        Err(nothing) => return Ok(Found::Nothing(nothing)),
    };
    let length = header.chunk_bytes().unwrap_or(usize::MAX);
    let body = if file.length.saturating_sub(position) < length as u64 {
        Err(BadBody::Short)
    } else if length <= block.len() {
        Chunk::decode(header, checksum, Bytes::copy_from_slice(&block[..length]))
    } else {
        let bytes = file.file.read_at(position, length).await.map_err(failed)?;
        Chunk::decode(header, checksum, bytes)
    };
    Ok(Found::Chunk { header, checksum, body })
}

/// What is wrong with a chunk whose header can be trusted.
pub(crate) fn body_damage(
    path: &str,
    position: u64,
    header: &Header,
    bad: &BadBody,
) -> Vec<Damage> {
    let chunk = header.number;
    let at = |offset: u64, what: &str| Damage::new(path, position + offset, what).in_chunk(chunk);
    match bad {
        BadBody::Short => vec![at(0, "the file ends inside the chunk")],
        BadBody::Directory => {
            vec![at(HEADER_BYTES as u64, "the chunk's directory does not match its checksum")]
        }
        BadBody::Runs { all, damaged } => {
            let what = "the entries do not match their checksum";
            let damage = |index: &usize| {
                let (run, place) = &all[*index];
                at(place.start as u64, what).in_log(run.log, run.first, run.end())
            };
            damaged.iter().map(damage).collect()
        }
    }
}

struct Walk {
    start: Start,
    /// The number of the next chunk.
    expected: u64,
    previous: u32,
    last: Option<Place>,
    torn: Option<(String, u64)>,
    /// Where and why the last file ended.
    end: Option<Damage>,
}

impl Walk {
    fn new(start: Start) -> Self {
        let (expected, previous) = (start.chunk, start.previous);
        Self { start, expected, previous, last: None, torn: None, end: None }
    }

    /// Begins `file`, which must go on where the one before it ended.
    fn enter(&mut self, file: &JournalFile, is_first: bool) -> Result<()> {
        let header = file.header.expect("files without a header are sorted to the front");
        if is_first {
            // The first file may begin with chunks that are in segments already.
            self.expected = header.first_chunk;
            self.previous = header.previous;
            return Ok(());
        }
        if header.first_chunk != self.expected || header.previous != self.previous {
            let mut damage = self.end.take().expect("the file before was read to its end");
            damage.what += &format!(
                ", but it was durable: {} goes on with chunk {}",
                file.path, header.first_chunk
            );
            return Err(damage.into());
        }
        self.torn = None;
        Ok(())
    }

    async fn read_file(
        &mut self,
        file: &JournalFile,
        visit: &mut impl FnMut(&str, u64, Chunk) -> Result<()>,
    ) -> Result<()> {
        let file_header = file.header.expect("files without a header are sorted to the front");
        let mut position = ALIGNMENT as u64;
        loop {
            let (damage, torn) = match read_chunk(file, position).await? {
                Found::Chunk { header, .. } if header.salt != file_header.salt => {
                    (self.lost(file, position, "no chunk is here"), false)
                }
                Found::Nothing(NoHeader::Checksum) => (
                    self.lost(file, position, "the chunk's header does not match its checksum"),
                    true,
                ),
                Found::Nothing(_) => (self.lost(file, position, "no chunk is here"), false),
                Found::Chunk { header, body: Err(bad), .. }
                    if header.number >= self.start.chunk =>
                {
                    let mut damage = body_damage(&file.path, position, &header, &bad);
                    (damage.swap_remove(0), true)
                }
                Found::Chunk { header, checksum, body } => {
                    self.follow(file, position, &header)?;
                    let length = header.chunk_bytes().unwrap_or(usize::MAX - ALIGNMENT);
                    self.previous = checksum;
                    self.expected += 1;
                    if let Ok(chunk) = body
                        && header.number >= self.start.chunk
                    {
                        let (path, bytes) = (file.path.clone(), chunk.bytes.clone());
                        self.last = Some(Place { path, position, bytes });
                        visit(&file.path, position, chunk)?;
                    }
                    position = position.saturating_add(padded(length) as u64);
                    continue;
                }
            };
            self.torn = torn.then(|| (file.path.clone(), position));
            self.end = Some(damage.clone());
            return self.refuse_lost_chunk(file, position, damage).await;
        }
    }

    fn lost(&self, file: &JournalFile, position: u64, what: &str) -> Damage {
        Damage::new(&file.path, position, what).in_chunk(self.expected)
    }

    /// A whole chunk of this file must be the next one.
    fn follow(&self, file: &JournalFile, position: u64, header: &Header) -> Result<()> {
        let chained = header.previous == self.previous
            && (header.number != self.start.chunk || header.previous == self.start.previous);
        if header.number == self.expected && chained {
            return Ok(());
        }
        let what = format!(
            "here is chunk {} after a chunk with checksum {:08x}, expected was chunk {} after {:08x}",
            header.number, header.previous, self.expected, self.previous
        );
        Err(self.lost(file, position, &what).into())
    }

    /// The chunk expected at `position` is not whole. Looks for a sign that it was durable.
    async fn refuse_lost_chunk(
        &self,
        file: &JournalFile,
        position: u64,
        mut damage: Damage,
    ) -> Result<()> {
        let salt = file.header.map(|header| header.salt);
        let shows =
            |header: &Header| Some(header.salt) == salt && header.durable_through >= self.expected;
        if let Some((at, header)) = find_header(file, position + ALIGNMENT as u64, shows).await? {
            damage.what +=
                &format!(", but it was durable: chunk {} follows at byte {at}", header.number);
            return Err(damage.into());
        }
        if self.expected < self.start.chunk {
            damage.what +=
                &format!(", but the manifest says that chunk {} was durable", self.start.chunk - 1);
            return Err(damage.into());
        }
        Ok(())
    }

    /// A file whose header is gone must not hold chunks that follow the journal's end.
    async fn refuse_lost_file(&self, file: &JournalFile) -> Result<()> {
        let follows = |header: &Header| header.number >= self.expected;
        if let Some((at, header)) = find_header(file, ALIGNMENT as u64, follows).await? {
            let what = format!(
                "the file's header is damaged, but chunk {} is at byte {at}",
                header.number
            );
            return Err(Damage::new(&file.path, 0, what).in_chunk(header.number).into());
        }
        Ok(())
    }
}

/// The first whole header from `position` on that `wanted` takes.
async fn find_header(
    file: &JournalFile,
    mut position: u64,
    wanted: impl Fn(&Header) -> bool,
) -> Result<Option<(u64, Header)>> {
    while position < file.length {
        let bytes = file.file.read_at(position, SCAN_BYTES).await;
        let doing = || format!("reading {} at byte {position}", file.path);
        let bytes = bytes.map_err(|error| Error::io(doing(), error))?;
        for (index, block) in bytes.chunks(ALIGNMENT).enumerate() {
            if let Ok((header, _)) = Header::decode(block)
                && wanted(&header)
            {
                return Ok(Some((position + (index * ALIGNMENT) as u64, header)));
            }
        }
        position += SCAN_BYTES as u64;
    }
    Ok(None)
}
