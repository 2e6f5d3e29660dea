//! A node of many principals: users, roles, a second account, keys that do not open any more.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::node::{Node, Profile};
use super::{clients, introduce as introduce_node};
use crate::workspace;

/// Longer than the shortest session, which is fifteen minutes.
const BACK_SECONDS: &str = "1200";

/// Starts a node whose principals were made a while ago: `compat/secured/principals.py` makes them
/// with a clock that is back, then the node starts again with the clock of this machine.
pub(super) fn start_node_of_many(weir: &Path, directory: &Path) -> Result<Node> {
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(principals(directory))?;
    let clock = clock()?;
    let set_back = |command: &mut Command| {
        command.env("LD_PRELOAD", &clock).env("CLOCK_BACK_SECONDS", BACK_SECONDS);
    };
    let mut past = Command::new(weir);
    set_back(&mut past);
    let mut node = Node::start(past, Profile::Secured, directory)?;
    let python = clients::python("boto3", "compat/python/requirements.txt")?;
    let mut make = Command::new(python);
    make.arg("compat/secured/principals.py").arg(principals(directory));
    make.arg("compat/secured/cases.txt").env("WEIR", weir);
    introduce_node(&mut make, &node, Profile::Secured);
    set_back(&mut make);
    if let Err(error) = workspace::run(&mut make) {
        println!("what the node said:\n{}", node.said());
        return Err(error);
    }
    node.stop()?;
    Node::start(Command::new(weir), Profile::Secured, directory)
}

/// Tells a client who it can be, and what each is told.
pub(super) fn introduce(command: &mut Command, directory: &Path) {
    command
        .env("AWS_SHARED_CREDENTIALS_FILE", principals(directory).join("credentials"))
        .env("WEIR_CASES", principals(directory).join("cases.txt"));
}

fn principals(directory: &Path) -> PathBuf {
    directory.join("principals")
}

/// What sets a program's clock back, for the dynamic linker.
fn clock() -> Result<PathBuf> {
    let library = workspace::scratch().join("clock.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library);
    workspace::run(compiler.arg("compat/secured/clock.c").arg("-ldl"))?;
    Ok(library)
}
