//! What happened in a round, from the node's own numbers and files.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};

/// A journal file begins with what names this use of it.
const HEADER_BYTES: usize = 56;

/// What the directory was when the node had started.
pub(crate) struct Before {
    directory: PathBuf,
    journal: BTreeMap<String, Vec<u8>>,
    manifests: Vec<String>,
}

impl Before {
    pub(crate) fn of(directory: &Path) -> Self {
        let (journal, manifests) = (headers(directory), names(&directory.join("manifest")));
        Self { directory: directory.to_owned(), journal, manifests }
    }

    /// What has not happened yet since then. Retention lets go of nothing in a first round.
    pub(crate) fn missing(&self, endpoint: &str, is_first: bool) -> Vec<&'static str> {
        let page = metrics(endpoint);
        let total = |name: &str| -> f64 {
            let lines = page.lines().filter(|line| line.starts_with(name));
            lines.map(|line| line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()).sum()
        };
        let now = headers(&self.directory);
        let used_again = |(name, old): (&String, &Vec<u8>)| {
            now.get(name).is_some_and(|new| new != old && new.iter().any(|byte| *byte != 0))
        };
        let checks = [
            ("a journal file used again", self.journal.iter().any(used_again)),
            ("a segment cut", total("weir_storage_segment_bytes_total") > 0.0),
            (
                "a manifest switched",
                total("weir_storage_manifest_bytes_total") > 0.0
                    && names(&self.directory.join("manifest")) != self.manifests,
            ),
            ("records expired", is_first || total("weir_streams_expired_records_total") > 0.0),
        ];
        checks.into_iter().filter(|(_, happened)| !happened).map(|(what, _)| what).collect()
    }
}

fn names(directory: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(directory) else { return Vec::new() };
    let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name();
    let mut names: Vec<_> =
        entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// The headers of the journal files. A file may vanish in between.
fn headers(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    let journal = directory.join("journal");
    let header = |name: String| {
        let bytes = std::fs::read(journal.join(&name)).ok()?;
        Some((name, bytes.get(..HEADER_BYTES)?.to_vec()))
    };
    names(&journal).into_iter().filter_map(header).collect()
}

/// The node's page of metrics.
pub(crate) fn metrics(endpoint: &str) -> String {
    let address = endpoint.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    page
}
