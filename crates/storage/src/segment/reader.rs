//! Reads segments: the index, ranges of blocks. Everything is checked before it is believed.

use std::sync::Arc;

use bytes::Bytes;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use runtime::Tasks;

use crate::checksum::crc32c;
use crate::error::{Damage, Error, Result};
use crate::segment::format::{self, Block, HEADER_BYTES, Index, TRAILER_BYTES, Trailer};

/// The end of a segment is fetched in one piece of this size, which mostly holds the whole index.
const END_BYTES: u64 = 64 << 10;

/// Where segments are.
pub(crate) const DIRECTORY: &str = "segments";

/// The object of the segment of that number.
pub(crate) fn path(number: u64) -> Path {
    Path::from(format!("{DIRECTORY}/{number:020}.seg"))
}

/// Reads the index of segment `number`, which is `length` bytes long.
pub(crate) async fn load_index(
    objects: &Arc<dyn ObjectStore>,
    number: u64,
    length: u64,
) -> Result<Index> {
    let path = path(number);
    let damage = |at: u64, what: &str| Error::from(Damage::new(path.as_ref(), at, what));
    let end_at = length.saturating_sub(END_BYTES);
    let end = get(objects, &path, end_at, length).await?;
    if end.len() as u64 != length - end_at {
        return Err(damage(end_at, "the segment is shorter than the manifest says"));
    }
    let trailer_at = length.saturating_sub(TRAILER_BYTES as u64);
    let Some(trailer) = Trailer::decode(&end, length) else {
        refuse_version(objects, number).await?;
        return Err(damage(trailer_at, "the trailer does not match its checksum"));
    };
    let position = trailer.index_position;
    let bytes = match position.checked_sub(end_at) {
        Some(skip) => end.slice(skip as usize..end.len() - TRAILER_BYTES),
        None => get(objects, &path, position, position + trailer.index_bytes).await?,
    };
    if crc32c(&bytes) != trailer.index_checksum {
        return Err(damage(position, "the index does not match its checksum"));
    }
    Index::decode(&bytes, trailer.blocks, position)
        .ok_or_else(|| damage(position, "the index is not one, although its checksum holds"))
}

/// Refuses a segment of a version unknown here.
pub(crate) async fn refuse_version(objects: &Arc<dyn ObjectStore>, number: u64) -> Result<()> {
    let path = path(number);
    let header = get(objects, &path, 0, HEADER_BYTES as u64).await?;
    match format::version(&header) {
        Some(format::VERSION) => Ok(()),
        Some(found) => {
            Err(Error::UnknownVersion { file: path.into(), found, known: format::VERSION })
        }
        None => Err(Damage::new(path.as_ref(), 0, "this is not a segment").into()),
    }
}

/// Reads `blocks`, which lie next to each other, and answers their groups.
pub(crate) async fn load_blocks(
    objects: &Arc<dyn ObjectStore>,
    tasks: &Tasks,
    number: u64,
    blocks: &[Block],
) -> Result<Vec<Bytes>> {
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
        return Ok(Vec::new());
    };
    let path = path(number);
    let bytes = get(objects, &path, first.position, last.position_end()).await?;
    let (start, blocks) = (first.position, blocks.to_vec());
    let compressed = blocks.iter().any(Block::is_compressed);
    let open = move || {
        let stored = |block: &Block| {
            let start = (block.position - start) as usize;
            (start + block.stored as usize <= bytes.len())
                .then(|| bytes.slice(start..start + block.stored as usize))
        };
        blocks.iter().map(|block| open_block(path.as_ref(), block, stored(block))).collect()
    };
    if compressed { tasks.offload(open).await } else { open() }
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

/// A range of an object.
pub(crate) async fn get(
    objects: &Arc<dyn ObjectStore>,
    path: &Path,
    from: u64,
    to: u64,
) -> Result<Bytes> {
    let got = objects.get_range(path, from..to).await;
    got.map_err(|error| Error::objects(format!("reading {path} from byte {from}"), error))
}
