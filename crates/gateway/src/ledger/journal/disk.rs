//! Where the journal's bytes are: a folder of segments. A trait, so that tests can lose power and run out of space.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A folder of numbered segments.
pub trait Disk: Send + Sync {
    /// Numbers of the segments, ascending.
    ///
    /// # Errors
    /// As every method: what the system says.
    fn list(&self) -> io::Result<Vec<u64>>;
    fn read(&self, segment: u64) -> io::Result<Vec<u8>>;
    /// Makes a segment that does not exist.
    fn create(&self, segment: u64) -> io::Result<Arc<dyn Segment>>;
    /// Cuts an old segment to this length.
    fn cut(&self, segment: u64, length: u64) -> io::Result<()>;
    fn remove(&self, segment: u64) -> io::Result<()>;
    /// Keeps a damaged segment for people to look at, where the journal does not see it any more.
    fn set_aside(&self, segment: u64) -> io::Result<()>;
    /// Takes up this many bytes, unless they are taken already.
    fn reserve(&self, bytes: usize) -> io::Result<()>;
    /// Gives back what was reserved.
    fn release(&self) -> io::Result<()>;
    /// Makes the names of new segments survive a loss of power.
    fn sync_names(&self) -> io::Result<()>;
    /// Bytes after which a segment is closed. What is read back after trouble is read by the segment.
    fn segment_bytes(&self) -> u64 {
        4 << 20
    }
}

/// A segment that is written.
pub trait Segment: Send + Sync {
    /// Appends all of it. After an error a part of it may be there.
    ///
    /// # Errors
    /// As every method: what the system says.
    fn append(&self, bytes: &[u8]) -> io::Result<()>;
    fn cut(&self, length: u64) -> io::Result<()>;
    /// Returns when what was appended survives a loss of power.
    fn sync(&self) -> io::Result<()>;
}

/// A folder of the file system, used by one process at a time.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    /// Held until the process ends, however it ends.
    _lock: File,
}

/// Most processes that share one data directory: an old and a new one while one takes over from the other.
const MOST_PROCESSES: u32 = 16;

impl Folder {
    /// Takes the folders under `path` that no other process uses. The first is to be written; the others are there only if
    /// they hold what a process left that is no more.
    ///
    /// # Errors
    /// They cannot be made or locked.
    pub fn take(path: &Path) -> io::Result<(Self, Vec<Self>)> {
        let mut own = None;
        let mut left = Vec::new();
        for number in 1..=MOST_PROCESSES {
            let path = path.join(number.to_string());
            if own.is_some() && !path.exists() {
                continue;
            }
            let Some(folder) = Self::lock(path)? else { continue };
            match &own {
                None => own = Some(folder),
                Some(_) if !folder.list()?.is_empty() => left.push(folder),
                Some(_) => {}
            }
        }
        let full = || io::Error::new(io::ErrorKind::ResourceBusy, "too many processes use this data directory");
        own.map(|own| (own, left)).ok_or_else(full)
    }

    /// `None`: another process has it.
    fn lock(path: PathBuf) -> io::Result<Option<Self>> {
        fs::DirBuilder::new().recursive(true).create(&path)?;
        let lock = File::options().create(true).truncate(false).write(true).open(path.join("lock"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Some(Self { path, _lock: lock })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// The folder to read alone, whoever writes it: for looking at what is there.
    ///
    /// # Errors
    /// There is none.
    pub fn look(path: &Path) -> io::Result<Self> {
        Ok(Self { path: path.to_owned(), _lock: File::open(path.join("lock"))? })
    }

    fn segment(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:010}.log"))
    }

    fn reserve_file(&self) -> PathBuf {
        self.path.join("reserve")
    }
}

impl Disk for Folder {
    fn list(&self) -> io::Result<Vec<u64>> {
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let name = entry?.file_name();
            let number: Option<u64> = name.to_str().and_then(|name| name.strip_suffix(".log")?.parse().ok());
            numbers.extend(number);
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(self.segment(segment))?;
        let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or(0));
        file.read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn create(&self, segment: u64) -> io::Result<Arc<dyn Segment>> {
        let mut options = File::options();
        options.create_new(true).append(true);
        private(&mut options);
        Ok(Arc::new(options.open(self.segment(segment))?))
    }

    fn cut(&self, segment: u64, length: u64) -> io::Result<()> {
        let file = File::options().write(true).open(self.segment(segment))?;
        file.set_len(length)?;
        file.sync_data()
    }

    fn remove(&self, segment: u64) -> io::Result<()> {
        fs::remove_file(self.segment(segment))
    }

    fn set_aside(&self, segment: u64) -> io::Result<()> {
        let path = self.segment(segment);
        fs::rename(&path, path.with_extension("damaged"))
    }

    fn reserve(&self, bytes: usize) -> io::Result<()> {
        let path = self.reserve_file();
        if path.metadata().is_ok_and(|there| there.len() == bytes as u64) {
            return Ok(());
        }
        // Written, not only sized: a hole takes up no room. Not all zeros: some file systems keep those as a hole too.
        let piece = vec![0x5a; bytes];
        let made = File::create(&path).and_then(|mut file| file.write_all(&piece).and_then(|()| file.sync_data()));
        if made.is_err() {
            let _ = fs::remove_file(&path);
        }
        made
    }

    fn release(&self) -> io::Result<()> {
        fs::remove_file(self.reserve_file())
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()
    }
}

/// The journal names keys, models and users: for its owner's eyes.
#[cfg(unix)]
fn private(options: &mut fs::OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
}

#[cfg(not(unix))]
fn private(_: &mut fs::OpenOptions) {}

impl Segment for File {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut file = self;
        file.write_all(bytes)
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}
