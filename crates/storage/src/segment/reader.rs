//! Reads segments: root, pages of the index, ranges of blocks. Everything is checked before it is
//! believed.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::Path;
use prometheus_client::metrics::counter::Counter;
use runtime::Tasks;
use tokio::sync::Semaphore;

use crate::checksum::crc32c;
use crate::error::{Damage, Error, Result};
use crate::segment::format::{
    self, Block, HEADER_BYTES, Index, Page, Root, TRAILER_BYTES, Trailer,
};

/// The end of a segment is fetched in one piece of this size, which mostly holds the whole root.
const END_BYTES: u64 = 2 << 10;

/// Where segments are.
pub(crate) const DIRECTORY: &str = "segments";

/// The object of the segment of that number.
pub(crate) fn path(number: u64) -> Path {
    Path::from(format!("{DIRECTORY}/{number:020}.seg"))
}

/// So many ranges are read at a time, in the order in which they were asked for. Each may take a
/// thread and much of a processor; without a bound, readers from far back would leave little to
/// writers.
const READS_AT_ONCE: usize = 4;

/// Reads segments out of their store, and counts the bytes.
pub(crate) struct Reader {
    objects: Arc<dyn ObjectStore>,
    turns: Semaphore,
    bytes: Counter,
    /// Bytes of blocks that somebody still holds.
    held: Arc<AtomicUsize>,
}

/// Bytes of blocks, counted until the last reader of any of them lets go.
struct Held {
    bytes: Bytes,
    held: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes.len(), Ordering::Relaxed);
    }
}

impl Reader {
    pub(crate) fn new(objects: Arc<dyn ObjectStore>, bytes: Counter) -> Self {
        Self { objects, turns: Semaphore::new(READS_AT_ONCE), bytes, held: Arc::default() }
    }

    /// How much of what was read as blocks is still in somebody's hands.
    pub(crate) fn held(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn hold(&self, bytes: Bytes) -> Bytes {
        self.held.fetch_add(bytes.len(), Ordering::Relaxed);
        Bytes::from_owner(Held { bytes, held: self.held.clone() })
    }

    /// Reads the root of segment `number`, which is `length` bytes long.
    pub(crate) async fn root(&self, number: u64, length: u64) -> Result<Root> {
        let path = path(number);
        let damage = |at: u64, what: &str| Error::from(Damage::new(path.as_ref(), at, what));
        let end_at = length.saturating_sub(END_BYTES);
        let end = self.get(&path, end_at..length).await?;
        if end.len() as u64 != length - end_at {
            return Err(damage(end_at, "the segment is shorter than the manifest says"));
        }
        let trailer_at = length.saturating_sub(TRAILER_BYTES as u64);
        let Some(trailer) = Trailer::decode(&end, length) else {
            self.refuse_version(number).await?;
            return Err(damage(trailer_at, "the trailer does not match its checksum"));
        };
        let position = trailer.root_position;
        let bytes = match position.checked_sub(end_at) {
            Some(skip) => end.slice(skip as usize..end.len() - TRAILER_BYTES),
            None => self.get(&path, position..trailer_at).await?,
        };
        if crc32c(&bytes) != trailer.root_checksum {
            return Err(damage(position, "the root does not match its checksum"));
        }
        Root::decode(&bytes, trailer.pages, trailer.index_position, position)
            .ok_or_else(|| damage(position, "the root is not one, although its checksum holds"))
    }

    /// Reads pages of the index of segment `number`, which lie next to each other.
    pub(crate) async fn pages(
        &self,
        number: u64,
        root: &Root,
        pages: Range<usize>,
    ) -> Result<Vec<Bytes>> {
        let wanted = &root.pages[pages];
        let (Some(first), Some(last)) = (wanted.first(), wanted.last()) else {
            return Ok(Vec::new());
        };
        let (start, end) = (first.at, last.end());
        let bytes = self.get(&path(number), start..end).await?;
        if bytes.len() as u64 != end - start {
            let what = "the segment ends before its index does";
            return Err(Damage::new(path(number).as_ref(), start, what).into());
        }
        let page =
            |page: &Page| bytes.slice((page.at - start) as usize..(page.end() - start) as usize);
        Ok(wanted.iter().map(page).collect())
    }

    /// Reads the whole index of segment `number`, which is `length` bytes long.
    pub(crate) async fn index(&self, number: u64, length: u64) -> Result<Index> {
        let root = self.root(number, length).await?;
        let mut blocks = Vec::new();
        let pages = self.pages(number, &root, 0..root.pages.len()).await?;
        for (index, page) in pages.iter().enumerate() {
            blocks.extend(open_page(number, &root, index, page)?);
        }
        Ok(Index { blocks })
    }

    /// Refuses a segment of a version unknown here.
    pub(crate) async fn refuse_version(&self, number: u64) -> Result<()> {
        let path = path(number);
        let header = self.get(&path, 0..HEADER_BYTES as u64).await?;
        match format::version(&header) {
            Some(format::VERSION) => Ok(()),
            Some(found) => {
                Err(Error::UnknownVersion { file: path.into(), found, known: format::VERSION })
            }
            None => Err(Damage::new(path.as_ref(), 0, "this is not a segment").into()),
        }
    }

    /// Reads `blocks`, which lie next to each other, and answers their groups.
    pub(crate) async fn blocks(
        &self,
        tasks: &Tasks,
        number: u64,
        blocks: &[Block],
    ) -> Result<Vec<Bytes>> {
        let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
            return Ok(Vec::new());
        };
        let path = path(number);
        let bytes = self.get(&path, first.position..last.position_end()).await?;
        let (start, blocks) = (first.position, blocks.to_vec());
        let compressed = blocks.iter().any(Block::is_compressed);
        let bytes = if compressed { bytes } else { self.hold(bytes) };
        let open = move || {
            let stored = |block: &Block| {
                let start = (block.position - start) as usize;
                (start + block.stored as usize <= bytes.len())
                    .then(|| bytes.slice(start..start + block.stored as usize))
            };
            let open = |block| open_block(path.as_ref(), block, stored(block));
            blocks.iter().map(open).collect::<Result<Vec<_>>>()
        };
        if !compressed {
            return open();
        }
        let opened = tasks.offload(open).await?;
        Ok(opened.into_iter().map(|groups| self.hold(groups)).collect())
    }

    /// A range of an object.
    pub(crate) async fn get(&self, path: &Path, range: Range<u64>) -> Result<Bytes> {
        // Of a file on this machine many ranges are one trip to a thread that may block, and one
        // range is two.
        let from = range.start;
        let _turn = self.turns.acquire().await.expect("the turns never end");
        let got = self.objects.get_ranges(path, &[range]).await;
        let failed = |error| Error::objects(format!("reading {path} from byte {from}"), error);
        let bytes = got.map_err(failed)?.pop().unwrap_or_default();
        self.bytes.inc_by(bytes.len() as u64);
        Ok(bytes)
    }
}

/// Checks a page of the index as it is stored and answers its blocks.
pub(crate) fn open_page(
    number: u64,
    root: &Root,
    index: usize,
    bytes: &[u8],
) -> Result<Vec<Block>> {
    let page = &root.pages[index];
    let damage = |what: &str| Error::from(Damage::new(path(number).as_ref(), page.at, what));
    if crc32c(bytes) != page.checksum {
        return Err(damage("a page of the index does not match its checksum"));
    }
    let blocks = page.decode(bytes, root.blocks_end(index));
    blocks.ok_or_else(|| damage("a page of the index is none, although its checksum holds"))
}

/// Checks a stored block and answers its groups.
pub(crate) fn open_block(file: &str, block: &Block, stored: Option<Bytes>) -> Result<Bytes> {
    let damage = |what: &str| {
        let damage = Damage::new(file, block.position, what);
        Error::from(damage.in_log(block.log, block.first, block.end()))
    };
    let stored = stored.ok_or_else(|| damage("the segment ends before the block does"))?;
    if crc32c(&stored) != block.checksum {
        return Err(damage("the block does not match its checksum"));
    }
    if !block.is_compressed() {
        return Ok(stored);
    }
    let raw = zstd::bulk::decompress(&stored, block.raw as usize);
    let raw = raw.map_err(|_| damage("the block does not decompress"))?;
    Ok(raw.into())
}
