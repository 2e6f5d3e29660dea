//! Scenario: the machine loses power again and again while producers put, shards split, and
//! encryption is started, stopped and given new keys.
//!
//! Unsynced writes are lost or torn. After each restart a reader reads everything from the
//! beginning, and the history must hold; so it must for a follower, which goes on after each
//! crash where it was.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use runtime::{Policy, Tasks};
use tokio::time::{sleep, timeout};
use weir_client::admin::RotateKeyInput;
use weir_client::kinesis::{
    CreateStreamInput, DescribeStreamSummaryInput, EncryptionType, GetRecordsInput,
    GetShardIteratorInput, ListShardsInput, PutRecordsInput, PutRecordsRequestEntry,
    PutRecordsResultEntry, ShardIteratorType, SplitShardInput, StartStreamEncryptionInput,
    StopStreamEncryptionInput, StreamStatus,
};
use weir_client::{Client, ErrorCode};

use crate::follower::Follower;
use crate::history::{History, Outcome, Read, check_followed};
use crate::node::SimNode;
use crate::trace::Trace;
use crate::world::{CrashFate, SimWorld};

const STREAM: &str = "river";
const ROUNDS: u64 = 6;
const PRODUCERS: u64 = 4;
const BATCH_RECORDS_MAX: u64 = 20;
const RECORD_BYTES_MAX: u64 = 3000;
const ROUND_MS: std::ops::Range<u64> = 20..400;
/// A crash in one round of this many comes right after the start, into recovery's own work.
const EARLY_CRASH_ONE_IN: u64 = 4;
const KEY: &str = "alias/aws/kinesis";
/// How long the operator waits before it changes something about encryption.
const ENCRYPTION_CHANGE_MS: std::ops::Range<u64> = 0..40;
/// One change in this many starts encryption, and one stops it; the others rotate the key.
const ENCRYPTION_CHANGES: u64 = 5;
/// What a follower needs at most to get what is there.
const CATCH_UP: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Run {
    world: SimWorld,
    trace: Trace,
    history: Arc<Mutex<History>>,
    follower: Follower,
}

/// Runs the scenario on `seed` and gives its trace.
pub async fn run(seed: u64) -> Result<Vec<String>> {
    let world = SimWorld::new(seed);
    let (history, follower) = (Arc::default(), Follower::default());
    let run = Run { world, trace: Trace::start(), history, follower };
    for round in 0..ROUNDS {
        run.round(round).await.with_context(|| format!("in round {round}"))?;
    }
    let node = SimNode::start(&run.world).await?;
    let read = run.check(&node.client()).await?;
    run.catch_up(&node, &read).await?;
    ensure!(run.history().acknowledged() > 0, "no put was ever acknowledged");
    node.stop().await?;
    Ok(run.trace.lines())
}

impl Run {
    fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn round(&self, round: u64) -> Result<()> {
        let node = SimNode::start(&self.world).await?;
        self.trace.event(format_args!("round {round}: started"));
        if round == 0 {
            create(&node.client()).await?;
        } else {
            self.check(&node.client()).await?;
        }
        let actors = Tasks::simulated();
        for producer in 0..PRODUCERS {
            let (run, client) = (self.clone(), node.client());
            actors.spawn("sim.producer", Policy::Report, async move {
                run.produce(&client, round, producer).await;
            });
        }
        let (run, client) = (self.clone(), node.client());
        actors.spawn("sim.resharder", Policy::Report, async move { run.split_one(&client).await });
        let (run, client) = (self.clone(), node.client());
        actors.spawn("sim.operator", Policy::Report, async move { run.encrypt(&client).await });
        self.follow(&node, &actors);

        let early = self.world.entropy.within(0..EARLY_CRASH_ONE_IN) == 0;
        let lifetime_ms = if early { 1 } else { self.world.entropy.within(ROUND_MS) };
        sleep(Duration::from_millis(lifetime_ms)).await;
        self.crash(node, round).await;
        // What was under way fails by itself: its connections are gone.
        actors.abort_all().await;
        if self.world.entropy.within(0..2) == 0 {
            self.world.clock.step_back(Duration::from_secs(self.world.entropy.within(1..3600)));
        }
        Ok(())
    }

    async fn crash(&self, node: SimNode, round: u64) {
        let fate =
            if self.world.entropy.within(0..2) == 0 { CrashFate::Lost } else { CrashFate::Torn };
        node.crash(fate).await;
        let acknowledged = self.history().acknowledged();
        self.trace
            .event(format_args!("round {round}: {fate:?} crash, {acknowledged} acknowledged"));
    }

    async fn produce(&self, client: &Client, round: u64, producer: u64) {
        for batch in 0.. {
            let contents = self.contents(&format!("{round}.{producer}.{batch}"));
            for content in &contents {
                self.history().sending(content);
            }
            let entries = contents.iter().map(|content| PutRecordsRequestEntry {
                data: content.clone().into(),
                partition_key: content.split(' ').next().map(str::to_owned),
                ..PutRecordsRequestEntry::default()
            });
            let input = PutRecordsInput {
                records: entries.collect(),
                stream_name: Some(STREAM.into()),
                ..PutRecordsInput::default()
            };
            let Ok(output) = client.call(input).await else { return };
            for (content, result) in contents.iter().zip(&output.records) {
                self.history().answered(content, outcome(result));
            }
            self.trace.event(format_args!("{round}.{producer}.{batch}: {} put", contents.len()));
        }
    }

    /// Texts that start with a partition key, each never sent before.
    fn contents(&self, batch: &str) -> Vec<String> {
        let entropy = &self.world.entropy;
        let records = 1 + entropy.within(0..BATCH_RECORDS_MAX);
        let content = |index| {
            let length = usize::try_from(entropy.within(0..RECORD_BYTES_MAX)).unwrap_or_default();
            format!("k{} {batch}.{index} {}", entropy.within(0..50), "x".repeat(length))
        };
        (0..records).map(content).collect()
    }

    /// Splits one open shard in the middle; a crash may cut it anywhere.
    async fn split_one(&self, client: &Client) {
        sleep(Duration::from_millis(self.world.entropy.within(0..100))).await;
        let input =
            ListShardsInput { stream_name: Some(STREAM.into()), ..ListShardsInput::default() };
        let Ok(listed) = client.call(input).await else { return };
        let open = listed.shards.unwrap_or_default().into_iter();
        let mut open =
            open.filter(|shard| shard.sequence_number_range.ending_sequence_number.is_none());
        let Some(shard) = open.next_back() else { return };
        let start: u128 = shard.hash_key_range.starting_hash_key.parse().unwrap_or_default();
        let end: u128 = shard.hash_key_range.ending_hash_key.parse().unwrap_or_default();
        let input = SplitShardInput {
            stream_name: Some(STREAM.into()),
            shard_to_split: shard.shard_id.clone(),
            new_starting_hash_key: (start + (end - start) / 2).to_string(),
            ..SplitShardInput::default()
        };
        let answer = client.call(input).await;
        self.trace.event(format_args!("split {}: {}", shard.shard_id, answer.is_ok()));
    }

    /// Starts and stops encryption and rotates its key; a crash may cut it anywhere.
    async fn encrypt(&self, client: &Client) {
        loop {
            sleep(Duration::from_millis(self.world.entropy.within(ENCRYPTION_CHANGE_MS))).await;
            let (change, error) = match self.world.entropy.within(0..ENCRYPTION_CHANGES) {
                0 => ("start encryption", client.call(start_encryption()).await.err()),
                1 => ("stop encryption", client.call(stop_encryption()).await.err()),
                _ => {
                    let input = RotateKeyInput { key_id: KEY.into() };
                    ("rotate the key", client.call(input).await.err())
                }
            };
            let answer = error.map_or_else(|| "done".to_owned(), |error| error.to_string());
            self.trace.event(format_args!("{change}: {answer}"));
        }
    }

    fn follow(&self, node: &SimNode, actors: &Tasks) {
        self.follower.start((&self.world, &self.trace), (STREAM, node.client()), actors);
    }

    async fn check(&self, client: &Client) -> Result<Read> {
        let (read, encrypted) = read_all(client).await?;
        self.history().check(&read)?;
        check_followed(&self.follower.read(), &read)?;
        let records: usize = read.values().map(Vec::len).sum();
        self.trace.event(format_args!(
            "checked {records} records of {} shards, {encrypted} of them encrypted, {} followed",
            read.len(),
            self.follower.counts().1,
        ));
        Ok(read)
    }

    /// Lets the follower get the rest of what is there, which must then satisfy as a read does.
    async fn catch_up(&self, node: &SimNode, read: &Read) -> Result<()> {
        let expected = (read.len(), read.values().map(Vec::len).sum());
        let actors = Tasks::simulated();
        self.follow(node, &actors);
        let caught_up = timeout(CATCH_UP, async {
            while self.follower.counts() < expected {
                sleep(Duration::from_millis(10)).await;
            }
        });
        let caught_up = caught_up.await;
        actors.abort_all().await;
        let counts = self.follower.counts();
        ensure!(caught_up.is_ok(), "of {expected:?} shards and records {counts:?} were followed");
        let followed = self.follower.read();
        check_followed(&followed, read)?;
        self.history().check(&followed).context("as the follower saw it")
    }
}

fn outcome(result: &PutRecordsResultEntry) -> Outcome {
    match (&result.shard_id, &result.sequence_number, result.error_code.as_deref()) {
        (Some(shard), Some(number), None) => {
            let number = number.parse().expect("a node gives well-formed sequence numbers");
            Outcome::Acknowledged((shard.clone(), number))
        }
        (_, _, Some(code)) if code == ErrorCode::ProvisionedThroughputExceeded.name() => {
            Outcome::Refused
        }
        _ => Outcome::Unknown,
    }
}

/// Creates the stream and waits until it takes records.
async fn create(client: &Client) -> Result<()> {
    let input = CreateStreamInput {
        stream_name: STREAM.into(),
        shard_count: Some(3),
        ..CreateStreamInput::default()
    };
    client.call(input).await?;
    loop {
        let input = DescribeStreamSummaryInput {
            stream_name: Some(STREAM.into()),
            ..DescribeStreamSummaryInput::default()
        };
        let summary = client.call(input).await?.stream_description_summary;
        if summary.stream_status == StreamStatus::Active {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn start_encryption() -> StartStreamEncryptionInput {
    StartStreamEncryptionInput {
        stream_name: Some(STREAM.into()),
        encryption_type: EncryptionType::Kms,
        key_id: KEY.into(),
        stream_arn: None,
        stream_id: None,
    }
}

fn stop_encryption() -> StopStreamEncryptionInput {
    StopStreamEncryptionInput {
        stream_name: Some(STREAM.into()),
        encryption_type: EncryptionType::Kms,
        key_id: KEY.into(),
        stream_arn: None,
        stream_id: None,
    }
}

/// Reads every shard from the beginning to its end or tip, and counts the encrypted records.
async fn read_all(client: &Client) -> Result<(Read, usize)> {
    let input = ListShardsInput { stream_name: Some(STREAM.into()), ..ListShardsInput::default() };
    let (mut read, mut encrypted) = (Read::new(), 0);
    for shard in client.call(input).await?.shards.unwrap_or_default() {
        let input = GetShardIteratorInput {
            stream_name: Some(STREAM.into()),
            shard_id: shard.shard_id.clone(),
            shard_iterator_type: ShardIteratorType::TrimHorizon,
            ..GetShardIteratorInput::default()
        };
        let mut iterator = client.call(input).await?.shard_iterator;
        let mut records = Vec::new();
        while let Some(shard_iterator) = iterator.take() {
            let input = GetRecordsInput { shard_iterator, ..GetRecordsInput::default() };
            let output = client.call(input).await?;
            let more = !output.records.is_empty() || output.millis_behind_latest != Some(0);
            for record in output.records {
                encrypted += usize::from(record.encryption_type == Some(EncryptionType::Kms));
                let content = String::from_utf8(record.data.to_vec())?;
                records.push((record.sequence_number.parse()?, content));
            }
            iterator = output.next_shard_iterator.filter(|_| more);
        }
        read.insert(shard.shard_id, records);
    }
    Ok((read, encrypted))
}
