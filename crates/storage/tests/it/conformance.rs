//! What a storage promises, on every kind of disk.

use std::time::Duration;

use model::Timestamp;
use storage::{Change, Error, LogId, Offset, Storage, Table};

use crate::world::{World, append, read_all};

#[tokio::test]
async fn a_directory_of_this_machine_conforms() {
    conforms(&mut World::local()).await;
}

#[tokio::test(start_paused = true)]
async fn the_simulated_disk_conforms() {
    conforms(&mut World::simulated().0).await;
}

async fn conforms(world: &mut World) {
    what_was_acknowledged_is_there_after_a_restart(world).await;
    a_sealed_log_takes_nothing_and_stays_sealed(world).await;
    a_trimmed_log_begins_later_and_a_deleted_one_is_gone(world).await;
    who_follows_a_log_is_told_how_far_it_is(world).await;
    times_never_go_back(world).await;
    a_table_keeps_the_latest_values(world).await;
    one_process_at_a_time(world).await;
    too_much_at_once_is_refused(world).await;
}

async fn what_was_acknowledged_is_there_after_a_restart(world: &mut World) {
    let storage = world.open().await;
    let (a, b) = (storage.log(LogId(1000)), storage.log(LogId(1001)));
    assert_eq!(append(&storage, &a, 5, &["one", "two"]).await.unwrap(), Offset(1));
    assert_eq!(append(&storage, &b, 6, &["other"]).await.unwrap(), Offset(1));
    assert_eq!(append(&storage, &a, 7, &["three"]).await.unwrap(), Offset(3));
    let expected = [(1, 5, b"one".to_vec()), (2, 5, b"two".to_vec()), (3, 7, b"three".to_vec())];
    assert_eq!(read_all(&a, 1).await, expected);
    storage.close().await.unwrap();

    let storage = world.open().await;
    let a = storage.log(LogId(1000));
    assert_eq!(read_all(&a, 1).await, expected);
    assert_eq!(append(&storage, &a, 9, &["four"]).await.unwrap(), Offset(4));
    storage.close().await.unwrap();

    let storage = world.open().await;
    assert_eq!(read_all(&storage.log(LogId(1000)), 4).await, [(4, 9, b"four".to_vec())]);
    assert_eq!(read_all(&storage.log(LogId(1001)), 0).await, [(1, 6, b"other".to_vec())]);
    storage.close().await.unwrap();
}

async fn who_follows_a_log_is_told_how_far_it_is(world: &mut World) {
    let storage = world.open().await;
    let (followed, other) = (storage.log(LogId(1010)), storage.log(LogId(1011)));
    let mut tail = followed.tail();
    assert_eq!(*tail.borrow_and_update(), 1);
    append(&storage, &other, 1, &["elsewhere"]).await.unwrap();
    assert!(!tail.has_changed().unwrap());
    let mut second = followed.tail();
    append(&storage, &followed, 1, &["a", "b"]).await.unwrap();
    for tail in [&mut tail, &mut second] {
        tail.changed().await.unwrap();
        assert_eq!(*tail.borrow_and_update(), 3);
    }
    assert_eq!(*followed.tail().borrow(), 3);
    storage.close().await.unwrap();
}

async fn a_sealed_log_takes_nothing_and_stays_sealed(world: &mut World) {
    let storage = world.open().await;
    let log = storage.log(LogId(1002));
    append(&storage, &log, 1, &["last"]).await.unwrap();
    assert_eq!(log.seal().unwrap().base, Offset(2));
    assert!(matches!(append(&storage, &log, 2, &["late"]).await, Err(Error::Sealed(_))));
    log.seal().unwrap().durable().await.unwrap();
    assert!(log.state().sealed);
    storage.close().await.unwrap();

    let storage = world.open().await;
    let log = storage.log(LogId(1002));
    assert!(log.state().sealed);
    assert!(matches!(append(&storage, &log, 2, &["late"]).await, Err(Error::Sealed(_))));
    assert_eq!(read_all(&log, 1).await.len(), 1);
    storage.close().await.unwrap();
}

async fn a_trimmed_log_begins_later_and_a_deleted_one_is_gone(world: &mut World) {
    let storage = world.open().await;
    let (trimmed, deleted) = (storage.log(LogId(1003)), storage.log(LogId(1004)));
    append(&storage, &trimmed, 1, &["a", "b", "c", "d"]).await.unwrap();
    append(&storage, &deleted, 1, &["a"]).await.unwrap();
    trimmed.trim(Offset(4)).unwrap().durable().await.unwrap();
    trimmed.trim(Offset(2)).unwrap().durable().await.unwrap();
    deleted.delete().unwrap().durable().await.unwrap();
    assert_eq!(read_all(&trimmed, 1).await, [(4, 1, b"d".to_vec())]);
    assert!(matches!(deleted.read(Offset(1), 1, 1).await, Err(Error::NotFound(_))));
    assert!(matches!(append(&storage, &deleted, 2, &["b"]).await, Err(Error::NotFound(_))));
    storage.close().await.unwrap();

    let storage = world.open().await;
    let state = storage.log(LogId(1003)).state();
    assert_eq!((state.first, state.next), (Offset(4), Offset(5)));
    let gone = storage.log(LogId(1004)).read(Offset(1), 1, 1).await;
    assert!(matches!(gone, Err(Error::NotFound(_))));
    storage.close().await.unwrap();
}

async fn times_never_go_back(world: &mut World) {
    let id = LogId(1005);
    let storage = world.open().await;
    append(&storage, &storage.log(id), 100, &["first"]).await.unwrap();
    storage.close().await.unwrap();

    let storage = world.open().await;
    let log = storage.log(id);
    append(&storage, &log, 40, &["clock stepped back"]).await.unwrap();
    append(&storage, &log, 120, &["and caught up"]).await.unwrap();
    let times: Vec<_> = read_all(&log, 1).await.into_iter().map(|(_, time, _)| time).collect();
    assert_eq!(times, [100, 100, 120]);
    for (time, offset) in [(0, 1), (100, 1), (101, 3), (120, 3), (121, 4)] {
        let found = log.offset_at(Timestamp::from_millis(time)).await.unwrap();
        assert_eq!(found, Offset(offset), "time {time}");
    }
    storage.close().await.unwrap();
}

fn put(key: &str, value: &str) -> Change {
    Change::Put { key: key.to_owned().into(), value: value.to_owned().into() }
}

async fn a_table_keeps_the_latest_values(world: &mut World) {
    let id = LogId(1);
    let storage = world.open().await;
    let table = storage.table(id).await.unwrap();
    let v1 = table.transact(Offset(0), vec![put("a", "1"), put("b", "2")]).await.unwrap();
    let v2 = table.transact(v1, vec![put("a", "3")]).await.unwrap();
    let late = table.transact(v1, vec![put("a", "4")]).await;
    assert!(matches!(late, Err(Error::Conflict { actual, .. }) if actual == v2));
    let gone = Change::Delete { key: "b".into() };
    let v3 = table.transact(v2, vec![gone, put("ab", "5")]).await.unwrap();
    storage.close().await.unwrap();

    let storage = world.open().await;
    let table = storage.table(id).await.unwrap();
    assert_eq!(table.version(), v3);
    assert_eq!(table.scan(b""), [("a".into(), "3".into()), ("ab".into(), "5".into())]);
    assert_eq!(table.scan(b"ab"), [("ab".into(), "5".into())]);
    assert_eq!((table.get(b"a"), table.get(b"b")), (Some("3".into()), None));
    table_is_cleaned(&storage, &table, id).await;
    storage.close().await.unwrap();

    let storage = world.open().await;
    let table = storage.table(id).await.unwrap();
    assert_eq!(table.get(b"a"), Some("3".into()));
    assert_eq!(table.get(b"hot"), Some("59".into()));
    storage.close().await.unwrap();
}

/// A key that is overwritten for ever does not make the log longer for ever.
async fn table_is_cleaned(storage: &Storage, table: &Table, id: LogId) {
    for round in 0..60 {
        let changes = (0..40).map(|_| put("hot", &round.to_string())).collect();
        table.transact(table.version(), changes).await.unwrap();
    }
    let state = storage.log(id).state();
    assert!(state.next.0 - state.first.0 < 1200, "{state:?}");
    assert_eq!(table.get(b"a"), Some("3".into()));
}

async fn one_process_at_a_time(world: &mut World) {
    let storage = world.open().await;
    assert!(matches!(world.try_open().await.err(), Some(Error::Locked)));
    storage.close().await.unwrap();
    world.open().await.close().await.unwrap();
}

async fn too_much_at_once_is_refused(world: &mut World) {
    let storage = world.open().await;
    let log = storage.log(LogId(1006));
    assert!(matches!(storage.admit(1 << 30).await, Err(Error::TooLarge { .. })));
    let large = vec![0; 10 << 20];
    append(&storage, &log, 1, &[&large]).await.unwrap();
    let read = log.read(Offset(1), 10, 10).await.unwrap();
    assert_eq!(read.entries[0].payload, large);
    tokio::time::timeout(Duration::from_secs(60), storage.close()).await.unwrap().unwrap();
}
