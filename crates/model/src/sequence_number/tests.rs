use proptest::prelude::*;

use super::*;

/// Taken from AWS in April 2026.
const EXAMPLE: &str = "49674026002850188218576229259473476449429298564223254594";

#[test]
fn a_number_of_aws_reads_as_what_it_is_and_writes_back() {
    let number: SequenceNumber = EXAMPLE.parse().unwrap();
    assert_eq!(number.created(), Timestamp::from_seconds(0x69ef_bd45));
    assert_eq!(number.index(), 21_689_507_110);
    assert_eq!(number.time(), Timestamp::from_seconds(0x69ef_c052));
    assert_eq!(number.shard(), ShardId::new(3076));
    assert_eq!(number.to_string(), EXAMPLE);
    let mut text = String::from("n=");
    number.write_decimal(&mut text);
    assert_eq!(text, format!("n={EXAMPLE}"));
}

#[test]
fn a_shard_s_records_lie_between_its_first_and_its_last_number() {
    let (shard, created) = (ShardId::new(7), Timestamp::from_millis(1_700_000_000_900));
    let closed = Timestamp::from_seconds(1_700_000_100);
    let first = SequenceNumber::first_of_shard(shard, created);
    let last = SequenceNumber::end_of_shard(shard, created, closed);
    let record = SequenceNumber::new(shard, created, 1, closed);
    assert!(first < record && record < last);
    assert_eq!(first.time(), first.created());
    assert_eq!(last.index(), 0x7fff_ffff_ffff_ffff);
}

#[test]
fn a_child_s_first_number_is_above_its_parent_s_last() {
    let (created, closed) =
        (Timestamp::from_seconds(1_700_000_000), Timestamp::from_millis(1_700_000_000_999));
    let parent = SequenceNumber::end_of_shard(ShardId::new(9), created, closed);
    let child_created = SequenceNumber::child_created(closed);
    assert_eq!(child_created, Timestamp::from_seconds(1_700_000_001));
    assert!(parent < SequenceNumber::first_of_shard(ShardId::new(10), child_created));
}

#[test]
fn a_small_number_encodes_a_shard_as_it_did_in_version_0() {
    let five: SequenceNumber = "5".parse().unwrap();
    assert_eq!(five.shard(), ShardId::new(5));
    assert_eq!(five.created(), Timestamp::default());
}

#[test]
fn the_zero_numbers_of_versions_1_and_2_are_numbers() {
    let base = num("2", &[0; 45].map(|_| '0'));
    for version in ["1", "2"] {
        let number: SequenceNumber = decimal_of_hex(&format!("{base}{version}")).parse().unwrap();
        assert_eq!(number.time(), Timestamp::default());
        assert_eq!(number.shard(), ShardId::new(0));
    }
}

#[test]
fn what_is_no_number_of_any_version_is_refused() {
    let v2 = "2069efbd454000000050ccb9d2600069efc05200000c042";
    assert_eq!(decimal_of_hex(v2), EXAMPLE);
    let with = |at: usize, digits: &str| {
        let mut hex = v2.to_owned();
        hex.replace_range(at..at + digits.len(), digits);
        decimal_of_hex(&hex)
    };
    for bad in [
        with(46, "3"), // version
        with(0, "3"),  // leading digit
        with(0, "1"),
        with(11, "8"),        // top bit of the index
        with(1, "3bb2cc3d8"), // created at second 16025175000
        "9".repeat(57),
        "9".repeat(129),
        String::new(),
        "-5".to_owned(),
        "49x".to_owned(),
    ] {
        assert!(bad.parse::<SequenceNumber>().is_err(), "{bad}");
    }
    assert!(with(1, "3bb2cc3d7").parse::<SequenceNumber>().is_ok());
}

fn num(first: &str, rest: &[char]) -> String {
    first.chars().chain(rest.iter().copied()).collect()
}

/// An independent, slow way from hex to decimal digits.
fn decimal_of_hex(hex: &str) -> String {
    let mut digits = vec![0_u32];
    for hex_digit in hex.chars() {
        let mut carry = hex_digit.to_digit(16).unwrap();
        for digit in &mut digits {
            let sum = *digit * 16 + carry;
            *digit = sum % 10;
            carry = sum / 10;
        }
        while carry > 0 {
            digits.push(carry % 10);
            carry /= 10;
        }
    }
    digits.iter().rev().map(|d| char::from_digit(*d, 10).unwrap()).collect()
}

/// Numbers on both sides of a whole limb of decimal digits, which real ones never are.
#[test]
fn digits_are_those_of_the_number_whatever_its_length() {
    let ten_to_38 = 10_u128.pow(38);
    for low in [0, 1, 10_u128.pow(19) - 1, 10_u128.pow(19), ten_to_38 - 1, ten_to_38, u128::MAX] {
        let mut buffer = [0; decimal::DIGITS];
        assert_eq!(Wide { high: 0, low }.digits(&mut buffer), low.to_string());
    }
    for high in [1, u64::MAX] {
        let mut buffer = [0; decimal::DIGITS];
        let digits = Wide { high, low: 7 }.digits(&mut buffer);
        assert_eq!(digits, decimal_of_hex(&format!("{high:x}{:032x}", 7)));
    }
}

prop_compose! {
    fn any_number()(
        shard in 0..=u32::MAX,
        created in 0..SequenceNumber::CREATED_END,
        index in 0..=SequenceNumber::INDEX_END,
        time in 0..=SequenceNumber::SECONDS_MASK,
    ) -> SequenceNumber {
        SequenceNumber { created, index, time, shard: ShardId::new(shard) }
    }
}

proptest! {
    #[test]
    fn every_number_reads_back_as_written(number in any_number()) {
        let text = number.to_string();
        prop_assert_eq!(text.len(), 56);
        let hex = format!(
            "2{:09x}{:x}{:016x}00{:09x}{:08x}2",
            number.created, number.nibble(), number.index, number.time, number.shard.index()
        );
        prop_assert_eq!(&text, &decimal_of_hex(&hex));
        prop_assert_eq!(text.parse(), Ok(number));
    }

    #[test]
    fn within_a_shard_the_order_of_numbers_is_the_order_of_indexes(
        a in any_number(),
        index in 0..=SequenceNumber::INDEX_END,
        time in 0..=SequenceNumber::SECONDS_MASK,
    ) {
        let b = SequenceNumber { index, time, ..a };
        prop_assume!(a.index != b.index);
        prop_assert_eq!(a.cmp(&b), a.index.cmp(&b.index));
        prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
    }

    #[test]
    fn no_text_makes_the_parser_panic(digits in "[0-9]{0,140}", text in ".{0,60}") {
        for text in [digits, text] {
            let _ = text.parse::<SequenceNumber>();
        }
    }

    #[test]
    fn a_number_with_a_digit_changed_is_refused_or_another(
        number in any_number(),
        at in 0..56_usize,
        more in 1..10_u8,
    ) {
        let mut text = number.to_string();
        let digit = (text.as_bytes()[at] - b'0' + more) % 10;
        text.replace_range(at..=at, &digit.to_string());
        if let Ok(changed) = text.parse::<SequenceNumber>() {
            prop_assert_ne!(changed, number);
        }
    }
}
