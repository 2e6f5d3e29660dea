//! `weir bench`, in JSON because not every contender has CBOR.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{BATCH, CONNECTIONS, Client, Load, SHARDS, said_by};
use crate::compare::figures::{Kept, Latency, Report};
use crate::compare::server::Server;

/// Every server of the Kinesis API.
pub(in crate::compare) struct Kinesis;

/// What is put before it is read: little, because some need a minute for more.
const FILL: &str = "8MiB";
const KEPT: &str = "kept";

impl Client for Kinesis {
    /// A Weir has made its root key by then.
    fn is_answered(&self, server: &Server, load: &Load) -> bool {
        said_by(&mut weir(server, load, &["streams", "list"]), server).is_ok()
    }

    fn batches(&self, server: &Server, load: &Load) -> Result<Report> {
        bench(server, load, &["--op", "put-records", "--batch", BATCH])
    }

    fn singles(&self, server: &Server, load: &Load) -> Result<Option<Report>> {
        bench(server, load, &["--op", "put-record"]).map(Some)
    }

    fn reads(&self, server: &Server, load: &Load) -> Result<Report> {
        bench(server, load, &["--op", "get-records", "--fill", FILL, "--batch", BATCH])
    }

    fn crash(&self, server: Server, load: &Load) -> Result<Kept> {
        let mut create =
            weir(&server, load, &["streams", "create", KEPT, "--shards", SHARDS, "--wait"]);
        said_by(&mut create, &server)?;
        let holding =
            ["bench", "--json", "--stream", KEPT, "--verify", "--hold", "--duration", "2s"];
        let mut bench = weir(&server, load, &holding);
        let mut bench = Bench::start(bench.args(["--batch", BATCH, "--connections", CONNECTIONS]))?;
        let acknowledged = bench.report()?["records"].as_u64().context("records")?;
        let _server = server.crash_and_restart()?;
        let missing = bench.go_on()?["verified"]["missing"].as_u64().context("missing")?;
        Ok(Kept { acknowledged, there: acknowledged - missing })
    }
}

fn bench(server: &Server, load: &Load, operation: &[&str]) -> Result<Report> {
    let common = ["bench", "--json", "--connections", CONNECTIONS, "--shards", SHARDS];
    let mut bench = weir(server, load, &common);
    bench.arg("--duration").arg(format!("{}s", load.duration.as_secs())).args(operation);
    let said = said_by(&mut bench, server)?;
    let report: Value = serde_json::from_str(said.lines().next().unwrap_or_default())?;
    let number = |value: &Value| value.as_f64().with_context(|| format!("no number in {report}"));
    let latency = &report["latency_ms"];
    let errors = report["errors"].as_object().context("errors")?;
    Ok(Report {
        records: number(&report["records"])?,
        records_per_second: number(&report["records_per_second"])?,
        latency_ms: Some(Latency { p50: number(&latency["p50"])?, p99: number(&latency["p99"])? }),
        refused: number(&report["throttled"])?
            + errors.values().filter_map(Value::as_f64).sum::<f64>(),
    })
}

/// `weir` as a client, with the root key if a Weir made one.
fn weir(server: &Server, load: &Load, arguments: &[&str]) -> Command {
    let mut command = Command::new(&load.weir);
    command
        .args(arguments)
        .args(["--encoding", "json"])
        .env("AWS_ENDPOINT_URL", format!("http://127.0.0.1:{}", server.place.port))
        .env("AWS_REGION", "us-east-1")
        .env("AWS_CONFIG_FILE", server.place.data.join("no-such-file"))
        .env("AWS_SHARED_CREDENTIALS_FILE", server.place.data.join("credentials"));
    for variable in ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
        command.env_remove(variable);
    }
    command
}

/// A `weir bench` that holds before it reads back.
struct Bench {
    child: Child,
    reports: BufReader<std::process::ChildStdout>,
}

impl Bench {
    fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let reports = BufReader::new(child.stdout.take().context("it is piped")?);
        Ok(Self { child, reports })
    }

    fn report(&mut self) -> Result<Value> {
        let mut line = String::new();
        self.reports.read_line(&mut line)?;
        serde_json::from_str(&line).context("weir bench ended without a report")
    }

    fn go_on(&mut self) -> Result<Value> {
        self.child.stdin.take().context("it is piped")?.write_all(b"\n")?;
        self.report()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
