//! A file system that at one moment loses everything that was not synced.
//!
//! An image with ext4 is mounted; under load the file system is told to shut down without writing
//! its journal, which drops all that it has in memory. Mounting it again is what a machine does
//! after a power failure.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::mounted::{Mounted, may};
use super::traffic::{Told, reshard};
use super::trial::{STREAM, Trial, each, rounds};
use weir_client::Encoding;

const IMAGE_BYTES: u64 = 96 << 20;

#[tokio::test]
async fn acknowledged_records_survive_a_disk_that_loses_what_was_not_synced() {
    let mut trial = Trial::new(&["stop_grace=2s"]);
    let Some(mut image) = Image::new(trial.directory.path(), &trial.data()) else { return };
    for round in 0..rounds(2) {
        let node = trial.start().await;
        let changer = trial.client(&node, Encoding::Json);
        let batches = 5 + trial.chance.u64(..100);
        trial
            .work_until(&node, async |heard| {
                each(heard, Told::Acknowledged, 5).await;
                reshard(&changer, STREAM).await.unwrap();
                for _ in 0..batches {
                    heard.recv().await.unwrap();
                }
                image.fail();
                each(heard, Told::Failed, 1).await;
            })
            .await;
        let (status, _, errors) = node.wait();
        assert_eq!(status.code(), Some(1), "it cannot go on: {errors}");
        assert!(errors.contains("the journal failed"), "{errors}");
        image.mount_again();
        trial.check();
        eprintln!("round {round}: {} records kept", trial.ledger.acknowledged().len());
    }
    trial.finish().await;
}

struct Image {
    file: PathBuf,
    shutdown: PathBuf,
    mounted: Option<Mounted>,
}

impl Image {
    fn new(directory: &Path, at: &Path) -> Option<Self> {
        let (file, shutdown) = (directory.join("image"), directory.join("shutdown"));
        may(Command::new("truncate").arg("-s").arg(IMAGE_BYTES.to_string()).arg(&file))?;
        may(Command::new("mkfs.ext4").args(["-q", "-F"]).arg(&file))?;
        let source = directory.join("shutdown.c");
        std::fs::write(&source, include_str!("shutdown.c")).unwrap();
        let compiled = Command::new("cc").arg("-o").arg(&shutdown).arg(&source).status();
        assert!(compiled.unwrap().success());
        let mounted = Mounted::new(&["-o", "loop"], &file, at)?;
        Some(Self { file, shutdown, mounted: Some(mounted) })
    }

    fn at(&self) -> &Path {
        &self.mounted.as_ref().unwrap().at
    }

    /// A file that is not synced, which shows that such things are lost.
    fn unsynced(&self) -> PathBuf {
        self.at().join("unsynced")
    }

    /// Loses everything that was not synced, and takes nothing any more.
    fn fail(&self) {
        std::fs::write(self.unsynced(), "lost").unwrap();
        assert!(Command::new(&self.shutdown).arg(self.at()).status().unwrap().success());
    }

    fn mount_again(&mut self) {
        let at = self.at().to_owned();
        drop(self.mounted.take());
        let mounted = Mounted::new(&["-o", "loop"], &self.file, &at);
        self.mounted = Some(mounted.expect("what could be mounted once can be again"));
        let unsynced = std::fs::read(self.unsynced()).unwrap_or_default();
        assert!(unsynced.is_empty(), "the file system has lost nothing");
        // File systems write one that is overwritten soon, so that it is not there next time.
        let _ = std::fs::remove_file(self.unsynced());
    }
}
