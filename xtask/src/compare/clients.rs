//! The clients that put the load on a contender: our own for the Kinesis API, the others' for theirs.

mod kafka;
mod kinesis;
mod nats;
mod s2;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::figures::{Kept, Report};
use super::server::Server;
use crate::workspace;

pub(super) use kafka::Kafka;
pub(super) use kinesis::Kinesis;
pub(super) use nats::Nats;
pub(super) use s2::S2;

/// What every load has in common.
pub(super) struct Load {
    pub(super) weir: PathBuf,
    /// For the clients that run for a time.
    pub(super) duration: Duration,
}

/// Bytes of a record.
const RECORD_BYTES: &str = "1024";
/// Records of a batch.
const BATCH: &str = "500";
/// Connections, or publishers.
const CONNECTIONS: &str = "8";
/// Shards or partitions.
const SHARDS: &str = "4";
/// A load that takes longer hangs.
const AT_MOST: Duration = Duration::from_secs(180);
/// For clients that run for a number of records instead of a time.
const BATCHED_RECORDS: u32 = 60_000;
const SINGLE_RECORDS: u32 = 4_000;

/// How a contender is used.
pub(super) trait Client: Sync {
    /// Whether a contender that listens answers, too.
    fn is_answered(&self, _server: &Server, _load: &Load) -> bool {
        true
    }

    /// Batches of 500 x 1 KiB, eight under way.
    fn batches(&self, server: &Server, load: &Load) -> Result<Report>;
    /// Records of 1 KiB one by one, eight under way, if the client can.
    fn singles(&self, server: &Server, load: &Load) -> Result<Option<Report>>;
    /// What was written in batches, from the beginning.
    fn reads(&self, server: &Server, load: &Load) -> Result<Report>;
    /// Writes, kills the contender the moment the last record is acknowledged, starts it again,
    /// and counts.
    fn crash(&self, server: Server, load: &Load) -> Result<Kept>;
}

/// What a client says, on both outputs.
#[expect(clippy::disallowed_types, reason = "a child process writes to a real file")]
fn said_by(client: &mut Command, server: &Server) -> Result<String> {
    // Only the name: this comes into the page, and its path is of this machine.
    let program = Path::new(client.get_program()).file_name().unwrap_or_default().to_owned();
    let name = program.display();
    let path = server.place.data.with_file_name("client.txt");
    let file = fs::File::create(&path)?;
    client.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    let mut child = client.spawn().with_context(|| format!("run {name}"))?;
    let status = workspace::wait_within(AT_MOST, &mut child).with_context(|| name.to_string())?;
    let said = fs::read_to_string(&path)?;
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    ensure!(status.success(), "{status}: {last}");
    Ok(said)
}

/// The number that follows `word`.
fn number_after(text: &str, word: &str) -> Result<f64> {
    let (_, rest) = text.split_once(word).with_context(|| format!("no {word:?} in {text:?}"))?;
    parse(rest).with_context(|| format!("no number after {word:?} in {text:?}"))
}

/// The number that stands before `word`.
fn number_before(text: &str, word: &str) -> Result<f64> {
    let (rest, _) = text.split_once(word).with_context(|| format!("no {word:?} in {text:?}"))?;
    let last = rest.split_whitespace().last().and_then(parse);
    last.with_context(|| format!("no number before {word:?} in {text:?}"))
}

/// `1,234.5us`
fn parse(text: &str) -> Option<f64> {
    let text = text.trim_start_matches([' ', ':']);
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',');
    text[..end.unwrap_or(text.len())].replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_beside_their_words() {
        let line = "stats: 1,956 msgs/sec ~ 1.9 MiB/sec | P50 1,336.91us | P99.9: 115,932.22us";
        assert_eq!(number_before(line, " msgs/sec").unwrap(), 1956.0);
        assert_eq!(number_after(line, "P50").unwrap(), 1336.91);
        assert_eq!(number_after(line, "P99.9").unwrap(), 115_932.22);
        assert!(number_after(line, "P75").is_err());
        assert!(number_before(line, "stats").is_err());
    }
}
