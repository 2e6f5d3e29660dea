//! `weir put`: lines in, records out.

use std::collections::{BTreeSet, VecDeque};
use std::io;
use std::time::Duration;

use anyhow::Context;
use bytesize::ByteSize;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use runtime::{Entropy, SystemEntropy};
use serde::Serialize;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Stdin};
use tokio::time::Instant;
use weir_client::{Client, Producer, Record, Ticket, Written};

use crate::environment::ConnectionArgs;
use crate::exit::Exit;
use crate::output;

/// Tickets that may be open: enough for the producer to fill its batches.
const OPEN_TICKETS_MAX: usize = 10_000;
/// AWS's largest record, and a key before it.
const LINE_BYTES_MAX: u64 = 10 * 1024 * 1024 + 1024;

/// Arguments of `weir put`.
#[derive(Args)]
#[command(after_help = "\
Each line of standard input, without its line feed, is one record. Records of a key are put in the
order of the lines. Reads no further after the first record that cannot be put.

Examples:
  seq 100 | weir put events
  printf 'alice:in\\nbob:in\\nalice:out\\n' | weir put events -K :
  weir put events --key sensor-7 --json < readings.ndjson")]
pub(crate) struct PutArgs {
    /// The stream
    stream: String,
    /// A line is KEY DELIMITER DATA; without this, keys are random and spread over all shards
    #[arg(short = 'K', long, value_name = "DELIMITER", conflicts_with = "key")]
    key_delimiter: Option<String>,
    /// The partition key of all records
    #[arg(long)]
    key: Option<String>,
    /// Print what became of each record as one line of JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(crate) async fn run(args: PutArgs) -> anyhow::Result<Exit> {
    let client = Client::new(args.connection.client_config()?)?;
    let producer = Producer::start(client, &args.stream);
    let mut tally = Tally::new(args.json);
    let outcome = put_lines(&args, &producer, &mut tally).await;
    tally.progress.finish_and_clear();
    output::note(tally.summary());
    outcome.map(|()| Exit::Done)
}

/// Puts lines until the first failure; what is under way then is waited for.
async fn put_lines(args: &PutArgs, producer: &Producer, tally: &mut Tally) -> anyhow::Result<()> {
    let mut lines = Lines::of_stdin();
    let mut open = VecDeque::new();
    let mut end = None;
    while end.is_none() || !open.is_empty() {
        tokio::select! {
            biased;
            (line, outcome) = oldest(&mut open), if !open.is_empty() => {
                open.pop_front();
                if let Err(error) = tally.count(line, outcome) {
                    // The first failure is the one to tell.
                    end = Some(end.unwrap_or(Ok(())).and(Err(error)));
                }
            }
            line = lines.next(), if end.is_none() && open.len() < OPEN_TICKETS_MAX => {
                match args.put_line(line, producer).await {
                    Ok(Some((ticket, bytes))) => {
                        tally.bytes += bytes;
                        open.push_back((lines.number, ticket));
                    }
                    Ok(None) => end = Some(Ok(())),
                    Err(error) => end = Some(Err(error.context(format!("line {}", lines.number)))),
                }
            }
        }
    }
    end.expect("the loop goes on until there is an end")
}

async fn oldest(open: &mut VecDeque<(u64, Ticket)>) -> (u64, Result<Written, weir_client::Error>) {
    let (line, ticket) = open.front_mut().expect("the caller looked");
    (*line, ticket.await)
}

impl PutArgs {
    /// Hands a line over; gives its ticket and how many bytes of data it has, or nothing when
    /// there is no line.
    async fn put_line(
        &self,
        line: io::Result<Option<Vec<u8>>>,
        producer: &Producer,
    ) -> anyhow::Result<Option<(Ticket, u64)>> {
        let Some(line) = line? else { return Ok(None) };
        let record = self.record(line)?;
        let bytes = record.data.len() as u64;
        Ok(Some((producer.put(record).await?, bytes)))
    }

    fn record(&self, line: Vec<u8>) -> anyhow::Result<Record> {
        if let Some(delimiter) = &self.key_delimiter {
            let (key, data) = split_once(&line, delimiter.as_bytes())
                .with_context(|| format!("there is no {delimiter:?} after a key"))?;
            let key = std::str::from_utf8(key).context("the key is not UTF-8")?;
            return Ok(Record::new(key, data.to_vec()));
        }
        let random = || format!("{:016x}", SystemEntropy.number());
        Ok(Record::new(self.key.clone().unwrap_or_else(random), line))
    }
}

fn split_once<'a>(line: &'a [u8], delimiter: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = line.windows(delimiter.len().max(1)).position(|window| window == delimiter)?;
    Some((&line[..at], &line[at + delimiter.len()..]))
}

/// The lines of standard input, as bytes.
struct Lines {
    input: BufReader<Stdin>,
    /// What has arrived of the line under way, so that a wait for its rest may be dropped.
    partial: Vec<u8>,
    number: u64,
}

impl Lines {
    fn of_stdin() -> Self {
        let input = BufReader::with_capacity(256 * 1024, tokio::io::stdin());
        Self { input, partial: Vec::new(), number: 0 }
    }

    async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let room = LINE_BYTES_MAX - self.partial.len() as u64;
        (&mut self.input).take(room).read_until(b'\n', &mut self.partial).await?;
        let mut line = std::mem::take(&mut self.partial);
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        if line.last() == Some(&b'\n') {
            line.pop();
        } else if line.len() as u64 == LINE_BYTES_MAX {
            return Err(io::Error::other("it is longer than a record may be"));
        }
        Ok(Some(line))
    }
}

/// One line of `--json`.
#[derive(Serialize)]
struct PutLine<'a> {
    line: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    shard_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What was put so far.
struct Tally {
    json: bool,
    started: Instant,
    progress: ProgressBar,
    records: u64,
    bytes: u64,
    shards: BTreeSet<String>,
}

impl Tally {
    fn new(json: bool) -> Self {
        let style = ProgressStyle::with_template("{spinner} {human_pos} records, {per_sec}")
            .expect("the template is well-formed");
        // Draws nothing unless stderr is a terminal.
        let progress = ProgressBar::new_spinner().with_style(style);
        progress.enable_steady_tick(Duration::from_millis(200));
        let (records, bytes) = (0, 0);
        Self { json, started: Instant::now(), progress, records, bytes, shards: BTreeSet::new() }
    }

    fn count(
        &mut self,
        line: u64,
        outcome: Result<Written, weir_client::Error>,
    ) -> anyhow::Result<()> {
        if self.json {
            let written = outcome.as_ref().ok();
            output::json(&PutLine {
                line,
                shard_id: written.map(|written| written.shard_id.as_str()),
                sequence_number: written.map(|written| written.sequence_number.as_str()),
                error: outcome.as_ref().err().map(ToString::to_string),
            })?;
        }
        let written = outcome.with_context(|| {
            format!("line {line} was not put, {} records before it were", self.records)
        })?;
        self.records += 1;
        self.progress.set_position(self.records);
        if !self.shards.contains(&written.shard_id) {
            self.shards.insert(written.shard_id);
        }
        Ok(())
    }

    fn summary(&self) -> String {
        let (records, shards) = (self.records, self.shards.len());
        let seconds = self.started.elapsed().as_secs_f64();
        let bytes = ByteSize(self.bytes).display().iec();
        format!("put {records} records ({bytes}) to {shards} shards in {seconds:.2} s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_at_the_first_delimiter() {
        assert_eq!(split_once(b"a::b::c", b"::"), Some((&b"a"[..], &b"b::c"[..])));
        assert_eq!(split_once(b"::b", b"::"), Some((&b""[..], &b"b"[..])));
        assert_eq!(split_once(b"ab", b":"), None);
        assert_eq!(split_once(b"", b":"), None);
    }
}
