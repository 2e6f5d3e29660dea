//! The scenario: a node lives and ends again and again while clients use it and the world fails.
//!
//! Each life begins with a full read of the stream, which must agree with the history. Then the
//! actors work, some faults stand, and others happen one after the other. Then the node ends.

use std::future::pending;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use runtime::{Policy, Tasks};
use streams::Mode;
use tokio::time::{sleep, timeout};
use weir_client::Client;
use weir_client::kinesis::{CreateStreamInput, DescribeStreamSummaryInput, StreamStatus};

use crate::actors::follower::Follower;
use crate::actors::poller::Poller;
use crate::actors::producer::Producer;
use crate::actors::reader::read_all;
use crate::actors::{operator, resharder, watcher};
use crate::checkers::records::Read;
use crate::checkers::{order, reads, records, throttle};
use crate::faults::Fault;
use crate::history::Progress;
use crate::node::SimNode;
use crate::run::{Run, STREAM};
use crate::world::Fate;

const LIVES: u64 = 6;
const PRODUCERS: u64 = 3;
const SHARDS: i32 = 3;
const LIFE_MS: std::ops::Range<u64> = 20..400;
/// One life of this many ends right after the start, in recovery's own work.
const EARLY_END_ONE_IN: u64 = 5;
const CUT_MS: std::ops::Range<u64> = 5..150;
const FULL_MS: std::ops::Range<u64> = 50..1500;
/// While the disk is full, so many batches are put at most to see it.
const BATCHES_AGAINST_FULL: u64 = 60;
/// A node whose disk has space again takes records within this.
const RECOVERS_WITHIN: Duration = Duration::from_secs(30);
/// So many batches are put against a failed sync; the first one meets it.
const BATCHES_AFTER_FAILURE: u64 = 100;
/// A node whose journal cannot be synced stops within this.
const STOPS_WITHIN: Duration = Duration::from_secs(60);
const STEP_BACK_S: std::ops::Range<u64> = 1..3600;
const STEP_AHEAD_H: std::ops::Range<u64> = 1..40;
/// What a follower needs at most to get what is there, and how often it is begun anew meanwhile.
const CATCH_UP: Duration = Duration::from_secs(10);
const CATCH_UPS: u64 = 30;
/// How much of the trace a failure shows.
const LAST_LINES: usize = 30;

/// What lives through all lives of the node.
#[derive(Clone)]
struct Scenario {
    run: Run,
    poller: Poller,
    follower: Follower,
}

/// Runs the scenario on `seed` and gives its trace.
pub(crate) async fn run(seed: u64) -> Result<Vec<String>> {
    let (poller, follower) = (Poller::default(), Follower::default());
    let scenario = Scenario { run: Run::new(seed), poller, follower };
    let outcome = scenario.lives().await;
    let lines = scenario.run.trace.lines();
    let last = &lines[lines.len().saturating_sub(LAST_LINES)..];
    outcome.with_context(|| {
        format!("the trace began with\n{}\nand ended with\n{}", lines[0], last.join("\n"))
    })?;
    Ok(lines)
}

impl Scenario {
    async fn lives(&self) -> Result<()> {
        for life in 0..LIVES {
            self.life(life).await.with_context(|| format!("in life {life}"))?;
        }
        let (node, read) = self.check(self.start().await?).await?;
        self.catch_up(&node, &read).await?;
        ensure!(self.run.history().acknowledged().next().is_some(), "no put was ever acknowledged");
        let profile = &self.run.profile;
        // Nobody can tell when a record arrived while the clock was behind, or what has expired.
        if profile.aws_limits && !profile.has(Fault::ClockBack) && !profile.has(Fault::Expiry) {
            throttle::check(&self.run.history(), &self.run.refusals())?;
            reads::check(&self.run.reads())?;
        }
        node.stop().await
    }

    async fn life(&self, life: u64) -> Result<()> {
        let Run { world, profile, trace, .. } = &self.run;
        if profile.has(Fault::Rot) && world.entropy.one_in(2) {
            world.rot();
        }
        if profile.has(Fault::MisdirectedRead) && world.entropy.one_in(2) {
            world.faults.begin(Fault::MisdirectedRead);
        }
        let mut node = self.start().await?;
        trace.event(format_args!("life {life}: started"));
        if life == 0 {
            world.heal();
            create(&node.client()).await?;
        } else {
            (node, _) = self.check(node).await?;
        }
        if profile.has(Fault::Rot) && world.entropy.one_in(2) {
            world.rot();
        }
        for fault in Fault::STANDING {
            if profile.has(fault) && world.entropy.one_in(2) {
                world.faults.begin(fault);
            }
        }
        let actors = Tasks::simulated();
        self.act(&node, life, &actors);
        let early = world.entropy.one_in(EARLY_END_ONE_IN);
        let length_ms = if early { 1 } else { world.entropy.within(LIFE_MS) };
        sleep(Duration::from_millis(length_ms)).await;
        let stopped_itself = !early && self.fail(&node, life).await?;
        self.end(node, life, stopped_itself).await?;
        // What was under way fails by itself: its connections are gone.
        actors.abort_all().await;
        world.faults.end_all();
        self.let_time_pass();
        self.run.verdict()
    }

    /// Starts the node. One that finds its data damaged may refuse, but changes nothing then.
    async fn start(&self) -> Result<SimNode> {
        let Run { world, profile, trace, .. } = &self.run;
        let limits = if profile.aws_limits { Mode::Aws } else { Mode::Relaxed };
        let damaged = world.is_damaged();
        self.run.starts();
        match SimNode::start(world, limits).await {
            Err(refused) if damaged => {
                trace.event(format_args!("{refused:#}"));
                world.heal();
                SimNode::start(world, limits).await.context("although its data is healed")
            }
            started => started,
        }
    }

    fn act(&self, node: &SimNode, life: u64, actors: &Tasks) {
        for producer in 0..PRODUCERS {
            let name = format!("{life}.{producer}");
            let producer = Producer { run: self.run.clone(), client: node.client(), name };
            actors.spawn("sim.producer", Policy::Report, producer.work());
        }
        let run = || self.run.clone();
        let (poller, client) = (self.poller.clone(), node.client());
        actors.spawn("sim.poller", Policy::Report, poller.work(run(), client));
        actors.spawn("sim.watcher", Policy::Report, watcher::work(run(), node.client()));
        actors.spawn("sim.resharder", Policy::Report, resharder::work(run(), node.client()));
        actors.spawn("sim.encrypter", Policy::Report, operator::encrypt(run(), node.client()));
        if self.run.profile.has(Fault::Expiry) {
            actors.spawn("sim.retainer", Policy::Report, operator::retain(run(), node.client()));
        }
        self.follower.start(&self.run, node.client(), actors);
    }

    /// Lets happen what passes; answers whether the node has stopped itself.
    async fn fail(&self, node: &SimNode, life: u64) -> Result<bool> {
        let Run { world, profile, trace, .. } = &self.run;
        let happens = |fault| profile.has(fault) && world.entropy.one_in(2);
        if happens(Fault::Cut) {
            trace.event("the network is cut");
            world.faults.begin(Fault::Cut);
            sleep(Duration::from_millis(world.entropy.within(CUT_MS))).await;
            world.faults.end(Fault::Cut);
        }
        if happens(Fault::FullDisk) {
            self.fill_up(node, life).await?;
        }
        if happens(Fault::FailedSync) {
            self.fail_sync(node, life).await?;
            return Ok(true);
        }
        Ok(false)
    }

    /// While the disk is full puts are refused and reads go on; afterwards all is well again.
    async fn fill_up(&self, node: &SimNode, life: u64) -> Result<()> {
        let Run { world, trace, .. } = &self.run;
        world.faults.begin(Fault::FullDisk);
        for fault in Fault::STANDING {
            world.faults.end(fault);
        }
        let prober =
            Producer { run: self.run.clone(), client: node.client(), name: format!("{life}.full") };
        let mut batches = 0..BATCHES_AGAINST_FULL;
        let refused = loop {
            let Some(batch) = batches.next() else { break false };
            if !prober.put(batch).await {
                break true;
            }
        };
        sleep(Duration::from_millis(world.entropy.within(FULL_MS))).await;
        if !world.is_damaged() {
            let (read, _) =
                read_all(&self.run, &node.client()).await.context("while the disk is full")?;
            self.see(&read).context("while the disk is full")?;
        }
        world.faults.end(Fault::FullDisk);
        trace.event(format_args!("the disk was full, puts were refused: {refused}"));
        let recovered = timeout(RECOVERS_WITHIN, async {
            for batch in batches.end.. {
                if prober.put(batch).await {
                    return;
                }
            }
        });
        let recovered = recovered.await;
        ensure!(
            recovered.is_ok() || world.is_damaged(),
            "puts are refused although there is space"
        );
        Ok(())
    }

    /// After a failed sync nothing is acknowledged any more, and the node stops itself.
    async fn fail_sync(&self, node: &SimNode, life: u64) -> Result<()> {
        let Run { world, trace, .. } = &self.run;
        world.faults.begin(Fault::FailedSync);
        let name = format!("{life}.sync");
        let prober = Producer { run: self.run.clone(), client: node.client(), name };
        let stopped = timeout(STOPS_WITHIN, async {
            let probe = async {
                for batch in 0..BATCHES_AFTER_FAILURE {
                    prober.put(batch).await;
                }
                pending().await
            };
            tokio::select! {
                biased;
                reason = node.stopped_itself() => reason,
                never = probe => never,
            }
        });
        let reason = stopped.await.context("the node goes on although a sync failed")?;
        trace.event(format_args!("the node stopped itself: {reason}"));
        // What is under way now must not be acknowledged either.
        prober.put(u64::MAX).await;
        Ok(())
    }

    async fn end(&self, node: SimNode, life: u64, stopped_itself: bool) -> Result<()> {
        let Run { world, profile, trace, .. } = &self.run;
        let power_fails = profile.has(Fault::PowerLoss) && !world.entropy.one_in(4);
        let fate = match world.entropy.one_in(2) {
            _ if !power_fails => Fate::Kept,
            true => Fate::Lost,
            false => Fate::Torn,
        };
        let acknowledged = self.run.history().acknowledged().count();
        let gracefully = !power_fails && !stopped_itself && world.entropy.one_in(2);
        let how = if gracefully { "stopped".to_owned() } else { format!("crashed, {fate:?}") };
        trace.event(format_args!("life {life}: {how}, {acknowledged} acknowledged"));
        if !gracefully {
            node.crash(fate).await;
            return Ok(());
        }
        match node.stop().await {
            Err(error) if world.is_damaged() => {
                trace.event(format_args!("{error:#}"));
                Ok(())
            }
            stopped => stopped,
        }
    }

    fn let_time_pass(&self) {
        let Run { world, profile, trace, .. } = &self.run;
        // It takes note of what may have expired, also if the clock steps back now.
        drop(self.run.history());
        if profile.has(Fault::Expiry) && world.entropy.one_in(2) {
            let hours = world.entropy.within(STEP_AHEAD_H);
            trace.event(format_args!("{hours} hours pass"));
            world.clock.step_ahead(Duration::from_secs(hours * 3600));
        }
        if profile.has(Fault::ClockBack) && world.entropy.one_in(2) {
            world.clock.step_back(Duration::from_secs(world.entropy.within(STEP_BACK_S)));
        }
    }

    /// Each record that was read must be one that may be there.
    fn see(&self, read: &Read) -> Result<()> {
        for (shard, records) in read {
            let mut progress = Progress::default();
            for seen in records {
                self.run.history().saw(shard, &mut progress, seen.clone())?;
            }
        }
        Ok(())
    }

    /// Nobody writes. Holds all that is there against the history. A node that met damage is
    /// started anew once that is healed.
    async fn check(&self, mut node: SimNode) -> Result<(SimNode, Read)> {
        let Run { world, trace, .. } = &self.run;
        if world.is_damaged() {
            let read = read_all(&self.run, &node.client()).await;
            world.heal();
            match read {
                Ok((read, _)) => self.see(&read).context("damage was served")?,
                Err(reported) => {
                    trace.event(format_args!("damage is reported: {reported:#}"));
                    node.crash(Fate::Kept).await;
                    node = self.start().await?;
                }
            }
        }
        let (read, encrypted) = read_all(&self.run, &node.client()).await?;
        records::check(&mut self.run.history(), &read)?;
        order::check(&self.run.history())?;
        let records: usize = read.values().map(Vec::len).sum();
        let (followed, polled) = (self.follower.records(), self.poller.records());
        trace.event(format_args!(
            "checked {records} records of {} shards, {encrypted} of them encrypted, {followed} \
             followed, {polled} polled",
            read.len(),
        ));
        self.run.verdict()?;
        Ok((node, read))
    }

    /// Lets the follower get the rest of what is there.
    async fn catch_up(&self, node: &SimNode, read: &Read) -> Result<()> {
        for _ in 0..CATCH_UPS {
            let actors = Tasks::simulated();
            self.follower.start(&self.run, node.client(), &actors);
            let caught_up = timeout(CATCH_UP, async {
                while !self.follower.behind(read).is_empty() {
                    sleep(Duration::from_millis(10)).await;
                }
            });
            let caught_up = caught_up.await.is_ok();
            actors.abort_all().await;
            self.run.verdict()?;
            if caught_up {
                return Ok(());
            }
        }
        let behind = self.follower.behind(read);
        ensure!(behind.is_empty(), "the follower did not get the end of {behind:?}");
        Ok(())
    }
}

/// Creates the stream and waits until it takes records.
async fn create(client: &Client) -> Result<()> {
    let input = CreateStreamInput {
        stream_name: STREAM.into(),
        shard_count: Some(SHARDS),
        ..CreateStreamInput::default()
    };
    client.call(input).await?;
    loop {
        let input = DescribeStreamSummaryInput {
            stream_name: Some(STREAM.into()),
            ..DescribeStreamSummaryInput::default()
        };
        let summary = client.call(input).await?.stream_description_summary;
        if summary.stream_status == StreamStatus::Active {
            return Ok(());
        }
        sleep(Duration::from_millis(200)).await;
    }
}
