use proptest::prelude::*;

use super::*;

const KIB: usize = 1024;
const MIB: usize = 1024 * 1024;
const START: u64 = 1_700_000_000_000;
const TEN_SECONDS: u64 = 10_000;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(START + millis)
}

/// Every `step` milliseconds for ten seconds from `start` on.
fn ticks(start: u64, step: u64) -> impl Iterator<Item = Timestamp> {
    (0..TEN_SECONDS).step_by(step as usize).map(move |offset| at(start + offset))
}

/// Whether `admitted` is within 2 % of ten seconds of `per_second`.
fn assert_nominal(admitted: u64, per_second: u64, what: &str) {
    let nominal = 10 * per_second;
    let off = admitted.abs_diff(nominal);
    assert!(off * 50 <= nominal, "{what}: {admitted} instead of {nominal}");
}

#[test]
fn a_shard_takes_a_mebibyte_in_a_second_and_more_in_the_next() {
    let mut throttle = WriteThrottle::default();
    assert!(throttle.take(MIB, at(0)).is_ok());
    assert_eq!(throttle.take(1, at(0)), Err(Limit::WriteBytes));
    assert_eq!(throttle.take(1, at(999)), Err(Limit::WriteBytes));
    assert!(throttle.take(MIB, at(1000)).is_ok());
    assert!(throttle.take(MIB, at(60_000)).is_ok());
    assert!(throttle.take(1024, at(60_000)).is_err(), "a quiet minute saves nothing up");
}

#[test]
fn a_shard_takes_a_thousand_records_in_a_second() {
    let mut throttle = WriteThrottle::default();
    assert!((0..1000).all(|_| throttle.take(10, at(0)).is_ok()));
    assert_eq!(throttle.take(10, at(0)), Err(Limit::WriteRecords));
    assert_eq!(throttle.take(10, at(999)), Err(Limit::WriteRecords));
    assert!((0..1000).all(|_| throttle.take(10, at(1000)).is_ok()));
}

#[test]
fn a_record_refused_for_its_bytes_does_not_count_as_a_record() {
    let mut throttle = WriteThrottle::default();
    assert!(throttle.take(MIB - 500, at(0)).is_ok());
    for _ in 0..2000 {
        assert_eq!(throttle.take(KIB, at(0)), Err(Limit::WriteBytes));
    }
    assert!((0..500).all(|_| throttle.take(1, at(1)).is_ok()));
    assert_eq!(throttle.take(1, at(1)), Err(Limit::WriteBytes));
}

#[test]
fn a_record_larger_than_a_second_goes_through_and_is_paid_for_afterwards() {
    let mut throttle = WriteThrottle::default();
    assert!(throttle.take(10 * MIB, at(0)).is_ok());
    assert!(throttle.take(1, at(9_999)).is_err());
    assert!(throttle.take(1, at(10_000)).is_ok());
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    let mut throttle = WriteThrottle::default();
    assert!(throttle.take(MIB, at(0)).is_ok());
    throttle.give_back(MIB, 1);
    assert!(throttle.take(MIB, at(0)).is_ok());
    assert!(throttle.take(1, at(0)).is_err());
}

#[test]
fn five_calls_a_second_read_a_shard() {
    let mut throttle = ReadThrottle::default();
    assert!((0..5).all(|_| throttle.take_call(at(0)).is_ok()));
    assert_eq!(throttle.take_call(at(999)), Err(Limit::ReadCalls));
    assert!(throttle.take_call(at(1000)).is_ok());
    assert!((0..5).all(|_| throttle.take_iterator(at(0)).is_ok()));
    assert_eq!(throttle.take_iterator(at(0)), Err(Limit::IteratorCalls));
}

#[test]
fn a_full_answer_closes_the_shard_to_readers_for_five_seconds() {
    let mut throttle = ReadThrottle::default();
    for start in [0, 20_000] {
        assert!(throttle.take_call(at(start)).is_ok());
        throttle.charge(MIB, at(start));
        assert!(throttle.take_call(at(start + 700)).is_ok());
        throttle.charge(10 * MIB, at(start + 700));
        assert_eq!(throttle.take_call(at(start + 5_699)), Err(Limit::ReadBytes));
        assert!(throttle.take_call(at(start + 5_700)).is_ok());
    }
}

#[test]
fn two_mebibytes_a_second_are_read_without_a_pause() {
    let mut throttle = ReadThrottle::default();
    for call in 0..50 {
        assert!(throttle.take_call(at(call * 200)).is_ok());
        throttle.charge(2 * MIB / 5, at(call * 200));
    }
}

#[test]
fn a_clock_that_steps_back_neither_gives_nor_blocks() {
    let mut throttle = WriteThrottle::default();
    assert!(throttle.take(MIB, at(3_600_000)).is_ok());
    assert!(throttle.take(1, at(0)).is_err());
    assert!(throttle.take(MIB, at(1_000)).is_ok(), "a second later by the new clock");
}

#[test]
fn ten_seconds_of_too_many_bytes_take_ten_seconds_worth() {
    let shapes =
        [(2 * KIB, 1), (2 * KIB, 7), (10 * KIB, 33), (100 * KIB, 90), (200_000, 40), (MIB, 300)];
    for (bytes, step) in shapes {
        let mut throttle = WriteThrottle::default();
        // A record from before must not set the beat.
        assert!(throttle.take(1, at(0)).is_ok());
        let offer = 3 * SHARD_WRITE_BYTES_PER_SECOND * step / 1000 / bytes as u64 + 1;
        let mut admitted = 0;
        for now in ticks(500, step) {
            admitted += (0..offer).filter(|_| throttle.take(bytes, now).is_ok()).count() as u64;
        }
        let what = format!("records of {bytes} every {step} ms");
        assert_nominal(admitted * bytes as u64, SHARD_WRITE_BYTES_PER_SECOND, &what);
    }
}

#[test]
fn ten_seconds_of_too_many_records_take_ten_seconds_worth() {
    for step in [1, 7, 100, 333, 999] {
        let mut throttle = WriteThrottle::default();
        assert!(throttle.take(1, at(0)).is_ok());
        let admitted = ticks(250, step)
            .map(|now| (0..5 * step).filter(|_| throttle.take(9, now).is_ok()).count() as u64)
            .sum();
        assert_nominal(admitted, SHARD_WRITE_RECORDS_PER_SECOND, &format!("every {step} ms"));
    }
}

#[test]
fn ten_seconds_of_too_many_calls_take_ten_seconds_worth() {
    for step in [1, 7, 50, 70, 130] {
        let (mut calls, mut iterators) = (ReadThrottle::default(), ReadThrottle::default());
        let admitted = ticks(0, step).filter(|now| calls.take_call(*now).is_ok()).count();
        assert_nominal(admitted as u64, SHARD_READ_CALLS_PER_SECOND, "calls");
        let admitted = ticks(0, step).filter(|now| iterators.take_iterator(*now).is_ok()).count();
        assert_nominal(admitted as u64, SHARD_READ_CALLS_PER_SECOND, "iterators");
    }
}

#[test]
fn ten_seconds_of_reading_give_ten_seconds_worth_of_bytes() {
    for (bytes, step) in [(500 * KIB, 100), (430 * KIB, 37), (MIB, 150), (10 * MIB, 50)] {
        let mut throttle = ReadThrottle::default();
        let mut given = 0;
        for now in ticks(0, step) {
            if throttle.take_call(now).is_ok() {
                throttle.charge(bytes, now);
                given += bytes as u64;
            }
        }
        let what = format!("answers of {bytes} every {step} ms");
        assert_nominal(given, SHARD_READ_BYTES_PER_SECOND, &what);
    }
}

proptest! {
    /// Whatever comes when: never more than the rate and one burst, which is a second's worth.
    #[test]
    fn no_load_gets_more_than_the_rate_and_one_second(
        steps in prop::collection::vec((0..400_u64, 1..300_usize), 1..400),
    ) {
        let mut throttle = WriteThrottle::default();
        let (mut now, mut bytes) = (0, 0);
        for (step, kib) in steps {
            now += step;
            if throttle.take(kib * KIB, at(now)).is_ok() {
                bytes += kib * KIB;
            }
        }
        let allowed = (now as usize + 2000) * MIB / 1000 + 300 * KIB;
        prop_assert!(bytes <= allowed, "{bytes} in {now} ms");
    }

    /// Every use is noted, and looked at again at each one that follows.
    #[test]
    fn no_window_gets_more_than_its_seconds_and_nothing_is_refused_that_there_was_room_for(
        steps in prop::collection::vec((0..700_u64, 1..=1024_u64), 1..150),
    ) {
        let mut throttle = WriteThrottle::default();
        let rate = SHARD_WRITE_BYTES_PER_SECOND;
        let mut now = 0;
        let mut admitted: Vec<(u64, u64)> = Vec::new();
        for (wait, kib) in steps {
            now += wait;
            let bytes = kib * KIB as u64;
            let since = |from: u64| -> u64 {
                admitted.iter().filter(|(at, _)| *at >= from).map(|(_, bytes)| bytes).sum()
            };
            let had_room = since((now + 1).saturating_sub(SECOND_MS)) + bytes <= rate;
            if throttle.take(bytes as usize, at(now)).is_err() {
                prop_assert!(!had_room, "{bytes} refused at {now} after {admitted:?}");
                continue;
            }
            admitted.push((now, bytes));
            for (from, _) in &admitted {
                // A window touches two seconds more than it has, the first may have something
                // left over on top, and each may have begun anew some times.
                let seconds = (now - from) / SECOND_MS + 2;
                let taken: u64 =
                    admitted.iter().filter(|(at, _)| at >= from).map(|(_, bytes)| bytes).sum();
                let allowed = seconds * (rate + rate / 5) + rate;
                prop_assert!(taken <= allowed, "{taken} from {from} to {now}: {admitted:?}");
            }
        }
    }

    #[test]
    fn what_stays_below_the_rate_is_never_refused(
        start in 0..5_000_u64,
        step in 10..900_u64,
    ) {
        let mut throttle = WriteThrottle::default();
        // The bytes of one step, rounded down: with it no second has more than its worth.
        let per_second = 1000 / step + 1;
        let bytes = MIB / per_second as usize;
        for now in ticks(start, step) {
            prop_assert!(throttle.take(bytes, now).is_ok());
        }
    }
}
