//! Verifies a whole data directory while no node uses it. Reads everything, changes nothing, and
//! goes on after the first damage.

mod journal;
mod segments;

use std::collections::BTreeMap;
use std::sync::Arc;

use object_store::ObjectStore;
use prometheus_client::metrics::counter::Counter;
use runtime::Disk;

use crate::error::{Damage, Error, Result};
use crate::log::LogId;
use crate::manifest::{LogLine, Manifest};
use crate::segment::reader::Reader;
use crate::stored::Stored;

/// How far a check is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes verified.
    pub done: u64,
    /// Bytes to verify.
    pub total: u64,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every damage, in the order in which it was found.
    pub damages: Vec<Damage>,
    /// Segments verified.
    pub segments: u64,
    /// Chunks of the journal verified.
    pub chunks: u64,
    /// Entries found whole, in segments and in the journal.
    pub entries: u64,
    /// Logs known.
    pub logs: u64,
    /// Where an unfinished chunk ends the journal. That is what a crash leaves, not damage.
    pub unfinished: Option<(String, u64)>,
}

impl Report {
    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.damages.is_empty()
    }
}

/// Verifies every chunk, every block of every segment, the manifest, and that the entries of each
/// log go on from one to the next. An error means that it could not be verified; damage is in the
/// report.
pub async fn check(
    disk: Arc<dyn Disk>,
    objects: Arc<dyn ObjectStore>,
    progress: impl FnMut(Progress) + Send,
) -> Result<Report> {
    let mut check = Check {
        reader: Reader::new(objects.clone(), Counter::default()),
        report: Report::default(),
        expected: BTreeMap::new(),
        progress: Box::new(progress),
        at: Progress { done: 0, total: 0 },
    };
    let files = crate::journal::recovery::files(&disk).await?;
    let stored = match Stored::read(&objects).await {
        Ok(stored) => Some(stored),
        Err(Error::Corrupt(damage)) => {
            check.report.damages.push(*damage);
            None
        }
        Err(error) => return Err(error),
    };
    let sizes = stored.iter().flat_map(|stored| stored.sizes.values()).sum::<u64>();
    check.at.total = sizes + files.iter().map(|file| file.length).sum::<u64>();
    check.advance(0);
    // Without a manifest nobody knows what should be there.
    if let Some(stored) = stored {
        check.expect(&stored.manifest);
        check.segments(&stored).await?;
        check.journal(&disk, &files, &stored).await?;
    }
    check.report.logs = check.expected.len() as u64;
    Ok(check.report)
}

struct Check<'a> {
    reader: Reader,
    report: Report,
    /// The next offset of each log.
    expected: BTreeMap<LogId, u64>,
    progress: Box<dyn FnMut(Progress) + Send + 'a>,
    at: Progress,
}

impl Check<'_> {
    fn expect(&mut self, manifest: &Manifest) {
        // Of a deleted log nobody expects what is in segments.
        let next = |line: &LogLine| if line.deleted { line.next } else { line.first };
        self.expected = manifest.logs.iter().map(|line| (line.log, next(line))).collect();
    }

    fn advance(&mut self, bytes: u64) {
        self.at.done = (self.at.done + bytes).min(self.at.total);
        (self.progress)(self.at);
    }

    /// Takes note of a damage, unless something was found wrong at the same place.
    fn add(&mut self, damage: Damage) {
        let same_place = |known: &Damage| {
            (&known.file, known.byte_offset, known.log)
                == (&damage.file, damage.byte_offset, damage.log)
        };
        if !self.report.damages.iter().any(same_place) {
            self.report.damages.push(damage);
        }
    }

    /// Keeps what is damage, passes on what is not.
    fn add_error(&mut self, error: Error) -> Result<()> {
        let Error::Corrupt(damage) = error else { return Err(error) };
        self.add(*damage);
        Ok(())
    }
}
