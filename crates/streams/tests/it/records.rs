//! Records: in, numbered, found again from every position, gone with retention.

use bytes::Bytes;
use model::{SequenceNumber, Timestamp};
use runtime::Clock;
use wire::Handlers;
use wire::kinesis::*;

use crate::world::{HOUR, Node, World, iterator_input, refusal, text};

const SHARD: &str = "shardId-000000000000";

async fn started() -> (World, Node) {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 1).await;
    (world, node)
}

fn number(text: &str) -> SequenceNumber {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn acknowledged_records_are_read_back_in_order_also_after_a_restart() {
    let (world, node) = started().await;
    let mut numbers = Vec::new();
    for i in 0..5 {
        let put = node.put("s", &format!("k{i}"), &format!("v{i}")).await.unwrap();
        assert_eq!(put.shard_id, SHARD);
        numbers.push(put.sequence_number);
    }
    assert!(numbers.windows(2).all(|pair| number(&pair[0]) < number(&pair[1])));
    node.stop().await;

    let node = world.start().await;
    let iterator = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    let got = node.get(&iterator).await.unwrap();
    assert_eq!(got.records.iter().map(text).collect::<Vec<_>>(), ["v0", "v1", "v2", "v3", "v4"]);
    let got_numbers: Vec<_> = got.records.iter().map(|r| r.sequence_number.clone()).collect();
    assert_eq!(got_numbers, numbers);
    assert_eq!(got.records[3].partition_key.as_deref(), Some("k3"));
    assert_eq!(got.millis_behind_latest, Some(0));
    let put = node.put("s", "k", "after").await.unwrap();
    assert!(number(&put.sequence_number) > number(&numbers[4]));
}

#[tokio::test(start_paused = true)]
async fn put_records_answers_every_record_in_the_order_of_the_request() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 16).await;
    let records: Vec<_> = (0..500)
        .map(|i| PutRecordsRequestEntry {
            data: Bytes::from(format!("v{i}")),
            partition_key: Some(format!("k{i}")),
            explicit_hash_key: None,
        })
        .collect();
    let input = PutRecordsInput { records, stream_name: Some("s".into()), ..Default::default() };
    let output = node.streams.put_records(&node.caller, input).await.unwrap();
    assert_eq!((output.failed_record_count, output.records.len()), (0, 500));
    let mut found = 0;
    for shard in node.shards("s", None).await.unwrap() {
        let iterator = node.iterator("s", &shard.shard_id, ShardIteratorType::TrimHorizon).await;
        for record in node.get(&iterator).await.unwrap().records {
            let i: usize = text(&record)[1..].parse().unwrap();
            let answer = &output.records[i];
            assert_eq!(answer.sequence_number.as_ref(), Some(&record.sequence_number));
            assert_eq!(answer.shard_id.as_ref(), Some(&shard.shard_id));
            found += 1;
        }
    }
    assert_eq!(found, 500);
}

#[tokio::test(start_paused = true)]
async fn an_explicit_hash_key_outweighs_the_partition_key() {
    let world = World::new();
    let node = world.start().await;
    node.create("s", 3).await;
    for (hash, shard) in [
        ("0", 0),
        ("113427455640312821154458202477256070484", 0),
        ("113427455640312821154458202477256070485", 1),
        ("340282366920938463463374607431768211455", 2),
    ] {
        let put = node.put_at("s", hash, "v").await;
        assert_eq!(put.shard_id, format!("shardId-{shard:012}"), "{hash}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_iterator_type_starts_where_it_says() {
    let (world, node) = started().await;
    let mut puts = Vec::new();
    for i in 0..3 {
        puts.push((world.clock.now(), node.put("s", "k", &format!("v{i}")).await.unwrap()));
        tokio::time::advance(std::time::Duration::from_millis(1500)).await;
    }
    let read = async |input: GetShardIteratorInput| {
        let iterator = node.try_iterator(input).await.unwrap();
        let output = node.get(&iterator).await.unwrap();
        output.records.iter().map(text).collect::<Vec<_>>().join(" ")
    };
    let input = |kind| iterator_input("s", SHARD, kind);
    let at = |kind, number: &str| GetShardIteratorInput {
        starting_sequence_number: Some(number.into()),
        ..input(kind)
    };
    use ShardIteratorType::*;
    assert_eq!(read(input(TrimHorizon)).await, "v0 v1 v2");
    assert_eq!(read(input(Latest)).await, "");
    assert_eq!(read(at(AtSequenceNumber, &puts[1].1.sequence_number)).await, "v1 v2");
    assert_eq!(read(at(AfterSequenceNumber, &puts[1].1.sequence_number)).await, "v2");
    let shard = &node.shards("s", None).await.unwrap()[0];
    let start = &shard.sequence_number_range.starting_sequence_number;
    assert_eq!(read(at(AtSequenceNumber, start)).await, "v0 v1 v2");
    assert_eq!(read(at(AfterSequenceNumber, start)).await, "v0 v1 v2");
    let since = |time| GetShardIteratorInput { timestamp: Some(time), ..input(AtTimestamp) };
    assert_eq!(read(since(puts[1].0)).await, "v1 v2");
    let later = Timestamp::from_millis(puts[1].0.as_millis() + 1);
    assert_eq!(read(since(later)).await, "v2");
    assert_eq!(read(since(Timestamp::default())).await, "v0 v1 v2");
    assert_eq!(read(since(world.clock.now())).await, "", "none yet is the tip");
}

#[tokio::test(start_paused = true)]
async fn a_latest_iterator_sees_what_is_put_after_it_and_its_answers_always_lead_on() {
    let (_world, node) = started().await;
    node.put("s", "k", "before").await.unwrap();
    let iterator = node.iterator("s", SHARD, ShardIteratorType::Latest).await;
    let empty = node.get(&iterator).await.unwrap();
    assert!(empty.records.is_empty() && empty.child_shards.is_none());
    node.put("s", "k", "after").await.unwrap();
    for iterator in [iterator, empty.next_shard_iterator.unwrap()] {
        let got = node.get(&iterator).await.unwrap();
        assert_eq!(got.records.iter().map(text).collect::<Vec<_>>(), ["after"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_holds_ten_mebibytes_of_data_whatever_comes_with_it() {
    let (_world, node) = started().await;
    node.create("sealed", 1).await;
    node.encrypt("sealed", "alias/aws/kinesis").await.unwrap();
    // With a key of one byte this is the largest record.
    let data = "x".repeat((1 << 20) - 1);
    for stream in ["s", "sealed"] {
        for _ in 0..11 {
            node.put(stream, "k", &data).await.unwrap();
            tokio::time::advance(std::time::Duration::from_secs(2)).await;
        }
        let start = node.iterator(stream, SHARD, ShardIteratorType::TrimHorizon).await;
        let got = node.get(&start).await.unwrap();
        assert_eq!(got.records.len(), 10, "{stream}");
        let rest = node.get(&got.next_shard_iterator.unwrap()).await;
        assert_eq!(rest.unwrap().records.len(), 1, "{stream}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_reader_in_the_past_learns_how_far_behind_it_is() {
    let (_world, node) = started().await;
    for i in 0..3 {
        node.put("s", "k", &format!("v{i}")).await.unwrap();
        tokio::time::advance(std::time::Duration::from_secs(10)).await;
    }
    let input = GetRecordsInput {
        shard_iterator: node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await,
        limit: Some(1),
        ..Default::default()
    };
    let output = node.streams.get_records(&node.caller, input).await.unwrap();
    assert_eq!((output.records.len(), output.millis_behind_latest), (1, Some(30_000)));
}

#[tokio::test(start_paused = true)]
async fn records_past_retention_are_not_read_and_their_space_is_given_back() {
    let (_world, node) = started().await;
    node.put("s", "k", "old").await.unwrap();
    let by_number = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    tokio::time::advance(HOUR * 20).await;
    node.put("s", "k", "new").await.unwrap();
    assert_eq!(node.read_all("s", SHARD).await.0, ["old", "new"]);
    drop(by_number);
    // No reconciler has run between the horizon's move and this read.
    tokio::time::advance(HOUR * 4 + std::time::Duration::from_millis(1)).await;
    assert_eq!(node.read_all("s", SHARD).await.0, ["new"]);
    tokio::time::sleep(std::time::Duration::from_secs(60)).await;
    let first = node.storage.log(storage::LogId(1001)).state().first;
    assert_eq!(first, storage::Offset(2), "the trimming reconciler let go of the first entry");
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_steps_back_turns_back_neither_numbers_nor_arrival_times() {
    let (world, node) = started().await;
    let first = node.put("s", "k", "a").await.unwrap();
    world.clock.step(-7_200_000);
    let second = node.put("s", "k", "b").await.unwrap();
    assert!(number(&first.sequence_number) < number(&second.sequence_number));
    let iterator = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    let got = node.get(&iterator).await.unwrap();
    let times: Vec<_> = got.records.iter().map(|r| r.approximate_arrival_timestamp).collect();
    assert!(times[0] <= times[1], "{times:?}");
}

#[tokio::test(start_paused = true)]
async fn wrong_positions_are_refused_in_the_words_of_aws() {
    let (world, node) = started().await;
    use ShardIteratorType::*;
    let refused = async |input: GetShardIteratorInput| refusal(node.try_iterator(input).await);
    let input = |kind| iterator_input("s", SHARD, kind);
    let at = |number: &str| GetShardIteratorInput {
        starting_sequence_number: Some(number.into()),
        ..input(AtSequenceNumber)
    };
    let invalid = |text: &str| format!("InvalidArgumentException: {text}");
    let must = "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and \
                StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no \
                StartingSequenceNumber. Request specified";
    assert_eq!(
        refused(input(AtSequenceNumber)).await,
        invalid(&format!("{must} AT_SEQUENCE_NUMBER and no StartingSequenceNumber."))
    );
    let both = GetShardIteratorInput { shard_iterator_type: Latest, ..at("5") };
    assert_eq!(
        refused(both).await,
        invalid(&format!("{must} LATEST and also a StartingSequenceNumber."))
    );
    assert_eq!(
        refused(at("5")).await,
        invalid(
            "Invalid StartingSequenceNumber. It encodes shardId-000000000005, while it was used \
             in a call to a shard with shardId-000000000000"
        )
    );
    let unreadable = "9".repeat(60);
    assert_eq!(
        refused(at(&unreadable)).await,
        invalid(&format!(
            "StartingSequenceNumber {unreadable} used in GetShardIterator on shard {SHARD} in \
             stream s under account 000000000001 is invalid."
        ))
    );
    let foreign = SequenceNumber::first_of_shard("0".parse().unwrap(), Timestamp::from_seconds(9));
    assert_eq!(
        refused(at(&foreign.to_string())).await,
        invalid(&format!(
            "StartingSequenceNumber {foreign} used in GetShardIterator on shard {SHARD} in stream \
             s under account 000000000001 is invalid because it did not come from this stream."
        ))
    );
    assert_eq!(
        refused(input(AtTimestamp)).await,
        invalid(
            "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. Current \
             request has no timestamp parameter."
        )
    );
    let now = world.clock.now().as_millis();
    let future = Timestamp::from_millis(now + 1);
    let future = GetShardIteratorInput { timestamp: Some(future), ..input(AtTimestamp) };
    assert_eq!(
        refused(future).await,
        invalid(&format!(
            "The timestampInMillis parameter cannot be greater than the currentTimestampInMillis. \
             timestampInMillis: {}, currentTimestampInMillis: {now}",
            now + 1
        ))
    );
}

#[tokio::test(start_paused = true)]
async fn a_shard_that_is_not_there_is_told_as_aws_tells_it() {
    let (_world, node) = started().await;
    use ShardIteratorType::Latest;
    let refused = async |input: GetShardIteratorInput| refusal(node.try_iterator(input).await);
    let not_found = |text: &str| format!("ResourceNotFoundException: {text}");
    assert_eq!(
        refused(iterator_input("s", "shardId-x", Latest)).await,
        not_found("Could not find shard shardId-x in stream s under account 000000000001.")
    );
    for (stream, shard) in [("s", "9"), ("none", "shard-9")] {
        assert_eq!(
            refused(iterator_input(stream, shard, Latest)).await,
            not_found(&format!(
                "Shard shardId-000000000009 in stream {stream} under account 000000000001 does \
                 not exist"
            ))
        );
    }
}

#[tokio::test(start_paused = true)]
async fn puts_that_cannot_be_are_refused_and_leave_nothing() {
    let (world, node) = started().await;
    let input = |data: usize| PutRecordInput {
        stream_name: Some("s".into()),
        data: vec![0; data].into(),
        partition_key: Some("key".into()),
        ..Default::default()
    };
    let put = async |input| node.streams.put_record(&node.caller, input).await;
    assert!(put(input(1024 * 1024 - 3)).await.is_ok());
    assert_eq!(
        refusal(put(input(1024 * 1024 - 2)).await),
        "ValidationException: 1 validation error detected: Value \
         'java.nio.HeapByteBuffer[pos=0 lim=1048574 cap=1048574]' at 'data' failed to satisfy \
         constraint: Member must have length less than or equal to 1048576"
    );
    let big = "340282366920938463463374607431768211456";
    let outside = PutRecordInput { explicit_hash_key: Some(big.into()), ..input(1) };
    assert_eq!(
        refusal(put(outside).await),
        format!(
            "InvalidArgumentException: Invalid ExplicitHashKey. ExplicitHashKey must be in the \
             range: [0, 2^128-1]. Specified value was {big}"
        )
    );
    let later = Timestamp::from_millis(world.clock.now().as_millis() + 2000);
    let future = SequenceNumber::new("0".parse().unwrap(), Timestamp::default(), 1, later);
    let ordered =
        PutRecordInput { sequence_number_for_ordering: Some(future.to_string()), ..input(1) };
    assert_eq!(
        refusal(put(ordered).await),
        format!(
            "InvalidArgumentException: ExclusiveMinimumSequenceNumber {future} used in PutRecord \
             on stream s under account 000000000001 is invalid."
        )
    );
    let dry = PutRecordInput { dry_run: Some(true), ..input(1) };
    assert!(refusal(put(dry).await).starts_with("DryRunOperationException: "));
    assert_eq!(
        refusal(node.put("none", "k", "v").await),
        "ResourceNotFoundException: Stream none under account 000000000001 not found."
    );
    assert_eq!(node.read_all("s", SHARD).await.0.len(), 1, "only the first put left a record");
}

#[tokio::test(start_paused = true)]
async fn iterators_expire_and_die_with_their_stream_even_if_it_is_created_again() {
    let (_world, node) = started().await;
    let iterator = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    assert!(node.get(&format!("\"{iterator}\"")).await.is_ok());
    assert_eq!(refusal(node.get("AAAA").await), "InvalidArgumentException: Invalid ShardIterator.");
    node.delete("s").await.unwrap();
    let gone = format!(
        "ResourceNotFoundException: Shard {SHARD} in stream s under account 000000000001 does not \
         exist"
    );
    assert_eq!(refusal(node.get(&iterator).await), gone);
    node.create("s", 1).await;
    assert_eq!(refusal(node.get(&iterator).await), gone);
    tokio::time::advance(std::time::Duration::from_millis(300_001)).await;
    assert!(refusal(node.get(&iterator).await).starts_with("ExpiredIteratorException: "));
}

#[tokio::test(start_paused = true)]
async fn accounts_and_regions_do_not_see_each_other() {
    let (_world, mut node) = started().await;
    let iterator = node.iterator("s", SHARD, ShardIteratorType::TrimHorizon).await;
    for (account, region) in [("000000000002", "us-east-1"), ("000000000001", "eu-west-1")] {
        node.caller = crate::world::caller(account, region);
        assert_eq!(
            refusal(node.put("s", "k", "v").await),
            format!("ResourceNotFoundException: Stream s under account {account} not found.")
        );
        // Who may read with an iterator of another account is decided before.
        let read = node.get(&iterator).await;
        match region {
            "us-east-1" => assert!(read.is_ok()),
            _ => {
                let invalid = "InvalidArgumentException: Invalid ShardIterator.";
                assert_eq!(refusal(read), invalid);
            }
        }
        node.create("s", 2).await;
        assert_eq!(node.shards("s", None).await.unwrap().len(), 2);
    }
}
