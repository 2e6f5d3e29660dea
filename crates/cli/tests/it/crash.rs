//! `kill -9` under load, again and again: what was acknowledged is there, exactly where the
//! service said; nothing else is, but what was under way; and the order is kept.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use futures_util::future::join_all;
use model::SequenceNumber;
use runtime::{Entropy, SystemEntropy};
use tokio::sync::mpsc;
use weir_client::kinesis::{
    CreateStreamInput, DeleteStreamInput, PutRecordsInput, PutRecordsRequestEntry, ShardFilter,
    ShardFilterType, SplitShardInput,
};
use weir_client::{Client, ClientConfig, Consumer, ConsumerConfig, Received};

use crate::weir::{Node, node_command, succeed, weir};

const ROUNDS: u32 = 20;
const WRITERS: u32 = 3;
const BATCH_MAX: u64 = 20;
const RECORD_BYTES_MAX: u64 = 6000;
/// Acknowledged batches of a round before the kill.
const BATCHES_MAX: u64 = 150;
/// How long a start that is cut off may last, in looks: about as long as a start takes.
const START_LOOKS_MAX: u64 = 40_000;
/// After so many rounds a stream makes way for another one, and its records become garbage.
const STREAM_ROUNDS: u32 = 4;

/// Budgets so small that a round fills and recycles journal files and cuts segments.
const SETTINGS: [&str; 8] = [
    "--set",
    "streams.transition_delay=0ms",
    "--set",
    "storage.journal_file_bytes=1MiB",
    "--set",
    "storage.segment_bytes=1MiB",
    "--set",
    "storage.tail_bytes=32MiB",
];

/// What became of a record that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// The answer did not arrive.
    Unknown,
    /// It was acknowledged, or seen after a restart: it must stay.
    At(Place),
    /// It was not there after a restart: it must not come back.
    Lost,
}

/// Shard and sequence number.
type Place = (String, String);

/// Every record ever sent to a stream, by key and counter.
type Sent = Arc<Mutex<BTreeMap<(String, u64), (Vec<u8>, Fate)>>>;

#[tokio::test]
async fn acknowledged_records_survive_kill_nine_under_load() {
    let directory = tempfile::tempdir().unwrap();
    let seed = SystemEntropy.number();
    eprintln!("seed {seed:#x}");
    let mut chance = Rng::with_seed(seed);
    let mut stream = String::new();
    let mut sent = Sent::default();
    for round in 0..ROUNDS {
        let node = Node::dev(directory.path(), &SETTINGS);
        let client = client(&node);
        if round % STREAM_ROUNDS == 0 {
            if round > 0 {
                verify(&client, &stream, &sent).await;
                delete(&client, &stream).await;
            }
            stream = format!("stream-{round}");
            sent = Sent::default();
            create(&client, &stream).await;
        }
        verify(&client, &stream, &sent).await;
        if round % STREAM_ROUNDS == 2 {
            split_one(&client, &stream).await;
        }
        let batches = 1 + chance.u64(..BATCHES_MAX);
        write_until_killed(node, &client, &stream, &sent, batches, &mut chance).await;
        cut_off_a_start(directory.path(), chance.u64(..START_LOOKS_MAX));
    }
    let node = Node::dev(directory.path(), &SETTINGS);
    verify(&client(&node), &stream, &sent).await;
    node.kill();
    succeed(weir().arg("check").arg(directory.path()), "");
}

/// Kills a node somewhere between its birth and its first line, after `looks` looks at it.
fn cut_off_a_start(directory: &Path, looks: u64) {
    let mut command = node_command("dev", directory, &SETTINGS);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..looks {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn client(node: &Node) -> Client {
    // A retry would hide what became of the first try.
    let config = ClientConfig {
        endpoint: node.endpoint.clone(),
        attempts_max: 1,
        ..ClientConfig::default()
    };
    Client::new(config).unwrap()
}

async fn create(client: &Client, stream: &str) {
    let stream_name = stream.to_owned();
    let input = CreateStreamInput { stream_name, shard_count: Some(2), ..Default::default() };
    client.call(input).await.unwrap();
}

async fn delete(client: &Client, stream: &str) {
    let stream_name = Some(stream.to_owned());
    client.call(DeleteStreamInput { stream_name, ..Default::default() }).await.unwrap();
}

async fn split_one(client: &Client, stream: &str) {
    let filter = ShardFilter { kind: ShardFilterType::AtLatest, ..ShardFilter::default() };
    let shard = client.shards(stream, filter).await.unwrap().swap_remove(0);
    let key = |text: &str| text.parse::<u128>().unwrap();
    let range = shard.hash_key_range;
    let (start, end) = (key(&range.starting_hash_key), key(&range.ending_hash_key));
    let input = SplitShardInput {
        stream_name: Some(stream.to_owned()),
        shard_to_split: shard.shard_id,
        new_starting_hash_key: (start + (end - start) / 2).to_string(),
        ..SplitShardInput::default()
    };
    client.call(input).await.unwrap();
}

/// Writers write until the node is killed, which is after `batches` acknowledgements: the others
/// are in the middle of something then.
async fn write_until_killed(
    node: Node,
    client: &Client,
    stream: &str,
    sent: &Sent,
    batches: u64,
    chance: &mut Rng,
) {
    let (acknowledged, mut acknowledgements) = mpsc::channel(64);
    let writers = (0..WRITERS).map(|writer| {
        let chance = Rng::with_seed(chance.u64(..));
        write(client.clone(), stream, writer, sent.clone(), acknowledged.clone(), chance)
    });
    let writers = join_all(writers.collect::<Vec<_>>());
    drop(acknowledged);
    let killer = async move {
        for _ in 0..batches {
            acknowledgements.recv().await.expect("the writers go on until the kill");
        }
        node.kill();
        while acknowledgements.recv().await.is_some() {}
    };
    tokio::join!(writers, killer);
}

async fn write(
    client: Client,
    stream: &str,
    writer: u32,
    sent: Sent,
    acknowledged: mpsc::Sender<()>,
    mut chance: Rng,
) {
    loop {
        let batch = next_batch(writer, &sent, &mut chance);
        let records = batch.iter().map(|(key, data)| PutRecordsRequestEntry {
            data: data.clone().into(),
            partition_key: Some(key.0.clone()),
            explicit_hash_key: None,
        });
        let input = PutRecordsInput {
            records: records.collect(),
            stream_name: Some(stream.to_owned()),
            ..PutRecordsInput::default()
        };
        let Ok(output) = client.call(input).await else { return };
        assert_eq!(output.failed_record_count, 0);
        for ((key, _), result) in batch.into_iter().zip(output.records) {
            let place = (result.shard_id.unwrap(), result.sequence_number.unwrap());
            sent.lock().unwrap().get_mut(&key).unwrap().1 = Fate::At(place);
        }
        acknowledged.send(()).await.unwrap();
    }
}

/// A key with its counter, and the data.
type Numbered = ((String, u64), Vec<u8>);

/// New records of the writer's keys, which count from 0.
fn next_batch(writer: u32, sent: &Sent, chance: &mut Rng) -> Vec<Numbered> {
    let mut sent = sent.lock().unwrap();
    let mut batch = Vec::new();
    for _ in 0..1 + chance.u64(..BATCH_MAX) {
        let key = format!("{writer}-{}", chance.u64(..4));
        let last = sent.range((key.clone(), 0)..=(key.clone(), u64::MAX)).next_back();
        let counter = last.map_or(0, |((_, counter), _)| counter + 1);
        let mut data = format!("{key} {counter} ").into_bytes();
        data.resize(data.len() + chance.u64(..RECORD_BYTES_MAX) as usize, chance.u8(..));
        sent.insert((key.clone(), counter), (data.clone(), Fate::Unknown));
        batch.push(((key, counter), data));
    }
    batch
}

/// Reads everything back and compares it with what was sent.
async fn verify(client: &Client, stream: &str, sent: &Sent) {
    let config = ConsumerConfig { until_caught_up: true, ..ConsumerConfig::new(stream) };
    let mut consumer = Consumer::open(client.clone(), config).await.unwrap();
    let mut seen = BTreeMap::new();
    let mut numbers = BTreeMap::new();
    let mut counters = BTreeMap::new();
    while let Some(received) = consumer.next().await.unwrap() {
        let key = key_of(&received);
        let number: SequenceNumber = received.sequence_number.parse().unwrap();
        let earlier = numbers.insert(received.shard_id.clone(), number);
        assert!(earlier.is_none_or(|earlier| earlier < number), "{key:?} is out of order");
        let earlier = counters.insert(key.0.clone(), key.1);
        assert!(earlier.is_none_or(|earlier| earlier < key.1), "{key:?} is out of order");
        let place = (received.shard_id.to_string(), received.sequence_number);
        seen.insert(key, (received.record.data, place));
    }
    for (key, (data, fate)) in sent.lock().unwrap().iter_mut() {
        *fate = match (&*fate, seen.remove(key)) {
            (Fate::At(_) | Fate::Unknown, Some((found, _))) if found != *data => {
                panic!("{key:?} was changed")
            }
            (Fate::At(place), found) => {
                let found = found.map(|(_, place)| place);
                assert_eq!(found.as_ref(), Some(place), "{key:?} is not where it was");
                Fate::At(place.clone())
            }
            (Fate::Unknown, Some((_, place))) => Fate::At(place),
            (Fate::Unknown | Fate::Lost, None) => Fate::Lost,
            (Fate::Lost, Some(_)) => panic!("{key:?} was not there before and is there now"),
        };
    }
    assert!(seen.is_empty(), "{:?} were never sent", seen.keys());
}

/// Key and counter, as the data tells them.
fn key_of(received: &Received) -> (String, u64) {
    let text = String::from_utf8_lossy(&received.record.data);
    let mut words = text.split(' ');
    let key = words.next().unwrap().to_owned();
    assert_eq!(key, received.record.partition_key);
    (key, words.next().unwrap().parse().unwrap())
}
