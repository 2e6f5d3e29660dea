//! The project's own automation: `cargo xtask <command>`.
//!
//! What a newcomer needs is `cargo test`; what continuous integration runs on top is `cargo xtask ci`.
#![expect(clippy::print_stdout, reason = "a command-line program talks to its user")]

mod ci;
mod compare;
mod compat;
mod docs;
mod example;
mod libfuzzer;
mod measure;
mod packages;
mod process;
mod prove;
mod tidy;
mod workspace;

use clap::Parser;

/// The project's own automation.
#[derive(Parser)]
#[command(bin_name = "cargo xtask")]
enum Command {
    /// Check what the compiler cannot: crate edges, file sizes, names, links, generated pages
    Tidy,
    /// Write the generated pages of docs/
    Docs,
    /// Run official clients against a real node
    Compat(compat::Args),
    /// Run examples/flights against a real node
    Example,
    /// Measure the figures of docs/performance.md
    Measure(measure::Args),
    /// Run what is tested by chance for longer than `cargo test` does
    Prove(prove::Args),
    /// Run every target of fuzz/ under libFuzzer
    Libfuzzer(libfuzzer::Args),
    /// Run Weir beside other servers
    Compare(compare::Args),
    /// Everything that continuous integration checks after `cargo test`
    Ci,
}

fn main() -> anyhow::Result<()> {
    match Command::parse() {
        Command::Tidy => tidy::run(),
        Command::Docs => docs::write(),
        Command::Compat(args) => compat::run(&args),
        Command::Example => example::run(),
        Command::Measure(args) => measure::run(&args),
        Command::Prove(args) => prove::run(&args),
        Command::Libfuzzer(args) => libfuzzer::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Ci => ci::run(),
    }
}
