//! The master key: from where the configuration says, or from the file that the first start makes.
//!
//! The file is written under another name and then renamed: it is whole or it is not there. A
//! file that others than its owner may read is refused, wherever it came from.

use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use runtime::Entropy;
use security::MasterKey;

use crate::config::Security;
use crate::{Error, Result};

const FILE: &str = "master.key";
const HALF_WRITTEN: &str = "master.key.new";

/// Permissions of others than the owner.
const OTHERS: u32 = 0o077;

/// The master key that `settings` name, else the one kept in `home`, made if it is not there.
pub(crate) fn load_or_create_master_key(
    settings: &Security,
    home: Option<&Path>,
    entropy: &Arc<dyn Entropy>,
) -> Result<MasterKey> {
    let Security { master_key, master_key_file: file, master_key_command: command } = settings;
    if !master_key.expose().is_empty() {
        return parse("setting `security.master_key`", master_key.expose(), entropy);
    }
    if !command.is_empty() {
        let from = "setting `security.master_key_command`";
        return parse(from, &printed_by(command).map_err(|e| failed(from, e))?, entropy);
    }
    if !file.as_os_str().is_empty() {
        return read(file, entropy);
    }
    let Some(home) = home else {
        return Err(failed("nowhere", "none is configured and there is no data directory"));
    };
    let path = home.join(FILE);
    match std::fs::exists(&path) {
        Ok(true) => read(&path, entropy),
        Ok(false) => create(home, entropy),
        Err(error) => Err(failed(path.display(), error)),
    }
}

fn failed(from: impl ToString, reason: impl ToString) -> Error {
    Error::MasterKey { from: from.to_string(), reason: reason.to_string() }
}

fn parse(from: impl ToString, text: &str, entropy: &Arc<dyn Entropy>) -> Result<MasterKey> {
    MasterKey::parse(text, entropy.clone()).map_err(|error| failed(from, error))
}

fn read(path: &Path, entropy: &Arc<dyn Entropy>) -> Result<MasterKey> {
    let unreadable = |error| failed(path.display(), error);
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & OTHERS != 0 {
        let mode = mode & 0o777;
        let reason = format!("others may read or write it (mode {mode:03o}): chmod 600 it");
        return Err(failed(path.display(), reason));
    }
    parse(path.display(), &std::fs::read_to_string(path).map_err(unreadable)?, entropy)
}

/// What the command prints; its standard error is ours, and nothing it prints is told in errors.
fn printed_by(command: &str) -> io::Result<String> {
    let mut shell = Command::new("sh");
    let output = shell.arg("-c").arg(command).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("the command ended with {}", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| io::Error::other("it printed no text"))
}

fn create(home: &Path, entropy: &Arc<dyn Entropy>) -> Result<MasterKey> {
    let key = MasterKey::generate(entropy.clone());
    write(home, &key).map_err(|error| failed(home.join(FILE).display(), error))?;
    Ok(key)
}

fn write(home: &Path, key: &MasterKey) -> io::Result<()> {
    let half_written = home.join(HALF_WRITTEN);
    match std::fs::remove_file(&half_written) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(&half_written)?;
    file.write_all(format!("{}\n", key.text()).as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&half_written, home.join(FILE))?;
    std::fs::OpenOptions::new().read(true).open(home)?.sync_all()
}

#[cfg(test)]
mod tests {
    use runtime::SystemEntropy;

    use super::*;
    use crate::config::Secret;

    fn load(settings: &Security, home: Option<&Path>) -> Result<MasterKey> {
        let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
        load_or_create_master_key(settings, home, &entropy)
    }

    fn some_key() -> MasterKey {
        MasterKey::generate(Arc::new(SystemEntropy))
    }

    #[test]
    fn the_first_start_makes_a_key_that_only_its_owner_can_read_and_later_starts_find_it() {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(HALF_WRITTEN), "cut off").unwrap();
        let made = load(&Security::default(), Some(home.path())).unwrap();
        let path = home.path().join(FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!home.path().join(HALF_WRITTEN).exists());
        let found = load(&Security::default(), Some(home.path())).unwrap();
        assert_eq!(found.text(), made.text());
    }

    #[test]
    fn a_key_comes_from_the_setting_the_file_or_the_command() {
        let (home, key) = (tempfile::tempdir().unwrap(), some_key());
        let file = home.path().join("mine");
        std::fs::write(&file, key.text()).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o400)).unwrap();
        let command = format!("cat {}", file.display());
        for settings in [
            Security { master_key: Secret::new(key.text()), ..Security::default() },
            Security { master_key_file: file.clone(), ..Security::default() },
            Security { master_key_command: command, ..Security::default() },
        ] {
            assert_eq!(load(&settings, Some(home.path())).unwrap().text(), key.text());
        }
        assert!(!home.path().join(FILE).exists(), "none was made");
    }

    #[test]
    fn a_key_that_others_can_read_is_refused_with_the_remedy() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        std::fs::write(&path, some_key().text()).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = load(&Security::default(), Some(home.path())).err().unwrap().to_string();
        assert!(error.contains("640") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn what_is_no_key_is_refused_without_being_repeated() {
        let failing = Security { master_key_command: "exit 3".into(), ..Security::default() };
        let error = load(&failing, None).err().unwrap().to_string();
        assert!(
            error.contains("exit status: 3") && error.contains("master_key_command"),
            "{error}"
        );

        let wrong = Security { master_key_command: "echo sesame".into(), ..Security::default() };
        let error = load(&wrong, None).err().unwrap().to_string();
        assert!(error.contains("32 bytes") && !error.contains("sesame"), "{error}");

        let error = load(&Security::default(), None).err().unwrap().to_string();
        assert!(error.contains("none is configured"), "{error}");
    }
}
