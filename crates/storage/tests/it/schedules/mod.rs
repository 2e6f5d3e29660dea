//! The hand-off between appenders and the journal's writer, under many schedules.
//!
//! This is the product's own file, built a second time over primitives in which an explorer decides
//! who goes on. A waiter that nobody wakes is a deadlock there, and fails. A failure prints its
//! schedule; the same seed and count find it again.

mod explorer;
#[path = "../../../src/journal/handoff.rs"]
mod handoff;

use std::collections::VecDeque;
use std::sync::Arc;

use explorer::{AtomicU64, Mutex, Notify, Ordering, explore, pause, spawn};
use futures_util::FutureExt;
use handoff::{Broken, Gather, Handoff, Ticket, Trouble, Write};

const APPENDERS: u64 = 3;
const ITEMS: u64 = 3;
const GROUP: usize = 2;

/// Names an appender and counts its items.
type Item = (u64, u64);

/// Items in groups of up to `GROUP`.
#[derive(Default)]
struct Queue(VecDeque<Item>);

impl Gather for Queue {
    type Item = Item;
    type Group = Vec<Item>;

    fn add(&mut self, item: Item) -> u64 {
        self.0.push_back(item);
        self.groups() - 1
    }

    fn groups(&self) -> u64 {
        self.0.len().div_ceil(GROUP) as u64
    }

    fn take(&mut self) -> Vec<Item> {
        self.0.drain(..self.0.len().min(GROUP)).collect()
    }
}

fn handoff() -> Arc<Handoff<Queue>> {
    Arc::new(Handoff::new(Queue::default()))
}

/// What is durable, group after group.
type Synced = Arc<Mutex<Vec<Vec<Item>>>>;

/// Whether an item is durable where its ticket says.
fn is_synced(synced: &[Vec<Item>], item: Item, Ticket(group): Ticket) -> bool {
    synced.get(group as usize).is_some_and(|group| group.contains(&item))
}

/// A writer whose syncs take time.
struct Disk {
    synced: Synced,
    /// The group that cannot be written.
    fails_at: Option<usize>,
    /// The group for which there is no space at first.
    full_at: Option<usize>,
    handoff: Arc<Handoff<Queue>>,
    groups: usize,
    finished: bool,
}

impl Disk {
    fn new(handoff: &Arc<Handoff<Queue>>) -> Self {
        Self {
            synced: Arc::new(Mutex::new(Vec::new())),
            fails_at: None,
            full_at: None,
            handoff: handoff.clone(),
            groups: 0,
            finished: false,
        }
    }
}

impl Write<Vec<Item>> for Disk {
    type Shown = usize;

    async fn write(&mut self, group: Vec<Item>) -> Result<usize, Broken> {
        assert!(!group.is_empty() && !self.finished);
        assert!(self.handoff.trouble().is_none(), "trouble that is over is not told");
        let number = self.groups;
        self.groups += 1;
        if self.full_at == Some(number) {
            self.handoff.hold("full");
            pause().await;
            self.handoff.go_on();
        }
        pause().await;
        if self.fails_at == Some(number) {
            return Err(Broken("it fails".into()));
        }
        let mut synced = self.synced.lock();
        let rises = |(appender, counter): &Item| {
            let before = synced.iter().flatten().rfind(|(other, _)| other == appender);
            before.is_none_or(|(_, before)| before < counter)
        };
        assert!(group.iter().all(rises), "{group:?} after {synced:?}");
        synced.push(group);
        Ok(number)
    }

    fn acknowledged(&mut self, shown: usize) {
        assert_eq!(shown + 1, self.groups, "what was shown last");
    }

    async fn finish(&mut self) -> Result<(), Broken> {
        assert!(!self.finished);
        self.finished = true;
        Ok(())
    }
}

/// What an appender was told of its items: the ticket, and whether it became durable.
type Told = Vec<(Item, Ticket, Result<(), Trouble>)>;

/// Appends until refused; every other item is waited for only at the end.
async fn append(handoff: Arc<Handoff<Queue>>, synced: Synced, appender: u64) -> Told {
    let mut told = Vec::new();
    let mut later = Vec::new();
    for counter in 0..ITEMS {
        let item = (appender, counter);
        let Ok(ticket) = handoff.push(item) else { break };
        if (appender + counter).is_multiple_of(2) {
            later.push((item, ticket));
            continue;
        }
        told.push((item, ticket, wait(&handoff, &synced, item, ticket).await));
    }
    for (item, ticket) in later {
        told.push((item, ticket, wait(&handoff, &synced, item, ticket).await));
    }
    told
}

async fn wait(
    handoff: &Handoff<Queue>,
    synced: &Synced,
    item: Item,
    ticket: Ticket,
) -> Result<(), Trouble> {
    let told = handoff.durable(ticket).await;
    if told.is_ok() {
        assert!(is_synced(&synced.lock(), item, ticket), "acknowledged means synced");
    }
    told
}

fn appenders(handoff: &Arc<Handoff<Queue>>, synced: &Synced) -> Vec<explorer::Task<Told>> {
    let appender = |appender| spawn(append(handoff.clone(), synced.clone(), appender));
    (0..APPENDERS).map(appender).collect()
}

async fn all_told(appenders: Vec<explorer::Task<Told>>) -> Told {
    let mut told = Vec::new();
    for appender in appenders {
        told.extend(appender.await.unwrap());
    }
    told
}

/// Whether the writer ended as it should, and what is durable.
fn start(mut disk: Disk) -> explorer::Task<Result<(), String>> {
    let handoff = disk.handoff.clone();
    spawn(async move { handoff.serve(&mut disk).await.map_err(|Broken(why)| why) })
}

#[test]
fn every_append_is_acknowledged_once_and_only_after_its_sync() {
    explore(|| async {
        let handoff = handoff();
        let disk = Disk::new(&handoff);
        let synced = disk.synced.clone();
        let appenders = appenders(&handoff, &synced);
        let writer = start(disk);
        let told = all_told(appenders).await;
        assert_eq!(told.len() as u64, APPENDERS * ITEMS);
        assert!(told.iter().all(|(_, _, told)| told.is_ok()));
        handoff.close().await;
        assert_eq!(writer.await.unwrap(), Ok(()));
        let synced = synced.lock().clone();
        assert_eq!(synced.iter().flatten().count(), told.len(), "nothing is written twice");
    });
}

#[test]
fn a_close_waits_for_everything_that_was_taken_and_takes_no_more() {
    explore(|| async {
        let handoff = handoff();
        let disk = Disk::new(&handoff);
        let synced = disk.synced.clone();
        let writer = start(disk);
        let appenders = appenders(&handoff, &synced);
        handoff.close().await;
        let at_the_end = synced.lock().iter().flatten().count();
        assert!(handoff.is_closed() && matches!(handoff.push((9, 9)), Err(Trouble::Closed)));
        assert_eq!(writer.await.unwrap(), Ok(()));
        let told = all_told(appenders).await;
        assert!(told.iter().all(|(_, _, told)| told.is_ok()), "what was taken is written");
        assert_eq!(told.len(), at_the_end);
    });
}

#[test]
fn a_failed_write_fails_everything_that_it_did_not_make_durable() {
    for fails_at in [0, 1, 3] {
        explore(move || async move {
            let handoff = handoff();
            let disk = Disk { fails_at: Some(fails_at), ..Disk::new(&handoff) };
            let synced = disk.synced.clone();
            let appenders = appenders(&handoff, &synced);
            let writer = start(disk);
            let told = all_told(appenders).await;
            let synced = synced.lock().clone();
            if fails_at > 0 {
                // There may be fewer groups than that.
                handoff.close().await;
            }
            let ended = writer.await.unwrap();
            assert!(ended == Err("it fails".into()) || (fails_at > 0 && ended.is_ok()));
            if ended.is_err() {
                assert!(matches!(handoff.push((9, 9)), Err(Trouble::Poisoned(_))));
                assert!(matches!(handoff.troubled().await, Trouble::Poisoned(_)));
            }
            for (item, ticket, told) in told {
                let is_durable = is_synced(&synced, item, ticket);
                match told {
                    Ok(()) => assert!(is_durable),
                    Err(Trouble::Poisoned(why)) => assert!(!is_durable && &*why == "it fails"),
                    Err(other) => panic!("{other:?}"),
                }
            }
        });
    }
}

#[test]
fn a_writer_that_is_dropped_in_the_middle_fails_those_who_wait() {
    explore(|| async {
        let handoff = handoff();
        let mut disk = Disk::new(&handoff);
        let synced = disk.synced.clone();
        let appenders = appenders(&handoff, &synced);
        let dropped = {
            let handoff = handoff.clone();
            spawn(async move {
                // Two polls: somewhere in the middle of a group, or of a wait for one.
                let mut serving = Box::pin(handoff.serve(&mut disk));
                let _ = (&mut serving).now_or_never();
                pause().await;
                let _ = (&mut serving).now_or_never();
            })
        };
        dropped.await.unwrap();
        handoff.close().await;
        let synced = synced.lock().clone();
        for (item, ticket, told) in all_told(appenders).await {
            let is_durable = is_synced(&synced, item, ticket);
            assert!(told.is_err() || is_durable);
        }
    });
}

#[test]
fn a_full_disk_holds_appends_back_and_loses_none() {
    explore(|| async {
        let handoff = handoff();
        let disk = Disk { full_at: Some(1), ..Disk::new(&handoff) };
        let synced = disk.synced.clone();
        let appenders = appenders(&handoff, &synced);
        let writer = start(disk);
        let told = all_told(appenders).await;
        handoff.close().await;
        assert_eq!(writer.await.unwrap(), Ok(()));
        assert!(handoff.trouble().is_none());
        let synced = synced.lock().clone();
        assert_eq!(synced.iter().flatten().count() as u64, APPENDERS * ITEMS);
        for (item, ticket, told) in told {
            assert!(is_synced(&synced, item, ticket));
            assert!(told.is_ok() || matches!(told, Err(Trouble::Full(why)) if &*why == "full"));
        }
    });
}
