//! Signed checkpoints of the audit log, kept in files: what a database has lost, or had written anew, they tell of.

use std::{
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use govern::audit::{Checkpoint, CheckpointKey};

use crate::{Error, Store, secret::Secret};

/// The files, and the key that signs.
#[derive(Debug)]
pub struct Checkpoints {
    key: CheckpointKey,
    files: Vec<PathBuf>,
    /// The last entry that was signed here.
    signed: i64,
}

impl Checkpoints {
    /// Those of this data directory: `audit_checkpoints`, signed with the key in `audit_key`, which is made if there is none.
    /// They are written to `also` too, a file that lies elsewhere.
    ///
    /// # Errors
    /// The key cannot be read or made.
    pub fn open(dir: &Path, also: Option<PathBuf>) -> Result<Self, Error> {
        let seed = Secret::open(dir, "audit_key")?;
        let unusable = || Error::Damaged { what: "audit_key".into(), problem: "it is no key of Ed25519".into() };
        let key = CheckpointKey::new(seed.bytes()).ok_or_else(unusable)?;
        let files = std::iter::once(dir.join("audit_checkpoints")).chain(also).collect();
        Ok(Self { key, files, signed: 0 })
    }

    /// The public key by which they are verified, in hexadecimal.
    #[must_use]
    pub fn public_key(&self) -> String {
        self.key.public()
    }

    /// The files.
    #[must_use]
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Signs the head of the log and writes it down, if there is something new or `anyway`. `at` is the time, in
    /// microseconds since 1970.
    ///
    /// # Errors
    /// The database cannot be read, or a file cannot be written.
    pub async fn write(&mut self, store: &Store, at: i64, anyway: bool) -> Result<Option<Checkpoint>, Error> {
        let (seq, hash) = store.audit_head().await?;
        if seq == 0 || (seq == self.signed && !anyway) {
            return Ok(None);
        }
        let checkpoint = self.key.sign(seq, &hash, at);
        let line = checkpoint.line() + "\n";
        for path in &self.files {
            let written = appendable(path).and_then(|mut file| {
                file.write_all(line.as_bytes())?;
                file.sync_data()
            });
            written.map_err(|source| Error::File { path: path.clone(), source })?;
        }
        self.signed = seq;
        Ok(Some(checkpoint))
    }

    /// The lines of a file of checkpoints; none if there is no such file. What a crash left half written at the end is none.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn lines(path: &Path) -> Result<Vec<String>, Error> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(source) => return Err(Error::File { path: path.to_owned(), source }),
        };
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        Ok(whole.map(|line| line.trim_end().to_owned()).filter(|line| !line.is_empty()).collect())
    }
}

fn appendable(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
