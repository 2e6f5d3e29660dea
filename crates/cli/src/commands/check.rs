//! `weir check`: reads a stopped node's directory and says what is damaged.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use object_store::local::LocalFileSystem;
use runtime::{Disk, DiskLock, LocalDisk};
use serde::Serialize;
use storage::{Damage, Report};

use crate::exit::{Exit, InUse};
use crate::output::{self, BAD, GOOD, styled};

/// The file that a node holds locked.
const LOCK_FILE: &str = "lock";

/// Arguments of `weir check`.
#[derive(Args)]
#[command(after_help = "\
Exits with 3 when there is damage, and names it by file, byte, log and offsets. Offsets are the
sequence index inside the sequence numbers of a shard's records.

Example:
  weir check /var/lib/weir")]
pub(crate) struct CheckArgs {
    /// The data directory
    directory: PathBuf,
    /// Print every damage as one line of JSON
    #[arg(long)]
    json: bool,
}

/// One line of `--json`.
#[derive(Serialize)]
struct DamageLine<'a> {
    file: &'a str,
    byte_offset: u64,
    chunk: Option<u64>,
    log: Option<u64>,
    first_offset: Option<u64>,
    last_offset: Option<u64>,
    what: &'a str,
}

impl<'a> From<&'a Damage> for DamageLine<'a> {
    fn from(damage: &'a Damage) -> Self {
        Self {
            file: &damage.file,
            byte_offset: damage.byte_offset,
            chunk: damage.chunk,
            log: damage.log.map(|log| log.0),
            first_offset: damage.offsets.map(|(first, _)| first.0),
            last_offset: damage.offsets.map(|(_, last)| last.0),
            what: &damage.what,
        }
    }
}

pub(crate) async fn run(args: CheckArgs) -> anyhow::Result<Exit> {
    let unusable = || format!("cannot check {}", args.directory.display());
    let disk = LocalDisk::existing(&args.directory).with_context(unusable)?;
    let objects = LocalFileSystem::new_with_prefix(&args.directory).with_context(unusable)?;
    let _lock = lock(&disk).await.with_context(unusable)?;
    let progress = progress_bar();
    let checking = storage::check(Arc::new(disk), Arc::new(objects), |at| {
        progress.set_length(at.total);
        progress.set_position(at.done);
    });
    let checked = checking.await.with_context(unusable);
    progress.finish_and_clear();
    print(&checked?, args.json)
}

/// Keeps nodes away. A directory that no node ever locked, or that cannot be written, needs none.
async fn lock(disk: &LocalDisk) -> anyhow::Result<Option<DiskLock>> {
    if !disk.list("").await?.iter().any(|name| name == LOCK_FILE) {
        return Ok(None);
    }
    match disk.lock().await {
        Ok(lock) => Ok(Some(lock)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(InUse.into()),
        Err(_) => Ok(None),
    }
}

fn progress_bar() -> ProgressBar {
    let style =
        ProgressStyle::with_template("{bar:32} {binary_bytes} of {binary_total_bytes}, {eta}")
            .expect("the template is well-formed");
    // Draws nothing unless stderr is a terminal.
    ProgressBar::new(0).with_style(style)
}

fn print(report: &Report, json: bool) -> anyhow::Result<Exit> {
    for damage in &report.damages {
        match json {
            true => output::json(&DamageLine::from(damage))?,
            false => output::line(damage)?,
        }
    }
    if !json {
        if let Some((file, byte)) = &report.unfinished {
            output::line(format_args!(
                "{file} ends at byte {byte} in the middle of a write, as after a crash: no damage"
            ))?;
        }
        let verdict = match report.damages.len() {
            0 => styled(GOOD, "sound"),
            damages => styled(BAD, format_args!("{damages} damages")),
        };
        let Report { logs, entries, segments, chunks, .. } = report;
        output::line(format_args!(
            "{verdict}: {logs} logs, {entries} entries whole in {segments} segments and {chunks} \
             chunks of the journal"
        ))?;
    }
    Ok(if report.is_sound() { Exit::Done } else { Exit::Damaged })
}
