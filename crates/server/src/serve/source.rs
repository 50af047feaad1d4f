//! Where the configuration comes from.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use govern::{
    config::{self, Draft, Raw},
    key::Pepper,
};

/// A file, or the environment alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    File(PathBuf),
    Environment,
}

/// Where a configuration is looked for when the command line names none.
const DEFAULT_FILE: &str = "tollgate.yaml";

impl Source {
    /// The named file, that of `TOLLGATE_CONFIG`, `./tollgate.yaml` if it is there, or the environment.
    #[must_use]
    pub fn find(named: Option<&Path>) -> Self {
        let variable = || std::env::var_os("TOLLGATE_CONFIG").map(PathBuf::from);
        match named.map(Path::to_owned).or_else(variable) {
            Some(file) => Self::File(file),
            None if Path::new(DEFAULT_FILE).exists() => Self::File(DEFAULT_FILE.into()),
            None => Self::Environment,
        }
    }

    /// Reads and checks it. Warnings are logged.
    ///
    /// # Errors
    /// Every error, each with its place and its remedy.
    pub fn load(&self) -> anyhow::Result<Draft> {
        let now = gateway::clock::now_micros();
        let (checked, name) = match self {
            Self::Environment => (config::check_raw(&Raw::from_environment(&variable), &variable, now), "environment".into()),
            Self::File(file) => {
                let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
                (config::check(&text, &variable, now), file.display().to_string())
            }
        };
        let mut errors = Vec::new();
        for problem in &checked.problems {
            if problem.is_error() {
                errors.push(problem.explain(&name));
            } else {
                tracing::warn!("{}", problem.explain(&name));
            }
        }
        match checked.draft {
            Some(draft) => Ok(draft),
            None => bail!("the configuration has errors:\n\n{}", errors.join("\n")),
        }
    }
}

/// A variable of the environment, if it is set and UTF-8.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The pepper of key hashes.
///
/// # Errors
/// It can be neither read nor made.
pub fn pepper(data_dir: &Path) -> anyhow::Result<Pepper> {
    Ok(store::secret::Secret::pepper(data_dir, variable("TOLLGATE_PEPPER").as_deref())?)
}
