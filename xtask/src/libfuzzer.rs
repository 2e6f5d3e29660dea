//! Every target of `fuzz/` under libFuzzer, for an equal share of the time each.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, iter};

use anyhow::{Context, Result, ensure};

use crate::packages;
use crate::prove::duration;
use crate::workspace::{self, cargo};

const CARGO_FUZZ: &str = "cargo-fuzz@0.13.2";

/// Arguments of `cargo xtask libfuzzer`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long in all, building left out
    #[arg(long = "for", default_value = "10m", value_name = "TIME", value_parser = duration)]
    time: Duration,
    /// Where chance begins; 0 lets libFuzzer choose
    #[arg(long, default_value_t = 0)]
    seed: u32,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let programs = match packages::crate_programs(&home().join("programs"), CARGO_FUZZ) {
        Ok(programs) => programs,
        Err(error) => {
            println!("SKIPPED: {CARGO_FUZZ} cannot be installed: {error:#}");
            return Ok(());
        }
    };
    let targets = targets()?;
    for target in &targets {
        if let Err(error) = workspace::run(fuzz(&programs, "build")?.arg(target)) {
            println!("SKIPPED: {target} cannot be built, which takes a C++ compiler: {error:#}");
            return Ok(());
        }
    }
    let seconds = (args.time.as_secs() / targets.len() as u64).max(1);
    for target in &targets {
        let mut run = fuzz(&programs, "run")?;
        run.arg(target).args(corpora(target)?).arg("--").arg("-print_final_stats=1");
        run.arg(format!("-max_total_time={seconds}")).arg(format!("-seed={}", args.seed));
        println!("{target:<16} {:>12} executions", executions(&mut run)?);
    }
    Ok(())
}

/// Everything of this command; safe to delete at any time.
fn home() -> PathBuf {
    workspace::root().join("target/libfuzzer")
}

/// `cargo fuzz`, without a sanitizer: those need a nightly compiler, and there is no `unsafe` here.
fn fuzz(programs: &Path, action: &str) -> Result<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = iter::once(programs.to_owned()).chain(std::env::split_paths(&path));
    let mut fuzz = cargo(&["fuzz", action, "-s", "none", "--features", "libfuzzer"]);
    fuzz.env("PATH", std::env::join_paths(path)?);
    // Optimizing while linking loses the counters by which libFuzzer finds its way.
    fuzz.env("CARGO_PROFILE_RELEASE_LTO", "off");
    Ok(fuzz)
}

fn targets() -> Result<Vec<String>> {
    let files = fs::read_dir(workspace::root().join("fuzz/fuzz_targets"))?;
    let stems = files.map(|file| Ok(file?.path().with_extension("")));
    let stems = stems.collect::<Result<BTreeSet<PathBuf>>>()?;
    let name = |stem: &PathBuf| Some(stem.file_name()?.to_string_lossy().into_owned());
    Ok(stems.iter().filter_map(name).collect())
}

/// Where libFuzzer keeps what reaches new code, and what it begins with.
fn corpora(target: &str) -> Result<[PathBuf; 2]> {
    let found = home().join("corpus").join(target);
    fs::create_dir_all(&found)?;
    Ok([found, workspace::root().join("fuzz/corpus").join(target)])
}

fn executions(run: &mut Command) -> Result<u64> {
    let output = run.current_dir(workspace::root()).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}\n{told}", output.status);
    let mut lines = told.lines();
    let number = lines.find_map(|line| line.strip_prefix("stat::number_of_executed_units:"));
    Ok(number.context("libFuzzer does not say how many inputs it ran")?.trim().parse()?)
}
