//! Installing the clients below `target/`, by package name and with their ordinary tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::workspace;

/// The wheel that ships the Java SDK, the Java KCL and its link to consumers in Python.
const JARS: &str = "kclpy-ext==3.1.3.post4";
const JARS_FOLDER: &str = "amazon_kclpy/jars";

/// The interpreter of a virtual environment with the packages of a requirements file.
pub(super) fn python(name: &str, requirements: &str) -> Result<PathBuf> {
    let directory = workspace::scratch().join(name);
    let interpreter = directory.join("bin/python");
    let file = workspace::root().join(requirements);
    let wanted = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    once(&directory, &wanted, || {
        workspace::run(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
        let mut install = pip(&interpreter, "install");
        workspace::run(install.arg("--requirement").arg(&file))
    })?;
    Ok(interpreter)
}

/// The folder of JavaScript packages that a `package.json` asks for.
pub(super) fn node_modules(name: &str, package: &str) -> Result<PathBuf> {
    let directory = workspace::scratch().join(name);
    let file = workspace::root().join(package);
    let wanted = fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    once(&directory, &wanted, || {
        fs::write(directory.join("package.json"), &wanted)?;
        let quietly = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--prefix"];
        workspace::run(Command::new("npm").args(quietly).arg(&directory))
    })?;
    Ok(directory.join("node_modules"))
}

/// The folder of the Java SDK's jars.
pub(super) fn jars(name: &str, python: &Path) -> Result<PathBuf> {
    Ok(java_packages(name, python)?.join(JARS_FOLDER))
}

/// The Python path of the package that holds the jars.
pub(super) fn java_packages(name: &str, python: &Path) -> Result<PathBuf> {
    let directory = workspace::scratch().join(name);
    once(&directory, JARS, || {
        let mut download = pip(python, "download");
        workspace::run(download.args(["--no-deps", JARS, "--dest"]).arg(&directory))?;
        let downloaded = fs::read_dir(&directory)?.filter_map(Result::ok).map(|file| file.path());
        let mut wheels = downloaded.filter(|path| path.extension().is_some_and(|e| e == "whl"));
        let wheel = wheels.next().context("the download left no wheel")?;
        let mut unpack = Command::new(python);
        workspace::run(unpack.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&directory))
    })?;
    Ok(directory)
}

fn pip(python: &Path, action: &str) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", action, "--quiet", "--disable-pip-version-check"]);
    pip
}

/// Fills an empty `directory`, unless it was filled before from the same `recipe`.
fn once(directory: &Path, recipe: &str, fill: impl FnOnce() -> Result<()>) -> Result<()> {
    let done = directory.join("installed.txt");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == recipe) {
        return Ok(());
    }
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    fill()?;
    Ok(fs::write(done, recipe)?)
}
