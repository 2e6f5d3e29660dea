//! A directory as an object store, for a node that writes its segments once and reads few of them.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path as FilePath, PathBuf};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result,
};

use crate::direct;
use crate::pages::{PAGE_BYTES, Pages};

/// Smaller objects are written as [`LocalFileSystem`] does it.
const LARGE_BYTES: usize = 1 << 20;
/// A large object is written in pieces of this size.
const PIECE_BYTES: usize = 4 << 20;

/// A directory of the machine's file system. What a put has answered is durable.
///
/// Large objects go around the page cache, which costs a fraction of the processor time and leaves
/// the cache to those who read.
#[derive(Debug)]
pub struct LocalObjects {
    root: PathBuf,
    files: LocalFileSystem,
}

impl std::fmt::Display for LocalObjects {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.files.fmt(f)
    }
}

impl LocalObjects {
    /// Uses `root`, which must exist.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self> {
        let root = root.into();
        let files = LocalFileSystem::new_with_prefix(&root)?.with_fsync(true);
        Ok(Self { root, files })
    }
}

/// Writes a file under another name, then gives it its own.
fn put_large(root: &FilePath, path: &FilePath, payload: &PutPayload) -> io::Result<()> {
    let mut staged = path.as_os_str().to_owned();
    // The form in which `LocalFileSystem` names what is not whole yet, and hides it.
    staged.push("#1");
    let staged = PathBuf::from(staged);
    let directory = path.parent().ok_or(io::ErrorKind::InvalidInput)?;
    if !directory.is_dir() {
        fs::create_dir_all(directory)?;
        File::open(root)?.sync_all()?;
    }
    let written = write_file(&staged, payload).and_then(|()| fs::rename(&staged, path));
    if let Err(error) = written {
        // Opening removes what stays behind.
        let _ = fs::remove_file(&staged);
        return Err(error);
    }
    File::open(directory)?.sync_all()
}

fn write_file(path: &FilePath, payload: &PutPayload) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    let file = direct::open(&mut options, path, direct::Durable::Later)?;
    let length = payload.content_length();
    let mut pages = Pages::with_capacity(length.min(PIECE_BYTES).next_multiple_of(PAGE_BYTES));
    let mut position = 0;
    for mut part in payload.iter().map(|part| &part[..]) {
        while !part.is_empty() {
            let (now, later) = part.split_at(part.len().min(pages.room()));
            pages.extend(now);
            part = later;
            if pages.room() == 0 {
                file.write_all_at(&pages, position)?;
                position += pages.len() as u64;
                pages.clear();
            }
        }
    }
    pages.pad();
    file.write_all_at(&pages, position)?;
    file.set_len(length as u64)?;
    file.sync_all()
}

#[async_trait]
impl ObjectStore for LocalObjects {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let plain = options.mode == PutMode::Overwrite && options.attributes.is_empty();
        if !plain || payload.content_length() < LARGE_BYTES {
            return self.files.put_opts(location, payload, options).await;
        }
        let (root, path) = (self.root.clone(), self.files.path_to_filesystem(location)?);
        let put = tokio::task::spawn_blocking(move || put_large(&root, &path, &payload));
        let put = put.await.map_err(|source| Error::JoinError { source })?;
        put.map_err(|error| Error::Generic { store: "LocalObjects", source: error.into() })?;
        Ok(PutResult { e_tag: None, version: None, extensions: Default::default() })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.files.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.files.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.files.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;

    #[tokio::test]
    async fn a_large_object_reads_as_it_was_put_and_leaves_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let objects = LocalObjects::new(directory.path()).unwrap();
        let path = Path::from("segments/1.seg");
        // Not whole pages, more than one piece, parts of many sizes, put over what was there.
        for bytes in [LARGE_BYTES - 1, LARGE_BYTES, 2 * PIECE_BYTES, PIECE_BYTES + 12_345] {
            let bytes: Vec<u8> = (0..bytes).map(|at| (at / 7) as u8).collect();
            let parts = bytes.chunks(70_001).map(Bytes::copy_from_slice);
            objects.put(&path, parts.collect()).await.unwrap();
            assert!(objects.get(&path).await.unwrap().bytes().await.unwrap() == bytes);
        }
        let names = fs::read_dir(directory.path().join("segments")).unwrap();
        assert_eq!(names.map(|name| name.unwrap().file_name()).collect::<Vec<_>>(), ["1.seg"]);
    }
}
