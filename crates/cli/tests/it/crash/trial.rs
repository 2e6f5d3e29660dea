//! One data directory, and everything that its nodes were asked and have shown.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use model::Timestamp;
use runtime::{Entropy, SystemEntropy};
use tempfile::TempDir;
use tokio::sync::mpsc;
use weir_client::{Client, ClientConfig, Consumer, ConsumerConfig, Encoding};

use super::clock::ShiftedClock;
use super::ledger::{Horizon, Ledger, Listing, id_of};
use super::readers::{Seen, follow, poll, register, registered};
use super::traffic::{Told, WRITERS, Writer, create};
use crate::weir::{Node, node_command, succeed, weir};

pub(crate) const STREAM: &str = "stream";
/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// The clock goes on by so much between two rounds: what is two rounds old has expired.
const JUMP: Duration = Duration::from_secs(13 * 3600);
/// What is told and not heard yet.
const TOLD_MAX: usize = 64;

/// How many rounds a test has: `WEIR_CRASH_ROUNDS`, or `usual` in `cargo test`.
pub(crate) fn rounds(usual: u32) -> u32 {
    #[expect(clippy::disallowed_methods, reason = "a test is asked for more of itself")]
    let asked = std::env::var("WEIR_CRASH_ROUNDS");
    asked.map_or(usual, |text| text.parse().unwrap())
}

pub(crate) struct Trial {
    pub(crate) directory: TempDir,
    settings: Vec<&'static str>,
    pub(crate) clock: ShiftedClock,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) horizon: Horizon,
    pub(crate) hours: i32,
    /// How long those that work wait for an answer.
    pub(crate) patience: Duration,
    /// When the last node died.
    pub(crate) died: Timestamp,
    pub(crate) polled: Seen,
    pub(crate) followed: Seen,
    pub(crate) chance: Rng,
}

impl Trial {
    pub(crate) fn new(settings: &[&'static str]) -> Self {
        let seed = SystemEntropy.number();
        eprintln!("seed {seed:#x}");
        let directory = tempfile::tempdir().unwrap();
        // Budgets so small that journal files are used again and segments cut and merged.
        let always = [
            "streams.transition_delay=0ms",
            "streams.trim_period=50ms",
            "storage.journal_file_bytes=64KiB",
            "storage.segment_bytes=64KiB",
        ];
        Self {
            clock: ShiftedClock::new(directory.path()),
            directory,
            settings: always.iter().chain(settings).flat_map(|set| ["--set", set]).collect(),
            ledger: Arc::default(),
            horizon: Horizon::default(),
            hours: 24,
            patience: PATIENCE,
            died: Timestamp::default(),
            polled: Seen::default(),
            followed: Seen::default(),
            chance: Rng::with_seed(seed),
        }
    }

    /// Where its nodes keep their data.
    pub(crate) fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = node_command("dev", &self.data(), &self.settings);
        self.clock.give_to(&mut command);
        command
    }

    /// Starts a node, and sees that it shows what it must.
    pub(crate) async fn start(&mut self) -> Node {
        let node = Node::spawn(&mut self.command());
        let client = self.client(&node, Encoding::Cbor);
        if self.died == Timestamp::default() {
            create(&client, STREAM).await.unwrap();
            register(&client, STREAM).await.unwrap();
        }
        self.verify(&client).await;
        node
    }

    /// Takes note of the node's end, after which its directory must be sound. The next one lives
    /// half a day later.
    pub(crate) fn check(&mut self) {
        self.died = self.clock.now();
        succeed(weir().arg("check").arg(self.data()), "");
        self.clock.jump(JUMP);
    }

    /// A last start, and a stop as it should be.
    pub(crate) async fn finish(mut self) {
        let (status, _, errors) = self.start().await.stop();
        assert_eq!(status.code(), Some(0), "{errors}");
        self.check();
    }

    pub(crate) fn client(&self, node: &Node, encoding: Encoding) -> Client {
        Self::client_with(PATIENCE, node, encoding)
    }

    fn client_with(patience: Duration, node: &Node, encoding: Encoding) -> Client {
        // A retry would hide what became of the first try.
        let config = ClientConfig {
            endpoint: node.endpoint.clone(),
            attempts_max: 1,
            attempt_timeout: patience,
            encoding,
            ..ClientConfig::default()
        };
        Client::new(config).unwrap()
    }

    pub(crate) fn writers(&mut self, node: &Node) -> (Vec<Writer>, mpsc::Receiver<Told>) {
        let (told, heard) = mpsc::channel(TOLD_MAX);
        let writer = |number| Writer {
            number,
            client: Self::client_with(self.patience, node, WRITERS[number]),
            ledger: self.ledger.clone(),
            clock: self.clock.clone(),
            told: told.clone(),
            chance: Rng::with_seed(self.chance.u64(..)),
        };
        ((0..WRITERS.len()).map(writer).collect(), heard)
    }

    /// Has everybody write and read, whatever fails, until `ending` is done.
    pub(crate) async fn work_until<T>(
        &mut self,
        node: &Node,
        ending: impl AsyncFnOnce(&mut mpsc::Receiver<Told>) -> T,
    ) -> T {
        let (writers, mut heard) = self.writers(node);
        let writing = join_all(writers.into_iter().map(Writer::write_on));
        let reader = Self::client_with(self.patience, node, Encoding::Cbor);
        let consumer = registered(&reader, STREAM).await.unwrap();
        let polling = async {
            loop {
                // It goes on where it was; what failed is not its business.
                let _ = poll(&reader, STREAM, &self.polled).await;
                tokio::task::yield_now().await;
            }
        };
        let following = async {
            loop {
                let _ = follow(&reader, STREAM, &consumer, &self.followed).await;
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            value = ending(&mut heard) => value,
            _ = async { tokio::join!(writing, polling, following) } => {
                unreachable!("they go on until the end")
            }
        }
    }

    /// Reads everything back and compares it with what was sent and what readers were shown.
    async fn verify(&mut self, client: &Client) {
        let start = self.clock.now();
        let listing = list(client, STREAM).await;
        self.horizon.advance(self.hours, (start, self.clock.now()));
        self.ledger.verify(&listing, self.horizon, self.died);
        self.polled.verify("who polls", &listing.shards);
        self.followed.verify("who follows", &listing.shards);
    }
}

/// Waits until every writer was told so, so many times.
pub(crate) async fn each(heard: &mut mpsc::Receiver<Told>, told: fn(usize) -> Told, times: u64) {
    let mut left = [times; WRITERS.len()];
    while left.iter().any(|left| *left > 0) {
        let next = heard.recv().await.expect("the writers go on until the end");
        for (number, left) in left.iter_mut().enumerate() {
            *left = left.saturating_sub(u64::from(next == told(number)));
        }
    }
}

/// Everything in a stream. Per shard numbers rise.
pub(crate) async fn list(client: &Client, stream: &str) -> Listing {
    let config = ConsumerConfig { until_caught_up: true, ..ConsumerConfig::new(stream) };
    let mut consumer = Consumer::open(client.clone(), config).await.unwrap();
    let mut listing = Listing::default();
    while let Some(received) = consumer.next().await.unwrap() {
        let id = id_of(&received.record.partition_key, &received.record.data);
        listing.keys.entry(id.0.clone()).or_default().push(id.1);
        let shard = listing.shards.entry(received.shard_id.to_string()).or_default();
        let number = received.sequence_number.parse().unwrap();
        let last = shard.last_key_value().map(|(last, _)| *last);
        assert!(last.is_none_or(|last| last < number), "{id:?} is out of order");
        shard.insert(number, id);
    }
    listing
}
