use super::*;
use crate::router::hash_of;

const START: u64 = 1_700_000_000_000;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis(START + seconds * 1000)
}

/// Offers `records` of `bytes` each second for `seconds`, the key of each from its number.
fn offer(load: &mut Load, from: u64, seconds: u64, records: u64, key: impl Fn(u64) -> String) {
    for second in from..from + seconds {
        load.tick(at(second));
        for number in 0..records {
            let key = key(second * records + number);
            load.offer(HashKeyRange::WHOLE, hash_of(&key), Some(&key), 1000, true);
        }
    }
}

#[test]
fn amounts_are_exact_and_of_the_slots_that_are_asked_for() {
    let mut load = Load::default();
    offer(&mut load, 0, 60, 7, |n| n.to_string());
    load.tick(at(60));
    assert_eq!(load.recent(6), Amount { bytes: 420_000, records: 420, over: 0 });
    assert_eq!(load.recent(1).records, 70);
    load.offer(HashKeyRange::WHOLE, HashKey::MIN, None, 5, false);
    load.tick(at(120));
    assert_eq!(load.recent(6), Amount { bytes: 5, records: 1, over: 1 });
    load.tick(at(30));
    load.offer(HashKeyRange::WHOLE, HashKey::MIN, None, 5, false);
    load.tick(at(130));
    assert_eq!(load.recent(1).records, 1, "a clock that stepped back stays in its slot");
}

#[test]
fn heavy_keys_are_found_among_many_light_ones_with_their_shares() {
    let mut load = Load::default();
    // One record in four is of one key, one in ten of another, in a rhythm of their own.
    offer(&mut load, 0, 120, 1000, |n| match n % 20 {
        0 | 4 | 8 | 12 | 16 => "quarter".into(),
        1 | 11 => "tenth".into(),
        _ => n.to_string(),
    });
    let keys = load.shape().keys;
    let found: Vec<_> = keys.iter().take(2).map(|key| key.key.as_str()).collect();
    assert_eq!(found, ["quarter", "tenth"]);
    for (key, share) in keys.iter().zip([0.25, 0.1]) {
        assert!((key.share - share).abs() < 0.03, "{key:?}");
        assert!((key.records_share - share).abs() < 0.04, "{key:?}");
        assert_eq!(key.hash, Some(hash_of(&key.key)));
    }
    assert!(keys[2..].iter().all(|key| key.share < 0.03), "no light key looks heavy");
    assert!(keys.len() <= KEYS_MAX);
}

#[test]
fn places_have_the_weight_that_falls_there() {
    let mut load = Load::default();
    for second in 0..60 {
        load.tick(at(second));
        for number in 0..300u128 {
            // Three quarters of the records fall into the first eighth of the range.
            let eighths = if number % 4 == 3 { 4 } else { 0 };
            let hash = HashKey::new((eighths << 125) + (number << 116));
            load.offer(HashKeyRange::WHOLE, hash, None, 100, true);
        }
    }
    let buckets = load.shape().buckets;
    let total: f64 = buckets.iter().sum();
    let first: f64 = buckets[..BUCKETS / 8].iter().sum();
    assert!((first / total - 0.75).abs() < 0.06, "{}", first / total);
    assert!(load.shape().keys.is_empty());
}

#[test]
fn a_key_in_several_places_has_no_place() {
    let mut load = Load::default();
    load.tick(at(0));
    for number in 0..100 {
        load.offer(HashKeyRange::WHOLE, HashKey::new(number), Some("k"), 10, true);
    }
    assert_eq!(load.shape().keys[0].hash, None);
}

#[test]
fn what_was_heavy_fades_and_is_forgotten() {
    let mut load = Load::default();
    offer(&mut load, 0, 60, 500, |_| "old".into());
    offer(&mut load, 60, 180, 500, |n| format!("new{}", n % 4));
    let keys = load.shape().keys;
    assert!(keys[0].key.starts_with("new"), "{keys:?}");
    let old = keys.iter().find(|key| key.key == "old");
    assert!(old.is_none_or(|old| old.share < 0.15), "{old:?}");
    load.tick(at(3600));
    assert_eq!(load.shape(), Shape::default());
}

#[test]
fn every_record_of_a_quiet_shard_is_looked_at_and_few_of_a_busy_one() {
    let taken = |records: u64| {
        let mut load = Load::default();
        load.tick(at(0));
        let mut looked_at = 0;
        for number in 0..records {
            let before = load.pending;
            load.offer(HashKeyRange::WHOLE, HashKey::new(u128::from(number)), None, 1000, true);
            looked_at += u64::from(load.pending <= before);
        }
        looked_at
    };
    assert_eq!(taken(30), 30);
    let busy = taken(100_000);
    assert!(busy < 1_000, "{busy} of 100,000");
}
