//! Installing the clients below `target/`, by package name and with their ordinary tools.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::packages;
use crate::workspace;

/// The wheel that ships the Java SDK, the Java KCL and its link to consumers in Python.
const JARS: &str = "kclpy-ext==3.1.3.post4";
const JARS_FOLDER: &str = "amazon_kclpy/jars";

/// The interpreter of a virtual environment with the packages of a requirements file.
pub(super) fn python(name: &str, requirements: &str) -> Result<PathBuf> {
    packages::python(&workspace::scratch().join(name), &read(requirements)?)
}

/// The folder of JavaScript packages that a `package.json` asks for.
pub(super) fn node_modules(name: &str, package: &str) -> Result<PathBuf> {
    packages::node_modules(&workspace::scratch().join(name), &read(package)?)
}

fn read(file: &str) -> Result<String> {
    fs::read_to_string(workspace::root().join(file)).with_context(|| file.to_owned())
}

/// The folder of the Java SDK's jars.
pub(super) fn jars(name: &str, python: &Path) -> Result<PathBuf> {
    Ok(java_packages(name, python)?.join(JARS_FOLDER))
}

/// The Python path of the package that holds the jars.
pub(super) fn java_packages(name: &str, python: &Path) -> Result<PathBuf> {
    let directory = workspace::scratch().join(name);
    packages::once(&directory, JARS, || {
        let mut download = packages::pip(python, "download");
        workspace::run(download.args(["--no-deps", JARS, "--dest"]).arg(&directory))?;
        let downloaded = fs::read_dir(&directory)?.filter_map(Result::ok).map(|file| file.path());
        let mut wheels = downloaded.filter(|path| path.extension().is_some_and(|e| e == "whl"));
        let wheel = wheels.next().context("the download left no wheel")?;
        let mut unpack = Command::new(python);
        workspace::run(unpack.args(["-m", "zipfile", "-e"]).arg(wheel).arg(&directory))
    })?;
    Ok(directory)
}
