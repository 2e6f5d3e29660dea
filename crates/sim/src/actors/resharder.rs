//! Splits, merges and counts shards anew; a crash may cut it anywhere.

use anyhow::Result;
use weir_client::Client;
use weir_client::kinesis::{
    MergeShardsInput, ScalingType, Shard, SplitShardInput, UpdateShardCountInput,
};

use super::{pause, reader};
use crate::run::{Run, STREAM};

const PAUSE_MS: std::ops::Range<u64> = 0..250;
/// With more open shards none is split.
const OPEN_MAX: usize = 6;

pub(crate) async fn work(run: Run, client: Client) {
    loop {
        pause(&run, PAUSE_MS).await;
        if let Err(error) = change(&run, &client).await {
            run.trace.event(format_args!("resharder: {error:#}"));
        }
    }
}

async fn change(run: &Run, client: &Client) -> Result<()> {
    let shards = reader::shards(client).await?;
    let mut open: Vec<_> = shards
        .into_iter()
        .filter(|shard| shard.sequence_number_range.ending_sequence_number.is_none())
        .map(|shard| range(&shard).map(|range| (range, shard.shard_id)))
        .collect::<Result<_>>()?;
    open.sort_unstable();
    let chosen = run.world.entropy.index(open.len());
    let ((start, end), shard) = &open[chosen];
    match run.world.entropy.within(0..5) {
        0 => count_anew(run, client, open.len()).await,
        1 | 2 if open.len() <= OPEN_MAX => {
            let input = SplitShardInput {
                stream_name: Some(STREAM.into()),
                shard_to_split: shard.clone(),
                new_starting_hash_key: (start + (end - start) / 2).to_string(),
                ..SplitShardInput::default()
            };
            client.call(input).await?;
            run.trace.event(format_args!("{shard} is being split"));
            Ok(())
        }
        _ => {
            let Some((_, next)) = open.get(chosen + 1) else { return Ok(()) };
            let input = MergeShardsInput {
                stream_name: Some(STREAM.into()),
                shard_to_merge: shard.clone(),
                adjacent_shard_to_merge: next.clone(),
                ..MergeShardsInput::default()
            };
            client.call(input).await?;
            run.trace.event(format_args!("{shard} and {next} are being merged"));
            Ok(())
        }
    }
}

async fn count_anew(run: &Run, client: &Client, open: usize) -> Result<()> {
    let (least, most) = (open.div_ceil(2), (2 * open).min(OPEN_MAX));
    let target = run.world.entropy.within(least as u64..most.max(least) as u64 + 1);
    let input = UpdateShardCountInput {
        stream_name: Some(STREAM.into()),
        target_shard_count: i32::try_from(target)?,
        scaling_type: ScalingType::UniformScaling,
        stream_arn: None,
        stream_id: None,
    };
    client.call(input).await?;
    run.trace.event(format_args!("{open} shards are becoming {target}"));
    Ok(())
}

fn range(shard: &Shard) -> Result<(u128, u128)> {
    let range = &shard.hash_key_range;
    Ok((range.starting_hash_key.parse()?, range.ending_hash_key.parse()?))
}
