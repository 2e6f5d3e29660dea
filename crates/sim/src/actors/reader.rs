//! Reads everything that is there, from the beginning to the end.

use std::time::Duration;

use anyhow::Result;
use runtime::Clock;
use tokio::time::sleep;
use weir_client::kinesis::{
    EncryptionType, GetRecordsInput, GetRecordsOutput, GetShardIteratorInput, ListShardsInput,
    Record, Shard, ShardIteratorType,
};
use weir_client::{Call, Client, Error, ErrorCode};

use crate::checkers::reads::{self, Outcome};
use crate::checkers::records::Read;
use crate::history::Seen;
use crate::run::{Run, STREAM};

/// How long to wait when there were too many calls.
const THROTTLED: Duration = Duration::from_millis(300);

/// A record as it was read.
pub(crate) fn seen(record: Record) -> Result<Seen> {
    Ok(Seen {
        number: record.sequence_number.parse()?,
        arrived: record.approximate_arrival_timestamp.unwrap_or_default(),
        content: String::from_utf8(record.data.to_vec())?,
    })
}

/// Calls again as long as there were too many calls.
async fn patiently<I>(client: &Client, input: I) -> Result<I::Output, Error>
where
    I: Call<Output: serde::de::DeserializeOwned> + Clone,
{
    loop {
        match client.call(input.clone()).await {
            Err(error) if is_throttle(&error) => sleep(THROTTLED).await,
            answer => return answer,
        }
    }
}

pub(crate) fn is_throttle(error: &Error) -> bool {
    let throttles = [ErrorCode::ProvisionedThroughputExceeded, ErrorCode::LimitExceeded];
    error.code().is_some_and(|code| throttles.contains(&code))
}

/// A GetRecords call of which the run takes note.
pub(crate) async fn get_records(
    run: &Run,
    client: &Client,
    shard: &str,
    input: GetRecordsInput,
) -> Result<GetRecordsOutput, Error> {
    let (start, sent) = (run.started(), run.world.clock.now());
    let answer = client.call(input).await;
    let key = |record: &Record| record.partition_key.as_ref().map_or(0, String::len);
    let bytes = |record: &Record| (record.data.len() + key(record)) as u64;
    let outcome = match &answer {
        Ok(output) => Outcome::Read(output.records.iter().map(bytes).sum()),
        Err(error) if is_throttle(error) => Outcome::Refused,
        Err(_) => Outcome::Unknown,
    };
    let (shard, ended) = (shard.to_owned(), run.world.clock.now());
    run.reads().push(reads::Call { start, shard, sent, ended, outcome });
    answer
}

/// All shards, of one version of the catalog.
pub(crate) async fn shards(client: &Client) -> Result<Vec<Shard>, Error> {
    let input = ListShardsInput { stream_name: Some(STREAM.into()), ..ListShardsInput::default() };
    Ok(patiently(client, input).await?.shards.unwrap_or_default())
}

/// Reads every shard from the beginning to its end or tip, and counts the encrypted records.
pub(crate) async fn read_all(run: &Run, client: &Client) -> Result<(Read, usize)> {
    let (mut read, mut encrypted) = (Read::new(), 0);
    for shard in shards(client).await? {
        let input = GetShardIteratorInput {
            stream_name: Some(STREAM.into()),
            shard_id: shard.shard_id.clone(),
            shard_iterator_type: ShardIteratorType::TrimHorizon,
            ..GetShardIteratorInput::default()
        };
        let mut iterator = patiently(client, input).await?.shard_iterator;
        let mut records = Vec::new();
        while let Some(shard_iterator) = iterator.take() {
            let input = GetRecordsInput { shard_iterator, ..GetRecordsInput::default() };
            let output = match get_records(run, client, &shard.shard_id, input.clone()).await {
                Err(error) if is_throttle(&error) => {
                    iterator = Some(input.shard_iterator);
                    sleep(THROTTLED).await;
                    continue;
                }
                answer => answer?,
            };
            let more = !output.records.is_empty() || output.millis_behind_latest != Some(0);
            for record in output.records {
                encrypted += usize::from(record.encryption_type == Some(EncryptionType::Kms));
                records.push(seen(record)?);
            }
            iterator = output.next_shard_iterator.filter(|_| more);
        }
        read.insert(shard.shard_id, records);
    }
    Ok((read, encrypted))
}
