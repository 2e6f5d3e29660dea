//! `weir streams create|delete|split|merge|scale|encrypt`.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::ProgressBar;
use serde::Serialize;
use tokio::time::{Instant, sleep};
use weir_client::Client;
use weir_client::kinesis::{
    CreateStreamInput, DeleteStreamInput, EncryptionType, MergeShardsInput, ShardFilter,
    SplitShardInput, StartStreamEncryptionInput, StopStreamEncryptionInput, StreamMode,
    StreamModeDetails, StreamStatus, UpdateShardCountInput,
};

use super::CommonArgs;
use crate::exit::Usage;
use crate::output;

/// How often `--wait` looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// How long `--wait` looks.
const WAIT_MAX: Duration = Duration::from_secs(300);

/// What every change has.
#[derive(Args)]
struct ChangeArgs {
    /// Wait until the change is carried out
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    common: CommonArgs,
}

/// Arguments of `weir streams create`.
#[derive(Args)]
#[command(after_help = "Example:\n  weir streams create events --shards 4 --wait")]
pub(super) struct CreateArgs {
    /// The stream
    stream: String,
    /// How many shards it has
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(i32).range(1..))]
    shards: i32,
    /// Let it scale by itself; it begins with 4 shards
    #[arg(long, conflicts_with = "shards")]
    on_demand: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `weir streams delete`.
#[derive(Args)]
pub(super) struct DeleteArgs {
    /// The stream
    stream: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `weir streams split`.
#[derive(Args)]
#[command(after_help = "Example:\n  weir streams split events shardId-000000000000 --wait")]
pub(super) struct SplitArgs {
    /// The stream
    stream: String,
    /// The shard to split
    shard: String,
    /// The first hash key of the upper child [default: the middle of the shard]
    #[arg(long, value_name = "HASH_KEY")]
    at: Option<u128>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `weir streams merge`.
#[derive(Args)]
pub(super) struct MergeArgs {
    /// The stream
    stream: String,
    /// The shard with the lower hash keys
    shard: String,
    /// The shard with the hash keys right above
    adjacent: String,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `weir streams scale`.
#[derive(Args)]
pub(super) struct ScaleArgs {
    /// The stream
    stream: String,
    /// How many open shards it is to have
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    shards: i32,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Arguments of `weir streams encrypt`.
#[derive(Args)]
#[command(after_help = "\
Records that are in the stream already stay as they were written.

Example:
  weir streams encrypt orders --key alias/orders --wait")]
pub(super) struct EncryptArgs {
    /// The stream
    stream: String,
    /// The key: UUID, ARN or alias
    #[arg(long, value_name = "KEY", default_value = "alias/aws/kinesis")]
    key: String,
    /// Encrypt no longer
    #[arg(long)]
    stop: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn create(args: CreateArgs) -> anyhow::Result<()> {
    let client = args.change.common.client()?;
    let input = CreateStreamInput {
        stream_name: args.stream.clone(),
        shard_count: (!args.on_demand).then_some(args.shards),
        stream_mode_details: args
            .on_demand
            .then_some(StreamModeDetails { stream_mode: StreamMode::OnDemand }),
        ..CreateStreamInput::default()
    };
    client.call(input).await?;
    args.change.finish(&client, &args.stream, "created").await
}

pub(super) async fn delete(args: DeleteArgs) -> anyhow::Result<()> {
    let client = args.change.common.client()?;
    let stream_name = Some(args.stream.clone());
    client.call(DeleteStreamInput { stream_name, ..DeleteStreamInput::default() }).await?;
    if args.change.wait {
        wait_until_gone(&client, &args.stream).await?;
    }
    args.change.report(&args.stream, "deleted")
}

pub(super) async fn split(args: SplitArgs) -> anyhow::Result<()> {
    let client = args.change.common.client()?;
    let at = match args.at {
        Some(at) => at,
        None => middle(&client, &args.stream, &args.shard).await?,
    };
    let input = SplitShardInput {
        stream_name: Some(args.stream.clone()),
        shard_to_split: args.shard,
        new_starting_hash_key: at.to_string(),
        ..SplitShardInput::default()
    };
    client.call(input).await?;
    args.change.finish(&client, &args.stream, "split").await
}

pub(super) async fn merge(args: MergeArgs) -> anyhow::Result<()> {
    let client = args.change.common.client()?;
    let input = MergeShardsInput {
        stream_name: Some(args.stream.clone()),
        shard_to_merge: args.shard,
        adjacent_shard_to_merge: args.adjacent,
        ..MergeShardsInput::default()
    };
    client.call(input).await?;
    args.change.finish(&client, &args.stream, "merged").await
}

pub(super) async fn scale(args: ScaleArgs) -> anyhow::Result<()> {
    let client = args.change.common.client()?;
    let input = UpdateShardCountInput {
        stream_name: Some(args.stream.clone()),
        target_shard_count: args.shards,
        ..UpdateShardCountInput::default()
    };
    client.call(input).await?;
    args.change.finish(&client, &args.stream, "scaled").await
}

pub(super) async fn encrypt(args: EncryptArgs) -> anyhow::Result<()> {
    let client = args.change.common.client()?;
    let (encryption_type, key_id) = (EncryptionType::Kms, args.key);
    let (stream_name, stream_arn, stream_id) = (Some(args.stream.clone()), None, None);
    if args.stop {
        let input = StopStreamEncryptionInput {
            stream_name,
            encryption_type,
            key_id,
            stream_arn,
            stream_id,
        };
        client.call(input).await?;
        return args.change.finish(&client, &args.stream, "left unencrypted").await;
    }
    let input =
        StartStreamEncryptionInput { stream_name, encryption_type, key_id, stream_arn, stream_id };
    client.call(input).await?;
    args.change.finish(&client, &args.stream, "encrypted").await
}

/// The hash key that splits `shard` in halves.
async fn middle(client: &Client, stream: &str, shard: &str) -> anyhow::Result<u128> {
    let shards = client.shards(stream, ShardFilter::default()).await?;
    let found = shards.iter().find(|found| found.shard_id == shard);
    let found = found.ok_or_else(|| {
        Usage(format!("stream {stream:?} has no shard {shard:?}; name it in full"))
    })?;
    let range = &found.hash_key_range;
    let start: u128 = range.starting_hash_key.parse().context("the shard's hash keys")?;
    let end: u128 = range.ending_hash_key.parse().context("the shard's hash keys")?;
    Ok(start + (end - start) / 2 + 1)
}

/// The line of `--json`.
#[derive(Serialize)]
struct ChangeLine<'a> {
    stream: &'a str,
    change: &'a str,
    done: bool,
}

impl ChangeArgs {
    async fn finish(&self, client: &Client, stream: &str, change: &str) -> anyhow::Result<()> {
        if self.wait {
            wait_until_active(client, stream).await?;
        }
        self.report(stream, change)
    }

    fn report(&self, stream: &str, change: &str) -> anyhow::Result<()> {
        if self.common.json {
            output::json(&ChangeLine { stream, change, done: self.wait })?;
        } else if self.wait {
            output::line(format_args!("{stream} is {change}"))?;
        } else {
            output::line(format_args!("{stream} is being {change}"))?;
        }
        Ok(())
    }
}

/// Waits until the stream is at rest.
pub(crate) async fn wait_until_active(client: &Client, stream: &str) -> anyhow::Result<()> {
    wait(client, stream, |status| match status {
        Some(status) => Ok(status == StreamStatus::Active),
        None => bail!("stream {stream:?} is gone"),
    })
    .await
}

/// Waits until the stream is no more.
pub(crate) async fn wait_until_gone(client: &Client, stream: &str) -> anyhow::Result<()> {
    wait(client, stream, |status| Ok(status.is_none())).await
}

async fn wait(
    client: &Client,
    stream: &str,
    is_over: impl Fn(Option<StreamStatus>) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    // Draws nothing unless stderr is a terminal.
    let spinner = ProgressBar::new_spinner().with_message(format!("waiting for {stream}"));
    let deadline = Instant::now() + WAIT_MAX;
    loop {
        let status = client.summary(stream).await?.map(|summary| summary.stream_status);
        if is_over(status)? {
            spinner.finish_and_clear();
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("stream {stream:?} was not done after {} s", WAIT_MAX.as_secs());
        }
        spinner.tick();
        sleep(LOOK_INTERVAL).await;
    }
}
