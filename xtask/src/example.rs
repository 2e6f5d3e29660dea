//! The worked example with real input, run as its reader would run it.

use std::process::Command;

use anyhow::Result;

use crate::compat;
use crate::workspace;

pub(crate) fn run() -> Result<()> {
    let weir = compat::build(false)?;
    let mut example = Command::new("python3");
    example.arg("examples/flights/flights.py").arg("--weir").arg(weir);
    workspace::run(&mut example)
}
