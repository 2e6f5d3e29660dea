//! A server as a process: what the kernel says of it.

use std::fs;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus};

use anyhow::{Context, Result};

/// The kernel counts processor time in hundredths of a second.
pub(crate) const TICKS_PER_SECOND: f64 = 100.0;
const KIB_PER_MIB: f64 = 1024.0;

/// A running program; it is killed when this is dropped.
pub(crate) struct Process(Child);

impl Process {
    pub(crate) fn spawn(command: &mut Command) -> Result<Self> {
        let program = command.get_program().to_owned();
        let child = command.spawn().with_context(|| format!("run {}", program.display()))?;
        Ok(Self(child))
    }

    /// What it prints, if the command pipes that; only once.
    pub(crate) fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Kills it as a crash would.
    pub(crate) fn kill(&mut self) -> Result<()> {
        self.0.kill()?;
        self.0.wait()?;
        Ok(())
    }

    /// Memory that it holds.
    pub(crate) fn resident_mib(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").parse()?;
        Ok(kib / KIB_PER_MIB)
    }

    /// Processor time that it used so far, in user and kernel mode.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        // Fields 14 and 15 of proc(5), of which two stand before the end of the name.
        cpu_seconds(Path::new(&format!("/proc/{}/stat", self.0.id())), [11, 12])
    }
}

/// The sum of two counters of processor time in a `stat` file, counted after the program's name.
pub(crate) fn cpu_seconds(stat: &Path, fields: [usize; 2]) -> Result<f64> {
    let stat = fs::read_to_string(stat)?;
    let after_name = stat.rsplit(") ").next().context("a process has a name")?;
    let ticks = |field: usize| after_name.split(' ').nth(field).and_then(|t| t.parse::<f64>().ok());
    let (user, system) = ticks(fields[0]).zip(ticks(fields[1])).context("processor times")?;
    Ok((user + system) / TICKS_PER_SECOND)
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
