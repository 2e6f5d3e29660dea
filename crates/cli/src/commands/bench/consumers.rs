//! The enhanced fan-out consumers of a run.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::time::sleep;
use weir_client::Client;
use weir_client::kinesis::{
    ConsumerStatus, DeregisterStreamConsumerInput, DescribeStreamConsumerInput,
    DescribeStreamSummaryInput, RegisterStreamConsumerInput, ShardFilter, ShardFilterType,
    ShardIteratorType, StartingPosition, SubscribeToShardInput,
};

use super::Bench;

/// How often to ask whether a consumer is ready, and whether everything has arrived.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Consumers of a stream that may subscribe.
pub(super) struct Consumers {
    client: Client,
    arns: Vec<String>,
    /// The open shards.
    shards: Vec<String>,
}

impl Consumers {
    pub(super) async fn register(
        bench: &Bench<'_>,
        client: Client,
        count: NonZeroU32,
    ) -> anyhow::Result<Self> {
        let stream_name = Some(bench.stream.clone());
        let summary = DescribeStreamSummaryInput { stream_name, ..Default::default() };
        let stream = client.call(summary).await?.stream_description_summary.stream_arn;
        let names = (0..count.get()).map(|n| format!("bench-{:x}-{n}", bench.run));
        let arns =
            try_join_all(names.map(|name| register(client.clone(), stream.clone(), name))).await?;
        let filter = ShardFilter { kind: ShardFilterType::AtLatest, ..ShardFilter::default() };
        let shards = client.shards(&bench.stream, filter).await?;
        let shards = shards.into_iter().map(|shard| shard.shard_id).collect();
        Ok(Self { client, arns, shards })
    }

    pub(super) fn count(&self) -> u64 {
        self.arns.len() as u64
    }

    /// One of every consumer to every shard, for what comes from now on.
    pub(super) fn subscriptions(&self) -> Vec<SubscribeToShardInput> {
        let of = |consumer: &String, shard: &String| SubscribeToShardInput {
            consumer_arn: consumer.clone(),
            shard_id: shard.clone(),
            starting_position: StartingPosition {
                kind: ShardIteratorType::Latest,
                ..StartingPosition::default()
            },
            ..SubscribeToShardInput::default()
        };
        self.arns
            .iter()
            .flat_map(|arn| self.shards.iter().map(move |shard| of(arn, shard)))
            .collect()
    }

    /// Takes them off a stream that stays.
    pub(super) async fn deregister(self, bench: &Bench<'_>) -> anyhow::Result<()> {
        if bench.args.stream.is_none() {
            return Ok(());
        }
        for arn in self.arns {
            let consumer_arn = Some(arn);
            let input = DeregisterStreamConsumerInput { consumer_arn, ..Default::default() };
            self.client.call(input).await?;
        }
        Ok(())
    }
}

/// Registers a consumer and waits until it may subscribe.
async fn register(
    client: Client,
    stream_arn: String,
    consumer_name: String,
) -> Result<String, weir_client::Error> {
    let input = RegisterStreamConsumerInput { stream_arn, consumer_name, ..Default::default() };
    let arn = client.call(input).await?.consumer.consumer_arn;
    loop {
        let consumer_arn = Some(arn.clone());
        let input = DescribeStreamConsumerInput { consumer_arn, ..Default::default() };
        let described = client.call(input).await?.consumer_description;
        if described.consumer_status == ConsumerStatus::Active {
            return Ok(arn);
        }
        sleep(LOOK_EVERY).await;
    }
}
