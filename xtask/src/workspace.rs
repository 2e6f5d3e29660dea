//! The work tree and the programs that are run in it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

/// Directories that hold nothing of ours.
const SKIPPED: &[&str] = &[".git", "target", "node_modules", "__pycache__", "weir-data"];

/// The root of the work tree.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask is a folder of the workspace")
}

/// Where the clients' packages and the nodes' data go; safe to delete at any time.
pub(crate) fn scratch() -> PathBuf {
    root().join("target/compat")
}

/// A text file of the work tree.
pub(crate) struct Source {
    /// Relative to the root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether the name ends in `.extension`.
    pub(crate) fn is(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }

    /// The lines with their numbers, from 1.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        (1..).zip(self.text.lines())
    }
}

/// Every text file of the work tree, in the order of the paths.
pub(crate) fn sources() -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    let mut directories = vec![root().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let path = entry.path();
            if SKIPPED.iter().any(|skipped| entry.file_name() == *skipped) {
                continue;
            } else if entry.file_type()?.is_dir() {
                directories.push(path);
            } else if let Ok(text) = String::from_utf8(fs::read(&path)?) {
                let path = path.strip_prefix(root()).expect("the walk starts at the root");
                sources.push(Source { path: path.to_string_lossy().replace('\\', "/"), text });
            }
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(sources)
}

/// Runs a program in the root of the work tree; its output is the user's to see.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let shown = shown(command);
    println!("$ {shown}");
    let status = command.current_dir(root()).status().with_context(|| format!("run {shown}"))?;
    ensure!(status.success(), "{shown}: {status}");
    Ok(())
}

/// The same for a program that might hang: it is killed after `at_most`.
pub(crate) fn run_within(at_most: Duration, command: &mut Command) -> Result<()> {
    println!("$ {}", shown(command));
    finish_within(at_most, command)
}

/// The same without showing it.
pub(crate) fn finish_within(at_most: Duration, command: &mut Command) -> Result<()> {
    let shown = shown(command);
    let mut child = command.current_dir(root()).spawn().with_context(|| format!("run {shown}"))?;
    let status = wait_within(at_most, &mut child).with_context(|| shown.clone())?;
    ensure!(status.success(), "{shown}: {status}");
    Ok(())
}

/// Waits for a program that might hang: it is killed after `at_most`.
pub(crate) fn wait_within(at_most: Duration, child: &mut Child) -> Result<ExitStatus> {
    let stopwatch = Stopwatch::start();
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(status),
            None if stopwatch.elapsed() < at_most => pause(),
            None => {
                child.kill()?;
                child.wait()?;
                bail!("not done after {} s", at_most.as_secs());
            }
        }
    }
}

/// A moment between two looks at an outside program.
#[expect(clippy::disallowed_methods, reason = "an outside program is waited for in real time")]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(20));
}

/// A number that nobody has seen before.
#[expect(clippy::disallowed_methods, reason = "outside programs are given another seed each time")]
pub(crate) fn seconds_since_1970() -> u64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    elapsed.unwrap_or_default().as_secs()
}

/// How long an outside program takes.
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    #[expect(clippy::disallowed_methods, reason = "no simulation runs outside programs")]
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// `cargo` with arguments, as if it were typed: what cargo told this program about itself would have
/// build scripts run again that look at it, and everything above them compiled again.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.args(arguments);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name.as_ref());
        }
    }
    cargo
}

/// The command as one would type it, paths relative to the root.
fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().replace(&format!("{}/", root().display()), ""))
        .collect();
    words.join(" ")
}
