//! Crashes of a real node under load: what was acknowledged is there, exactly where the service
//! said; nothing else is, but what was under way; and the order is kept.

mod clock;
mod evidence;
mod full;
mod ledger;
mod mounted;
mod power;
mod readers;
mod stopped;
mod traffic;
mod trial;

use std::process::Stdio;

use futures_util::future::join_all;
use tokio::sync::mpsc;
use weir_client::Encoding;

use crate::weir::Node;
use evidence::Before;
use readers::{follow, poll, registered};
use traffic::{Told, WRITERS, Writer, change_retention, died, replace_passing_stream, reshard};
use trial::{STREAM, Trial, rounds};

/// Acknowledged batches after everything has happened that has to, before the kill.
const BATCHES_MAX: u64 = 60;
/// How many batches it may take until then.
const BATCHES_PATIENCE: usize = 20_000;
/// How long a start that is cut off may last, in looks: about as long as a start takes.
const START_LOOKS_MAX: u64 = 40_000;

#[tokio::test]
async fn acknowledged_records_survive_kill_nine_under_load() {
    let mut trial = Trial::new(&[]);
    for round in 0..rounds(5) {
        let node = trial.start().await;
        load_until_killed(&mut trial, node, round).await;
        trial.check();
        eprintln!("round {round}: {} records kept", trial.ledger.acknowledged().len());
        if trial.chance.bool() {
            cut_off_a_start(&mut trial);
        }
    }
    trial.finish().await;
}

/// Everybody works until the node is killed, which is when all has happened that has to, and a
/// few batches were acknowledged besides: the others are in the middle of something then.
async fn load_until_killed(trial: &mut Trial, node: Node, round: u32) {
    let reader = trial.client(&node, Encoding::Cbor);
    let consumer = registered(&reader, STREAM).await.unwrap();
    let (writers, heard) = trial.writers(&node);
    let writing = join_all(writers.into_iter().map(Writer::write_until_killed));
    let polling = async { died(poll(&reader, STREAM, &trial.polled).await) };
    let following = async { died(follow(&reader, STREAM, &consumer, &trial.followed).await) };
    let before = Before::of(&trial.data());
    let shown = || (trial.polled.records(), trial.followed.records());
    let changer = trial.client(&node, Encoding::Json);
    let (hours, horizon) = (&mut trial.hours, &mut trial.horizon);
    let (clock, chance) = (&trial.clock, &mut trial.chance);
    let ending = async {
        reshard(&changer, STREAM).await.unwrap();
        change_retention(&changer, STREAM, hours, (clock, horizon)).await.unwrap();
        replace_passing_stream(&changer, round).await.unwrap();
        let mut round = Round { heard, node: &node, before, is_first: round < 2 };
        round.wait_for_everything(shown).await;
        round.wait_for(chance.u64(..BATCHES_MAX)).await;
        let last = async {
            // It may or may not get through.
            let _ = reshard(&changer, STREAM).await;
        };
        if chance.bool() {
            tokio::join!(last, async { node.kill() });
        } else {
            node.kill();
        }
    };
    tokio::join!(writing, polling, following, ending);
}

/// What has happened since a node was started.
struct Round<'a> {
    heard: mpsc::Receiver<Told>,
    node: &'a Node,
    before: Before,
    is_first: bool,
}

impl Round<'_> {
    /// Waits until all has happened that has to.
    async fn wait_for_everything(&mut self, shown: impl Fn() -> (usize, usize)) {
        let mut wrote = [false; WRITERS.len()];
        let at_first = shown();
        for batch in 1..=BATCHES_PATIENCE {
            if let Told::Acknowledged(writer) = self.next().await {
                wrote[writer] = true;
            }
            let everybody = wrote.iter().all(|wrote| *wrote)
                && shown().0 > at_first.0
                && shown().1 > at_first.1;
            if batch % 10 == 0 && everybody && self.missing().is_empty() {
                return;
            }
        }
        panic!("missing: {:?}, writers {wrote:?}, readers {at_first:?}", self.missing());
    }

    fn missing(&self) -> Vec<&'static str> {
        self.before.missing(&self.node.endpoint, self.is_first)
    }

    async fn wait_for(&mut self, batches: u64) {
        for _ in 0..batches {
            self.next().await;
        }
    }

    async fn next(&mut self) -> Told {
        self.heard.recv().await.expect("the writers go on until the kill")
    }
}

/// Kills a node somewhere between its birth and its first line.
fn cut_off_a_start(trial: &mut Trial) {
    let mut command = trial.command();
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    for _ in 0..trial.chance.u64(..START_LOOKS_MAX) {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
