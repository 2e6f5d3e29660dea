//! What a log promises.

use storage::{Change, Error, LogId, Offset};

use crate::world::{World, append, read_all};

#[tokio::test]
async fn what_was_acknowledged_is_there_after_a_restart() {
    let world = World::new();
    let storage = world.open().await;
    let (a, b) = (storage.log(LogId(1000)), storage.log(LogId(1001)));
    assert_eq!(append(&storage, &a, 5, &[b"one", b"two"]).await.unwrap(), Offset(1));
    assert_eq!(append(&storage, &b, 6, &[b"other"]).await.unwrap(), Offset(1));
    assert_eq!(append(&storage, &a, 4, &[b"three"]).await.unwrap(), Offset(3));
    let expected =
        vec![(1, 5, b"one".to_vec()), (2, 5, b"two".to_vec()), (3, 5, b"three".to_vec())];
    assert_eq!(read_all(&a, 1).await, expected);
    storage.close().await.unwrap();

    let storage = world.open().await;
    let a = storage.log(LogId(1000));
    assert_eq!(read_all(&a, 1).await, expected);
    assert_eq!(append(&storage, &a, 9, &[b"four"]).await.unwrap(), Offset(4));
    storage.close().await.unwrap();
    let storage = world.open().await;
    assert_eq!(read_all(&storage.log(LogId(1000)), 4).await, [(4, 9, b"four".to_vec())]);
}

#[tokio::test]
async fn a_sealed_log_takes_nothing_and_stays_sealed() {
    let world = World::new();
    let storage = world.open().await;
    let log = storage.log(LogId(1000));
    append(&storage, &log, 1, &[b"last"]).await.unwrap();
    log.seal().unwrap().durable().await.unwrap();
    assert!(matches!(append(&storage, &log, 2, &[b"late"]).await, Err(Error::Sealed(_))));
    storage.close().await.unwrap();

    let storage = world.open().await;
    let log = storage.log(LogId(1000));
    assert!(log.state().sealed);
    assert!(matches!(append(&storage, &log, 2, &[b"late"]).await, Err(Error::Sealed(_))));
    assert_eq!(read_all(&log, 1).await.len(), 1);
}

#[tokio::test]
async fn a_table_keeps_the_latest_value_and_refuses_decisions_on_an_old_version() {
    let world = World::new();
    let storage = world.open().await;
    let table = storage.table(LogId(1)).await.unwrap();
    let put = |key: &str, value: &str| Change::Put {
        key: key.to_owned().into(),
        value: value.to_owned().into(),
    };
    let v1 = table.transact(Offset(0), vec![put("a", "1"), put("b", "2")]).await.unwrap();
    let v2 = table.transact(v1, vec![put("a", "3")]).await.unwrap();
    let late = table.transact(v1, vec![put("a", "4")]).await;
    assert!(matches!(late, Err(Error::Conflict { actual, .. }) if actual == v2));
    storage.close().await.unwrap();

    let storage = world.open().await;
    let table = storage.table(LogId(1)).await.unwrap();
    assert_eq!(table.version(), v2);
    let rows = table.scan(b"");
    assert_eq!(rows, [("a".into(), "3".into()), ("b".into(), "2".into())]);
}
