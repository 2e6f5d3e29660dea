//! The saved inputs of a target.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// The inputs of one target, in the order of their names.
pub struct Corpus {
    /// Each with the name of its file.
    pub inputs: Vec<(String, Vec<u8>)>,
}

impl Corpus {
    /// Where the inputs of a target are in the sources.
    pub fn directory(target: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target)
    }

    /// Reads those of a target.
    pub fn load(target: &str) -> io::Result<Self> {
        let mut inputs = Vec::new();
        for entry in fs::read_dir(Self::directory(target))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            inputs.push((name, fs::read(path)?));
        }
        inputs.sort();
        Ok(Self { inputs })
    }
}
