//! Where the configuration comes from: `--config`, `TOLLGATE_CONFIG`, `./tollgate.yaml`; without any, the environment.

use std::{
    io::Read,
    path::{Path, PathBuf},
};

use anyhow::Context;
use gateway::{clock::now_micros, guard};
use govern::{
    audit::Author,
    config::{
        Secret as Hidden,
        build::{self, Checked, Draft},
        raw::Raw,
        snapshot::Settings,
    },
    key::Pepper,
};
use store::{Checkpoints, Store, secret::Secret};

/// Which configuration.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct File {
    /// The configuration file. Default: ./tollgate.yaml if there is one, else what the environment tells.
    #[arg(long, global = true, env = "TOLLGATE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where the data are.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Data {
    #[command(flatten)]
    pub file: File,
    /// The data directory, over the configuration's. With it no configuration is read.
    #[arg(long, global = true, env = "TOLLGATE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

/// The file that is read where none is named.
const USUAL: &str = "tollgate.yaml";

impl File {
    /// The file, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.config.clone().or_else(|| Some(PathBuf::from(USUAL)).filter(|usual| usual.exists()))
    }

    /// Reads and checks it.
    ///
    /// # Errors
    /// The file cannot be read. What is wrong inside is in [`Checked::problems`].
    pub fn check(&self) -> anyhow::Result<Checked> {
        match self.path() {
            Some(path) => Ok(build::check(&read(&path)?, &variable, &guard::check, now_micros())),
            None => Ok(build::check_raw(&Raw::from_environment(&variable), &variable, &guard::check, now_micros())),
        }
    }

    /// Reads it; problems go to standard error.
    ///
    /// # Errors
    /// The file cannot be read or used.
    pub fn load(&self) -> anyhow::Result<Draft> {
        let checked = self.check()?;
        let name = self.name();
        for problem in &checked.problems {
            eprint!("{}", problem.explain(&name));
        }
        checked.draft.with_context(|| format!("{name} cannot be used"))
    }

    /// How messages call it.
    #[must_use]
    pub fn name(&self) -> String {
        self.path().map_or_else(|| "the environment".to_owned(), |path| path.display().to_string())
    }
}

impl Data {
    /// # Errors
    /// The store cannot be opened.
    pub async fn store(&self) -> anyhow::Result<Store> {
        self.installation()?.store().await
    }

    /// # Errors
    /// The configuration that would tell cannot be read or used.
    pub fn installation(&self) -> anyhow::Result<Installation> {
        Ok(match &self.data_dir {
            Some(dir) => Installation { dir: dir.clone(), database: None, pepper: None },
            None => Installation::of(self.file.load()?.settings()),
        })
    }
}

/// Where an installation keeps what it remembers, and under which pepper.
#[derive(Debug)]
pub struct Installation {
    /// The data directory.
    pub dir: PathBuf,
    /// The address of the database, if it is not in the directory.
    pub database: Option<Hidden>,
    pepper: Option<Hidden>,
}

impl Installation {
    #[must_use]
    pub fn of(settings: &Settings) -> Self {
        Self { dir: settings.data_dir.clone(), database: settings.database.clone(), pepper: settings.pepper.clone() }
    }

    /// # Errors
    /// The store cannot be opened.
    pub async fn store(&self) -> anyhow::Result<Store> {
        let what = if self.database.is_some() { "the database" } else { "the data directory" };
        Store::connect(&self.dir, self.database.as_ref()).await.with_context(|| format!("{what} cannot be used"))
    }

    /// The pepper: of the configuration, of the environment, or of the data directory, where it is made if need be.
    ///
    /// # Errors
    /// It is no pepper, or cannot be read or made.
    pub fn pepper(&self) -> anyhow::Result<Pepper> {
        const VARIABLE: &str = "TOLLGATE_PEPPER";
        let given = self.pepper.clone().or_else(|| variable(VARIABLE).map(Hidden::new));
        Secret::pepper(&self.dir, given.as_ref()).context(VARIABLE)
    }
}

/// The checkpoints of the audit log of this data directory. `TOLLGATE_AUDIT_CHECKPOINTS` names a second file for them, on
/// another machine's disk, say.
///
/// # Errors
/// Their key cannot be read or made.
pub fn checkpoints(data_dir: &Path) -> anyhow::Result<Checkpoints> {
    let also = variable("TOLLGATE_AUDIT_CHECKPOINTS").filter(|path| !path.is_empty()).map(PathBuf::from);
    Ok(Checkpoints::open(data_dir, also)?)
}

/// Signs what a command has just entered in the audit log.
///
/// # Errors
/// The checkpoint cannot be written.
pub async fn sign_audit(store: &Store) -> anyhow::Result<()> {
    checkpoints(store.dir())?.write(store, now_micros(), false).await?;
    Ok(())
}

/// Who types this, for the audit log: `cli:` and the name in the operating system.
#[must_use]
pub fn author() -> Author {
    let name = ["USER", "LOGNAME"].into_iter().find_map(variable).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| {
        // A container's process often has a number alone.
        let uid = std::fs::metadata("/proc/self").map(|own| std::os::unix::fs::MetadataExt::uid(&own));
        uid.map_or_else(|_| "unknown".to_owned(), |uid| format!("uid-{uid}"))
    });
    Author::new(format!("cli:{name}"), now_micros())
}

/// A variable of the environment.
#[must_use]
pub fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The text of a file; `-` is standard input.
pub(super) fn read(path: &Path) -> anyhow::Result<String> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().take(build::MOST_BYTES as u64 + 1).read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::File::open(path).and_then(|file| {
            let mut text = String::new();
            file.take(build::MOST_BYTES as u64 + 1).read_to_string(&mut text).map(|_| text)
        })
    };
    text.with_context(|| path.display().to_string())
}
