//! What manifest and segments say is there, before the journal is read. Changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;

use crate::error::{Damage, Error, Result};
use crate::manifest::{self, Manifest};
use crate::segment::{Segment, reader};

/// The newest manifest and the segments that are there.
pub(crate) struct Stored {
    pub manifest: Manifest,
    /// Size of every segment that is there, named by the manifest or not.
    pub sizes: BTreeMap<Path, u64>,
}

impl Stored {
    pub(crate) async fn read(objects: &Arc<dyn ObjectStore>) -> Result<Self> {
        let manifest = manifest::newest(objects).await?.unwrap_or_default();
        let listed = objects.list(Some(&Path::from(reader::DIRECTORY)));
        let sizes = listed.map_ok(|meta| (meta.location, meta.size)).try_collect().await;
        let sizes = sizes.map_err(|error| Error::objects("listing the segments", error))?;
        Ok(Self { manifest, sizes })
    }

    /// What is wrong with `segment` as far as its name and size show.
    pub(crate) fn damage(&self, segment: &Segment) -> Option<Damage> {
        let path = reader::path(segment.number);
        let what = match self.sizes.get(&path) {
            Some(size) if *size == segment.bytes => return None,
            Some(size) => format!("it has {size} bytes, the manifest says {}", segment.bytes),
            None => "it is missing, and the manifest names it".to_owned(),
        };
        Some(Damage::new(path.as_ref(), 0, what))
    }

    /// The segments that no manifest names: left by a stop before their manifest.
    pub(crate) fn orphans(&self) -> Vec<Path> {
        let named = self.manifest.segments.iter().map(|segment| reader::path(segment.number));
        let named: BTreeSet<Path> = named.collect();
        self.sizes.keys().filter(|path| !named.contains(path)).cloned().collect()
    }

    /// Segments without a manifest are fine only before the first one, while the journal still
    /// has its first chunk.
    pub(crate) fn refuse_lost_manifest(&self, next_chunk: u64) -> Result<()> {
        if self.manifest.number > 0 || self.sizes.is_empty() || next_chunk > 1 {
            return Ok(());
        }
        let what = "there are segments, but neither a manifest nor a journal";
        Err(Damage::new(manifest::DIRECTORY, 0, what).into())
    }
}
