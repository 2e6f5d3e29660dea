//! Random lives of a storage against a simple model: appends, seals, trims, deletions, segments,
//! clean restarts, kills and power failures with torn writes.

use std::collections::BTreeMap;

use model::Timestamp;
use proptest::prelude::*;
use storage::{Error, Log, LogId, Offset, Storage};

use crate::disk::FaultDisk;
use crate::world::{World, append, enqueue, let_upkeep_work, read_all};

#[derive(Clone, Debug)]
enum Step {
    Append {
        log: u64,
        entries: usize,
        size: usize,
        wait: u64,
    },
    Seal {
        log: u64,
    },
    Trim {
        log: u64,
        part: u8,
    },
    Delete {
        log: u64,
    },
    LetUpkeepWork,
    Restart,
    /// Appends that are not waited for, then the process dies or the power fails.
    Die {
        log: u64,
        in_flight: usize,
        power: Option<u64>,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let log = 1000..1004_u64;
    prop_oneof![
        8 => (log.clone(), 1..8_usize, prop_oneof![0..40_usize, 20_000..90_000_usize], 0..5_u64)
            .prop_map(|(log, entries, size, wait)| Step::Append { log, entries, size, wait }),
        1 => log.clone().prop_map(|log| Step::Seal { log }),
        3 => (log.clone(), any::<u8>()).prop_map(|(log, part)| Step::Trim { log, part }),
        1 => log.clone().prop_map(|log| Step::Delete { log }),
        4 => Just(Step::LetUpkeepWork),
        2 => Just(Step::Restart),
        2 => (log, 0..4_usize, proptest::option::of(any::<u64>()))
            .prop_map(|(log, in_flight, power)| Step::Die { log, in_flight, power }),
    ]
}

#[derive(Default)]
struct Model {
    logs: BTreeMap<u64, ModelLog>,
    now: u64,
    written: u64,
}

#[derive(Default)]
struct ModelLog {
    entries: Vec<(u64, Vec<u8>)>,
    first: usize,
    sealed: bool,
    deleted: bool,
}

impl Model {
    fn payloads(&mut self, count: usize, size: usize) -> Vec<Vec<u8>> {
        let payload = |_| {
            self.written += 1;
            let mut payload = self.written.to_le_bytes().repeat(size / 8 + 1);
            payload.truncate(size + 1);
            payload
        };
        (0..count).map(payload).collect()
    }
}

async fn take(step: &Step, storage: &Storage, model: &mut Model) {
    match step {
        // A name is never used again.
        Step::Append { log, .. } if model.logs.get(log).is_some_and(|known| known.deleted) => {}
        Step::Append { log, entries, size, wait } => {
            model.now += wait;
            let payloads = model.payloads(*entries, *size);
            let handle = storage.log(LogId(*log));
            let appended = append(storage, &handle, model.now, &payloads).await;
            let known = model.logs.entry(*log).or_default();
            if known.sealed {
                return assert!(matches!(appended, Err(Error::Sealed(_))));
            }
            assert_eq!(appended.unwrap().0, known.entries.len() as u64 + 1);
            known.entries.extend(payloads.into_iter().map(|payload| (model.now, payload)));
        }
        Step::Seal { log } => {
            let known = model.logs.entry(*log).or_default();
            if !known.deleted {
                storage.log(LogId(*log)).seal().unwrap().durable().await.unwrap();
                known.sealed = true;
            }
        }
        Step::Trim { log, part } => {
            let known = model.logs.entry(*log).or_default();
            if !known.deleted {
                let before = known.entries.len() * usize::from(*part) / 200;
                let log = storage.log(LogId(*log));
                log.trim(Offset(before as u64 + 1)).unwrap().durable().await.unwrap();
                known.first = known.first.max(before.min(known.entries.len()));
            }
        }
        Step::Delete { log } => {
            let known = model.logs.entry(*log).or_default();
            if !known.deleted {
                storage.log(LogId(*log)).delete().unwrap().durable().await.unwrap();
                known.deleted = true;
            }
        }
        Step::LetUpkeepWork => let_upkeep_work().await,
        Step::Restart | Step::Die { .. } => unreachable!("taken by the caller"),
    }
}

/// Leaves appends in flight, dies, and answers what may or may not be there afterwards.
async fn die(
    world: &mut World,
    disk: &FaultDisk,
    storage: Storage,
    model: &mut Model,
    (log, in_flight, power): (u64, usize, Option<u64>),
) -> Vec<(u64, Vec<u8>)> {
    let known = model.logs.entry(log).or_default();
    let mut unknown = Vec::new();
    if !known.deleted && !known.sealed {
        for _ in 0..in_flight {
            let payloads = model.payloads(2, 3000);
            let handle = storage.log(LogId(log));
            drop(enqueue(&storage, &handle, model.now, &payloads).await.unwrap());
            unknown.extend(payloads.into_iter().map(|payload| (model.now, payload)));
            if in_flight % 2 == 0 {
                tokio::task::yield_now().await;
            }
        }
    }
    world.abort().await;
    match power {
        None => disk.kill(),
        Some(mut random) => disk.crash(|| {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            random >> 63 == 1
        }),
    }
    unknown
}

async fn compare(storage: &Storage, model: &Model) {
    for (id, known) in &model.logs {
        let log = storage.log(LogId(*id));
        if known.deleted {
            // Either still known as deleted, or forgotten altogether.
            let read = log.read(Offset(1), 10, 10).await;
            assert!(!read.is_ok_and(|read| !read.entries.is_empty()), "log {id} came back");
            continue;
        }
        let state = log.state();
        assert_eq!(state.next.0, known.entries.len() as u64 + 1, "log {id}");
        assert_eq!(state.first.0, known.first as u64 + 1, "log {id}");
        assert_eq!(state.sealed, known.sealed, "log {id}");
        let expected: Vec<_> = known.live().map(|(o, (t, p))| (o, *t, p.clone())).collect();
        assert_eq!(read_all(&log, 1).await, expected, "log {id}");
        compare_reads(&log, &expected).await;
        compare_times(&log, known).await;
    }
}

/// A read from anywhere answers what is next there: something, and no more than was asked for.
async fn compare_reads(log: &Log, expected: &[(u64, u64, Vec<u8>)]) {
    for (nth, budget) in [(1, 1), (2, 100), (5, 50_000), (1000, 200_000)].into_iter().enumerate() {
        let skipped = expected.len() * nth / 4;
        let Some((from, ..)) = expected.get(skipped) else { continue };
        let read = log.read(Offset(*from), budget.0, budget.1).await.unwrap();
        let found = read.entries.iter();
        let found: Vec<_> =
            found.map(|e| (e.offset.0, e.time.as_millis(), e.payload.to_vec())).collect();
        assert!(!found.is_empty() && found.len() <= budget.0, "{} entries", found.len());
        assert_eq!(found, expected[skipped..skipped + found.len()]);
        assert_eq!(read.next.0, from + found.len() as u64);
        let bytes: usize = found.iter().map(|(.., payload)| payload.len()).sum();
        assert!(bytes <= budget.1 || found.len() == 1, "{bytes} bytes");
    }
}

impl ModelLog {
    fn live(&self) -> impl Iterator<Item = (u64, &(u64, Vec<u8>))> {
        (1..).zip(&self.entries).skip(self.first)
    }
}

async fn compare_times(log: &Log, known: &ModelLog) {
    let end = known.entries.len() as u64 + 1;
    let last = known.entries.last().map_or(0, |(time, _)| *time);
    for time in (0..=last + 1).step_by(1 + last as usize / 4) {
        let expected = known.live().find(|(_, (t, _))| *t >= time).map_or(end, |(o, _)| o);
        let found = log.offset_at(Timestamp::from_millis(time)).await.unwrap();
        assert_eq!(found, Offset(expected), "time {time}");
    }
}

/// Of what was in flight, a beginning may have survived.
async fn settle(storage: &Storage, log: u64, unknown: Vec<(u64, Vec<u8>)>, model: &mut Model) {
    let known = model.logs.entry(log).or_default();
    let survived = storage.log(LogId(log)).state().next.0 as usize - 1 - known.entries.len();
    assert!(survived <= unknown.len() && survived.is_multiple_of(2), "batches are whole");
    known.entries.extend(unknown.into_iter().take(survived));
}

async fn live(steps: Vec<Step>) {
    let (mut world, disk, _) = World::simulated();
    let mut model = Model::default();
    let mut storage = world.open().await;
    for step in steps {
        match step {
            Step::Restart => {
                storage.close().await.unwrap();
                storage = world.open().await;
            }
            Step::Die { log, in_flight, power } => {
                let how = (log, in_flight, power);
                let unknown = die(&mut world, &disk, storage, &mut model, how).await;
                storage = world.open().await;
                if !unknown.is_empty() {
                    settle(&storage, log, unknown, &mut model).await;
                }
            }
            step => take(&step, &storage, &mut model).await,
        }
        compare(&storage, &model).await;
    }
    storage.close().await.unwrap();
    let report = storage::check(world.disk.clone(), world.objects.clone(), |_| ()).await.unwrap();
    assert!(report.is_sound(), "{:?}", report.damages);
}

proptest! {
    #[test]
    fn a_storage_behaves_like_its_model(steps in proptest::collection::vec(step(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(live(steps));
    }
}
