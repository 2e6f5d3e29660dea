//! Defaults, then the file, then the environment, then flags: each setting over the last.
//!
//! Settings are laid on one at a time, and the whole is read again after each, so a refusal
//! names the one setting that caused it and where it came from.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::config::{Config, Profile};
use crate::{Error, Result};

/// The file that is read from the working directory when no other is named.
const FILE: &str = "weir.toml";

/// Where the settings of a node come from.
pub struct Layers {
    /// The defaults to start from.
    pub profile: Profile,
    /// A configuration file that must exist; without it `weir.toml`, if there is one.
    pub file: Option<PathBuf>,
    /// Environment variables by name; see [`environment`].
    pub environment: Vec<(String, String)>,
    /// Pairs of `--set key=value`; other flags are put in as the settings they stand for.
    pub flags: Vec<(String, String)>,
}

/// The variables of this process that set something: `WEIR_HTTP__BODY_TIMEOUT=10s`.
pub fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| name.starts_with(PREFIX) && !is_service_link(name))
        .collect()
}

const PREFIX: &str = "WEIR_";

/// Kubernetes sets these in every container next to a Service called `weir`.
pub(super) fn is_service_link(name: &str) -> bool {
    ["WEIR_SERVICE_HOST", "WEIR_SERVICE_PORT", "WEIR_PORT"]
        .iter()
        .any(|link| name.strip_prefix(link).is_some_and(|r| r.is_empty() || r.starts_with('_')))
}

impl Layers {
    /// Only the defaults of `profile`: no file, no variables, no flags.
    pub fn defaults(profile: Profile) -> Self {
        Self { profile, file: None, environment: Vec::new(), flags: Vec::new() }
    }

    /// Lays the layers on each other and checks the result.
    pub fn load(self) -> Result<Config> {
        let mut stack = Stack::new(Config::new(self.profile));
        if let Some((path, text)) = read_file(self.file)? {
            stack.lay_file(&path, &text)?;
        }
        for (name, value) in &self.environment {
            let key = name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase().replace("__", ".");
            stack.lay_text(&key, value, &format!("environment variable {name}"))?;
        }
        for (key, value) in &self.flags {
            stack.lay_text(key, value, "command line")?;
        }
        stack.config.validate()?;
        Ok(stack.config)
    }
}

fn read_file(named: Option<PathBuf>) -> Result<Option<(PathBuf, String)>> {
    let must_exist = named.is_some();
    let path = named.unwrap_or_else(|| FILE.into());
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok(Some((path, text))),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && !must_exist => Ok(None),
        Err(source) => Err(Error::ConfigFile { path, source }),
    }
}

/// The settings so far, as a tree to change and as the configuration it gives.
struct Stack {
    tree: Table,
    config: Config,
}

impl Stack {
    fn new(config: Config) -> Self {
        Self { tree: tree_of(&config), config }
    }

    fn lay_file(&mut self, path: &Path, text: &str) -> Result<()> {
        let table: Table = text.parse().map_err(|error: toml::de::Error| Error::ConfigSyntax {
            path: path.into(),
            reason: error.to_string().trim_end().into(),
        })?;
        let mut leaves = Vec::new();
        collect_leaves("", table, &mut leaves);
        for (key, value) in leaves {
            self.lay(&key, value).map_err(|e| refusal(&key, &path.display().to_string(), e))?;
        }
        Ok(())
    }

    /// A variable or a flag has no type of its own: it is a string where that fits, so that an
    /// account id of digits stays one, and else whatever TOML reads in it.
    fn lay_text(&mut self, key: &str, text: &str, origin: &str) -> Result<()> {
        let Err(as_text) = self.lay(key, Value::String(text.into())) else { return Ok(()) };
        let parsed = format!("value = {text}").parse::<Table>().ok();
        match parsed.and_then(|mut table| table.remove("value")) {
            Some(value) => self.lay(key, value).map_err(|e| refusal(key, origin, e)),
            None => Err(refusal(key, origin, as_text)),
        }
    }

    /// Keeps `value` under `key`, or leaves everything as it was and says why.
    fn lay(&mut self, key: &str, value: Value) -> std::result::Result<(), String> {
        let mut tree = self.tree.clone();
        let (path, name) = key.rsplit_once('.').unwrap_or(("", key));
        let mut section = &mut tree;
        for part in path.split('.').filter(|part| !part.is_empty()) {
            let Some(Value::Table(below)) = section.get_mut(part) else {
                return Err(format!("there is no section `{path}`"));
            };
            section = below;
        }
        // Every setting has a default, so what is not there yet does not exist.
        if !section.contains_key(name) {
            let known: Vec<&str> = section.keys().map(String::as_str).collect();
            return Err(format!("unknown setting; known here: {}", known.join(", ")));
        }
        section.insert(name.into(), value);
        let config: Config =
            tree.clone().try_into().map_err(|e: toml::de::Error| e.message().to_owned())?;
        self.tree = tree;
        self.config = config;
        Ok(())
    }
}

pub(super) fn tree_of(config: &Config) -> Table {
    Table::try_from(config).expect("plain values have a TOML form")
}

pub(super) fn collect_leaves(path: &str, table: Table, leaves: &mut Vec<(String, Value)>) {
    for (name, value) in table {
        let key = if path.is_empty() { name } else { format!("{path}.{name}") };
        match value {
            Value::Table(below) => collect_leaves(&key, below, leaves),
            leaf => leaves.push((key, leaf)),
        }
    }
}

fn refusal(key: &str, origin: &str, reason: String) -> Error {
    Error::Setting { key: key.into(), origin: Some(origin.into()), reason }
}
