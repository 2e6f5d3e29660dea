//! Reading one log of many from far back.

use bytesize::ByteSize;
use storage::{Log, LogId, Offset};

use crate::world::{World, append, let_upkeep_work};

const LOGS: u64 = 200;
const SEGMENTS: u64 = 10;
/// What each log has in each segment, as one of a thousand has in a segment of the usual size.
const ENTRIES: usize = 24;
const ENTRY_BYTES: usize = 1000;

/// A storage that has many logs in each of its segments and nothing in memory.
async fn many_logs_in_segments() -> (World, Log) {
    let (mut world, _, _) = World::simulated();
    world.config.segment_bytes = ByteSize::mib(8);
    let storage = world.open().await;
    for round in 0..SEGMENTS {
        for log in 0..LOGS {
            let payloads = vec![vec![(round + log) as u8; ENTRY_BYTES]; ENTRIES];
            append(&storage, &storage.log(LogId(1000 + log)), round, &payloads).await.unwrap();
        }
        let_upkeep_work().await;
    }
    assert_eq!(world.metric("weir_storage_segments"), SEGMENTS as f64);
    storage.close().await.unwrap();
    let storage = world.open().await;
    (world, storage.log(LogId(1100)))
}

#[tokio::test(start_paused = true)]
async fn one_log_of_many_is_read_without_reading_much_else() {
    let (world, log) = many_logs_in_segments().await;
    let read = log.read(Offset::FIRST, usize::MAX, usize::MAX).await.unwrap();
    let entries = SEGMENTS as usize * ENTRIES;
    assert_eq!(read.entries.len(), entries, "one read goes through all segments");
    let rounds = read.entries.chunks(ENTRIES).enumerate();
    for (round, entries) in rounds {
        assert!(entries.iter().all(|entry| entry.payload[..] == [round as u8 + 100; ENTRY_BYTES]));
    }
    let entry_bytes = world.metric("weir_storage_segment_entries_bytes_total");
    assert_eq!(entry_bytes, (entries * ENTRY_BYTES) as f64);
    let amplification = world.metric("weir_storage_segment_read_bytes_total") / entry_bytes;
    assert!(amplification < 1.3, "{amplification}");
}

#[tokio::test(start_paused = true)]
async fn small_reads_in_a_row_read_nothing_twice() {
    let (world, log) = many_logs_in_segments().await;
    let (mut next, mut payloads) = (Offset::FIRST, 0);
    while next < log.state().next {
        let read = log.read(next, 5, usize::MAX).await.unwrap();
        assert!(read.next > next);
        (next, payloads) = (read.next, payloads + read.entries.len());
    }
    assert_eq!(payloads, SEGMENTS as usize * ENTRIES);
    let entry_bytes = world.metric("weir_storage_segment_entries_bytes_total");
    let amplification = world.metric("weir_storage_segment_read_bytes_total") / entry_bytes;
    assert!(amplification < 1.3, "{amplification}");
}
