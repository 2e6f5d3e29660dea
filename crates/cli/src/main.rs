//! The binary `weir`: a node to run, and commands for people and scripts that use one.
//!
//! What this is not: a place for rules. `dev` and `serve` start `server::Node`; everything else
//! is a client of the public API through `weir-client`, except `check`, which reads a stopped
//! node's directory.

mod commands;
mod environment;
mod exit;
mod output;
mod profile;

use std::process::ExitCode;

use clap::Parser;

use crate::commands::Command;
use crate::exit::Exit;

/// An open, durable, Amazon-Kinesis-compatible streaming platform.
#[derive(Parser)]
#[command(name = "weir", version, max_term_width = 100, after_help = START)]
struct Weir {
    #[command(subcommand)]
    command: Command,
}

const START: &str = "\
To begin, in two terminals:
  weir dev
  weir streams create events --shards 2 --wait && seq 5 | weir put events && weir tail events -e

Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration, 3 damaged data,
4 unavailable (trying again later may help).";

fn main() -> ExitCode {
    let weir = Weir::parse();
    match commands::run(weir.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            let exit = Exit::of(&error);
            if exit != Exit::Done {
                report(&error);
            }
            exit.into()
        }
    }
}

/// Prints the error and what caused it, once.
fn report(error: &anyhow::Error) {
    output::note(format_args!("{}: {error:#}", output::styled(output::BAD, "error")));
}
