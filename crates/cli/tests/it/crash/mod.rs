//! `kill -9` under load, again and again: what was acknowledged is there, exactly where the
//! service said; nothing else is, but what was under way; and the order is kept.

mod clock;
mod evidence;
mod ledger;
mod readers;
mod traffic;

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use futures_util::FutureExt;
use futures_util::future::join_all;
use model::Timestamp;
use runtime::{Entropy, SystemEntropy};
use tokio::sync::mpsc;
use weir_client::{Client, Consumer, ConsumerConfig, Encoding};

use crate::weir::{Node, node_command, succeed, weir};
use clock::ShiftedClock;
use evidence::Before;
use ledger::{Horizon, Ledger, Listing, id_of};
use readers::{Seen, read_until_killed, register};
use traffic::{WRITERS, Writer, change_retention, client, create, replace_passing_stream, reshard};

/// In `cargo test`; `WEIR_CRASH_ROUNDS` says another number.
const ROUNDS: u32 = 5;
const STREAM: &str = "stream";
/// Acknowledged batches after everything has happened that has to, before the kill.
const BATCHES_MAX: u64 = 60;
/// How many batches it may take until then.
const BATCHES_PATIENCE: usize = 20_000;
/// How long a start that is cut off may last, in looks: about as long as a start takes.
const START_LOOKS_MAX: u64 = 40_000;
/// The clock goes on by so much between two rounds: what is two rounds old has expired.
const JUMP: Duration = Duration::from_secs(13 * 3600);

/// Budgets so small that a round uses journal files again, cuts segments and merges them.
const SETTINGS: [&str; 8] = [
    "--set",
    "streams.transition_delay=0ms",
    "--set",
    "streams.trim_period=50ms",
    "--set",
    "storage.journal_file_bytes=64KiB",
    "--set",
    "storage.segment_bytes=64KiB",
];

#[tokio::test]
async fn acknowledged_records_survive_kill_nine_under_load() {
    let directory = tempfile::tempdir().unwrap();
    #[expect(clippy::disallowed_methods, reason = "a test is asked for more of itself")]
    let rounds = std::env::var("WEIR_CRASH_ROUNDS").map_or(ROUNDS, |text| text.parse().unwrap());
    let mut crashes = Crashes::new(directory.path());
    for round in 0..rounds {
        crashes.round(round).await;
        eprintln!("round {round}: {} records kept", crashes.ledger.kept());
    }
    let node = crashes.start();
    crashes.verify(&client(&node, Encoding::Cbor)).await;
    let (status, _, errors) = node.stop();
    assert_eq!(status.code(), Some(0), "{errors}");
    succeed(weir().arg("check").arg(crashes.data()), "");
}

/// One data directory, and everything that its nodes were asked.
struct Crashes<'a> {
    directory: &'a Path,
    clock: ShiftedClock,
    ledger: Arc<Ledger>,
    horizon: Horizon,
    hours: i32,
    /// When the last node died.
    died: Timestamp,
    polled: Seen,
    followed: Seen,
    chance: Rng,
}

impl<'a> Crashes<'a> {
    fn new(directory: &'a Path) -> Self {
        let seed = SystemEntropy.number();
        eprintln!("seed {seed:#x}");
        Self {
            directory,
            clock: ShiftedClock::new(directory),
            ledger: Arc::default(),
            horizon: Horizon::default(),
            hours: 24,
            died: Timestamp::default(),
            polled: Seen::default(),
            followed: Seen::default(),
            chance: Rng::with_seed(seed),
        }
    }

    fn data(&self) -> std::path::PathBuf {
        self.directory.join("data")
    }

    fn start(&self) -> Node {
        let mut command = node_command("dev", &self.data(), &SETTINGS);
        self.clock.give_to(&mut command);
        Node::spawn(&mut command)
    }

    async fn round(&mut self, round: u32) {
        let node = self.start();
        let quiet = client(&node, Encoding::Cbor);
        if round == 0 {
            create(&quiet, STREAM).await.unwrap();
        }
        self.verify(&quiet).await;
        self.load_until_killed(node, round).await;
        self.died = self.clock.now();
        succeed(weir().arg("check").arg(self.data()), "");
        self.clock.jump(JUMP);
        if self.chance.bool() {
            self.cut_off_a_start();
        }
    }

    /// Everybody works until the node is killed, which is when all has happened that has to, and
    /// a few batches were acknowledged besides: the others are in the middle of something then.
    async fn load_until_killed(&mut self, node: Node, round: u32) {
        let reader = client(&node, Encoding::Cbor);
        let consumer = match round {
            0 => register(&reader, STREAM).await.unwrap(),
            _ => readers::registered(&reader, STREAM).await.unwrap(),
        };
        let (acknowledged, acknowledgements) = mpsc::channel(64);
        let writers: Vec<_> = (0..WRITERS.len())
            .map(|number| Writer {
                number,
                client: client(&node, WRITERS[number]),
                stream: STREAM,
                ledger: self.ledger.clone(),
                clock: &self.clock,
                acknowledged: acknowledged.clone(),
                chance: self.chance.fork(),
            })
            .collect();
        drop(acknowledged);
        let writing = join_all(writers.into_iter().map(|writer| writer.write().boxed()));
        let reading = read_until_killed(&reader, STREAM, &consumer, (&self.polled, &self.followed));
        let before = Before::of(&self.data());
        let seen = (self.polled.clone(), self.followed.clone());
        let (horizon, hours) = (&mut self.horizon, &mut self.hours);
        let (clock, chance) = (&self.clock, &mut self.chance);
        let ending = async {
            let changer = client(&node, Encoding::Json);
            reshard(&changer, STREAM).await.unwrap();
            change_retention(&changer, STREAM, hours, (clock, horizon)).await.unwrap();
            replace_passing_stream(&changer, round).await.unwrap();
            let is_first = round < 2;
            wait_for_evidence(acknowledgements, &node, &before, (seen, is_first), chance).await;
            let racing = chance.bool();
            let last = async {
                // It may or may not get through.
                let _ = reshard(&changer, STREAM).await;
            };
            let kill = async { node.kill() };
            if racing {
                tokio::join!(last, kill);
            } else {
                kill.await;
            }
        };
        tokio::join!(writing, reading, ending);
    }

    /// Kills a node somewhere between its birth and its first line.
    fn cut_off_a_start(&mut self) {
        let mut command = node_command("dev", &self.data(), &SETTINGS);
        self.clock.give_to(&mut command);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        for _ in 0..self.chance.u64(..START_LOOKS_MAX) {
            assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Reads everything back and compares it with what was sent and what readers were shown.
    async fn verify(&mut self, client: &Client) {
        let start = self.clock.now();
        let listing = list(client).await;
        self.horizon.advance(self.hours, (start, self.clock.now()));
        self.ledger.verify(&listing, self.horizon, self.died);
        self.polled.verify("who polls", &listing);
        self.followed.verify("who follows", &listing);
    }
}

/// Reads until all has happened that has to, and then a few batches more are acknowledged.
async fn wait_for_evidence(
    mut acknowledgements: mpsc::Receiver<usize>,
    node: &Node,
    before: &Before,
    ((polled, followed), is_first): ((Seen, Seen), bool),
    chance: &mut Rng,
) {
    let mut wrote = [false; WRITERS.len()];
    let shown = (polled.records(), followed.records());
    for batch in 1..=BATCHES_PATIENCE {
        wrote[acknowledgements.recv().await.expect("the writers go on until the kill")] = true;
        let everybody = wrote.iter().all(|wrote| *wrote)
            && polled.records() > shown.0
            && followed.records() > shown.1;
        if batch % 10 > 0 || !everybody {
            continue;
        }
        if before.missing(&node.endpoint, is_first).is_empty() {
            for _ in 0..chance.u64(..BATCHES_MAX) {
                acknowledgements.recv().await.expect("the writers go on until the kill");
            }
            return;
        }
    }
    let missing = before.missing(&node.endpoint, is_first);
    panic!("it did not happen: {missing:?}, writers {wrote:?}, readers from {shown:?}");
}

/// Everything in the stream. Per shard numbers rise, and per key counters do.
async fn list(client: &Client) -> Listing {
    let config = ConsumerConfig { until_caught_up: true, ..ConsumerConfig::new(STREAM) };
    let mut consumer = Consumer::open(client.clone(), config).await.unwrap();
    let mut listing = Listing::new();
    let mut counters = std::collections::BTreeMap::new();
    while let Some(received) = consumer.next().await.unwrap() {
        let id = id_of(&received.record.partition_key, &received.record.data);
        let earlier = counters.insert(id.0.clone(), id.1);
        assert!(earlier.is_none_or(|earlier| earlier < id.1), "{id:?} is out of order");
        let shard = listing.entry(received.shard_id.to_string()).or_default();
        let number = received.sequence_number.parse().unwrap();
        let last = shard.last_key_value().map(|(last, _)| *last);
        assert!(last.is_none_or(|last| last < number), "{id:?} is out of order");
        shard.insert(number, id);
    }
    listing
}
