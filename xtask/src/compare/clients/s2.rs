//! `s2 bench`, which writes in batches of its own choice, as many under way as the server takes.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use super::{BATCHED_RECORDS, Client, Load, RECORD_BYTES, number_after, number_before, said_by};
use crate::compare::figures::{Kept, Latency, Report};
use crate::compare::server::Server;
use crate::workspace::Stopwatch;

/// S2 Lite.
pub(in crate::compare) struct S2;

const BASIN: &str = "comparison";
/// More than any server here takes.
const TARGET_MIBPS: &str = "4096";
/// What is read, and what is there before a crash.
const READ: &str = "s2://comparison/read";
const KEPT: &str = "s2://comparison/kept";

impl Client for S2 {
    /// Prepares what is to be read, too, since the bench removes what it wrote.
    fn is_answered(&self, server: &Server, _load: &Load) -> bool {
        said_by(s2(server).args(["create-basin", BASIN]), server).is_ok()
            && append(server, READ).is_ok()
    }

    fn batches(&self, server: &Server, load: &Load) -> Result<Report> {
        let mut bench = s2(server);
        bench.args(["bench", BASIN, "--record-size", RECORD_BYTES, "--target-mibps", TARGET_MIBPS]);
        bench.args([
            "--duration",
            &format!("{}s", load.duration.as_secs()),
            "--catchup-delay",
            "0s",
        ]);
        let said = said_by(&mut bench, server)?;
        let (_, wrote) = said.split_once("Write:").unwrap_or_default();
        let latency = |part: &str| {
            let line = said.lines().find(|line| line.starts_with(part)).unwrap_or_default();
            number_after(line, ":")
        };
        Ok(Report {
            records: number_before(wrote, " records in ")?,
            records_per_second: number_before(wrote, " records/s")?,
            latency_ms: Some(Latency { p50: latency("p50")?, p99: latency("p99")? }),
            refused: 0.0,
        })
    }

    fn singles(&self, _server: &Server, _load: &Load) -> Result<Option<Report>> {
        Ok(None)
    }

    fn reads(&self, server: &Server, _load: &Load) -> Result<Report> {
        let stopwatch = Stopwatch::start();
        let mut read = s2(server);
        read.args(["read", READ, "--seq-num", "0", "--output", "/dev/null", "--count"]);
        said_by(read.arg(BATCHED_RECORDS.to_string()), server)?;
        let records = f64::from(BATCHED_RECORDS);
        let records_per_second = records / stopwatch.elapsed().as_secs_f64();
        Ok(Report { records, records_per_second, latency_ms: None, refused: 0.0 })
    }

    fn crash(&self, server: Server, _load: &Load) -> Result<Kept> {
        append(&server, KEPT)?;
        let server = server.crash_and_restart()?;
        let said = said_by(s2(&server).args(["check-tail", KEPT]), &server)?;
        let there = number_before(&said, " @ ")? as u64;
        Ok(Kept { acknowledged: BATCHED_RECORDS.into(), there })
    }
}

/// Writes so many records to a stream of their own. It fails if one is not taken.
fn append(server: &Server, stream: &str) -> Result<()> {
    said_by(s2(server).args(["create-stream", stream]), server)?;
    let line = format!("{}\n", "x".repeat(RECORD_BYTES.parse()?));
    fs::create_dir_all(home(server))?;
    let records = home(server).join("records.txt");
    fs::write(&records, line.repeat(BATCHED_RECORDS as usize))?;
    said_by(s2(server).args(["append", stream, "--input"]).arg(&records), server)?;
    Ok(())
}

fn s2(server: &Server) -> Command {
    let mut s2 = Command::new(server.place.programs.join("s2"));
    let endpoint = format!("http://127.0.0.1:{}", server.place.port);
    s2.env("S2_ACCOUNT_ENDPOINT", &endpoint).env("S2_BASIN_ENDPOINT", &endpoint);
    // Not with a configuration of the one who measures.
    s2.env("S2_ACCESS_TOKEN", "none").env("HOME", home(server));
    s2
}

fn home(server: &Server) -> PathBuf {
    server.place.data.with_file_name("client")
}
