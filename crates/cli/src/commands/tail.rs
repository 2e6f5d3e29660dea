//! `weir tail`: records out of all shards, parents before children.

mod format;

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use clap::Args;
use futures_util::FutureExt;
use model::Timestamp;
use serde::Serialize;
use weir_client::{Client, Consumer, ConsumerConfig, Position, Received};

use crate::environment::ConnectionArgs;
use crate::exit::Exit;
use crate::output;
use format::Format;

/// Arguments of `weir tail`.
#[derive(Args)]
#[command(after_help = "\
Records of a key come in their order, also across splits and merges.

In FORMAT, %s is the data, %S its length, %k the partition key, %p the shard, %o the sequence
number, %t the arrival time, %T the same in milliseconds; %% is a percent sign, \\n \\t \\\\ are a
line feed, a tab and a backslash.

Examples:
  weir tail events
  weir tail events -o beginning -e
  weir tail events -o 2026-11-24T08:00:00Z -f '%p %k %s\\n'
  weir tail events -o beginning -e --json | jq .partition_key")]
pub(crate) struct TailArgs {
    /// The stream
    stream: String,
    /// Where to start: `beginning`, `end`, an RFC 3339 time, or seconds since 1970
    #[arg(short, long, value_name = "POSITION", default_value = "end", value_parser = position)]
    offset: Position,
    /// How to print a record
    #[arg(short, long, default_value = "%s\\n", value_parser = Format::parse, conflicts_with = "json")]
    format: Format,
    /// End when the newest record of every shard has been printed
    #[arg(short, long)]
    exit: bool,
    /// End after N records
    #[arg(short, long, value_name = "N")]
    number: Option<u64>,
    /// Print one line of JSON per record; data that is not UTF-8 comes as `data_base64`
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connection: ConnectionArgs,
}

pub(crate) async fn run(args: TailArgs) -> anyhow::Result<Exit> {
    let client = Client::new(args.connection.client_config()?)?;
    let config = ConsumerConfig {
        from: args.offset,
        until_caught_up: args.exit,
        ..ConsumerConfig::new(&args.stream)
    };
    let mut consumer = Consumer::open(client, config).await?;
    let mut out = BufWriter::with_capacity(64 * 1024, io::stdout().lock());
    let mut left = args.number.unwrap_or(u64::MAX);
    while left > 0 {
        let received = match next(&mut consumer, &mut out).await? {
            Ok(Some(received)) => received,
            Ok(None) => break,
            // Who follows a stream wants to see it again when its server is back.
            Err(error) if error.is_retryable() && !args.exit => {
                output::note(format_args!("{error}; trying again"));
                continue;
            }
            Err(error) => return Err(error.into()),
        };
        args.print(&received, &mut out)?;
        left -= 1;
    }
    out.flush()?;
    Ok(Exit::Done)
}

type Next = Result<Option<Received>, weir_client::Error>;

/// The next record; what was printed is shown before waiting for it.
async fn next(consumer: &mut Consumer, out: &mut impl Write) -> io::Result<Next> {
    if let Some(next) = consumer.next().now_or_never() {
        return Ok(next);
    }
    out.flush()?;
    Ok(consumer.next().await)
}

impl TailArgs {
    fn print(&self, received: &Received, out: &mut impl Write) -> io::Result<()> {
        if !self.json {
            return self.format.write(received, out);
        }
        serde_json::to_writer(&mut *out, &TailLine::of(received))?;
        out.write_all(b"\n")
    }
}

/// One line of `--json`.
#[derive(Serialize)]
struct TailLine<'a> {
    shard_id: &'a str,
    sequence_number: &'a str,
    arrival: String,
    partition_key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<String>,
}

impl<'a> TailLine<'a> {
    fn of(received: &'a Received) -> Self {
        let data = std::str::from_utf8(&received.record.data).ok();
        let base64 = || base64_simd::STANDARD.encode_to_string(&received.record.data);
        Self {
            shard_id: &received.shard_id,
            sequence_number: &received.sequence_number,
            arrival: rfc3339(received.arrival),
            partition_key: &received.record.partition_key,
            data,
            data_base64: data.is_none().then(base64),
        }
    }
}

/// A moment as people write it.
pub(crate) fn rfc3339(time: Timestamp) -> String {
    let millis = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(millis).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.3}")
}

fn position(text: &str) -> anyhow::Result<Position> {
    match text {
        "beginning" => return Ok(Position::Beginning),
        "end" => return Ok(Position::End),
        _ => {}
    }
    let time = match text.parse::<jiff::Timestamp>() {
        Ok(time) => time,
        Err(_) => {
            let seconds: f64 = text
                .parse()
                .context("it is neither `beginning`, `end`, an RFC 3339 time nor seconds")?;
            jiff::Timestamp::from_duration(jiff::SignedDuration::try_from_secs_f64(seconds)?)?
        }
    };
    let millis = u64::try_from(time.as_millisecond()).context("it is before 1970")?;
    Ok(Position::At(Timestamp::from_millis(millis)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_a_word_or_a_moment() {
        let at = |millis| Position::At(Timestamp::from_millis(millis));
        for (text, expected) in [
            ("beginning", Position::Beginning),
            ("end", Position::End),
            ("1970-01-01T00:00:01.5Z", at(1500)),
            ("1970-01-01T01:00:00+01:00", at(0)),
            ("1.5", at(1500)),
            ("1790000000", at(1_790_000_000_000)),
        ] {
            assert_eq!(position(text).expect(text), expected);
        }
        for text in ["", "start", "yesterday", "-1", "1e300", "nan", "1969-12-31T23:59:59Z"] {
            assert!(position(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_moment_is_printed_to_the_millisecond() {
        assert_eq!(rfc3339(Timestamp::from_millis(1500)), "1970-01-01T00:00:01.500Z");
    }
}
