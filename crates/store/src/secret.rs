//! Secrets of the installation: small files in the data directory that only their owner can read, made once.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::Path,
};

use aws_lc_rs::rand;
use govern::{config::Secret as Hidden, key::Pepper};
use zeroize::Zeroizing;

use crate::Error;

/// 32 random bytes. Cannot be printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<[u8; 32]>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// The secret in `<dir>/<name>`, made if there is none. Two processes that start at once get the same one.
    ///
    /// # Errors
    /// The file cannot be read or written, or does not hold 64 hexadecimal digits.
    pub fn open(dir: &Path, name: &str) -> Result<Self, Error> {
        private_dir(dir)?;
        let path = dir.join(name);
        let failed = |source| Error::File { path: path.clone(), source };
        if !path.exists() {
            create_once(dir, &path, &Self(random()?)).map_err(failed)?;
        }
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(failed)?);
        Self::from_hex(text.trim()).ok_or_else(|| Error::Damaged {
            what: path.display().to_string(),
            problem: "it must hold 64 hexadecimal digits; restore it from a backup (what it protects cannot be read \
                      without it), or delete it to begin anew"
                .into(),
        })
    }

    /// The pepper of key hashes: the one that is given, else the one in `<dir>/pepper`, made if there is none.
    ///
    /// # Errors
    /// As [`Secret::open`], or the given one is not 32 random bytes.
    pub fn pepper(dir: &Path, given: Option<&Hidden>) -> Result<Pepper, Error> {
        match given {
            None => Ok(Pepper::new(&Self::open(dir, "pepper")?.0)),
            Some(text) => text.expose().parse().map_err(Error::Pepper),
        }
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The bytes in hexadecimal, to show or compare.
    #[must_use]
    pub fn to_hex(&self) -> Zeroizing<String> {
        use std::fmt::Write;
        let mut text = Zeroizing::new(String::with_capacity(64));
        for byte in self.0.iter() {
            let _ = write!(text, "{byte:02x}");
        }
        text
    }

    fn from_hex(text: &str) -> Option<Self> {
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let mut bytes = Zeroizing::new([0; 32]);
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}

/// Random bytes from a cryptographic source.
pub(crate) fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    match rand::fill(bytes.as_mut_slice()) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Error::Damaged { what: "the system's randomness".into(), problem: error.to_string() }),
    }
}

/// Makes a directory, and those above it, that only its owner can enter. One that exists is left as it is.
///
/// # Errors
/// It cannot be made.
pub fn private_dir(dir: &Path) -> Result<(), Error> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| Error::File { path: dir.to_owned(), source })
}

/// Makes an empty file that only its owner can read. One that exists is left as it is.
pub(crate) fn private_file(path: &Path) -> Result<(), Error> {
    match create_private(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(source) => Err(Error::File { path: path.to_owned(), source }),
    }
}

/// Writes the whole secret aside and links it into place, so that nobody ever reads half of it.
fn create_once(dir: &Path, path: &Path, secret: &Secret) -> io::Result<()> {
    let aside = dir.join(format!(".{}", uuid::Uuid::now_v7()));
    let mut file = create_private(&aside)?;
    file.write_all(secret.to_hex().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    let linked = fs::hard_link(&aside, path);
    fs::remove_file(&aside)?;
    match linked {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("deep/data");
        let first = Secret::open(&data, "pepper").unwrap();
        assert_eq!(first, Secret::open(&data, "pepper").unwrap());
        assert_ne!(first, Secret::open(&data, "other").unwrap());
        assert_eq!(fs::read_dir(&data).unwrap().count(), 2, "nothing is left beside the secrets");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(&data), 0o700);
            assert_eq!(mode(&data.join("pepper")), 0o600);
        }
    }

    #[test]
    fn a_damaged_secret_is_refused_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("pepper"), "+1".repeat(32)).unwrap();
        let error = Secret::open(dir.path(), "pepper").unwrap_err().to_string();
        assert!(error.contains("pepper") && error.contains("64 hexadecimal digits"), "{error}");
    }

    #[test]
    fn a_given_pepper_goes_before_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let random = random::<32>().unwrap();
        let text = Hidden::new(&**Secret(random.clone()).to_hex());
        let given = Secret::pepper(dir.path(), Some(&text)).unwrap();
        assert_eq!(given.hash("secret"), Pepper::new(&random).hash("secret"));
        assert!(!dir.path().join("pepper").exists());
    }

    #[test]
    fn sec_002_a_weak_pepper_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for weak in ["", "short", &"0a".repeat(32), &"ab".repeat(31), "correct horse battery staple!!!!"] {
            let error = Secret::pepper(dir.path(), Some(&Hidden::new(weak))).unwrap_err().to_string();
            assert!(error.contains("pepper") && error.contains("openssl rand"), "{error}");
        }
    }

    #[test]
    fn a_secret_cannot_be_printed() {
        assert_eq!(format!("{:?}", Secret::from_hex(&"0a".repeat(32)).unwrap()), "Secret(…)");
    }
}
