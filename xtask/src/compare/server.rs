//! A contender that runs.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::contenders::Contender;
use crate::process::Process;
use crate::workspace::{self, Stopwatch};

/// A start that takes longer hangs.
const START_MAX: Duration = Duration::from_secs(90);

/// Where a contender runs.
pub(super) struct Place {
    /// Where it was installed.
    pub(super) programs: PathBuf,
    /// What it keeps; empty at first.
    pub(super) data: PathBuf,
    /// Where it shall listen.
    pub(super) port: u16,
    /// For those that cannot do with one.
    pub(super) second_port: u16,
}

/// A running contender; it is killed when this is dropped.
pub(super) struct Server {
    contender: &'static Contender,
    pub(super) place: Place,
    pub(super) process: Process,
}

impl Server {
    /// Starts a contender with nothing in its data directory, on free ports.
    pub(super) fn start_fresh(
        contender: &'static Contender,
        programs: &Path,
        home: &Path,
    ) -> Result<Self> {
        let data = home.join("data");
        if data.exists() {
            fs::remove_dir_all(&data)?;
        }
        fs::create_dir_all(&data)?;
        // Held at the same time, so that they differ.
        let (first, second) =
            (TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?);
        let (port, second_port) = (first.local_addr()?.port(), second.local_addr()?.port());
        drop((first, second));
        let place = Place { programs: programs.to_owned(), data, port, second_port };
        let process = spawn(contender, &place)?;
        Self { contender, place, process }.ready()
    }

    /// `kill -9`, then a start on what is left.
    pub(super) fn crash_and_restart(mut self) -> Result<Self> {
        self.process.kill()?;
        self.process = spawn(self.contender, &self.place)?;
        self.ready()
    }

    /// Waits until it takes connections.
    fn ready(mut self) -> Result<Self> {
        let stopwatch = Stopwatch::start();
        while TcpStream::connect(("127.0.0.1", self.place.port)).is_err() {
            if let Some(status) = self.process.ended()? {
                bail!("it ended at its start: {status}");
            }
            if stopwatch.elapsed() > START_MAX {
                bail!("it does not listen after {} s", START_MAX.as_secs());
            }
            workspace::pause();
        }
        Ok(self)
    }
}

/// Beside the data directory is what the contender says.
#[expect(clippy::disallowed_types, reason = "a child process writes to a real file")]
fn spawn(contender: &Contender, place: &Place) -> Result<Process> {
    let said = place.data.with_file_name("messages.txt");
    let file = fs::File::create(&said).with_context(|| said.display().to_string())?;
    let mut command = (contender.start)(place)?;
    command.stdin(Stdio::null()).stdout(file.try_clone()?).stderr(file);
    Process::spawn(&mut command)
}
