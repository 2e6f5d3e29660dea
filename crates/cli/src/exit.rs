//! What the exit code of `weir` tells a script. The table is repeated in `docs/cli.md`.

use std::io;
use std::process::ExitCode;

use crate::environment;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// All went well.
    Done = 0,
    /// The command failed; the reason is on stderr.
    Failed = 1,
    /// The arguments, the configuration or the environment make no sense. (clap's code, too.)
    Usage = 2,
    /// Data is not what it should be: damage on disk, or records that came back wrong.
    Damaged = 3,
    /// Nothing answers, or what answers is too busy, or another process holds the data
    /// directory: the same command may work later.
    Unavailable = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Exit {
    /// The code that fits an error.
    pub(crate) fn of(error: &anyhow::Error) -> Self {
        for cause in error.chain() {
            if let Some(error) = cause.downcast_ref::<weir_client::Error>() {
                return of_client(error);
            }
            if let Some(error) = cause.downcast_ref::<server::Error>() {
                return of_server(error);
            }
            if cause.is::<environment::Error>() || cause.is::<Usage>() {
                return Self::Usage;
            }
            if cause.is::<InUse>() {
                return Self::Unavailable;
            }
            // Whoever read our output has seen enough, as in `weir tail … | head`.
            let io = cause.downcast_ref::<io::Error>();
            if io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
                return Self::Done;
            }
        }
        Self::Failed
    }
}

fn of_client(error: &weir_client::Error) -> Exit {
    match error {
        weir_client::Error::Endpoint { .. } | weir_client::Error::Tls { .. } => Exit::Usage,
        error if error.is_retryable() => Exit::Unavailable,
        _ => Exit::Failed,
    }
}

fn of_server(error: &server::Error) -> Exit {
    use server::Error;
    match error {
        Error::Setting { .. }
        | Error::ConfigFile { .. }
        | Error::ConfigSyntax { .. }
        | Error::InsecureListen(_)
        | Error::Tls { .. }
        | Error::Storage(storage::Error::Config(_)) => Exit::Usage,
        Error::Listen { .. } | Error::Locked { .. } => Exit::Unavailable,
        Error::Storage(storage::Error::Corrupt(_)) => Exit::Damaged,
        _ => Exit::Failed,
    }
}

/// Arguments that parse but do not fit together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Usage(pub(crate) String);

/// A data directory that a node holds.
#[derive(Debug, thiserror::Error)]
#[error("the data directory is in use by another weir process: stop that one first")]
pub(crate) struct InUse;
