//! Weir beside other servers, in one run on this machine: docs/performance/comparison.md.
//!
//! Every contender has its turn in every round, so that whatever else the machine does hits all
//! alike; medians of the rounds are shown.

mod clients;
mod contenders;
mod figures;
mod machine;
mod page;
mod plot;
mod server;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::compat;
use crate::workspace::{self, Stopwatch};
use clients::Load;
use contenders::{CONTENDERS, Contender};
use figures::{Figures, Report, Round, Row};
use machine::Usage;
use server::Server;

/// A contender that does not answer by then fails in its first load, with a reason.
const ANSWER_MAX: Duration = Duration::from_secs(30);

/// Arguments of `cargo xtask compare`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these contenders; the page is then written to target/compare instead of docs
    contenders: Vec<String>,
    /// How often each contender has its turn
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// How long each load runs, in seconds
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Measure nothing: write the page and the plot of the last run again
    #[arg(long, conflicts_with_all = ["contenders", "rounds", "seconds"])]
    again: bool,
}

/// A run, as it is kept for `--again`.
#[derive(Serialize, Deserialize)]
struct Run {
    is_of_all: bool,
    machine: String,
    /// Load averages before the first round and after each.
    loads: Vec<f64>,
    rows: Vec<Row>,
}

impl Run {
    /// Where the last run is kept.
    fn path() -> PathBuf {
        contenders::home().join("results.json")
    }

    fn read() -> Result<Self> {
        let path = Self::path();
        let run = fs::read(&path).with_context(|| path.display().to_string())?;
        Ok(serde_json::from_slice(&run)?)
    }

    fn save(&self) -> Result<()> {
        fs::create_dir_all(contenders::home())?;
        Ok(fs::write(Self::path(), serde_json::to_vec_pretty(self)?)?)
    }
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let run = if args.again { Run::read()? } else { measure(args)? };
    let folder =
        if run.is_of_all { workspace::root().join("docs/performance") } else { contenders::home() };
    fs::create_dir_all(&folder)?;
    let page = page::of(&run);
    fs::write(folder.join("comparison.md"), &page)?;
    fs::write(folder.join("comparison.svg"), plot::of(&run.rows))?;
    println!("{page}\n{}", folder.join("comparison.md").display());
    Ok(())
}

fn measure(args: &Args) -> Result<Run> {
    let wanted = wanted(&args.contenders)?;
    let weir = compat::build(false)?;
    let load = Load { weir: weir.clone(), duration: Duration::from_secs(args.seconds) };
    let mut run = Run {
        is_of_all: args.contenders.is_empty(),
        machine: machine::description()?,
        loads: Vec::new(),
        rows: Vec::new(),
    };
    let mut installed = Vec::new();
    for contender in wanted {
        let mut row = Row::new(contender.name);
        match contender.package.install(&weir) {
            Ok(programs) => installed.push((contender, programs, run.rows.len())),
            Err(error) => row.failures.push(format!("not installed: {error:#}")),
        }
        run.rows.push(row);
    }
    run.loads.push(machine::load_average()?);
    for round in 1..=args.rounds {
        for (contender, programs, row) in &installed {
            println!("--- round {round}: {}", contender.name);
            let row = &mut run.rows[*row];
            let turn = take_turn(contender, programs, &load, &mut row.failures);
            println!("{turn:?}");
            row.rounds.push(turn);
        }
        run.loads.push(machine::load_average()?);
        run.save()?;
    }
    Ok(run)
}

fn wanted(names: &[String]) -> Result<Vec<&'static Contender>> {
    let known: Vec<&str> = CONTENDERS.iter().map(|contender| contender.name).collect();
    for name in names {
        ensure!(known.contains(&name.as_str()), "no {name}, only {}", known.join(", "));
    }
    let is_wanted = |contender: &&Contender| {
        names.is_empty() || names.iter().any(|name| name == contender.name)
    };
    Ok(CONTENDERS.iter().filter(is_wanted).collect())
}

/// All loads on a fresh server, then the crash. What fails is told, and the rest goes on.
fn take_turn(
    contender: &'static Contender,
    programs: &Path,
    load: &Load,
    failures: &mut Vec<String>,
) -> Round {
    let mut round = Round::default();
    let mut tell = |what: &str, error: anyhow::Error| {
        println!("{}, {what}: {error:#}", contender.name);
        let failure = format!("{what}: {error:#}");
        if !failures.contains(&failure) {
            failures.push(failure);
        }
    };
    let server = match Server::start_fresh(contender, programs, &data_of(contender)) {
        Ok(server) => server,
        Err(error) => {
            tell("start", error);
            return round;
        }
    };
    let client = contender.client;
    let stopwatch = Stopwatch::start();
    while !client.is_answered(&server, load) && stopwatch.elapsed() < ANSWER_MAX {
        workspace::pause();
    }
    match observe(&server, || client.batches(&server, load).map(Some)) {
        Ok(figures) => round.batches = figures,
        Err(error) => tell("batches", error),
    }
    match observe(&server, || client.singles(&server, load)) {
        Ok(figures) => round.singles = figures,
        Err(error) => tell("single records", error),
    }
    match observe(&server, || client.reads(&server, load).map(Some)) {
        Ok(figures) => round.reads = figures,
        Err(error) => tell("reads", error),
    }
    match client.crash(server, load) {
        Ok(kept) => round.kept = Some(kept),
        Err(error) => tell("crash", error),
    }
    // A big data directory would stand in the way of the others.
    if let Err(error) = fs::remove_dir_all(data_of(contender).join("data")) {
        tell("clean up", error.into());
    }
    round
}

fn data_of(contender: &Contender) -> PathBuf {
    contenders::home().join("data").join(contender.name)
}

/// Runs a load and adds what the machine says of it.
fn observe(
    server: &Server,
    load: impl FnOnce() -> Result<Option<Report>>,
) -> Result<Option<Figures>> {
    let before = Usage::now(&server.process)?;
    let Some(report) = load()? else { return Ok(None) };
    let after = Usage::now(&server.process)?;
    Ok(Some(Figures {
        records_per_second: report.records_per_second,
        latency_ms: report.latency_ms,
        refused: report.refused,
        server_us: after.server_since(&before) * 1e6 / report.records,
        others: after.others_since(&before),
    }))
}
