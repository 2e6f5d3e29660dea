//! Whether an append costs the same however much is retained: two storages that differ only in the
//! segments their manifests name. The segments are files without content: appends never read them.
#![expect(clippy::disallowed_types, reason = "a directory is put together by hand")]

use std::fs::{self, File};
use std::path::Path;

use storage::Config;
use tokio::time::Duration;

use crate::limit::{median, timed};
use crate::load::{BATCH_ENTRIES, FIRST_LOG, Load};

const LOGS: u64 = 1000;
const SEGMENT_BYTES: u64 = 24 << 20;
/// What a segment of that size holds of entries of 1 KiB.
const SEGMENT_ENTRIES: u64 = SEGMENT_BYTES / 1032;
const SEGMENT_CHUNKS: u64 = 8;
const GB: u64 = 1_000_000_000;

/// Prints what a record costs with 1 GB and with 100 GB retained, the two taking turns.
pub(crate) fn compare(turns: usize, turn: Duration) {
    println!(
        "\n{LOGS} logs, {BATCH_ENTRIES} x 1 KiB a batch, segments included, {turns} turns of each"
    );
    println!("{:<20} {:>12} {:>12}", "retained", "records/s", "CPU us");
    let mut loads = [1, 100].map(|gigabytes| {
        let prepare = |directory: &Path| retain(directory, gigabytes * GB / SEGMENT_BYTES);
        (gigabytes, Load::in_directory(Config::default(), LOGS, false, prepare), Vec::new())
    });
    for round in 0..=turns {
        for (_, load, costs) in &mut loads {
            let cost = timed(|| load.append_for(turn));
            // The ring's files are written for the first time before it counts.
            if round > 0 {
                let records = cost.batches * BATCH_ENTRIES as f64;
                costs.push((records / cost.seconds, cost.cpu_seconds * 1e6 / records));
            }
        }
    }
    for (gigabytes, _, costs) in &loads {
        println!(
            "{:<20} {:>12.0} {:>12.2}",
            format!("{gigabytes} GB"),
            median(costs.iter().map(|cost| cost.0).collect()),
            median(costs.iter().map(|cost| cost.1).collect()),
        );
    }
    let [(_, _, few), (_, _, many)] = &loads;
    let ratio = |of: fn(&(f64, f64)) -> f64| {
        median(few.iter().zip(many).map(|(few, many)| of(many) / of(few)).collect())
    };
    println!(
        "100 GB / 1 GB: records/s {:.2}, CPU {:.2}",
        ratio(|cost| cost.0),
        ratio(|cost| cost.1)
    );
}

/// Prints what the indexes of all segments take in memory once every log was read from its first
/// entry to its last.
pub(crate) fn index(batches: usize) {
    println!("\nafter {batches} batches of {BATCH_ENTRIES} x 1 KiB were written and read");
    println!("{:<20} {:>14} {:>14} {:>10}", "logs", "retained MB", "index KB", "part");
    for logs in [1, LOGS] {
        let load = Load::new(Config::default(), logs, false);
        load.append(batches);
        load.read_all();
        let retained = load.metric("weir_storage_segments_size_bytes");
        let index = load.metric("weir_storage_index_bytes");
        let (part, retained) = (100.0 * index / retained, retained / 1e6);
        println!("{logs:<20} {retained:>14.0} {:>14.0} {part:>9.3}%", index / 1e3);
    }
}

/// A closed storage of so many segments, as `docs/formats.md` has it.
fn retain(directory: &Path, segments: u64) {
    for name in ["segments", "manifest"] {
        fs::create_dir(directory.join(name)).expect("the directory is new");
    }
    let mut manifest = Vec::from(*b"WEIRMANI\x01\0\0\0\0\0\0\0");
    put(&mut manifest, 1);
    let next_chunk = 1 + segments * SEGMENT_CHUNKS;
    put(&mut manifest, next_chunk);
    manifest.extend([0; 4]);
    put(&mut manifest, 0);
    put(&mut manifest, 1 + segments);
    put(&mut manifest, segments);
    for number in 1..=segments {
        let path = directory.join(format!("segments/{number:020}.seg"));
        let file = File::create(path).expect("the directory is there");
        file.set_len(SEGMENT_BYTES).expect("a file may have holes");
        put(&mut manifest, number);
        put(&mut manifest, SEGMENT_BYTES);
        put(&mut manifest, 1);
        put(&mut manifest, SEGMENT_CHUNKS - 1);
        put(&mut manifest, SEGMENT_ENTRIES);
        put(&mut manifest, number);
    }
    put(&mut manifest, LOGS);
    for log in 0..LOGS {
        put(&mut manifest, if log == 0 { FIRST_LOG } else { 1 });
        manifest.push(0);
        put(&mut manifest, 1);
        put(&mut manifest, segments * SEGMENT_ENTRIES / LOGS);
        put(&mut manifest, segments);
        put(&mut manifest, 1);
        put(&mut manifest, next_chunk - 2);
    }
    let checksum = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &manifest) as u32;
    manifest.extend(checksum.to_le_bytes());
    let path = directory.join(format!("manifest/{:020}", 1));
    fs::write(path, manifest).expect("the directory is there");
}

/// A number as LEB128.
fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
