//! File systems of a test's own, where they may be mounted.

use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system that is there until the end of the test.
pub(crate) struct Mounted {
    pub(crate) at: PathBuf,
}

impl Mounted {
    /// Mounts `what` with `arguments`; says why when that cannot be.
    pub(crate) fn new(arguments: &[&str], what: &Path, at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        may(Command::new("mount").args(arguments).arg(what).arg(at))?;
        Some(Self { at: at.to_owned() })
    }

    /// A file system in memory.
    pub(crate) fn memory(at: &Path, mib: u32) -> Option<Self> {
        Self::new(&["-t", "tmpfs", "-o", &size(mib)], Path::new("tmpfs"), at)
    }

    /// Gives a file system in memory another size.
    pub(crate) fn resize(&self, mib: u32) {
        let options = format!("remount,{}", size(mib));
        let status = Command::new("mount").args(["-o", &options]).arg(&self.at).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: the test may have failed with a node that is still there.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

fn size(mib: u32) -> String {
    format!("size={mib}m")
}

/// Runs a command that not everybody may run, or says that the test is skipped.
pub(crate) fn may(command: &mut Command) -> Option<()> {
    let why = match command.output() {
        Ok(output) if output.status.success() => return Some(()),
        Ok(output) => String::from_utf8_lossy(&output.stderr).into_owned(),
        Err(error) => error.to_string(),
    };
    eprintln!("SKIPPED: {command:?} does not work here: {}", why.trim());
    None
}
