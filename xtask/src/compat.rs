//! Official clients against a real node: they decide what compatible means.
//!
//! Every suite is an outside program under `compat/`. It gets a node of its own, started on a free
//! port with an empty data directory, and learns of it through the environment.

mod certificate;
mod clients;
mod node;
mod principals;
mod suites;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::workspace::{self, Stopwatch};
use node::{Node, Profile};
use suites::{AT_MOST, SUITES, Suite};

pub(crate) use suites::is_of_rust;

/// Arguments of `cargo xtask compat`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only these suites
    suites: Vec<String>,
    /// Build and run the debug binary
    #[arg(long)]
    debug: bool,
}

pub(crate) fn run(args: &Args) -> Result<()> {
    let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
    for name in &args.suites {
        ensure!(known.contains(&name.as_str()), "no suite {name}, only {}", known.join(", "));
    }
    let all = args.suites.is_empty();
    let weir = build(args.debug)?;
    run_those(&weir, |name| all || args.suites.iter().any(|wanted| wanted == name))
}

/// The suites whose names are `wanted`, with the binary as users get it.
pub(crate) fn run_release(wanted: fn(&str) -> bool) -> Result<()> {
    run_those(&build(false)?, wanted)
}

/// Builds the binary `weir` and says where it is.
pub(crate) fn build(debug: bool) -> Result<PathBuf> {
    let profile = if debug { "dev" } else { "release" };
    workspace::run(&mut workspace::cargo(&["build", "--package=weir", "--profile", profile]))?;
    let folder = if debug { "debug" } else { "release" };
    // Where cargo put this program too, whatever CARGO_TARGET_DIR or its configuration says.
    let itself = std::env::current_exe()?;
    let target = itself.ancestors().nth(2).context("this program is in a profile's folder")?;
    Ok(target.join(folder).join("weir"))
}

fn run_those(weir: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
    let mut failed = Vec::new();
    let mut report = Vec::new();
    let wanted: Vec<&Suite> = SUITES.iter().filter(|suite| wanted(suite.name)).collect();
    if wanted.iter().any(|suite| suite.node.encrypts()) {
        certificate::make(weir)?;
    }
    for suite in wanted {
        println!("--- {}", suite.name);
        let mut command = (suite.prepare)()?;
        let stopwatch = Stopwatch::start();
        let outcome = run_suite(suite, weir, &mut command);
        let verdict = if outcome.is_ok() { "ok" } else { "FAILED" };
        let seconds = stopwatch.elapsed().as_secs_f64();
        report.push(format!("{:15} {verdict:6} {seconds:5.1} s", suite.name));
        if let Err(error) = outcome {
            println!("{}: {error:#}", suite.name);
            failed.push(suite.name);
        }
    }
    // A single suite has said all there is to say.
    if report.len() > 1 {
        println!("---\n{}", report.join("\n"));
    }
    if !failed.is_empty() {
        bail!("compat: {} failed", failed.join(", "));
    }
    Ok(())
}

fn run_suite(suite: &Suite, weir: &Path, command: &mut Command) -> Result<()> {
    let directory = workspace::scratch().join("nodes").join(suite.name);
    let mut node = match suite.node {
        Profile::Secured => principals::start_node_of_many(weir, &directory)?,
        profile => Node::start_fresh(weir, profile, &directory)?,
    };
    introduce(command, &node, suite.node);
    if matches!(suite.node, Profile::Secured) {
        principals::introduce(command, &directory);
    }
    let outcome = workspace::run_within(AT_MOST, command);
    if outcome.is_err() {
        println!("what the node said:\n{}", node.said());
    }
    // A node that ended by itself failed, whatever the clients made of it.
    node.stop()?;
    outcome
}

/// Tells a client where the node is, and shields it from the settings of whoever runs this.
fn introduce(command: &mut Command, node: &Node, profile: Profile) {
    for variable in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"] {
        command.env_remove(variable);
    }
    command
        .env("WEIR_ENDPOINT", node.endpoint())
        .env("AWS_ENDPOINT_URL", node.endpoint())
        .env("AWS_REGION", "us-east-1")
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_CONFIG_FILE", workspace::scratch().join("no-such-file"))
        // What `weir serve` made at its first start; `weir dev` makes none and takes any key.
        .env("AWS_SHARED_CREDENTIALS_FILE", node.data_directory().join("credentials"))
        .env("NO_PROXY", "127.0.0.1")
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if profile.encrypts() {
        for variable in ["WEIR_CERTIFICATE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"] {
            command.env(variable, certificate::certificate());
        }
    }
    if profile.verifies() {
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
    } else {
        command.env("AWS_ACCESS_KEY_ID", "any").env("AWS_SECRET_ACCESS_KEY", "thing");
    }
}
