//! Verifies the journal, chunk by chunk.

use std::sync::Arc;

use runtime::Disk;

use crate::check::Check;
use crate::entries;
use crate::error::{Damage, Error, Result};
use crate::journal::chunk::{ALIGNMENT, BadBody, Kind, Run, padded};
use crate::journal::recovery::{self, Found, JournalFile, body_damage, read_chunk};
use crate::log::LogId;
use crate::stored::Stored;

impl Check<'_> {
    /// Verifies that the journal can be recovered; if not, verifies every chunk there is.
    pub(super) async fn journal(
        &mut self,
        disk: &Arc<dyn Disk>,
        files: &[JournalFile],
        stored: &Stored,
    ) -> Result<()> {
        let start = stored.manifest.journal;
        let walked = recovery::walk(disk, start, |path, position, chunk| {
            for (run, place) in &chunk.runs {
                let at = position + place.start as u64;
                self.run(path, at, chunk.header.number, run);
                let groups = &chunk.bytes[place.clone()];
                if run.kind == Kind::Entries && !entries::are_whole(groups, run.count) {
                    let what = "the run holds other entries than the directory says";
                    let damage = Damage::new(path, at, what).in_chunk(chunk.header.number);
                    self.add(damage.in_log(run.log, run.first, run.end()));
                }
            }
            self.report.chunks += 1;
            self.advance(padded(chunk.bytes.len()) as u64);
            Ok(())
        });
        match walked.await {
            Ok(end) => {
                self.report.unfinished = end.torn;
                if let Err(error) = stored.refuse_lost_manifest(end.chunk) {
                    self.add_error(error)?;
                }
            }
            Err(Error::Corrupt(damage)) => {
                let seen = damage.chunk.unwrap_or(start.chunk).max(start.chunk);
                self.add(*damage);
                self.sweep(files, seen).await?;
            }
            Err(error) => return Err(error),
        }
        let rest = self.at.total - self.at.done;
        self.advance(rest);
        Ok(())
    }

    /// Looks at every chunk from number `from` on that still has a header and was durable.
    async fn sweep(&mut self, files: &[JournalFile], from: u64) -> Result<()> {
        let mut found = Vec::new();
        for (index, file) in files.iter().enumerate() {
            for (position, number, durable) in chunks_of(file).await? {
                found.push((number, index, position, durable));
            }
        }
        let durable = found.iter().map(|(.., durable)| *durable).max().unwrap_or_default();
        found.retain(|(number, ..)| (from..=durable.max(from)).contains(number));
        found.sort_unstable();
        for (number, index, position, _) in found {
            let file = &files[index];
            let Found::Chunk { header, body, .. } = read_chunk(file, position).await? else {
                continue;
            };
            if let Err(bad) = &body {
                body_damage(&file.path, position, &header, bad)
                    .into_iter()
                    .for_each(|d| self.add(d));
            }
            let runs = match body {
                Ok(chunk) => chunk.runs,
                Err(BadBody::Runs { all, .. }) => all,
                Err(BadBody::Short | BadBody::Directory) => Vec::new(),
            };
            self.report.chunks += 1;
            for (run, place) in &runs {
                self.run(&file.path, position + place.start as u64, number, run);
            }
        }
        Ok(())
    }

    /// A run must go on where its log ended.
    fn run(&mut self, path: &str, at: u64, chunk: u64, run: &Run) {
        match run.kind {
            Kind::Entries => {
                let before = self.report.damages.len();
                self.expected.entry(run.log).or_insert(1);
                self.expect_offset(run.log, run.first, path, at);
                for damage in &mut self.report.damages[before..] {
                    damage.chunk = Some(chunk);
                }
                self.reach(run.log, run.end());
                self.report.entries += u64::from(run.count);
            }
            Kind::Delete => drop(self.expected.remove(&run.log)),
            Kind::Seal | Kind::Trim => {}
        }
    }

    /// The entries of `log` up to `next` must have been found by now.
    pub(super) fn expect_offset(&mut self, log: LogId, next: u64, file: &str, at: u64) {
        let Some(expected) = self.expected.get(&log).copied().filter(|found| *found < next) else {
            return;
        };
        let damage = Damage::new(file, at, "entries are missing before this place");
        self.add(damage.in_log(log, expected, next));
        self.reach(log, next);
    }

    pub(super) fn reach(&mut self, log: LogId, next: u64) {
        if let Some(expected) = self.expected.get_mut(&log) {
            *expected = next.max(*expected);
        }
    }
}

/// The chunks in `file` that belong to its present use: position, number, what they say of
/// durability.
async fn chunks_of(file: &JournalFile) -> Result<Vec<(u64, u64, u64)>> {
    let mut chunks = Vec::new();
    let Some(file_header) = file.header else { return Ok(chunks) };
    let mut position = ALIGNMENT as u64;
    while position < file.length {
        let mut step = ALIGNMENT;
        if let Found::Chunk { header, .. } = read_chunk(file, position).await?
            && header.salt == file_header.salt
        {
            chunks.push((position, header.number, header.durable_through));
            step = header.chunk_bytes().map_or(ALIGNMENT, padded);
        }
        position += step as u64;
    }
    Ok(chunks)
}
