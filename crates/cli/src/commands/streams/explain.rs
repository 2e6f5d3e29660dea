//! `weir streams explain`: what was throttled, by whom and by which keys, what would cure it, and
//! what was decided about the capacity.

use clap::Args;
use model::Timestamp;
use serde_json::Value;
use weir_client::admin::{
    Cure, CureAction, ExplainStreamInput, ExplainStreamOutput, ScalingAction, ShardLimit,
    ShardTraffic,
};

use super::CommonArgs;
use super::list::{mode_word, status_style, status_word};
use crate::commands::tail::rfc3339;
use crate::output::{self, BAD, Cell, FADED, GOOD, HEADING, Table, styled};

/// Throttle events that people are shown; `--json` has them all.
const EVENTS_SHOWN: usize = 12;
/// Decisions that people are shown; `--json` has them all.
const DECISIONS_SHOWN: usize = 12;
/// How wide the bar of a shard that is asked for all of its throughput is.
const BAR_CELLS: usize = 10;

/// Arguments of `weir streams explain`.
#[derive(Args)]
#[command(after_help = "Example:\n  weir streams explain events")]
pub(super) struct ExplainArgs {
    /// The stream
    stream: String,
    #[command(flatten)]
    common: CommonArgs,
}

pub(super) async fn run(args: ExplainArgs) -> anyhow::Result<()> {
    let client = args.common.client()?;
    let input =
        ExplainStreamInput { stream_name: Some(args.stream), ..ExplainStreamInput::default() };
    let found = client.call(input).await?;
    if args.common.json {
        output::json(&plain(serde_json::to_value(&found)?))?;
        return Ok(());
    }
    output::line(heading(&found))?;
    for part in [throttled(&found), traffic(&found), cures(&found), decisions(&found)] {
        part.print()?;
    }
    Ok(())
}

/// A heading, and a table or what to say in its place.
struct Part {
    title: &'static str,
    table: Option<Table>,
    instead: String,
}

impl Part {
    fn print(self) -> anyhow::Result<()> {
        output::line(format!("\n{}", styled(HEADING, self.title)))?;
        match self.table {
            Some(table) => table.print()?,
            None => output::line(styled(FADED, self.instead))?,
        }
        Ok(())
    }
}

fn heading(found: &ExplainStreamOutput) -> String {
    let limits = if found.limits_enforced { "limits enforced" } else { "limits only counted" };
    let capacity = match (found.shards_ceiling, found.peak_permille) {
        (Some(ceiling), Some(peak)) => format!(
            ", scales to {ceiling} shards by itself, peak of 30 days {:.1} shards' worth",
            peak as f64 / 1000.0
        ),
        _ => String::new(),
    };
    format!(
        "{} {}\n{}, {} open shards, {limits}{capacity}",
        styled(HEADING, &found.stream_name),
        styled(status_style(found.stream_status), status_word(found.stream_status)),
        mode_word(found.stream_mode_details.as_ref()),
        found.open_shard_count,
    )
}

fn throttled(found: &ExplainStreamOutput) -> Part {
    let mut table = Table::new(["FROM", "TO", "SHARD", "LIMIT", "COUNT", "BY", "MOSTLY"]);
    for event in found.throttled.iter().take(EVENTS_SHOWN) {
        let (style, outcome) =
            if event.refused { (BAD, "refused") } else { (FADED, "let through") };
        let key = match (&event.partition_key, &event.hash_key) {
            (Some(key), _) => format!("key {key:?}"),
            (None, Some(hash)) => format!("hash key {hash}"),
            (None, None) => String::new(),
        };
        table.row([
            rfc3339(event.first_at).into(),
            time_of_day(&rfc3339(event.last_at)).into(),
            short(&event.shard_id).into(),
            limit_word(event.limit).into(),
            Cell::styled(style, format!("{} {outcome}", event.count)),
            Cell::styled(FADED, &event.principal),
            key.into(),
        ]);
    }
    let table = (!found.throttled.is_empty()).then_some(table);
    Part { title: "Throttled", table, instead: "nothing".into() }
}

fn traffic(found: &ExplainStreamOutput) -> Part {
    let mut table = Table::new(["SHARD", "USE", "", "RECORDS/S", "KIB/S", "OVER", "HEAVIEST KEYS"]);
    for shard in &found.shards {
        let hot = !shard.cures.is_empty() || shard.use_permille > 500;
        let style = if hot { BAD } else { GOOD };
        let per_second = |number: i64| number as f64 / f64::from(shard.seconds.max(1));
        table.row([
            Cell::styled(HEADING, short(&shard.shard_id)),
            Cell::styled(style, bar(shard.use_permille)),
            Cell::styled(style, percent(shard.use_permille)),
            format!("{:.0}", per_second(shard.records)).into(),
            format!("{:.0}", per_second(shard.bytes) / 1024.0).into(),
            Cell::styled(if shard.over_rate > 0 { BAD } else { FADED }, shard.over_rate),
            heavy_keys(shard).into(),
        ]);
    }
    let table = (!found.shards.is_empty()).then_some(table);
    let instead = "no traffic in the last minute".into();
    Part { title: "Offered to the shards in the last minute, retries included", table, instead }
}

fn heavy_keys(shard: &ShardTraffic) -> String {
    let key = |key: &weir_client::admin::HeavyKey| {
        format!("{:?} {}", key.partition_key, percent(key.bytes_permille.max(key.records_permille)))
    };
    shard.heavy_keys.iter().take(3).map(key).collect::<Vec<_>>().join(", ")
}

fn cures(found: &ExplainStreamOutput) -> Part {
    let mut table = Table::new(["SHARD", "CURE", "HOW"]);
    let mut any = false;
    let by_itself = found.shards_ceiling.is_some();
    for shard in &found.shards {
        for cure in &shard.cures {
            any = true;
            let (what, how) = cure_words(&found.stream_name, shard, cure, by_itself);
            table.row([Cell::styled(HEADING, short(&shard.shard_id)), what.into(), how.into()]);
        }
    }
    Part { title: "What would help", table: any.then_some(table), instead: "nothing is hot".into() }
}

fn cure_words(
    stream: &str,
    shard: &ShardTraffic,
    cure: &Cure,
    by_itself: bool,
) -> (String, String) {
    let key = cure.partition_key.as_deref().unwrap_or_default();
    match cure.action {
        CureAction::Split => {
            let at = cure.new_starting_hash_key.as_deref().unwrap_or_default();
            let below = percent(cure.below_permille.unwrap_or_default());
            let how = match by_itself {
                true => format!("the stream splits it at {at} by itself, unless at its ceiling"),
                false => format!("weir streams split {stream} {} --at {at}", shard.shard_id),
            };
            (format!("split, {below} of the weight below"), how)
        }
        CureAction::Salt => {
            let salts = cure.salts.unwrap_or_default();
            let how = format!(
                "put {key:?} as {:?} to {:?}, in turn; no split divides one key",
                format!("{key}#0"),
                format!("{key}#{}", salts - 1)
            );
            (format!("salt {key:?} into {salts}"), how)
        }
    }
}

fn decisions(found: &ExplainStreamOutput) -> Part {
    let mut table = Table::new(["WHEN", "SHARD", "DECISION", "WHY"]);
    for decision in found.decisions.iter().take(DECISIONS_SHOWN) {
        let what = match decision.action {
            ScalingAction::Split => {
                format!(
                    "split at {}",
                    decision.new_starting_hash_key.as_deref().unwrap_or_default()
                )
            }
            ScalingAction::Merge => {
                let adjacent = decision.adjacent_shard_id.as_deref().unwrap_or_default();
                format!("merged with {}", short(adjacent))
            }
            ScalingAction::HoldForOneKey => "held: one key".to_owned(),
            ScalingAction::HoldAtCeiling => "held: ceiling".to_owned(),
        };
        table.row([
            rfc3339(decision.decided_at).into(),
            short(&decision.shard_id).into(),
            what.into(),
            Cell::styled(FADED, &decision.reason),
        ]);
    }
    let instead = match found.shards_ceiling {
        Some(_) => "none yet",
        None => "none: the owner of a provisioned stream decides",
    };
    let table = (!found.decisions.is_empty()).then_some(table);
    Part { title: "Scaling decisions", table, instead: instead.into() }
}

fn limit_word(limit: ShardLimit) -> &'static str {
    match limit {
        ShardLimit::WriteBytes => "write bytes",
        ShardLimit::WriteRecords => "write records",
        ShardLimit::ReadBytes => "read bytes",
        ShardLimit::ReadCalls => "GetRecords calls",
        ShardLimit::IteratorCalls => "GetShardIterator calls",
    }
}

/// The number of a shard, which is all that tells it apart.
fn short(shard_id: &str) -> &str {
    let digits = shard_id.trim_start_matches("shardId-").trim_start_matches('0');
    if digits.is_empty() { "0" } else { digits }
}

fn percent(permille: i32) -> String {
    format!("{:.0} %", f64::from(permille) / 10.0)
}

/// What is asked for of a shard: ten full cells are all that it has.
fn bar(permille: i32) -> String {
    let cells = (permille.max(0) as usize * BAR_CELLS).div_ceil(1000);
    let (within, over) = (cells.min(BAR_CELLS), cells > BAR_CELLS);
    let rest = "·".repeat(BAR_CELLS - within);
    format!("{}{rest}{}", "█".repeat(within), if over { "▶" } else { " " })
}

/// `HH:MM:SS…` of a moment.
fn time_of_day(moment: &str) -> &str {
    moment.split_once('T').map_or(moment, |(_, time)| time)
}

/// The answer as `--json` prints it: names in snake case, moments as text, nothing that is null.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            let member = |(name, value): (String, Value)| {
                let name = snake_case(&name);
                let moment = value.as_u64().filter(|_| name.ends_with("_at"));
                let value = match moment {
                    Some(millis) => rfc3339(Timestamp::from_millis(millis)).into(),
                    None => plain(value),
                };
                (name, value)
            };
            Value::Object(members.map(member).collect())
        }
        Value::Array(elements) => Value::Array(elements.into_iter().map(plain).collect()),
        other => other,
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::new();
    let mut after_small = false;
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && after_small {
            snake.push('_');
        }
        after_small = letter.is_ascii_lowercase();
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_snake_case_names_and_readable_moments() {
        let answer = serde_json::json!({
            "StreamARN": "a", "PeakPermille": null,
            "Throttled": [{ "FirstAt": 1_700_000_000_000u64, "ShardId": "s" }],
        });
        assert_eq!(
            plain(answer),
            serde_json::json!({
                "stream_arn": "a",
                "throttled": [{ "first_at": "2023-11-14T22:13:20.000Z", "shard_id": "s" }],
            })
        );
    }

    #[test]
    fn a_bar_is_full_at_the_shards_throughput_and_says_when_it_is_more() {
        assert_eq!(bar(0), "·········· ");
        assert_eq!(bar(1), "█········· ");
        assert_eq!(bar(1000), "██████████ ");
        assert_eq!(bar(1700), "██████████▶");
        assert_eq!(short("shardId-000000000000"), "0");
        assert_eq!(short("shardId-000000000120"), "120");
    }
}
