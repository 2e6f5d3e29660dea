//! Random transactions on a table against a simple map, over restarts and cleanings.

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;
use storage::{Change, Error, LogId, Offset, Storage, Table};

use crate::world::{World, let_upkeep_work};

const TABLE: LogId = LogId(1);

#[derive(Clone, Debug)]
enum Step {
    Transact(Vec<(u8, Option<Vec<u8>>)>),
    /// Many changes of one key, so that cleaning sets in.
    Churn(u8),
    LetUpkeepWork,
    Restart,
    PowerFailure,
}

fn step() -> impl Strategy<Value = Step> {
    let change = (0..20_u8, proptest::option::of(proptest::collection::vec(any::<u8>(), 0..30)));
    prop_oneof![
        6 => proptest::collection::vec(change, 0..12).prop_map(Step::Transact),
        2 => (0..20_u8).prop_map(Step::Churn),
        1 => Just(Step::LetUpkeepWork),
        1 => Just(Step::Restart),
        1 => Just(Step::PowerFailure),
    ]
}

fn change((key, value): &(u8, Option<Vec<u8>>)) -> Change {
    let key = Bytes::copy_from_slice(&[b'k', *key]);
    match value {
        Some(value) => Change::Put { key, value: value.clone().into() },
        None => Change::Delete { key },
    }
}

type Model = BTreeMap<Bytes, Bytes>;

async fn transact(table: &Table, changes: &[(u8, Option<Vec<u8>>)], model: &mut Model) {
    let before = table.version();
    let stale = table.transact(Offset(before.0 + 1), vec![change(&(0, None))]).await;
    assert!(matches!(stale, Err(Error::Conflict { .. })));
    let changes: Vec<_> = changes.iter().map(change).collect();
    assert_eq!(table.transact(before, changes.clone()).await.unwrap(), table.version());
    for change in changes {
        match change {
            Change::Put { key, value } => drop(model.insert(key, value)),
            Change::Delete { key } => drop(model.remove(&key)),
        }
    }
}

fn compare(storage: &Storage, table: &Table, model: &Model) {
    let rows: Model = table.scan(b"k").into_iter().collect();
    assert_eq!(&rows, model);
    assert!(table.scan(b"other").is_empty());
    for key in 0..20 {
        assert_eq!(table.get(&[b'k', key]).as_ref(), model.get(&[b'k', key][..]));
    }
    let state = storage.log(TABLE).state();
    let length = state.next.0 - state.first.0;
    assert!(length < 2 * model.len() as u64 + 1024 + 2 * 400, "{length}: the log is cleaned");
}

async fn live(steps: Vec<Step>) {
    let (mut world, disk, _) = World::simulated();
    let mut storage = world.open().await;
    let mut table = storage.table(TABLE).await.unwrap();
    let mut model = Model::new();
    for step in steps {
        let reopens = matches!(step, Step::Restart | Step::PowerFailure);
        match step {
            Step::Transact(changes) => transact(&table, &changes, &mut model).await,
            Step::Churn(key) => {
                let changes: Vec<_> = (0..400_u16).map(|n| (key, Some(vec![n as u8]))).collect();
                transact(&table, &changes, &mut model).await;
            }
            Step::LetUpkeepWork => let_upkeep_work().await,
            Step::Restart => storage.close().await.unwrap(),
            Step::PowerFailure => {
                world.abort().await;
                disk.crash(|| false);
            }
        }
        if reopens {
            storage = world.open().await;
            table = storage.table(TABLE).await.unwrap();
        }
        compare(&storage, &table, &model);
    }
    storage.close().await.unwrap();
}

proptest! {
    #[test]
    fn a_table_behaves_like_a_map(steps in proptest::collection::vec(step(), 1..30)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(live(steps));
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_decisions_on_one_version_one_wins() {
    let (mut world, ..) = World::simulated();
    let storage = world.open().await;
    let table = storage.table(TABLE).await.unwrap();
    let attempts = (0..10).map(|n| table.transact(Offset(0), vec![change(&(n, Some(vec![n])))]));
    let outcomes = futures_util::future::join_all(attempts).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    assert_eq!(table.scan(b"").len(), 1);
    storage.close().await.unwrap();
}
