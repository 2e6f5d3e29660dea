//! A node as a child process.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};

use anyhow::{Context, Result, anyhow, ensure};

use super::certificate;
use crate::process::Process;

/// How a node is started, beside its address and its data directory.
#[derive(Clone, Copy)]
pub(crate) enum Profile {
    /// `weir dev`: any key, relaxed limits.
    Dev,
    /// `weir dev` with AWS's limits and a small account.
    Limited,
    /// `weir serve`: signatures are verified.
    Serve,
    /// The same over TLS.
    Tls,
    /// The same with the principals, streams and keys that `compat/secured` makes.
    Secured,
}

impl Profile {
    pub(crate) fn verifies(self) -> bool {
        matches!(self, Self::Serve | Self::Tls | Self::Secured)
    }

    pub(crate) fn encrypts(self) -> bool {
        matches!(self, Self::Tls | Self::Secured)
    }

    fn arguments(self) -> Vec<String> {
        let (command, settings): (_, &[&str]) = match self {
            Self::Dev => ("dev", &[]),
            Self::Limited => ("dev", &["limits.mode=aws", "limits.shards_per_account=10"]),
            // Not its limits: these suites ask more often in a second than AWS lets one ask.
            Self::Serve | Self::Tls | Self::Secured => {
                ("serve", &["auth.mode=verify", "limits.mode=relaxed"])
            }
        };
        let mut settings: Vec<String> = settings.iter().map(ToString::to_string).collect();
        if self.encrypts() {
            settings.push(format!("tls.certificate={}", certificate::certificate().display()));
            settings.push(format!("tls.key={}", certificate::key().display()));
        }
        let set = settings.into_iter().flat_map(|setting| ["--set".to_owned(), setting]);
        std::iter::once(command.to_owned()).chain(set).collect()
    }
}

/// A running node; it is killed when this is dropped.
pub(crate) struct Node {
    process: Process,
    endpoint: String,
    data: PathBuf,
    messages: PathBuf,
    /// Kept open: a node whose standard output is closed could not print any more.
    _stdout: BufReader<ChildStdout>,
}

const FIRST_WORDS: &str = "listening on ";

impl Node {
    /// Starts a node that keeps everything in `directory`, which is emptied first.
    pub(crate) fn start_fresh(weir: &Path, profile: Profile, directory: &Path) -> Result<Self> {
        if directory.exists() {
            fs::remove_dir_all(directory)?;
        }
        fs::create_dir_all(directory)?;
        Self::start(Command::new(weir), profile, directory)
    }

    /// Starts a node in a directory as it was left.
    pub(crate) fn start(mut weir: Command, profile: Profile, directory: &Path) -> Result<Self> {
        let (data, messages) = (directory.join("data"), directory.join("messages.txt"));
        weir.args(profile.arguments())
            .args(["--listen", "127.0.0.1:0", "--data-dir"])
            .arg(&data)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::from(open_for_writing(&messages)?));
        let mut process = Process::spawn(&mut weir)?;
        let mut stdout = BufReader::new(process.take_stdout().context("it is piped")?);
        let mut first_line = String::new();
        stdout.read_line(&mut first_line)?;
        let mut node = Self { process, endpoint: String::new(), data, messages, _stdout: stdout };
        let endpoint = first_line.trim().strip_prefix(FIRST_WORDS).ok_or_else(|| {
            anyhow!("the node began with {first_line:?}, not {FIRST_WORDS:?}\n{}", node.said())
        })?;
        endpoint.clone_into(&mut node.endpoint);
        Ok(node)
    }

    /// `http://127.0.0.1:PORT`
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn data_directory(&self) -> &Path {
        &self.data
    }

    /// What it wrote to standard error so far.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(&self.messages).unwrap_or_default()
    }

    /// Ends the node, which must have been running until now.
    pub(crate) fn stop(&mut self) -> Result<()> {
        let ended = self.process.ended()?;
        ensure!(ended.is_none(), "the node ended by itself: {ended:?}\n{}", self.said());
        self.process.kill()
    }
}

#[expect(clippy::disallowed_types, reason = "a child process writes to a real file")]
fn open_for_writing(path: &Path) -> Result<std::fs::File> {
    Ok(std::fs::File::create(path)?)
}
