//! Why a node did not start, or stopped.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a person at the terminal must mend before the node runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is unknown, of the wrong type, or contradicts another.
    #[error("setting `{key}`{}: {reason}", from(origin))]
    Setting {
        /// The setting's full name.
        key: String,
        /// Where it was set, unless the contradiction has no single place.
        origin: Option<String>,
        /// What is wrong with it.
        reason: String,
    },
    /// The configuration file cannot be read.
    #[error("configuration file {} cannot be read", path.display())]
    ConfigFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The configuration file is not TOML.
    #[error("configuration file {} is not TOML: {reason}", path.display())]
    ConfigSyntax {
        /// The file.
        path: PathBuf,
        /// Where and why not.
        reason: String,
    },
    /// The address is reachable from elsewhere, and nothing would be encrypted.
    #[error(
        "{0} is reachable from other machines and nothing would be encrypted: give the node a \
         certificate (settings `tls.certificate` and `tls.key`; `weir tls self-signed` makes one), \
         listen on 127.0.0.1, or allow it with --insecure-http (setting `insecure_http`)"
    )]
    InsecureListen(SocketAddr),
    /// A file of TLS cannot be used.
    #[error("{} cannot be used for TLS: {reason}", path.display())]
    Tls {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// The data directory cannot be made or used.
    #[error(
        "data directory {} cannot be used: the node must be able to write there; choose another \
         with --data-dir or mend its permissions", path.display()
    )]
    DataDirectory {
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file of the root access key cannot be read or written.
    #[error(
        "the root access key in {} cannot be used; mend the file, remove it to have a new key \
         made, or configure `auth.keys`", path.display()
    )]
    Credentials {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Signatures are to be verified, and there is no directory to keep a root key in.
    #[error("no access key is configured in `auth.keys`, and there is nowhere to keep a new one")]
    NoAccessKey,
    /// The master key cannot be had from where the configuration says it is.
    #[error("the master key cannot be had from {from}: {reason}")]
    MasterKey {
        /// The setting or file.
        from: String,
        /// Why not.
        reason: String,
    },
    /// The data directory was begun with another master key.
    #[error(
        "{0}: start with the master key that this data directory was begun with (settings \
         `security.master_key`, `.master_key_file`, `.master_key_command`, else the file \
         `master.key` in the directory)"
    )]
    WrongMasterKey(security::Error),
    /// The key ring cannot be started.
    #[error(transparent)]
    Security(security::Error),
    /// Another process uses the data directory.
    #[error(
        "data directory {} is in use by another weir process{}: stop that one, or give this one \
         a directory of its own with --data-dir", path.display(), number(holder)
    )]
    Locked {
        /// The directory.
        path: PathBuf,
        /// The number of that process, if it could be read.
        holder: Option<u32>,
    },
    /// The storage cannot be opened or closed.
    #[error(transparent)]
    Storage(storage::Error),
    /// The streams cannot be started.
    #[error(transparent)]
    Streams(#[from] streams::Error),
    /// A failure stopped the node.
    #[error("the node stopped: {reason}")]
    Stopped {
        /// What failed.
        reason: String,
    },
    /// The stop took longer than its grace.
    #[error("the node did not stop within its grace (`stop_grace`): the next start recovers")]
    StoppedLate,
}

impl From<security::Error> for Error {
    fn from(error: security::Error) -> Self {
        match error {
            security::Error::WrongMasterKey { .. } => Self::WrongMasterKey(error),
            other => Self::Security(other),
        }
    }
}

fn from(origin: &Option<String>) -> String {
    origin.as_ref().map(|origin| format!(" ({origin})")).unwrap_or_default()
}

fn number(holder: &Option<u32>) -> String {
    holder.map(|number| format!(" (number {number})")).unwrap_or_default()
}

/// What this crate's calls answer.
pub type Result<T> = std::result::Result<T, Error>;
