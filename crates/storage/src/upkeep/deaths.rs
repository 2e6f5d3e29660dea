//! Finds segments that trims and deletions left dead.
//!
//! A walk begins with the logs that lost entries since the last one and goes over the segments
//! they can be in, oldest first. A trimmed log leaves the walk at the first segment in which it
//! is still alive, so that a walk costs what was trimmed, not what is retained.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::log::LogId;
use crate::segment::Segment;
use crate::segment::format::Index;
use crate::upkeep::{Interrupted, Upkeep};

/// How many segments are examined before other work gets its turn.
const EXAMINED_AT_ONCE: usize = 16;

/// A walk over the segments.
pub(crate) struct Walk {
    /// The logs that lost entries, with the chunks their dead ones can be in.
    losers: BTreeMap<LogId, (u64, u64)>,
    /// The first chunk not examined yet.
    next_chunk: u64,
    /// The last chunk that was in segments when the walk began.
    last_chunk: u64,
}

/// What is to become of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Keep,
    Rewrite,
    Drop,
}

impl Upkeep {
    /// Does a part of the walk; `false` if there is nothing to walk for.
    pub(super) async fn examine_deaths(&mut self) -> Result<bool, Interrupted> {
        let Some(mut walk) = self.walk.take().or_else(|| self.begin_walk()) else {
            return Ok(false);
        };
        let mut dropped = Vec::new();
        for segment in self.next_of(&walk) {
            walk.next_chunk = segment.last_chunk + 1;
            let verdict = match self.core.segments.index_once(&segment).await {
                Ok(index) => self.examine(&mut walk, &segment, &index),
                Err(error) => {
                    tracing::error!(%error, "a segment cannot be examined and is left alone");
                    Verdict::Keep
                }
            };
            match verdict {
                Verdict::Keep => {}
                Verdict::Drop => dropped.push(segment),
                Verdict::Rewrite => {
                    self.replace(std::mem::take(&mut dropped), None).await?;
                    self.compact(&[segment]).await?;
                }
            }
        }
        self.replace(dropped, None).await?;
        if self.next_of(&walk).is_empty() {
            self.end_walk(&walk);
        } else {
            self.walk = Some(walk);
        }
        Ok(true)
    }

    fn begin_walk(&self) -> Option<Walk> {
        let deaths = std::mem::take(&mut *self.core.deaths.lock());
        let chunks = |log: LogId| {
            let cell = self.core.logs.read().get(&log).cloned()?;
            let state = cell.state.lock();
            (state.born_in <= state.cut_in).then_some((log, (state.born_in, state.cut_in)))
        };
        let losers: BTreeMap<_, _> = deaths.into_iter().filter_map(chunks).collect();
        let next_chunk = losers.values().map(|(first, _)| *first).min()?;
        Some(Walk { losers, next_chunk, last_chunk: self.journal.chunk - 1 })
    }

    /// The segments to examine next.
    fn next_of(&self, walk: &Walk) -> Vec<Segment> {
        let live = self.core.segments.live();
        let concerns = |segment: &&Segment| {
            let overlaps = |(first, last): &(u64, u64)| {
                *first <= segment.last_chunk && segment.first_chunk <= *last
            };
            segment.last_chunk >= walk.next_chunk
                && segment.first_chunk <= walk.last_chunk
                && walk.losers.values().any(overlaps)
        };
        live.iter().filter(concerns).take(EXAMINED_AT_ONCE).copied().collect()
    }

    fn examine(&self, walk: &mut Walk, segment: &Segment, index: &Index) -> Verdict {
        let (mut live, mut total) = (0, 0);
        for blocks in index.blocks.chunk_by(|a, b| a.log == b.log) {
            let log = blocks[0].log;
            let from = self.core.live_from(log);
            let bytes = |alive: bool| {
                let counted = blocks.iter().filter(move |block| !alive || block.end() > from);
                counted.map(|block| u64::from(block.raw)).sum::<u64>()
            };
            total += bytes(false);
            live += bytes(true);
            let is_alive = blocks.last().is_some_and(|block| block.end() > from);
            if is_alive && walk.losers.remove(&log).is_some() {
                self.dead_before(log, segment.first_chunk);
            }
        }
        match live {
            0 => Verdict::Drop,
            live if live * 2 < total => Verdict::Rewrite,
            _ => Verdict::Keep,
        }
    }

    /// The logs that are left were found alive nowhere.
    fn end_walk(&self, walk: &Walk) {
        for log in walk.losers.keys() {
            self.dead_before(*log, walk.last_chunk + 1);
        }
    }

    fn dead_before(&self, log: LogId, chunk: u64) {
        let cell = self.core.logs.read().get(&log).map(Arc::clone);
        if let Some(cell) = cell {
            cell.state.lock().dead_before(chunk);
        }
    }
}
