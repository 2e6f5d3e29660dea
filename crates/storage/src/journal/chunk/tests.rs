use proptest::prelude::*;

use super::*;

fn run(log: u64, kind: Kind, first: u64, bytes: &[u8]) -> Run {
    let mut run = Run::mark(LogId(log), kind, first);
    if kind == Kind::Entries {
        run.count = 3;
        run.first_time = Timestamp::from_millis(1000);
        run.last_time = Timestamp::from_millis(1007);
        run.length = bytes.len() as u32;
        run.checksum = crc32c(bytes);
    }
    run
}

/// A whole chunk of `runs`.
fn assembled(runs: &[(Run, Vec<u8>)]) -> (Header, Bytes) {
    padded_out(runs, 0)
}

/// The same with so much padding in front of every run, zeros that no checksum covers.
fn padded_out(runs: &[(Run, Vec<u8>)], padding: usize) -> (Header, Bytes) {
    let mut directory = Directory::default();
    let mut body = Vec::new();
    for (run, bytes) in runs {
        if padding > 0 {
            directory.padding(padding);
            body.resize(body.len() + padding, 0);
        }
        directory.run(run);
        body.extend(bytes);
    }
    let (directory, lines) = (directory.bytes, directory.lines);
    let header = Header {
        epoch: 3,
        salt: 0xfeed,
        number: 12,
        durable_through: 11,
        written: Timestamp::from_millis(5),
        previous: 77,
        lines,
        directory_bytes: directory.len() as u32,
        directory_checksum: crc32c(&directory),
        body_bytes: body.len() as u64,
    };
    let mut bytes = header.encode().to_vec();
    bytes.extend(directory);
    bytes.extend(body);
    bytes.resize(padded(bytes.len()), 0);
    (header, bytes.into())
}

fn some_runs() -> impl Strategy<Value = Vec<(Run, Vec<u8>)>> {
    let kinds =
        prop_oneof![Just(Kind::Entries), Just(Kind::Seal), Just(Kind::Trim), Just(Kind::Delete)];
    let logs = prop_oneof![1..100_u64, any::<u64>()];
    let one = (logs, kinds, 1..OFFSET_MAX, proptest::collection::vec(any::<u8>(), 1..60));
    proptest::collection::vec(one, 0..8).prop_map(|lines| {
        let runs = lines.into_iter().map(|(log, kind, first, bytes)| {
            let bytes = if kind == Kind::Entries { bytes } else { Vec::new() };
            (run(log, kind, first, &bytes), bytes)
        });
        runs.collect()
    })
}

proptest! {
    #[test]
    fn chunks_round_trip(runs in some_runs(), padding in 0..9000_usize) {
        let (header, bytes) = padded_out(&runs, padding);
        let (decoded, checksum) = Header::decode(&bytes).unwrap();
        prop_assert_eq!(decoded, header);
        let chunk = Chunk::decode(decoded, checksum, bytes).unwrap();
        prop_assert_eq!(chunk.runs.len(), runs.len());
        for ((decoded, place), (run, bytes)) in chunk.runs.iter().zip(&runs) {
            prop_assert_eq!(decoded, run);
            prop_assert_eq!(&chunk.bytes[place.clone()], &bytes[..]);
        }
    }

    #[test]
    fn any_flipped_bit_is_noticed(runs in some_runs(), position in any::<prop::sample::Index>()) {
        let (header, bytes) = assembled(&runs);
        let length = header.chunk_bytes().unwrap();
        let bit = position.index(length * 8);
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let noticed = match Header::decode(&flipped) {
            Err(_) => true,
            Ok((header, sum)) => Chunk::decode(header, sum, flipped.into()).is_err(),
        };
        prop_assert!(noticed);
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        runs in any::<u32>(),
        body in 0..500_usize,
    ) {
        prop_assert!(Header::decode(&bytes).is_err());
        let _ = decode_directory(&bytes, runs, body);
    }
}

#[test]
fn a_damaged_run_is_named_and_its_neighbours_are_not() {
    let runs = [
        (run(5, Kind::Entries, 1, b"abc"), b"abc".to_vec()),
        (run(9, Kind::Entries, 40, b"def"), b"def".to_vec()),
    ];
    let (header, bytes) = assembled(&runs);
    let mut bytes = bytes.to_vec();
    let last = header.chunk_bytes().unwrap() - 1;
    bytes[last] ^= 1;
    let Err(BadBody::Runs { all, damaged }) = Chunk::decode(header, 0, bytes.into()) else {
        panic!()
    };
    assert_eq!(damaged, [1]);
    assert_eq!((all[1].0.log, all[1].0.first), (LogId(9), 40));
    assert_eq!(all[1].1, last - 2..last + 1);
}

#[test]
fn a_header_of_a_later_version_is_told_from_damage() {
    let (_, bytes) = assembled(&[]);
    let mut bytes = bytes[..HEADER_BYTES].to_vec();
    bytes[4] += 1;
    assert_eq!(Header::decode(&bytes), Err(NoHeader::Checksum));
    let checksum = crc32c(&bytes[..CHECKSUM_AT]);
    bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
    assert_eq!(Header::decode(&bytes), Err(NoHeader::Version(VERSION + 1)));
}
