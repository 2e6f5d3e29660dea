//! Installing other people's programs below `target/`, by package name and with the ordinary tools.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::workspace;

/// The interpreter of a virtual environment with the packages of a requirements file.
pub(crate) fn python(directory: &Path, requirements: &str) -> Result<PathBuf> {
    let interpreter = directory.join("bin/python");
    once(directory, requirements, || {
        let file = directory.join("requirements.txt");
        workspace::run(Command::new("python3").args(["-m", "venv"]).arg(directory))?;
        fs::write(&file, requirements)?;
        workspace::run(pip(&interpreter, "install").arg("--requirement").arg(&file))
    })?;
    Ok(interpreter)
}

/// The package installer of an environment.
pub(crate) fn pip(python: &Path, action: &str) -> Command {
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", action, "--quiet", "--disable-pip-version-check"]);
    pip
}

/// The folder of JavaScript packages that a `package.json` asks for.
pub(crate) fn node_modules(directory: &Path, package: &str) -> Result<PathBuf> {
    once(directory, package, || {
        fs::write(directory.join("package.json"), package)?;
        let quietly = ["install", "--no-package-lock", "--no-audit", "--no-fund", "--prefix"];
        workspace::run(Command::new("npm").args(quietly).arg(directory))
    })?;
    Ok(directory.join("node_modules"))
}

/// The folder of the programs of a crate, as its author locked it.
pub(crate) fn crate_programs(directory: &Path, package: &str) -> Result<PathBuf> {
    once(directory, package, || {
        let mut install = workspace::cargo(&["install", "--quiet", "--locked", package, "--root"]);
        // Not with the flags of this workspace.
        install.arg(directory).env("RUSTFLAGS", "");
        workspace::run(install.arg("--target-dir").arg(directory.with_file_name("build")))
    })?;
    Ok(directory.join("bin"))
}

/// The folder of Go programs.
pub(crate) fn go_programs(directory: &Path, packages: &[&str]) -> Result<PathBuf> {
    once(directory, &packages.join("\n"), || {
        for package in packages {
            let mut install = Command::new("go");
            workspace::run(install.args(["install", package]).env("GOBIN", directory))?;
        }
        Ok(())
    })?;
    Ok(directory.to_owned())
}

/// The folder of Java archives, as `group:artifact:version`, and all that they need.
pub(crate) fn java_archives(directory: &Path, artifacts: &[&str]) -> Result<PathBuf> {
    let archives = directory.join("jars");
    once(directory, &artifacts.join("\n"), || {
        fs::write(directory.join("pom.xml"), project(artifacts))?;
        let mut maven = Command::new("mvn");
        maven.args(["--quiet", "--batch-mode", "dependency:copy-dependencies"]);
        maven.arg("-DincludeScope=runtime").arg("--file").arg(directory.join("pom.xml"));
        workspace::run(maven.arg(format!("-DoutputDirectory={}", archives.display())))
    })?;
    Ok(archives)
}

fn project(artifacts: &[&str]) -> String {
    let mut project = String::from(
        "<project><modelVersion>4.0.0</modelVersion><groupId>installed</groupId>\
         <artifactId>installed</artifactId><version>1</version><dependencies>",
    );
    for artifact in artifacts {
        let mut parts = artifact.split(':');
        project.push_str("<dependency>");
        for tag in ["groupId", "artifactId", "version"] {
            let part = parts.next().unwrap_or_default();
            write!(project, "<{tag}>{part}</{tag}>").expect("a string takes all");
        }
        project.push_str("</dependency>");
    }
    project + "</dependencies></project>\n"
}

/// Fills an empty `directory`, unless it was filled before from the same `recipe`.
pub(crate) fn once(
    directory: &Path,
    recipe: &str,
    fill: impl FnOnce() -> Result<()>,
) -> Result<()> {
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
