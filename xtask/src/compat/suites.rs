//! The suites: which client, which node, how long at most.

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::node::Profile;
use super::{certificate, clients};
use crate::workspace;

/// One outside program and the node it runs against.
pub(super) struct Suite {
    pub(super) name: &'static str,
    pub(super) node: Profile,
    /// Installs or builds what the program needs and says how to run it.
    pub(super) prepare: fn() -> Result<Command>,
}

/// A suite that takes longer than this hangs.
pub(super) const AT_MOST: Duration = Duration::from_secs(300);

/// Continuous integration runs the Rust SDK's last, because their output ends with cargo's summary of
/// a test run.
pub(crate) fn is_of_rust(suite: &str) -> bool {
    suite.starts_with("rust")
}

pub(super) const SUITES: &[Suite] = &[
    Suite { name: "python", node: Profile::Dev, prepare: || boto3("test_*.py") },
    Suite { name: "auth", node: Profile::Serve, prepare: || boto3("verify_auth.py") },
    Suite { name: "identity", node: Profile::Serve, prepare: || boto3("verify_identity.py") },
    Suite { name: "limits", node: Profile::Limited, prepare: || boto3("aws_limits.py") },
    Suite { name: "cli", node: Profile::Dev, prepare: || aws_cli("test_*.py") },
    Suite { name: "js", node: Profile::Dev, prepare: || javascript(&["kinesis", "fanout"]) },
    Suite { name: "java", node: Profile::Dev, prepare: || java("Kinesis") },
    Suite { name: "java-fanout", node: Profile::Dev, prepare: || java("FanOut") },
    Suite { name: "kcl", node: Profile::Dev, prepare: client_library },
    Suite { name: "python-tls", node: Profile::Tls, prepare: || boto3("verify_tls.py") },
    Suite { name: "cli-tls", node: Profile::Tls, prepare: || aws_cli("test_operations.py") },
    Suite { name: "js-tls", node: Profile::Tls, prepare: || javascript(&["kinesis", "fanout"]) },
    Suite { name: "java-tls", node: Profile::Tls, prepare: || java("Kinesis") },
    Suite { name: "java-fanout-tls", node: Profile::Tls, prepare: || java("FanOut") },
    Suite { name: "python-secured", node: Profile::Secured, prepare: || boto3("secured_cases.py") },
    Suite { name: "js-secured", node: Profile::Secured, prepare: || javascript(&["secured"]) },
    Suite { name: "java-secured", node: Profile::Secured, prepare: || java("Secured") },
    Suite { name: "rust-secured", node: Profile::Secured, prepare: || rust("secured::") },
    Suite { name: "rust-sdk", node: Profile::Dev, prepare: || rust("kinesis:: fanout::") },
];

fn boto3(files: &str) -> Result<Command> {
    let mut python = Command::new(clients::python("boto3", "compat/python/requirements.txt")?);
    python.args(["-m", "unittest", "discover", "-s", "compat/python", "-p", files]);
    Ok(python)
}

fn aws_cli(files: &str) -> Result<Command> {
    let mut python = Command::new(clients::python("aws-cli", "compat/cli/requirements.txt")?);
    python.args(["-m", "unittest", "discover", "-s", "compat/cli", "-p", files]);
    Ok(python)
}

/// Programs of `compat/js`.
fn javascript(files: &[&str]) -> Result<Command> {
    let packages = clients::node_modules("js", "compat/js/package.json")?;
    let mut node = Command::new("node");
    node.args(["--no-warnings", "--test", "--test-reporter=spec"]);
    node.args(files.iter().map(|file| format!("compat/js/{file}.test.js")));
    node.env("NODE_PATH", packages);
    Ok(node)
}

/// A program of `compat/java` by its class.
fn java(class: &str) -> Result<Command> {
    let python = clients::python("boto3", "compat/python/requirements.txt")?;
    let jars = clients::jars("java", &python)?.join("*");
    let classes = workspace::scratch().join("java-classes");
    let mut compiler = Command::new("javac");
    compiler.args(["-nowarn", "-proc:none", "-d"]).arg(&classes).arg("-cp").arg(&jars);
    workspace::run(compiler.arg(format!("compat/java/{class}.java")))?;
    let mut java = Command::new("java");
    java.arg(format!("-Djavax.net.ssl.trustStore={}", certificate::trust_store().display()));
    java.arg(format!("-Djavax.net.ssl.trustStorePassword={}", certificate::STORE_PASSWORD));
    java.arg("-cp").arg(format!("{}:{}", classes.display(), jars.display())).arg(class);
    Ok(java)
}

/// The Java Kinesis Client Library with its consumers in Python, and moto for the services that it
/// needs beside Kinesis.
fn client_library() -> Result<Command> {
    let interpreter = clients::python("kcl", "compat/kcl/requirements.txt")?;
    let packages = clients::java_packages("java", &interpreter)?;
    let mut python = Command::new(interpreter);
    python.args(["-m", "unittest", "discover", "-s", "compat/kcl"]);
    python.env("WEIR_KCL_PACKAGES", packages).env("TMPDIR", workspace::scratch());
    Ok(python)
}

/// The tests of some modules.
fn rust(modules: &str) -> Result<Command> {
    let test = ["test", "--package", "compat-rust-sdk", "--test", "it"];
    workspace::run(workspace::cargo(&test).arg("--no-run"))?;
    let mut tests = workspace::cargo(&test);
    tests.arg("--").args(modules.split(' '));
    Ok(tests)
}
