//! The machine: what it is, and how much of it others use meanwhile.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::process::{Process, TICKS_PER_SECOND, cpu_seconds};

/// Processor time so far, in seconds.
pub(super) struct Usage {
    /// Of all processors, used or not.
    all: f64,
    idle: f64,
    server: f64,
    /// Of the clients, which have ended when it is read.
    clients: f64,
}

impl Usage {
    pub(super) fn now(server: &Process) -> Result<Self> {
        let stat = fs::read_to_string("/proc/stat")?;
        let line = stat.lines().next().and_then(|line| line.strip_prefix("cpu ")).context("cpu")?;
        // user nice system idle iowait irq softirq steal; guests count twice, further on.
        let ticks = line.split_whitespace().take(8).map(str::parse);
        let ticks: Vec<f64> = ticks.collect::<Result<_, _>>()?;
        Ok(Self {
            all: ticks.iter().sum::<f64>() / TICKS_PER_SECOND,
            idle: ticks[3..5].iter().sum::<f64>() / TICKS_PER_SECOND,
            server: server.cpu_seconds()?,
            // Fields 16 and 17 of proc(5): children that were waited for.
            clients: cpu_seconds(Path::new("/proc/self/stat"), [13, 14])?,
        })
    }

    /// What the server used since `earlier`.
    pub(super) fn server_since(&self, earlier: &Self) -> f64 {
        self.server - earlier.server
    }

    /// The part of all processors that neither the server nor the clients used, but others.
    pub(super) fn others_since(&self, earlier: &Self) -> f64 {
        let all = self.all - earlier.all;
        let ours = self.server_since(earlier) + self.clients - earlier.clients;
        let busy = all - (self.idle - earlier.idle);
        ((busy - ours) / all).clamp(0.0, 1.0)
    }
}

/// The load average of the last minute.
pub(super) fn load_average() -> Result<f64> {
    let text = fs::read_to_string("/proc/loadavg")?;
    let first = text.split(' ').next().context("a load average")?;
    Ok(first.parse()?)
}

/// `2 processors, 24 GiB`
pub(super) fn description() -> Result<String> {
    let memory = fs::read_to_string("/proc/meminfo")?;
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).context("MemTotal")?;
    let gib = kib.trim().trim_end_matches(" kB").parse::<f64>()? / f64::from(1 << 20);
    let processors = std::thread::available_parallelism()?;
    Ok(format!("{processors} processors, {gib:.0} GiB of memory"))
}
