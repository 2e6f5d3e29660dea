//! Rewrites segments: one that is mostly dead, or small neighbours into one.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::ObjectStoreExt;

use crate::config::bytes;
use crate::error::{Error, Result};
use crate::segment::builder::{Builder, Built};
use crate::segment::format::{Block, Index};
use crate::segment::{Segment, reader};
use crate::storage::Core;
use crate::upkeep::{Interrupted, Upkeep, malformed};

/// A segment is small below this part of the size at which segments are cut.
const SMALL_PART: u64 = 4;
/// So many small neighbours are merged; fewer would be rewritten too often.
const MERGED_MIN: usize = 4;

/// A segment in memory.
type Input = (Segment, Index, Bytes);

impl Upkeep {
    /// Merges small neighbours; `false` if there are none.
    pub(super) async fn merge_small(&mut self) -> Result<bool, Interrupted> {
        let live = self.core.segments.live();
        let limit = bytes(self.core.config.segment_bytes) as u64;
        match small_neighbours(&live, limit) {
            Some(range) => self.compact(&live[range]).await,
            None => Ok(false),
        }
    }

    /// Writes what is alive in `segments`, which are neighbours, into one. Leaves them alone and
    /// answers `false` if they cannot be read.
    pub(super) async fn compact(&mut self, segments: &[Segment]) -> Result<bool, Interrupted> {
        let built = match self.compacted(segments).await {
            Ok(built) => built,
            Err(error) => {
                tracing::error!(%error, "segments cannot be rewritten and are left alone");
                return Ok(false);
            }
        };
        let chunks = (segments[0].first_chunk, segments[segments.len() - 1].last_chunk);
        let new = match built {
            Some(built) => Some(self.store_segment(built, chunks).await?),
            None => None,
        };
        self.replace(segments.to_vec(), new).await?;
        Ok(true)
    }

    /// Puts `new` in the place of `old`, then deletes these.
    pub(super) async fn replace(
        &mut self,
        old: Vec<Segment>,
        new: Option<Segment>,
    ) -> Result<(), Interrupted> {
        if old.is_empty() {
            return Ok(());
        }
        let mut segments = self.core.segments.live().to_vec();
        segments.retain(|segment| !old.contains(segment));
        segments.extend(new);
        segments.sort_by_key(|segment| segment.first_chunk);
        self.install(segments).await?;
        for segment in old {
            self.delete(&reader::path(segment.number)).await;
        }
        Ok(())
    }

    async fn compacted(&self, segments: &[Segment]) -> Result<Option<Built>> {
        let mut inputs = Vec::new();
        for segment in segments {
            let index = self.core.segments.index_once(segment).await?;
            let path = reader::path(segment.number);
            let failed = |error| Error::objects(format!("reading {path}"), error);
            let bytes = self.objects.get(&path).await.map_err(failed)?;
            inputs.push((*segment, index, bytes.bytes().await.map_err(failed)?));
        }
        let core = self.core.clone();
        self.core.tasks.offload(move || build(&core, &inputs)).await
    }
}

/// One segment of everything that is alive in `inputs`.
fn build(core: &Arc<Core>, inputs: &[Input]) -> Result<Option<Built>> {
    let numbered = inputs.iter().enumerate();
    let mut blocks: Vec<(usize, Block)> = numbered
        .flat_map(|(input, (_, index, _))| index.blocks.iter().map(move |block| (input, *block)))
        .collect();
    blocks.sort_by_key(|(input, block)| (block.log, *input));
    let mut builder = Builder::new(core.config.compression);
    for of_log in blocks.chunk_by(|a, b| a.1.log == b.1.log) {
        let log = of_log[0].1.log;
        let from = core.live_from(log);
        for (input, block) in of_log.iter().filter(|(_, block)| block.end() > from) {
            let (segment, _, bytes) = &inputs[*input];
            let path = reader::path(segment.number);
            let (start, end) = (block.position as usize, block.position_end() as usize);
            let stored = (end <= bytes.len()).then(|| bytes.slice(start..end));
            let groups = reader::open_block(path.as_ref(), block, stored)?;
            builder.add(log, block.first, from, &groups).map_err(malformed(segment, log))?;
        }
    }
    Ok(builder.finish())
}

/// The first row of neighbours worth merging: each small, together not too large.
fn small_neighbours(live: &[Segment], limit: u64) -> Option<Range<usize>> {
    let mut start = 0;
    let mut sum = 0;
    for (index, segment) in live.iter().enumerate() {
        if segment.bytes >= limit / SMALL_PART || sum + segment.bytes > limit {
            if index - start >= MERGED_MIN {
                return Some(start..index);
            }
            let is_small = segment.bytes < limit / SMALL_PART;
            (start, sum) = if is_small { (index, segment.bytes) } else { (index + 1, 0) };
        } else {
            sum += segment.bytes;
        }
    }
    (live.len() - start >= MERGED_MIN).then_some(start..live.len())
}

#[cfg(test)]
mod tests {
    use model::Timestamp;

    use super::*;

    fn sizes(sizes: &[u64]) -> Vec<Segment> {
        let segment = |(chunk, bytes): (u64, &u64)| Segment {
            number: chunk,
            bytes: *bytes,
            first_chunk: chunk,
            last_chunk: chunk,
            entries: 1,
            last_time: Timestamp::default(),
        };
        (1..).zip(sizes).map(segment).collect()
    }

    #[test]
    fn only_enough_small_neighbours_are_merged_and_never_past_the_limit() {
        for (live, expected) in [
            (&[10, 10, 10][..], None),
            (&[10, 10, 10, 10], Some(0..4)),
            (&[90, 10, 10, 10, 10], Some(1..5)),
            (&[10, 10, 90, 10, 10, 10], None),
            (&[10, 10, 10, 10, 90, 10], Some(0..4)),
            (&[24, 24, 24, 24, 24, 24], Some(0..4)),
            (&[25, 25, 25, 25], None),
        ] {
            assert_eq!(small_neighbours(&sizes(live), 100), expected, "{live:?}");
        }
    }
}
