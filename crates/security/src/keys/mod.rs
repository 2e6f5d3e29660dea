//! The key ring: the keys that encrypt, in a table, wrapped by the master key.

use bytes::Bytes;
use storage::{Change, LogId, Storage, Table};

use crate::error::Result;
use crate::master_key::MasterKey;

/// The key ring's table.
const LOG: LogId = LogId(3);

/// Where the sample is that tells whether a master key is the right one.
const SAMPLE_KEY: &[u8] = b"m";
const SAMPLE: &str = "the data directory";

/// The keys of a node. Cheap to clone.
#[derive(Clone)]
pub struct KeyRing {
    _table: Table,
}

impl KeyRing {
    /// Loads the ring. Refuses a master key that is not the one which the data directory was
    /// begun with.
    pub async fn start(storage: &Storage, master: &MasterKey) -> Result<Self> {
        let table = storage.table(LOG).await?;
        match table.get(SAMPLE_KEY) {
            Some(sample) => {
                master.unwrap(SAMPLE, &sample)?;
            }
            None => {
                let (key, value) = (Bytes::from_static(SAMPLE_KEY), master.wrap(SAMPLE, b""));
                let put = Change::Put { key, value: value.into() };
                table.transact(table.version(), vec![put]).await?;
            }
        }
        Ok(Self { _table: table })
    }
}
