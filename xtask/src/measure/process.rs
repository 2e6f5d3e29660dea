//! A node as a process, and what it says of itself.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::process::{self, Process};

/// A running node; it is killed when this is dropped.
pub(super) struct Node {
    pub(super) process: Process,
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
        self.process.kill()?;
        Self::start(weir, arguments, self.data.clone())
    }

    fn start(weir: &Path, arguments: &[&str], data: PathBuf) -> Result<Self> {
        let mut node = Command::new(weir);
        node.args(arguments)
            .args(["--listen", "127.0.0.1:0", "--trace", "error", "--data-dir"])
            .arg(&data)
            .stdout(Stdio::piped());
        let mut process = Process::spawn(&mut node)?;
        let mut first_line = String::new();
        let mut stdout = BufReader::new(process.take_stdout().context("it is piped")?);
        stdout.read_line(&mut first_line)?;
        let address = first_line.trim().strip_prefix("listening on http://").map(str::to_owned);
        let address = address.with_context(|| format!("the node said {first_line:?}"))?;
        Ok(Self { process, address, data, _stdout: stdout })
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
}

/// Processor time of the commands that this process ran and waited for.
pub(super) fn cpu_seconds_of_children() -> Result<f64> {
    // Fields 16 and 17 of proc(5), of which two stand before the end of the name.
    process::cpu_seconds(Path::new("/proc/self/stat"), [13, 14])
}
