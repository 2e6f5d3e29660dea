//! Full disks, failed syncs, back-pressure, and what upkeep does to bounded space.

use std::time::Duration;

use model::Timestamp;
use storage::{Error, LogId, Offset, check};

use crate::world::{World, append, enqueue, let_upkeep_work, read_all};

const LOG: LogId = LogId(1000);

#[tokio::test(start_paused = true)]
async fn a_full_disk_refuses_appends_and_goes_on_by_itself_when_there_is_space() {
    let (mut world, disk, _) = World::simulated();
    world.config.segment_age = Duration::from_secs(1_000_000);
    let storage = world.open().await;
    let log = storage.log(LOG);
    append(&storage, &log, 1, &["before"]).await.unwrap();
    disk.limit(Some(disk.used()));

    let large = vec![7; 1_200_000];
    let commit = enqueue(&storage, &log, 2, &[&large]).await.unwrap();
    assert!(matches!(commit.durable().await, Err(Error::Unavailable(_))));
    let refused = storage.admit(10).await.unwrap_err();
    assert!(refused.is_retryable() && refused.to_string().contains("disk is full"), "{refused}");
    assert_eq!(read_all(&log, 1).await.len(), 1, "reads go on");

    disk.limit(None);
    tokio::time::sleep(Duration::from_secs(3)).await;
    append(&storage, &log, 3, &["after"]).await.unwrap();
    let payloads: Vec<_> = read_all(&log, 1).await.into_iter().map(|(.., p)| p).collect();
    assert_eq!(payloads, [b"before".to_vec(), large, b"after".to_vec()]);
    storage.close().await.unwrap();
    world.open().await.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_full_store_holds_appends_back_within_the_budget_and_then_goes_on() {
    let (mut world, _, objects) = World::simulated();
    let storage = world.open().await;
    let log = storage.log(LOG);
    objects.fill_up(true);
    let payload = vec![1; 300_000];
    let mut appended = 0;
    let refused = loop {
        match append(&storage, &log, appended, &[&payload]).await {
            Ok(_) => appended += 1,
            Err(error) => break error,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    assert!(refused.is_retryable() && refused.to_string().contains("disk is full"), "{refused}");
    let tail = world.metric("weir_storage_tail_bytes");
    assert!(tail <= world.config.tail_bytes.0 as f64, "{tail}");
    assert!(tail > world.config.tail_bytes.0 as f64 * 0.9, "the budget is used: {tail}");

    objects.fill_up(false);
    let_upkeep_work().await;
    append(&storage, &log, appended, &["after"]).await.unwrap();
    assert_eq!(read_all(&log, 1).await.len() as u64, appended + 1);
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_append_waits_for_the_tail_no_longer_than_it_may() {
    let (mut world, ..) = World::simulated();
    let storage = world.open().await;
    let permits: Vec<_> = [15 << 20, 15 << 20].into_iter().map(|n| storage.admit(n)).collect();
    let held = futures_util::future::try_join_all(permits).await.unwrap();
    let started = tokio::time::Instant::now();
    assert!(matches!(storage.admit(4 << 20).await, Err(Error::Unavailable(_))));
    assert_eq!(started.elapsed(), world.config.admission_timeout);
    let waiting = storage.admit(4 << 20);
    drop(held);
    waiting.await.unwrap();
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_failed_sync_poisons_until_restart_and_loses_nothing_acknowledged() {
    let (mut world, disk, _) = World::simulated();
    let storage = world.open().await;
    let log = storage.log(LOG);
    append(&storage, &log, 1, &["acknowledged"]).await.unwrap();
    disk.fail_syncs(true);
    assert!(matches!(append(&storage, &log, 2, &["unknown"]).await, Err(Error::Poisoned(_))));
    disk.fail_syncs(false);
    assert!(matches!(append(&storage, &log, 3, &["refused"]).await, Err(Error::Poisoned(_))));
    assert!(world.tasks.stop_reason().unwrap().contains("the journal failed"));
    assert_eq!(read_all(&log, 1).await.len(), 1, "what is not durable is not shown");

    world.abort().await;
    disk.kill();
    let storage = world.open().await;
    let log = storage.log(LOG);
    // The chunk was written, so the restarted process sees it, and makes it durable.
    assert_eq!(read_all(&log, 1).await.len(), 2);
    append(&storage, &log, 4, &["next"]).await.unwrap();
    world.abort().await;
    disk.crash(|| false);
    let storage = world.open().await;
    assert_eq!(read_all(&storage.log(LOG), 1).await.len(), 3);
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_read_only_directory_is_a_clear_error() {
    let (mut world, disk, _) = World::simulated();
    disk.deny_writes();
    let error = world.try_open().await.err().unwrap();
    assert_eq!(error.to_string(), "locking the data directory failed");
}

#[tokio::test(start_paused = true)]
async fn journal_files_are_used_again_once_their_entries_are_in_segments() {
    let (mut world, disk, _) = World::simulated();
    let storage = world.open().await;
    let log = storage.log(LOG);
    for round in 0..120 {
        append(&storage, &log, round, &[vec![round as u8; 500_000]]).await.unwrap();
    }
    let written = world.metric("weir_storage_journal_bytes_total");
    let used = disk.used() as f64;
    assert!(used < written / 2.0, "{used} bytes hold what {written} were written to");
    world.abort().await;
    disk.crash(|| false);
    let storage = world.open().await;
    assert_eq!(read_all(&storage.log(LOG), 1).await.len(), 120);
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_trim_drops_dead_segments_and_rewrites_mostly_dead_ones() {
    let (mut world, _, objects) = World::simulated();
    let storage = world.open().await;
    let (a, b) = (storage.log(LOG), storage.log(LogId(1001)));
    append(&storage, &a, 1, &vec![vec![1; 100_000]; 10]).await.unwrap();
    let_upkeep_work().await;
    append(&storage, &a, 2, &vec![vec![2; 100_000]; 10]).await.unwrap();
    append(&storage, &b, 2, &["alive"]).await.unwrap();
    let_upkeep_work().await;
    assert_eq!(objects.paths("segments").await.len(), 2);

    a.trim(Offset(12)).unwrap().durable().await.unwrap();
    let_upkeep_work().await;
    assert_eq!(objects.paths("segments").await.len(), 1, "the first one is all dead");
    a.trim(Offset(18)).unwrap().durable().await.unwrap();
    let_upkeep_work().await;
    let left = world.metric("weir_storage_segments_size_bytes");
    assert!(left < 400_000.0, "{left} bytes hold three entries of 100,000");
    assert_eq!(read_all(&a, 1).await.len(), 3);
    assert_eq!(read_all(&b, 1).await, [(1, 2, b"alive".to_vec())]);
    assert_eq!(a.offset_at(Timestamp::from_millis(0)).await.unwrap(), Offset(18));

    a.delete().unwrap().durable().await.unwrap();
    b.trim(Offset(2)).unwrap().durable().await.unwrap();
    let_upkeep_work().await;
    assert_eq!(objects.paths("segments").await.len(), 0);
    assert_eq!(objects.paths("manifest").await.len(), 2, "old manifests go");
    storage.close().await.unwrap();
    let report = check(world.disk.clone(), world.objects.clone(), |_| ()).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
}

#[tokio::test(start_paused = true)]
async fn small_segments_are_merged() {
    let (mut world, _, objects) = World::simulated();
    let storage = world.open().await;
    for round in 0..20 {
        append(&storage, &storage.log(LogId(1000 + round % 3)), round, &["x"]).await.unwrap();
        let_upkeep_work().await;
    }
    assert!(objects.paths("segments").await.len() < 4);
    storage.close().await.unwrap();
    let storage = world.open().await;
    let lengths = (0..3).map(|log| storage.log(LogId(1000 + log)));
    for (log, expected) in lengths.zip([7, 7, 6]) {
        assert_eq!(read_all(&log, 1).await.len(), expected);
    }
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn compressed_segments_read_like_others_and_are_smaller() {
    let (mut world, ..) = World::simulated();
    world.config.compression = storage::Compression::Zstd;
    let storage = world.open().await;
    let log = storage.log(LOG);
    let payloads: Vec<_> = (0..40).map(|n: u8| vec![n; 20_000]).collect();
    append(&storage, &log, 1, &payloads).await.unwrap();
    let_upkeep_work().await;
    assert!(world.metric("weir_storage_segments_size_bytes") < 10_000.0);
    let read: Vec<_> = read_all(&log, 1).await.into_iter().map(|(.., p)| p).collect();
    assert_eq!(read, payloads);
    storage.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_idle_logs_cost_little_in_every_manifest() {
    let (mut world, ..) = World::simulated();
    let storage = world.open().await;
    for log in 0..10_000 {
        drop(enqueue(&storage, &storage.log(LogId(1000 + log)), 1, &["x"]).await.unwrap());
    }
    let_upkeep_work().await;
    let before = world.metric("weir_storage_manifest_bytes_total");
    append(&storage, &storage.log(LOG), 2, &["y"]).await.unwrap();
    let_upkeep_work().await;
    let manifest = world.metric("weir_storage_manifest_bytes_total") - before;
    assert!(manifest < 10_000.0 * 16.0, "{manifest}");
    storage.close().await.unwrap();
}
