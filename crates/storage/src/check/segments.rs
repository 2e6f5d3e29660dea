//! Verifies segments, block by block.

use crate::check::Check;
use crate::entries;
use crate::error::{Damage, Error, Result};
use crate::segment::format::Block;
use crate::segment::{Segment, reader};
use crate::stored::Stored;

/// Neighbouring blocks are read together up to this size.
const READ_BYTES: u64 = 1 << 20;

impl Check<'_> {
    /// Verifies every live segment, and that together they hold every entry they should.
    pub(super) async fn segments(&mut self, stored: &Stored) -> Result<()> {
        for segment in &stored.manifest.segments {
            match stored.damage(segment) {
                Some(damage) => self.add(damage),
                None => {
                    if let Err(error) = self.segment(segment).await {
                        self.add_error(error)?;
                    }
                }
            }
        }
        for line in &stored.manifest.logs {
            self.expect_offset(line.log, line.next, reader::DIRECTORY, 0);
        }
        Ok(())
    }

    async fn segment(&mut self, segment: &Segment) -> Result<()> {
        self.reader.refuse_version(segment.number).await?;
        let index = self.reader.index(segment.number, segment.bytes).await?;
        let mut rest = &index.blocks[..];
        while let Some(first) = rest.first() {
            let near = |block: &Block| block.position_end() - first.position <= READ_BYTES;
            let count = rest.iter().take_while(|block| near(block)).count().max(1);
            let (blocks, later) = rest.split_at(count);
            self.blocks(segment, blocks).await?;
            rest = later;
        }
        let entries: u64 = index.blocks.iter().map(|block| u64::from(block.count)).sum();
        if entries != segment.entries {
            let what = format!("it has {entries} entries, the manifest says {}", segment.entries);
            self.add(Damage::new(reader::path(segment.number).as_ref(), 0, what));
        }
        self.report.segments += 1;
        Ok(())
    }

    async fn blocks(&mut self, segment: &Segment, blocks: &[Block]) -> Result<()> {
        let path = reader::path(segment.number);
        let (first, last) = (blocks[0].position, blocks[blocks.len() - 1].position_end());
        let bytes = self.reader.get(&path, first..last).await?;
        for block in blocks {
            let place = (block.position - first) as usize..(block.position_end() - first) as usize;
            let stored = (place.end <= bytes.len()).then(|| bytes.slice(place));
            self.expect_offset(block.log, block.first, path.as_ref(), block.position);
            self.reach(block.log, block.end());
            match reader::open_block(path.as_ref(), block, stored) {
                Ok(groups) if entries::are_whole(&groups, block.count) => {
                    self.report.entries += u64::from(block.count);
                }
                Ok(_) => {
                    let what = "the block holds other entries than the index says";
                    let damage = Damage::new(path.as_ref(), block.position, what);
                    self.add(damage.in_log(block.log, block.first, block.end()));
                }
                Err(Error::Corrupt(damage)) => self.add(*damage),
                Err(error) => return Err(error),
            }
        }
        self.advance(last - first);
        Ok(())
    }
}
