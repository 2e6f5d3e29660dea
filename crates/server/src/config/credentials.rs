//! The root access key that the first start of a verifying node makes.
//!
//! Kept in the form of an AWS credentials file, so that
//! `AWS_SHARED_CREDENTIALS_FILE=<data_dir>/credentials` is all a client on the machine needs.
//! The file is written under another name and then renamed: it is whole or it is not there.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use runtime::Entropy;

use crate::config::{AccessKey, Secret};
use crate::{Error, Result};

const FILE: &str = "credentials";
const HALF_WRITTEN: &str = "credentials.new";
const ID_PREFIX: &str = "AKIA";
const ID_CHARS: usize = 20;
const SECRET_CHARS: usize = 40;

/// The root key kept in `directory`, and whether it was made just now.
pub(crate) fn load_or_create_root_key(
    directory: &Path,
    entropy: &dyn Entropy,
) -> Result<(AccessKey, bool)> {
    let path = directory.join(FILE);
    let failed = |source| Error::Credentials { path: path.clone(), source };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            let key = parse(&text).ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
            Ok((key, false))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let key = generate(entropy);
            write(directory, &key).map_err(failed)?;
            Ok((key, true))
        }
        Err(error) => Err(failed(error)),
    }
}

fn generate(entropy: &dyn Entropy) -> AccessKey {
    // AWS's own alphabets: base 32 for the id, base 64 for the secret.
    let id = random_text(entropy, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ID_CHARS - ID_PREFIX.len());
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let secret = random_text(entropy, alphabet, SECRET_CHARS);
    AccessKey { access_key_id: format!("{ID_PREFIX}{id}"), secret_access_key: Secret::new(secret) }
}

/// `alphabet` has a power of two letters, so every letter is equally likely.
fn random_text(entropy: &dyn Entropy, alphabet: &[u8], length: usize) -> String {
    let mut bytes = vec![0; length];
    entropy.fill(&mut bytes);
    bytes.iter().map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()])).collect()
}

fn write(directory: &Path, key: &AccessKey) -> io::Result<()> {
    let text = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        key.access_key_id,
        key.secret_access_key.expose(),
    );
    let half_written = directory.join(HALF_WRITTEN);
    match std::fs::remove_file(&half_written) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&half_written)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&half_written, directory.join(FILE))?;
    std::fs::OpenOptions::new().read(true).open(directory)?.sync_all()
}

fn parse(text: &str) -> Option<AccessKey> {
    let value_of = |name: &str| {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let mut values = pairs.filter(|(key, _)| key.trim() == name);
        values.next().map(|(_, value)| value.trim().to_owned()).filter(|value| !value.is_empty())
    };
    Some(AccessKey {
        access_key_id: value_of("aws_access_key_id")?,
        secret_access_key: Secret::new(value_of("aws_secret_access_key")?),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use runtime::SystemEntropy;

    use super::*;

    #[test]
    fn the_first_start_makes_a_key_that_only_its_owner_can_read_and_later_starts_find_it() {
        let directory = tempfile::tempdir().unwrap();
        let (made, new) = load_or_create_root_key(directory.path(), &SystemEntropy).unwrap();
        assert!(new);
        assert!(made.access_key_id.starts_with("AKIA"));
        assert_eq!(made.access_key_id.len(), 20);
        assert_eq!(made.secret_access_key.expose().len(), 40);
        let mode = std::fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let (found, new) = load_or_create_root_key(directory.path(), &SystemEntropy).unwrap();
        assert!(!new);
        assert_eq!(found.access_key_id, made.access_key_id);
        assert_eq!(found.secret_access_key.expose(), made.secret_access_key.expose());
    }

    #[test]
    fn a_start_cut_off_while_writing_the_key_is_repeated_by_the_next() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(HALF_WRITTEN), "[default]\naws_acc").unwrap();
        let (_, new) = load_or_create_root_key(directory.path(), &SystemEntropy).unwrap();
        assert!(new);
        assert!(!directory.path().join(HALF_WRITTEN).exists());
    }

    #[test]
    fn a_credentials_file_without_a_key_is_refused_rather_than_replaced() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(FILE), "[default]\n").unwrap();
        let error = load_or_create_root_key(directory.path(), &SystemEntropy).err().unwrap();
        assert!(error.to_string().contains("credentials"), "{error}");
    }
}
