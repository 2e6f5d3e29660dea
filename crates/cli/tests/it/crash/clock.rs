//! A clock that goes as the machine's, but further ahead with every round.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use model::Timestamp;
use runtime::{Clock, SystemClock};

/// The clock of the nodes of a test.
#[derive(Clone)]
pub(crate) struct ShiftedClock {
    library: PathBuf,
    ahead: Duration,
}

impl ShiftedClock {
    /// Compiles what moves the clock; the product needs a C compiler as well.
    pub(crate) fn new(directory: &Path) -> Self {
        let (source, library) = (directory.join("clock.c"), directory.join("clock.so"));
        std::fs::write(&source, include_str!("clock.c")).unwrap();
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source);
        assert!(compiler.status().unwrap().success());
        Self { library, ahead: Duration::ZERO }
    }

    /// Moves the nodes that are started from now on.
    pub(crate) fn jump(&mut self, further: Duration) {
        self.ahead += further;
    }

    /// The time as a node tells it.
    pub(crate) fn now(&self) -> Timestamp {
        let ahead = u64::try_from(self.ahead.as_millis()).unwrap();
        Timestamp::from_millis(SystemClock.now().as_millis() + ahead)
    }

    /// Gives the clock to a node.
    pub(crate) fn give_to(&self, node: &mut Command) {
        node.env("LD_PRELOAD", &self.library);
        node.env("CLOCK_SECONDS_AHEAD", self.ahead.as_secs().to_string());
    }
}
