//! The world that a node runs in: what a simulation replaces, and nothing that is a setting.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::ObjectStore;
use runtime::{
    Clock, Disk, Entropy, LocalDisk, LocalObjects, Net, SystemClock, SystemEntropy, Tasks, TcpNet,
};
use tempfile::TempDir;

use crate::{Config, Error, Result};

/// Time, chance, network, disk and tasks of one node.
pub struct World {
    /// Wall-clock time.
    pub clock: Arc<dyn Clock>,
    /// Keys, ids, salts.
    pub entropy: Arc<dyn Entropy>,
    /// Where the node listens.
    pub net: Arc<dyn Net>,
    /// The journal.
    pub disk: Arc<dyn Disk>,
    /// The segments.
    pub objects: Arc<dyn ObjectStore>,
    /// Runs the node, and stops it.
    pub tasks: Tasks,
    /// The directory behind the disk.
    pub home: Home,
}

/// The directory behind a node's disk.
pub enum Home {
    /// It stays.
    Kept(PathBuf),
    /// It is removed with the node.
    Ephemeral(TempDir),
    /// There is none: the disk is simulated, and the master key must be configured, as must the
    /// access keys of a node that verifies.
    Nowhere,
}

impl Home {
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Kept(path) => Some(path),
            Self::Ephemeral(directory) => Some(directory.path()),
            Self::Nowhere => None,
        }
    }
}

impl World {
    /// This machine, with the directory that `config` names.
    pub fn real(config: &Config) -> Result<Self> {
        let unusable = |source| Error::DataDirectory { path: config.data_dir.clone(), source };
        let home = match config.ephemeral {
            true => {
                let mut temporary = tempfile::Builder::new();
                Home::Ephemeral(temporary.prefix("weir-").tempdir().map_err(unusable)?)
            }
            false => Home::Kept(config.data_dir.clone()),
        };
        let path = home.path().expect("both kinds are somewhere");
        let disk = LocalDisk::new(path).map_err(unusable)?;
        let objects =
            LocalObjects::new(path).map_err(|error| unusable(std::io::Error::other(error)))?;
        Ok(Self {
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
            net: Arc::new(TcpNet),
            disk: Arc::new(disk),
            objects: Arc::new(objects),
            tasks: Tasks::default(),
            home,
        })
    }
}
