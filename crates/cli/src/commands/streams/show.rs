//! `weir streams show`: a stream's settings, and its shards drawn over the hash space.

use anyhow::Context;
use clap::Args;
use serde::Serialize;
use weir_client::kinesis::{Shard, ShardFilter, StreamDescriptionSummary};

use super::CommonArgs;
use super::list::{mode_word, status_style, status_word};
use crate::commands::tail::rfc3339;
use crate::output::{self, Cell, FADED, GOOD, HEADING, Table, styled};

/// How many cells the hash space is drawn with.
const SPACE_CELLS: u32 = 32;

/// Arguments of `weir streams show`.
#[derive(Args)]
pub(super) struct ShowArgs {
    /// The stream
    stream: String,
    #[command(flatten)]
    common: CommonArgs,
}

/// The line of `--json`.
#[derive(Serialize)]
struct ShowLine<'a> {
    name: &'a str,
    arn: &'a str,
    status: &'static str,
    mode: &'static str,
    created: String,
    retention_hours: i32,
    open_shards: i32,
    encryption_key: Option<&'a str>,
    shards: Vec<ShardLine<'a>>,
}

#[derive(Serialize)]
struct ShardLine<'a> {
    shard_id: &'a str,
    open: bool,
    starting_hash_key: &'a str,
    ending_hash_key: &'a str,
    starting_sequence_number: &'a str,
    ending_sequence_number: Option<&'a str>,
    parents: Vec<&'a str>,
}

impl<'a> From<&'a Shard> for ShardLine<'a> {
    fn from(shard: &'a Shard) -> Self {
        let numbers = &shard.sequence_number_range;
        let parents = [&shard.parent_shard_id, &shard.adjacent_parent_shard_id];
        Self {
            shard_id: &shard.shard_id,
            open: numbers.ending_sequence_number.is_none(),
            starting_hash_key: &shard.hash_key_range.starting_hash_key,
            ending_hash_key: &shard.hash_key_range.ending_hash_key,
            starting_sequence_number: &numbers.starting_sequence_number,
            ending_sequence_number: numbers.ending_sequence_number.as_deref(),
            parents: parents.into_iter().flatten().map(String::as_str).collect(),
        }
    }
}

pub(super) async fn run(args: ShowArgs) -> anyhow::Result<()> {
    let client = args.common.client()?;
    let summary = client.summary(&args.stream).await?;
    let summary = summary.with_context(|| format!("there is no stream {:?}", args.stream))?;
    let shards = client.shards(&args.stream, ShardFilter::default()).await?;
    let lines: Vec<ShardLine<'_>> = shards.iter().map(ShardLine::from).collect();
    if args.common.json {
        output::json(&ShowLine {
            name: &summary.stream_name,
            arn: &summary.stream_arn,
            status: status_word(summary.stream_status),
            mode: mode_word(summary.stream_mode_details.as_ref()),
            created: rfc3339(summary.stream_creation_timestamp),
            retention_hours: summary.retention_period_hours,
            open_shards: summary.open_shard_count,
            encryption_key: summary.key_id.as_deref(),
            shards: lines,
        })?;
        return Ok(());
    }
    output::line(heading(&summary, lines.len()))?;
    draw(&lines).print()?;
    Ok(())
}

fn heading(summary: &StreamDescriptionSummary, shards: usize) -> String {
    let status = summary.stream_status;
    format!(
        "{} {}\n{}\n{}, {} h retention, {} open of {shards} shards, {}created {}\n",
        styled(HEADING, &summary.stream_name),
        styled(status_style(status), status_word(status)),
        styled(FADED, &summary.stream_arn),
        mode_word(summary.stream_mode_details.as_ref()),
        summary.retention_period_hours,
        summary.open_shard_count,
        summary.key_id.as_ref().map(|key| format!("encrypted with {key}, ")).unwrap_or_default(),
        rfc3339(summary.stream_creation_timestamp),
    )
}

fn draw(shards: &[ShardLine<'_>]) -> Table {
    let mut table = Table::new(["SHARD", "STATE", "HASH KEYS", "FROM"]);
    for shard in shards {
        let (style, state) = if shard.open { (GOOD, "open") } else { (FADED, "closed") };
        let space = range(shard).map_or_else(String::new, |(start, end)| bar(start, end));
        table.row([
            Cell::styled(if shard.open { HEADING } else { FADED }, shard.shard_id),
            Cell::styled(style, state),
            Cell::styled(style, space),
            Cell::styled(FADED, shard.parents.join(" + ")),
        ]);
    }
    table
}

fn range(shard: &ShardLine<'_>) -> Option<(u128, u128)> {
    Some((shard.starting_hash_key.parse().ok()?, shard.ending_hash_key.parse().ok()?))
}

/// Where `start..=end` lies in the hash space; a range narrower than a cell still shows.
fn bar(start: u128, end: u128) -> String {
    let cell_width = u128::MAX / u128::from(SPACE_CELLS) + 1;
    let (first, last) = (start / cell_width, end / cell_width);
    // A cell that belongs to several shards is drawn with the first one that starts in it.
    let first = if !start.is_multiple_of(cell_width) && first < last { first + 1 } else { first };
    (0..u128::from(SPACE_CELLS))
        .map(|cell| if (first..=last).contains(&cell) { '█' } else { '·' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_covers_the_shards_part_of_the_hash_space() {
        let half = 1 << 127;
        assert_eq!(bar(0, u128::MAX), "█".repeat(32));
        assert_eq!(bar(0, half - 1), "█".repeat(16) + &"·".repeat(16));
        assert_eq!(bar(half, u128::MAX), "·".repeat(16) + &"█".repeat(16));
        assert_eq!(bar(5, 6), "█".to_owned() + &"·".repeat(31));
    }

    #[test]
    fn neighbours_of_any_width_share_no_cell() {
        let third = u128::MAX / 3;
        let bars = [bar(0, third - 1), bar(third, 2 * third - 1), bar(2 * third, u128::MAX)];
        for cell in 0..32 {
            let filled = bars.iter().filter(|bar| bar.chars().nth(cell) == Some('█')).count();
            assert_eq!(filled, 1, "cell {cell} of {bars:?}");
        }
    }
}
