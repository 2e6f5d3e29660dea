//! Objects in memory, as a directory with fsync keeps them: a put is whole and durable when it
//! returns, and happens somewhere before that; a deletion is durable when something else is put
//! beside it, and may be undone by a power loss until then.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::rot::Rot;
use super::{Fate, SimEntropy, full, take_time};
use crate::faults::{Fault, Faults};

/// One read in so many goes astray, while that happens.
const MISDIRECTED_ONE_IN: u64 = 6;

#[derive(Default)]
struct State {
    /// Length and changed bits of each object.
    objects: BTreeMap<Path, (usize, Rot)>,
    /// Deleted, but not durably.
    deleted: BTreeMap<Path, Bytes>,
}

/// The simulated objects. Clones are the same objects.
#[derive(Clone)]
pub struct SimObjects {
    store: Arc<InMemory>,
    state: Arc<Mutex<State>>,
    entropy: Arc<SimEntropy>,
    faults: Arc<Faults>,
}

fn failed(cause: io::Error) -> object_store::Error {
    object_store::Error::Generic { store: "simulated", source: Box::new(cause) }
}

/// What happens in the store happens at once.
fn at_once<T>(work: impl Future<Output = T>) -> T {
    work.now_or_never().expect("a store in memory waits for nothing")
}

fn directory(path: &Path) -> Option<&str> {
    path.as_ref().rsplit_once('/').map(|(directory, _)| directory)
}

impl SimObjects {
    pub(super) fn new(entropy: Arc<SimEntropy>, faults: Arc<Faults>) -> Self {
        Self { store: Arc::default(), state: Arc::default(), entropy, faults }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn end(&self, fate: Fate) {
        if fate == Fate::Kept {
            return;
        }
        let deleted = std::mem::take(&mut self.state().deleted);
        for (path, bytes) in deleted {
            if fate == Fate::Lost || self.entropy.one_in(2) {
                self.state().objects.insert(path.clone(), (bytes.len(), Rot::default()));
                at_once(self.store.put(&path, bytes.into())).expect("memory takes every object");
            }
        }
    }

    pub(super) fn rot(&self, bits: u64) {
        let mut state = self.state();
        for _ in 0..bits {
            let count = state.objects.len();
            let chosen = (count > 0).then(|| self.entropy.index(count));
            let object = chosen.and_then(|index| state.objects.values_mut().nth(index));
            if let Some((length, rot)) = object.filter(|(length, _)| *length > 0) {
                rot.flip(self.entropy.index(*length), self.entropy.within(0..8));
            }
        }
    }

    pub(super) fn is_rotten(&self) -> bool {
        self.state().objects.values().any(|(_, rot)| !rot.is_empty())
    }

    pub(super) fn heal(&self) {
        for (_, rot) in self.state().objects.values_mut() {
            *rot = Rot::default();
        }
    }

    /// As many bytes from the same offset of any object, or from another offset of `path`.
    async fn elsewhere(&self, path: &Path, range: &Range<u64>) -> Result<Bytes> {
        let length = (range.end - range.start) as usize;
        let chosen = {
            let state = self.state();
            state.objects.keys().nth(self.entropy.index(state.objects.len())).cloned()
        };
        let other = chosen.unwrap_or_else(|| path.clone());
        let bytes = self.store.get(&other).await?.bytes().await?;
        let start = match other == *path {
            true => self.entropy.index(bytes.len().max(1)),
            false => range.start as usize,
        };
        let (start, end) = (start.min(bytes.len()), (start + length).min(bytes.len()));
        let mut bytes = bytes[start..end].to_vec();
        bytes.resize(length, 0);
        Ok(bytes.into())
    }
}

impl fmt::Debug for SimObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SimObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("simulated objects")
    }
}

#[async_trait]
impl ObjectStore for SimObjects {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        take_time(&self.entropy, &self.faults).await;
        let fails = self.faults.is_on(Fault::FailedPut) && self.entropy.one_in(2);
        if fails && self.entropy.one_in(2) {
            return Err(failed(io::ErrorKind::ConnectionReset.into()));
        }
        if self.faults.is_on(Fault::FullDisk) {
            return Err(failed(full()));
        }
        let length = payload.content_length();
        let put = self.store.put_opts(location, payload, options).await?;
        {
            let mut state = self.state();
            state.objects.insert(location.clone(), (length, Rot::default()));
            state.deleted.retain(|path, _| directory(path) != directory(location));
        }
        take_time(&self.entropy, &self.faults).await;
        if fails { Err(failed(io::ErrorKind::ConnectionReset.into())) } else { Ok(put) }
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        unimplemented!("the storage puts objects whole")
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let got = self.store.get_opts(location, options).await?;
        let (meta, range) = (got.meta.clone(), got.range.clone());
        let (attributes, extensions) = (got.attributes.clone(), got.extensions.clone());
        let astray = self.faults.is_on(Fault::MisdirectedRead);
        let bytes = if astray && self.entropy.one_in(MISDIRECTED_ONE_IN) {
            self.elsewhere(location, &range).await?
        } else {
            let mut bytes = got.bytes().await?.to_vec();
            if let Some((_, rot)) = self.state().objects.get(location) {
                rot.apply(range.start as usize, &mut bytes);
            }
            bytes.into()
        };
        let payload = GetResultPayload::Stream(futures_util::stream::iter([Ok(bytes)]).boxed());
        Ok(GetResult { payload, meta, range, attributes, extensions })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let objects = self.clone();
        let deleted = locations.then(move |location| {
            let objects = objects.clone();
            async move {
                let location = location?;
                take_time(&objects.entropy, &objects.faults).await;
                let bytes = objects.store.get(&location).await?.bytes().await?;
                objects.store.delete(&location).await?;
                let mut state = objects.state();
                state.objects.remove(&location);
                state.deleted.insert(location.clone(), bytes);
                Ok(location)
            }
        });
        deleted.boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.store.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.store.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, _: &Path, _: &Path, _: CopyOptions) -> Result<()> {
        unimplemented!("the storage copies no objects")
    }
}
