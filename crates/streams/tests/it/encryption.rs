//! Encryption of records: what is sealed, with which key, and what becomes of it with the key.

use std::path::Path;
use std::time::Duration;

use security::keys::Realm;
use storage::{Batch, LogId, Offset};
use wire::kinesis::*;

use crate::world::{Node, World, refusal, text};

const NODE_KEY: &str = "alias/aws/kinesis";
const SHARD: &str = "shardId-000000000000";
const DAY: Duration = Duration::from_secs(24 * 3600);

fn realm() -> Realm {
    Realm { account: "000000000001".parse().unwrap(), region: "us-east-1".parse().unwrap() }
}

/// A new key with this alias; its ARN.
async fn key(node: &Node, alias: &str) -> String {
    let key = node.keys.create_key(&realm(), String::new()).await.unwrap();
    node.keys.create_alias(&realm(), alias, &key.arn).await.unwrap();
    key.arn
}

async fn read_from_start(node: &Node, stream: &str) -> Result<Vec<Record>, String> {
    let start = node.iterator(stream, SHARD, ShardIteratorType::TrimHorizon).await;
    node.get(&start).await.map(|output| output.records).map_err(|error| error.to_string())
}

/// How many of the files below a directory hold these bytes.
fn files_with(directory: &Path, needle: &[u8]) -> usize {
    let mut found = 0;
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found += files_with(&path, needle);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found += usize::from(bytes.windows(needle.len()).any(|window| window == needle));
        }
    }
    found
}

#[tokio::test(start_paused = true)]
async fn a_stream_says_with_which_key_it_is_encrypted_as_it_was_named() {
    let world = World::slow(Duration::from_millis(200));
    let node = world.start().await;
    node.create("s", 1).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    node.encrypt("s", NODE_KEY).await.unwrap();
    assert_eq!(node.status("s").await, StreamStatus::Updating);
    let while_updating = node.put("s", "k", "still plain").await.unwrap();
    assert_eq!(while_updating.encryption_type, None);
    let busy = refusal(node.encrypt("s", NODE_KEY).await);
    assert!(busy.contains("not ACTIVE, instead in state UPDATING"), "{busy}");
    tokio::time::sleep(Duration::from_secs(1)).await;

    let described = node.describe("s").await.unwrap();
    assert_eq!(described.stream_status, StreamStatus::Active);
    assert_eq!(described.encryption_type, Some(EncryptionType::Kms));
    assert_eq!(described.key_id.as_deref(), Some(NODE_KEY));
    let put = node.put("s", "k", "sealed").await.unwrap();
    assert_eq!(put.encryption_type, Some(EncryptionType::Kms));

    node.stop_encrypting("s").await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let described = node.describe("s").await.unwrap();
    assert_eq!(described.encryption_type, Some(EncryptionType::None));
    assert_eq!(described.key_id, None);
    node.put("s", "k", "plain again").await.unwrap();

    // What was written keeps its type.
    let records = read_from_start(&node, "s").await.unwrap();
    let types: Vec<_> = records.iter().map(|r| (text(r), r.encryption_type)).collect();
    let expected = [
        ("still plain".to_owned(), None),
        ("sealed".to_owned(), Some(EncryptionType::Kms)),
        ("plain again".to_owned(), None),
    ];
    assert_eq!(types, expected);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_plaintext_of_an_encrypted_stream_is_in_any_file() {
    let mut world = World::new();
    // As they are on disk, so that what is not sealed is found.
    world.storage.compression = storage::Compression::None;
    let node = world.start().await;
    for stream in ["open", "sealed"] {
        node.create(stream, 1).await;
    }
    node.encrypt("sealed", NODE_KEY).await.unwrap();
    node.put("open", "key-of-open", "data-of-open").await.unwrap();
    node.put("sealed", "key-of-sealed", "data-of-sealed").await.unwrap();
    node.split("sealed", SHARD, "5").await.unwrap();
    node.put("sealed", "key-of-sealed", "data-of-sealed").await.unwrap();
    node.stop().await;

    // Again, so that it is in segments as well.
    let node = world.start().await;
    let records = read_from_start(&node, "sealed").await.unwrap();
    assert_eq!(records[0].partition_key.as_deref(), Some("key-of-sealed"));
    assert_eq!(text(&records[0]), "data-of-sealed");
    node.stop().await;
    for found in ["key-of-open", "data-of-open"] {
        assert!(files_with(world.directory(), found.as_bytes()) > 0, "the search finds nothing");
    }
    for secret in ["key-of-sealed", "data-of-sealed"] {
        assert_eq!(files_with(world.directory(), secret.as_bytes()), 0, "{secret}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_disabled_key_is_refused_on_put_and_get_until_it_is_enabled() {
    let world = World::new();
    let node = world.start().await;
    let arn = key(&node, "alias/mine").await;
    node.create("s", 1).await;
    node.encrypt("s", "alias/mine").await.unwrap();
    node.put("s", "k", "one").await.unwrap();

    node.keys.disable(&realm(), "alias/mine").await.unwrap();
    let disabled = format!("KMSDisabledException: {arn} is disabled.");
    assert_eq!(refusal(node.put("s", "k", "two").await), disabled);
    assert_eq!(read_from_start(&node, "s").await.unwrap_err(), disabled);
    assert_eq!(refusal(node.encrypt("s", "alias/mine").await), disabled);
    // Nothing of the refused put is left.
    node.keys.enable(&realm(), &arn).await.unwrap();
    node.put("s", "k", "three").await.unwrap();
    let texts: Vec<_> = read_from_start(&node, "s").await.unwrap().iter().map(text).collect();
    assert_eq!(texts, ["one", "three"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn records_under_other_keys_than_the_deleted_one_stay_readable() {
    let world = World::new();
    let node = world.start().await;
    let (first, second) = (key(&node, "alias/first").await, key(&node, "alias/second").await);
    node.create("s", 1).await;
    node.put("s", "k", "plain").await.unwrap();
    node.encrypt("s", &first).await.unwrap();
    node.put("s", "k", "lost").await.unwrap();
    node.encrypt("s", &second).await.unwrap();
    let kept = node.put("s", "k", "kept").await.unwrap();
    node.keys.delete(&realm(), &first).await.unwrap();

    // What is before the lost record is read, then it is the error, and one goes on after it.
    let records = read_from_start(&node, "s").await.unwrap();
    assert_eq!(records.iter().map(text).collect::<Vec<_>>(), ["plain"]);
    let start = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    let after_plain = node.get(&start).await.unwrap().next_shard_iterator.unwrap();
    let lost = format!("KMSNotFoundException: Key '{first}' does not exist");
    assert_eq!(refusal(node.get(&after_plain).await), lost);
    let at_kept = GetShardIteratorInput {
        stream_name: Some("s".into()),
        shard_id: SHARD.into(),
        shard_iterator_type: ShardIteratorType::AtSequenceNumber,
        starting_sequence_number: Some(kept.sequence_number),
        ..Default::default()
    };
    let at_kept = node.try_iterator(at_kept).await.unwrap();
    assert_eq!(text(&node.get(&at_kept).await.unwrap().records[0]), "kept");

    // Under a deleted key nothing is put, and another key helps.
    node.keys.delete(&realm(), &second).await.unwrap();
    let gone = format!("KMSNotFoundException: Key '{second}' does not exist");
    assert_eq!(refusal(node.put("s", "k", "x").await), gone);
    assert_eq!(refusal(node.encrypt("s", &second).await), gone);
    node.stop_encrypting("s").await.unwrap();
    node.put("s", "k", "plain again").await.unwrap();
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn encrypted_records_outlive_rotation_resharding_and_restarts() {
    let world = World::new();
    let node = world.start().await;
    key(&node, "alias/mine").await;
    node.create("s", 1).await;
    node.encrypt("s", "alias/mine").await.unwrap();
    node.put("s", "k", "before").await.unwrap();
    node.keys.rotate(&realm(), "alias/mine").await.unwrap();
    node.put("s", "k", "after").await.unwrap();
    node.split("s", SHARD, "5").await.unwrap();
    node.put_at("s", "1", "in a child").await;
    node.stop().await;

    let node = world.start().await;
    assert_eq!(node.read_all("s", SHARD).await.0, ["before", "after"]);
    assert_eq!(node.read_all("s", "shardId-000000000001").await.0, ["in a child"]);
    node.keys.rotate(&realm(), "alias/mine").await.unwrap();
    node.put_at("s", "1", "of another process").await;
    let child = node.read_all("s", "shardId-000000000001").await.0;
    assert_eq!(child, ["in a child", "of another process"]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_sealed_record_that_is_changed_or_moved_is_not_given_to_readers() {
    let world = World::new();
    let node = world.start().await;
    for stream in ["s", "t"] {
        node.create(stream, 1).await;
        node.encrypt(stream, NODE_KEY).await.unwrap();
        node.put(stream, "k", stream).await.unwrap();
    }
    // The first logs that shards of this catalog have.
    let logs: Vec<_> = (1000..1010)
        .map(|id| node.storage.log(LogId(id)))
        .filter(|log| log.state().next > Offset::FIRST)
        .collect();
    let [of_s, of_t] = &logs[..] else { panic!("two shards have records") };
    let sealed = of_s.read(Offset::FIRST, 1, 1 << 20).await.unwrap().entries.remove(0).payload;
    let mut changed = sealed.to_vec();
    *changed.last_mut().unwrap() ^= 1;
    for (log, payload) in [(of_s, &changed[..]), (of_t, &sealed[..])] {
        // As somebody would write it who knows the formats, checksums and all.
        let mut batch = Batch::new(log.state().last_time, payload.len());
        batch.push(&[payload]);
        let mut permit = node.storage.admit(1 << 10).await.unwrap();
        log.append(&mut permit, batch).unwrap().durable().await.unwrap();
    }
    for stream in ["s", "t"] {
        let refused = read_from_start(&node, stream).await.unwrap_err();
        assert!(refused.starts_with("InternalFailure"), "{refused}");
    }
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn encryption_is_started_and_stopped_25_times_a_day_each() {
    let world = World::aws();
    let node = world.start().await;
    node.create("s", 1).await;
    for _ in 0..25 {
        node.encrypt("s", NODE_KEY).await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
        node.stop_encrypting("s").await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    for refused in [node.encrypt("s", NODE_KEY).await, node.stop_encrypting("s").await] {
        let text = refusal(refused);
        assert!(text.starts_with("LimitExceededException: Stream s under account"), "{text}");
    }
    tokio::time::sleep(DAY).await;
    node.encrypt("s", NODE_KEY).await.unwrap();
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_there_or_a_type_that_is_none_is_refused() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    let unknown = refusal(node.encrypt("s", "alias/none").await);
    let arn = "arn:aws:kms:us-east-1:000000000001:alias/none";
    assert_eq!(unknown, format!("KMSNotFoundException: Alias {arn} is not found."));
    let foreign = "arn:aws:kms:us-east-1:999999999998:alias/aws/kinesis";
    let denied = refusal(node.encrypt("s", foreign).await);
    assert!(denied.starts_with("KMSAccessDeniedException"), "{denied}");
    let missing = refusal(node.encrypt("nowhere", NODE_KEY).await);
    assert!(missing.starts_with("ResourceNotFoundException"), "{missing}");
    assert_eq!(node.describe("s").await.unwrap().encryption_type, Some(EncryptionType::None));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_uses_of_a_key_are_told_and_forgotten_with_the_stream() {
    let world = World::new();
    let node = world.start().await;
    key(&node, "alias/mine").await;
    for stream in ["now", "once", "never"] {
        node.create(stream, 1).await;
    }
    for stream in ["now", "once"] {
        node.encrypt(stream, "alias/mine").await.unwrap();
        node.put(stream, "k", "data").await.unwrap();
    }
    node.stop_encrypting("once").await.unwrap();
    let uses = |node: &Node| {
        let info = node.keys.describe(&realm(), "alias/mine").unwrap();
        let uses = node.streams.uses_of(&info.data_keys);
        uses.into_iter()
            .map(|of| (of.stream.name().to_string(), of.is_current, of.records_max))
            .collect::<Vec<_>>()
    };
    assert_eq!(uses(&node), [("now".to_owned(), true, 1), ("once".to_owned(), false, 1)]);
    node.delete("now").await.unwrap();
    assert_eq!(uses(&node), [("once".to_owned(), false, 1)]);
    let info = node.keys.describe(&realm(), "alias/mine").unwrap();
    assert_eq!(info.data_keys.len(), 1);
    node.stop().await;
}
