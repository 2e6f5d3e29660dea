use std::collections::BTreeMap;
use std::num::NonZeroU32;

use model::{HashKey, HashKeyRange, ShardId, Timestamp};
use proptest::prelude::*;
use storage::LogId;

use super::monitored::{ShardMetric, ShardMetrics};
use super::record::{
    AccountRecord, Change, Commitment, ConsumerChange, ConsumerPending, ConsumerRecord,
    Distribution, Encryption, EncryptionChanges, Incarnation, Merge, Pending, ShardRecord, Split,
    StreamKey, StreamMode, StreamRecord, consumer_key, decode, encode, from_consumer_key,
    from_shard_key, shard_key,
};

fn stream_key(name: &str) -> StreamKey {
    StreamKey {
        account: "000000000042".parse().unwrap(),
        region: "eu-west-1".parse().unwrap(),
        name: name.parse().unwrap(),
    }
}

fn any_change() -> impl Strategy<Value = Change> {
    let shard = || any::<u32>().prop_map(ShardId::new);
    let count = || (1..=u32::MAX).prop_map(|n| NonZeroU32::new(n).unwrap());
    prop_oneof![
        count().prop_map(|shards| Change::Create { shards }),
        Just(Change::Delete),
        (shard(), any::<u128>())
            .prop_map(|(shard, at)| Change::Split { shard, at: HashKey::new(at) }),
        (shard(), shard()).prop_map(|(left, right)| Change::Merge { left, right }),
        count().prop_map(|target| Change::Scale { target }),
        any::<u32>().prop_map(|shards| Change::Grow { shards }),
        (shard(), any::<u128>(), shard()).prop_map(|(shard, at, right)| Change::Adapt {
            splits: vec![Split { shard, at: HashKey::new(at) }],
            merges: vec![Merge { left: shard, right }],
        }),
        prop::option::of(any_encryption()).prop_map(|with| Change::Encrypt { with }),
        (any::<u32>(), any_metrics()).prop_map(|(record_kib_max, monitored)| Change::Configure {
            record_kib_max,
            monitored,
        }),
    ]
}

fn any_metrics() -> impl Strategy<Value = ShardMetrics> {
    prop::sample::subsequence(ShardMetric::ALL.to_vec(), 0..=7)
        .prop_map(|metrics| metrics.into_iter().collect())
}

prop_compose! {
    fn any_encryption()(key_id in ".{1,20}", data_key: u64) -> Encryption {
        Encryption { key_id, data_key }
    }
}

fn any_encryption_changes() -> impl Strategy<Value = Option<EncryptionChanges>> {
    let moments = || {
        let moments = prop::collection::vec(any::<u64>(), 0..3);
        moments.prop_map(|list| list.into_iter().map(Timestamp::from_millis).collect())
    };
    let changes = (moments(), moments());
    prop::option::of(changes.prop_map(|(started, stopped)| EncryptionChanges { started, stopped }))
}

prop_compose! {
    fn any_stream()(
        numbers in any::<(u64, u64, u32, u64, u32, u32)>(),
        on_demand: bool,
        tags in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..4),
        rescaled in prop::collection::vec(any::<u64>(), 0..4),
        pending in prop::option::of((any_change(), any::<u64>())),
        capacity in (any::<bool>(), any::<Option<u32>>(), prop::collection::vec(any::<u64>(), 0..3)),
        monitored in any_metrics(),
        encryption in (prop::option::of(any_encryption()), any_encryption_changes()),
        policy in prop::option::of(".{0,9}"),
    ) -> StreamRecord {
        let (incarnation, created, retention_hours, trimmed_to, record_kib_max, next_shard) =
            numbers;
        StreamRecord {
            incarnation: Incarnation(incarnation),
            created: Timestamp::from_millis(created),
            retention_hours,
            trimmed_to: Timestamp::from_millis(trimmed_to),
            mode: if on_demand { StreamMode::OnDemand } else { StreamMode::Provisioned },
            record_kib_max,
            tags,
            next_shard,
            rescaled: rescaled.into_iter().map(Timestamp::from_millis).collect(),
            pending: pending
                .map(|(change, due)| Pending { change, due: Timestamp::from_millis(due) }),
            policy,
            distribution: if capacity.0 { Distribution::Even } else { Distribution::ByKey },
            warm_mibps: capacity.1,
            mode_changes: capacity.2.into_iter().map(Timestamp::from_millis).collect(),
            monitored,
            encryption: encryption.0,
            encryption_changes: encryption.1,
        }
    }
}

prop_compose! {
    fn any_shard()(
        a: u128,
        b: u128,
        times in any::<(u64, u64, u64)>(),
        closed: Option<u64>,
        parents in any::<(Option<u32>, Option<u32>)>(),
    ) -> ShardRecord {
        let (log, created, opened) = times;
        ShardRecord {
            log: LogId(log),
            range: HashKeyRange::new(HashKey::new(a.min(b)), HashKey::new(a.max(b))).unwrap(),
            created: Timestamp::from_millis(created),
            opened: Timestamp::from_millis(opened),
            closed: closed.map(Timestamp::from_millis),
            parent: parents.0.map(ShardId::new),
            adjacent_parent: parents.1.map(ShardId::new),
        }
    }
}

prop_compose! {
    fn any_consumer()(
        (incarnation, created) in any::<(u64, u64)>(),
        tags in prop::collection::btree_map(".{0,9}", ".{0,9}", 0..4),
        pending in prop::option::of(any::<(bool, u64)>()),
        policy in prop::option::of(".{0,9}"),
    ) -> ConsumerRecord {
        let pending = pending.map(|(leaves, due)| ConsumerPending {
            change: if leaves { ConsumerChange::Deregister } else { ConsumerChange::Register },
            due: Timestamp::from_millis(due),
        });
        let created = Timestamp::from_millis(created);
        ConsumerRecord { incarnation: Incarnation(incarnation), created, tags, pending, policy }
    }
}

proptest! {
    #[test]
    fn a_consumer_reads_back_as_written(consumer in any_consumer()) {
        prop_assert_eq!(decode::<ConsumerRecord>(b"c", &encode(&consumer)).unwrap(), consumer);
    }

    #[test]
    fn a_consumer_s_key_reads_back_as_written(stream: u64, name in "[a-zA-Z0-9_.-]{1,128}") {
        let (stream, name) = (Incarnation(stream), name.parse().unwrap());
        prop_assert_eq!(from_consumer_key(&consumer_key(stream, &name)), Some((stream, name)));
    }

    #[test]
    fn a_stream_reads_back_as_written(stream in any_stream()) {
        prop_assert_eq!(decode::<StreamRecord>(b"s", &encode(&stream)).unwrap(), stream);
    }

    #[test]
    fn a_shard_reads_back_as_written(shard in any_shard()) {
        prop_assert_eq!(decode::<ShardRecord>(b"h", &encode(&shard)).unwrap(), shard);
    }

    #[test]
    fn no_bytes_make_the_decoders_panic(bytes in any::<Vec<u8>>()) {
        let _ = decode::<StreamRecord>(b"s", &bytes);
        let _ = decode::<ShardRecord>(b"h", &bytes);
        let _ = StreamKey::from_table_key(&bytes);
        let _ = decode::<ConsumerRecord>(b"c", &bytes);
        let _ = from_shard_key(&bytes);
        let _ = from_consumer_key(&bytes);
    }

    #[test]
    fn shards_are_in_the_table_by_stream_and_then_by_id(a: (u64, u32), b: (u64, u32)) {
        let key = |(stream, shard)| shard_key(Incarnation(stream), ShardId::new(shard));
        prop_assert_eq!(key(a).cmp(&key(b)), a.cmp(&b));
        prop_assert_eq!(from_shard_key(&key(a)), Some((Incarnation(a.0), ShardId::new(a.1))));
    }
}

#[test]
fn a_stream_s_key_reads_back_as_written() {
    let key = stream_key("a.b-c_d");
    assert_eq!(StreamKey::from_table_key(&key.table_key()), Some(key));
}

#[test]
fn the_horizon_never_shows_again_what_was_trimmed() {
    let mut stream = StreamRecord {
        incarnation: Incarnation(1),
        created: Timestamp::default(),
        retention_hours: 24,
        trimmed_to: Timestamp::from_seconds(50_000),
        mode: StreamMode::Provisioned,
        record_kib_max: 1024,
        tags: BTreeMap::new(),
        next_shard: 1,
        rescaled: Vec::new(),
        pending: None,
        policy: None,
        distribution: Distribution::ByKey,
        warm_mibps: None,
        mode_changes: Vec::new(),
        monitored: ShardMetrics::default(),
        encryption: None,
        encryption_changes: None,
    };
    let now = Timestamp::from_seconds(24 * 3600 + 60_000);
    assert_eq!(stream.horizon(now), Timestamp::from_seconds(60_000));
    stream.retention_hours = 48;
    assert_eq!(stream.horizon(now), Timestamp::from_seconds(50_000));
}

#[test]
fn records_are_written_as_the_format_says() {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let shard = ShardRecord {
        log: LogId(1001),
        range: HashKeyRange::WHOLE,
        created: Timestamp::from_millis(1000),
        opened: Timestamp::from_millis(3000),
        closed: None,
        parent: Some(ShardId::new(7)),
        adjacent_parent: None,
    };
    let (first, last) = ("00".repeat(16), "ff".repeat(16));
    assert_eq!(
        hex(&encode(&shard)),
        format!("86 1903e9 8250{first}50{last} 1903e8 190bb8 f6 07").replace(' ', "")
    );
    let mut stream = StreamRecord {
        incarnation: Incarnation(1000),
        created: Timestamp::from_millis(3000),
        retention_hours: 24,
        trimmed_to: Timestamp::default(),
        mode: StreamMode::OnDemand,
        record_kib_max: 1024,
        tags: BTreeMap::from([("k".to_owned(), "v".to_owned())]),
        next_shard: 1,
        rescaled: vec![Timestamp::from_millis(5)],
        pending: Some(Pending { change: Change::Delete, due: Timestamp::from_millis(9) }),
        policy: None,
        distribution: Distribution::ByKey,
        warm_mibps: None,
        mode_changes: Vec::new(),
        monitored: ShardMetrics::default(),
        encryption: None,
        encryption_changes: None,
    };
    assert_eq!(
        hex(&encode(&stream)),
        "8a 1903e8 190bb8 1818 00 01 190400 a1616b6176 01 8105 8282018009".replace(' ', "")
    );
    let settled = StreamRecord {
        pending: None,
        policy: None,
        distribution: Distribution::Even,
        warm_mibps: Some(7),
        mode_changes: vec![Timestamp::from_millis(4)],
        ..stream.clone()
    };
    assert!(hex(&encode(&settled)).ends_with("8105f6f6f6f601078104"));
    let commitment = Commitment { started: Timestamp::from_millis(1000), revoked: None };
    let account = AccountRecord { commitment: Some(commitment) };
    assert_eq!(hex(&encode(&account)), "81811903e8");
    let monitored = [ShardMetric::IncomingBytes, ShardMetric::IteratorAge].into_iter().collect();
    stream.pending = None;
    stream.monitored = monitored;
    assert!(hex(&encode(&stream)).ends_with("8105f6f6f61841"), "one byte, a bit for each metric");
    let consumer = ConsumerRecord {
        incarnation: Incarnation(1002),
        created: Timestamp::from_millis(3000),
        tags: BTreeMap::new(),
        pending: Some(ConsumerPending {
            change: ConsumerChange::Deregister,
            due: Timestamp::from_millis(9),
        }),
        policy: None,
    };
    assert_eq!(hex(&encode(&consumer)), "84 1903ea 190bb8 a0 820109".replace(' ', ""));
}

#[test]
fn the_encryption_of_a_stream_is_written_as_the_format_says() {
    let hex = |bytes: &[u8]| bytes.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let with = || Some(Encryption { key_id: "k".into(), data_key: 3 });
    let mut stream: StreamRecord = decode(b"s", &[0x89, 1, 0, 23, 0, 0, 1, 0xa0, 1, 0x80]).unwrap();
    stream.encryption = with();
    assert!(hex(&encode(&stream)).ends_with("0180f6f682616b03"));
    let started = vec![Timestamp::from_millis(4)];
    let changes = EncryptionChanges { started, stopped: Vec::new() };
    stream.encryption_changes = Some(changes);
    assert!(hex(&encode(&stream)).ends_with("82810480"));
    let due = Timestamp::from_millis(9);
    stream.pending = Some(Pending { change: Change::Encrypt { with: with() }, due });
    assert!(hex(&encode(&stream)).contains("0180828205 8182616b03 09".replace(' ', "").as_str()));
}
