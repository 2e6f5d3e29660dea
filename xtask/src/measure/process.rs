//! A node as a process: what the kernel says of it, and what it says of itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

/// The kernel counts processor time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;
const KIB_PER_MIB: f64 = 1024.0;

/// A running node; it is killed when this is dropped.
pub(super) struct Node {
    child: Child,
    address: String,
    data: PathBuf,
    /// Kept open: a node whose standard output is closed could not print any more.
    _stdout: BufReader<ChildStdout>,
}

impl Node {
    /// Starts a node with an empty data directory below `home`.
    pub(super) fn start_fresh(weir: &Path, arguments: &[&str], home: &Path) -> Result<Self> {
        let data = home.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(home)?;
        Self::start(weir, arguments, data)
    }

    /// Kills the node as a crash would and starts another on its data.
    pub(super) fn restart(mut self, weir: &Path, arguments: &[&str]) -> Result<Self> {
        self.child.kill()?;
        self.child.wait()?;
        Self::start(weir, arguments, self.data.clone())
    }

    fn start(weir: &Path, arguments: &[&str], data: PathBuf) -> Result<Self> {
        let mut child = Command::new(weir)
            .args(arguments)
            .args(["--listen", "127.0.0.1:0", "--trace", "error", "--data-dir"])
            .arg(&data)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut first_line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().context("it is piped")?);
        stdout.read_line(&mut first_line)?;
        let address = first_line.trim().strip_prefix("listening on http://").map(str::to_owned);
        let address = address.with_context(|| format!("the node said {first_line:?}"))?;
        Ok(Self { child, address, data, _stdout: stdout })
    }

    /// `weir` as a client of this node, with its root key if it made one.
    pub(super) fn client(&self, weir: &Path) -> Command {
        let mut command = Command::new(weir);
        command
            .env("AWS_ENDPOINT_URL", format!("http://{}", self.address))
            .env("AWS_REGION", "us-east-1")
            .env("AWS_CONFIG_FILE", self.data.join("no-such-file"))
            .env("AWS_SHARED_CREDENTIALS_FILE", self.data.join("credentials"));
        command
    }

    /// Waits for an answer to one call.
    pub(super) fn list_streams(&self) -> Result<()> {
        let head = "POST / HTTP/1.1\r\nHost: weir\r\nContent-Type: application/x-amz-json-1.1\r\n\
                    X-Amz-Target: Kinesis_20131202.ListStreams\r\nContent-Length: 2\r\n\
                    Connection: close\r\nAuthorization: AWS4-HMAC-SHA256 Credential=weir/20260101/us-east-1/kinesis/aws4_request, \
                    SignedHeaders=host, Signature=0\r\nX-Amz-Date: 20260101T000000Z\r\n\r\n{}";
        let answer = self.exchange(head)?;
        ensure!(answer.starts_with("HTTP/1.1 200"), "ListStreams: {answer}");
        Ok(())
    }

    /// What storage wrote to files since the start, from the node's own counters.
    pub(super) fn bytes_written(&self) -> Result<f64> {
        Ok(self.counter("journal")? + self.counter("segment")? + self.counter("manifest")?)
    }

    /// A counter of bytes of the storage.
    pub(super) fn counter(&self, kind: &str) -> Result<f64> {
        let metrics =
            self.exchange("GET /metrics HTTP/1.1\r\nHost: weir\r\nConnection: close\r\n\r\n")?;
        let name = format!("weir_storage_{kind}_bytes_total ");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
        value.and_then(|value| value.parse::<f64>().ok()).with_context(|| format!("no {name}"))
    }

    fn exchange(&self, request: &str) -> Result<String> {
        let mut stream = TcpStream::connect(&self.address)?;
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    }

    /// Memory that the process holds.
    pub(super) fn resident_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / KIB_PER_MIB)
    }

    /// Processor time used so far, in user and kernel mode.
    pub(super) fn cpu_seconds(&self) -> Result<f64> {
        cpu_seconds(&self.child.id().to_string(), USED)
    }
}

/// Where proc(5) has the time of a process, and where that of its children that have ended.
const USED: usize = 14;
const USED_BY_CHILDREN: usize = 16;

/// Processor time of the commands that this process ran and waited for.
pub(super) fn cpu_seconds_of_children() -> Result<f64> {
    cpu_seconds("self", USED_BY_CHILDREN)
}

/// The sum of a field in ticks and the next one, user and kernel mode.
fn cpu_seconds(process: &str, field: usize) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // Two fields stand before the end of the name, and they count from 1.
    let after_name = stat.rsplit(") ").next().context("a process has a name")?;
    let ticks = |field: usize| after_name.split(' ').nth(field - 3)?.parse::<f64>().ok();
    let (user, system) = ticks(field).zip(ticks(field + 1)).context("processor times")?;
    Ok((user + system) / TICKS_PER_SECOND)
}

impl Drop for Node {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
