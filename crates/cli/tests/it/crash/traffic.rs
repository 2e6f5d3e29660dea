//! Clients that write and change the stream until the node is killed.

use std::sync::Arc;

use fastrand::Rng;
use tokio::sync::mpsc;
use weir_client::kinesis::{
    CreateStreamInput, DecreaseStreamRetentionPeriodInput, DeleteStreamInput,
    IncreaseStreamRetentionPeriodInput, ListStreamsInput, MergeShardsInput, PutRecordInput,
    PutRecordsInput, PutRecordsRequestEntry, Shard, ShardFilter, ShardFilterType, SplitShardInput,
};
use weir_client::{Client, Encoding, Error, Result};

use super::clock::ShiftedClock;
use super::ledger::{Horizon, Id, Ledger, data_of};
use super::trial::STREAM;

/// What writers speak, one each.
pub(crate) const WRITERS: [Encoding; 3] = [Encoding::Json, Encoding::Cbor, Encoding::Json];
/// A stream with more open shards is merged, one with fewer is split.
const SHARDS: usize = 3;
/// Retention changes between these.
const HOURS: [i32; 2] = [24, 48];
const PASSING: &str = "passing-";

/// A node that dies answers nothing; one that answers must not fail, and one that lives must answer.
pub(crate) fn died(error: Error) {
    let lives = matches!(error, Error::Service { .. } | Error::Timeout { .. });
    assert!(!lives, "the node was not killed yet: {error}");
}

pub(crate) async fn create(client: &Client, stream: &str) -> Result<()> {
    let stream_name = stream.to_owned();
    let input = CreateStreamInput { stream_name, shard_count: Some(2), ..Default::default() };
    client.call(input).await.map(|_| ())
}

/// What became of a call of the writer of that number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Acknowledged(usize),
    Failed(usize),
}

/// One that writes records of its own.
pub(crate) struct Writer {
    pub(crate) number: usize,
    pub(crate) client: Client,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) clock: ShiftedClock,
    pub(crate) told: mpsc::Sender<Told>,
    pub(crate) chance: Rng,
}

impl Writer {
    /// Writes until the node dies, which until then must not fail.
    pub(crate) async fn write_until_killed(mut self) {
        loop {
            if self.chance.u8(..) < 10
                && let Err(error) = self.be_refused().await
            {
                return died(error);
            }
            match self.put().await {
                Ok(failed) => assert_eq!(failed, 0),
                Err(error) => return died(error),
            }
            // The round goes on as long as the node lives.
            let _ = self.told.send(Told::Acknowledged(self.number)).await;
        }
    }

    /// Writes until nobody listens any more, whatever fails.
    pub(crate) async fn write_on(mut self) {
        loop {
            let told = match self.put().await {
                Ok(0) => Told::Acknowledged(self.number),
                Ok(_) => Told::Failed(self.number),
                Err(error) => {
                    assert!(error.is_retryable(), "{error}");
                    Told::Failed(self.number)
                }
            };
            if self.told.send(told).await.is_err() {
                return;
            }
        }
    }

    /// Answers how many records may not have been taken.
    async fn put(&mut self) -> Result<i32> {
        let mut batch = self.ledger.next_batch(self.number, self.clock.now(), &mut self.chance);
        match self.chance.u8(..4) {
            0 => self.put_one(batch.swap_remove(0)).await,
            _ => self.put_many(batch).await,
        }
    }

    async fn put_one(&self, id: Id) -> Result<i32> {
        let input = PutRecordInput {
            stream_name: Some(STREAM.to_owned()),
            data: data_of(&id).into(),
            partition_key: Some(id.0.clone()),
            ..PutRecordInput::default()
        };
        let output = self.client.call(input).await?;
        let place = (output.shard_id, output.sequence_number.parse().unwrap());
        self.ledger.acknowledge(&id, place, self.clock.now());
        Ok(0)
    }

    async fn put_many(&self, batch: Vec<Id>) -> Result<i32> {
        let records = batch.iter().map(|id| entry(&id.0, data_of(id))).collect();
        let output = self.client.call(self.batch(records)).await?;
        for (id, result) in batch.into_iter().zip(output.records) {
            // One that failed may turn up all the same.
            let Some(number) = result.sequence_number else { continue };
            let place = (result.shard_id.unwrap(), number.parse().unwrap());
            self.ledger.acknowledge(&id, place, self.clock.now());
        }
        Ok(output.failed_record_count)
    }

    /// A batch with a record that no node takes, beside one that could be taken: neither may
    /// turn up.
    async fn be_refused(&self) -> Result<()> {
        let mut wrong = entry("refused", b"refused 1 ".to_vec());
        wrong.explicit_hash_key = Some("340282366920938463463374607431768211456".into());
        let records = vec![entry("refused", b"refused 0 ".to_vec()), wrong];
        match self.client.call(self.batch(records)).await {
            Ok(output) => panic!("it was taken: {output:?}"),
            Err(Error::Service { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn batch(&self, records: Vec<PutRecordsRequestEntry>) -> PutRecordsInput {
        let stream_name = Some(STREAM.to_owned());
        PutRecordsInput { records, stream_name, ..PutRecordsInput::default() }
    }
}

fn entry(key: &str, data: Vec<u8>) -> PutRecordsRequestEntry {
    let partition_key = Some(key.to_owned());
    PutRecordsRequestEntry { data: data.into(), partition_key, explicit_hash_key: None }
}

/// Splits a shard, or merges two.
pub(crate) async fn reshard(client: &Client, stream: &str) -> Result<()> {
    let filter = ShardFilter { kind: ShardFilterType::AtLatest, ..ShardFilter::default() };
    let mut shards = client.shards(stream, filter).await?;
    shards.sort_by_key(|shard| range(shard).0);
    let stream_name = Some(stream.to_owned());
    if shards.len() > SHARDS {
        let (left, right) = (shards[0].shard_id.clone(), shards[1].shard_id.clone());
        let input = MergeShardsInput {
            stream_name,
            shard_to_merge: left,
            adjacent_shard_to_merge: right,
            ..MergeShardsInput::default()
        };
        return client.call(input).await.map(|_| ());
    }
    let widest = shards.into_iter().max_by_key(|shard| range(shard).1 - range(shard).0).unwrap();
    let (start, end) = range(&widest);
    let input = SplitShardInput {
        stream_name,
        shard_to_split: widest.shard_id,
        new_starting_hash_key: (start + (end - start) / 2).to_string(),
        ..SplitShardInput::default()
    };
    client.call(input).await.map(|_| ())
}

fn range(shard: &Shard) -> (u128, u128) {
    let key = |text: &str| text.parse().unwrap();
    let range = &shard.hash_key_range;
    (key(&range.starting_hash_key), key(&range.ending_hash_key))
}

/// Changes how long records are kept, and takes note of what that means for them.
pub(crate) async fn change_retention(
    client: &Client,
    stream: &str,
    hours: &mut i32,
    (clock, horizon): (&ShiftedClock, &mut Horizon),
) -> Result<()> {
    let stream_name = Some(stream.to_owned());
    let before = clock.now();
    let old = *hours;
    let [short, long] = HOURS;
    if old == short {
        let retention_period_hours = long;
        let input = IncreaseStreamRetentionPeriodInput {
            stream_name,
            retention_period_hours,
            ..Default::default()
        };
        client.call(input).await?;
        *hours = long;
    } else {
        let retention_period_hours = short;
        let input = DecreaseStreamRetentionPeriodInput {
            stream_name,
            retention_period_hours,
            ..Default::default()
        };
        client.call(input).await?;
        *hours = short;
    }
    // The shorter of the two was in force at some moment of the call.
    horizon.advance(short, (before, clock.now()));
    Ok(())
}

/// Makes a stream, writes to it, and lets go of one that an earlier round left.
pub(crate) async fn replace_passing_stream(client: &Client, round: u32) -> Result<()> {
    let streams = client.call(ListStreamsInput::default()).await?.stream_names;
    for name in streams.into_iter().filter(|name| name.starts_with(PASSING)) {
        let input = DeleteStreamInput { stream_name: Some(name), ..Default::default() };
        client.call(input).await?;
    }
    let name = format!("{PASSING}{round}");
    create(client, &name).await?;
    let records = (0..100).map(|key: u32| entry(&key.to_string(), vec![7; 1000])).collect();
    let input = PutRecordsInput { records, stream_name: Some(name), ..PutRecordsInput::default() };
    client.call(input).await.map(|_| ())
}
