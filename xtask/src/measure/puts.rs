//! PutRecords: how many records a second, and the processor time of each, on both sides.

use std::path::Path;

use anyhow::Result;

use super::process::{Node, cpu_seconds_of_children};
use super::{Args, RELAXED, bench, number, row};

/// All loads in turn, so often; medians count, because others may use the machine.
const ROUNDS: usize = 3;

/// PutRecords of 500 records.
struct Load {
    encoding: &'static str,
    size: &'static str,
    /// Whether the journal is thrown away instead of written: what a put costs without the disk.
    discarded: bool,
}

/// Each that throws away stands before the one that it is compared with.
const LOADS: [Load; 6] = [
    Load { encoding: "json", size: "1KiB", discarded: true },
    Load { encoding: "json", size: "1KiB", discarded: false },
    Load { encoding: "cbor", size: "1KiB", discarded: true },
    Load { encoding: "cbor", size: "1KiB", discarded: false },
    Load { encoding: "json", size: "100B", discarded: false },
    Load { encoding: "cbor", size: "100B", discarded: false },
];

/// What a load reached: records a second, and microseconds of processor time of each.
struct Reached {
    rate: f64,
    server: f64,
    bench: f64,
}

/// Signatures are verified in every load: `weir serve` with the root key it makes.
pub(super) fn run(weir: &Path, home: &Path, args: &Args) -> Result<()> {
    let mut reached = LOADS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for (load, reached) in LOADS.iter().zip(&mut reached) {
            reached.push(load.run(weir, home, args)?);
        }
    }
    let mut discarded = None;
    for (load, reached) in LOADS.iter().zip(&reached) {
        let rate = median(reached, |reached| reached.rate);
        let without = discarded.take();
        let ratio = without.map(|without| format!(", {:.2} of that", rate / without));
        let ratio = ratio.unwrap_or_default();
        discarded = load.discarded.then_some(rate);
        row(
            &load.to_string(),
            format_args!(
                "{rate:.0} records/s{ratio}; CPU per record: server {:.2} us, bench {:.2} us",
                median(reached, |reached| reached.server),
                median(reached, |reached| reached.bench),
            ),
        );
    }
    Ok(())
}

impl Load {
    fn run(&self, weir: &Path, home: &Path, args: &Args) -> Result<Reached> {
        let journal = format!("storage.journal={}", self.journal());
        let node =
            Node::start_fresh(weir, &["serve", "--set", &journal, RELAXED[0], RELAXED[1]], home)?;
        let (server, client) = (node.process.cpu_seconds()?, cpu_seconds_of_children()?);
        let load = ["--op", "put-records", "--encoding", self.encoding, "--size", self.size];
        let report = bench(weir, &node, args, &load)?;
        let (server, client) =
            (node.process.cpu_seconds()? - server, cpu_seconds_of_children()? - client);
        let records = number(&report, "records")?;
        Ok(Reached {
            rate: number(&report, "records_per_second")?,
            server: server * 1e6 / records,
            bench: client * 1e6 / records,
        })
    }

    fn journal(&self) -> &'static str {
        if self.discarded { "discard" } else { "sync" }
    }
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { encoding, size, .. } = self;
        write!(f, "PutRecords 500 x {size}, {encoding}, journal={}", self.journal())
    }
}

fn median(reached: &[Reached], of: impl Fn(&Reached) -> f64) -> f64 {
    let mut values: Vec<f64> = reached.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
