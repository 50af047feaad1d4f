//! A disk in memory that fails as it is told.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, MutexGuard},
};

use super::{Disk, Segment};

#[derive(Default)]
pub struct Memory {
    inner: Arc<Mutex<Inner>>,
    segment_bytes: Option<u64>,
}

#[derive(Default)]
struct Inner {
    files: BTreeMap<u64, File>,
    reserved: usize,
    aside: usize,
    /// Bytes that have room, over all files.
    room: Option<usize>,
    /// Steps until the process dies: a byte written is one, and every other change is one.
    life: Option<usize>,
    fails: Option<io::ErrorKind>,
    sync_fails: bool,
    cut_fails: bool,
}

#[derive(Default, Clone)]
struct File {
    bytes: Vec<u8>,
    /// What survives a loss of power.
    synced: usize,
}

impl Memory {
    pub fn small(segment_bytes: u64) -> Self {
        Self { segment_bytes: Some(segment_bytes), ..Self::default() }
    }

    /// Dies after so many steps: nothing works from then on.
    pub fn dies_after(self, steps: usize) -> Self {
        self.lock().life = Some(steps);
        self
    }

    /// What another process finds: all that was written, and a healthy disk.
    pub fn reborn(&self) -> Self {
        let files = self.lock().files.clone();
        let inner = Inner { files, ..Inner::default() };
        Self { inner: Arc::new(Mutex::new(inner)), segment_bytes: self.segment_bytes }
    }

    /// What is found after a loss of power: of what was not synced, pages that `keep` chooses; the others read as zeros, or
    /// are not there if nothing behind them is.
    pub fn without_power(&self, mut keep: impl FnMut() -> bool) -> Self {
        const PAGE: usize = 256;
        let reborn = self.reborn();
        for file in reborn.lock().files.values_mut() {
            let mut end = file.synced;
            let length = file.bytes.len();
            let mut at = file.synced;
            while at < length {
                let page = (at + PAGE - at % PAGE).min(length);
                if keep() {
                    end = page;
                } else {
                    file.bytes[at..page].fill(0);
                }
                at = page;
            }
            file.bytes.truncate(end);
        }
        reborn
    }

    pub fn change(&self, segment: u64, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.lock().files.get_mut(&segment).unwrap().bytes);
    }

    pub fn set_room(&self, bytes: Option<usize>) {
        self.lock().room = bytes;
    }

    pub fn used(&self) -> usize {
        self.lock().used()
    }

    pub fn fail_writes(&self, kind: Option<io::ErrorKind>) {
        self.lock().fails = kind;
    }

    pub fn fail_syncs(&self) {
        self.lock().sync_fails = true;
    }

    pub fn fail_cuts(&self) {
        self.lock().cut_fails = true;
    }

    pub fn is_synced(&self) -> bool {
        self.lock().files.values().all(|file| file.synced == file.bytes.len())
    }

    pub fn set_aside_count(&self) -> usize {
        self.lock().aside
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Inner {
    fn used(&self) -> usize {
        self.files.values().map(|file| file.bytes.len()).sum::<usize>() + self.reserved
    }

    /// As many of the steps as life has left.
    fn live(&mut self, steps: usize) -> usize {
        let Some(life) = &mut self.life else { return steps };
        let lived = steps.min(*life);
        *life -= lived;
        lived
    }

    fn step(&mut self) -> io::Result<()> {
        if self.live(1) == 1 { Ok(()) } else { Err(dead()) }
    }
}

fn dead() -> io::Error {
    io::Error::other("the process is dead")
}

impl Disk for Memory {
    fn list(&self) -> io::Result<Vec<u64>> {
        Ok(self.lock().files.keys().copied().collect())
    }

    fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        self.lock().files.get(&segment).map(|file| file.bytes.clone()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create(&self, segment: u64) -> io::Result<Arc<dyn Segment>> {
        let mut inner = self.lock();
        inner.step()?;
        assert!(!inner.files.contains_key(&segment), "segment {segment} is there");
        inner.files.insert(segment, File::default());
        Ok(Arc::new(Written { inner: self.inner.clone(), segment }))
    }

    fn cut(&self, segment: u64, length: u64) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        let file = inner.files.get_mut(&segment).ok_or(io::ErrorKind::NotFound)?;
        file.bytes.truncate(length as usize);
        file.synced = file.bytes.len();
        Ok(())
    }

    fn remove(&self, segment: u64) -> io::Result<()> {
        let mut inner = self.lock();
        inner.step()?;
        inner.files.remove(&segment).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn set_aside(&self, segment: u64) -> io::Result<()> {
        self.remove(segment)?;
        self.lock().aside += 1;
        Ok(())
    }

    fn reserve(&self, bytes: usize) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.reserved == bytes {
            return Ok(());
        }
        if inner.room.is_some_and(|room| inner.used() + bytes > room) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        inner.reserved = bytes;
        Ok(())
    }

    fn release(&self) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.reserved == 0 {
            return Err(io::ErrorKind::NotFound.into());
        }
        inner.reserved = 0;
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        self.lock().step()
    }

    fn segment_bytes(&self) -> u64 {
        self.segment_bytes.unwrap_or(4 << 20)
    }
}

struct Written {
    inner: Arc<Mutex<Inner>>,
    segment: u64,
}

impl Segment for Written {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap();
        if let Some(kind) = inner.fails {
            return Err(kind.into());
        }
        let fits = inner.room.map_or(bytes.len(), |room| room.saturating_sub(inner.used()).min(bytes.len()));
        let lives = inner.live(fits);
        let file = inner.files.get_mut(&self.segment).ok_or(io::ErrorKind::NotFound)?;
        file.bytes.extend_from_slice(&bytes[..lives]);
        match () {
            () if lives < fits => Err(dead()),
            () if fits < bytes.len() => Err(io::ErrorKind::StorageFull.into()),
            () => Ok(()),
        }
    }

    fn cut(&self, length: u64) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap();
        inner.step()?;
        if inner.cut_fails {
            return Err(io::ErrorKind::Other.into());
        }
        inner.files.get_mut(&self.segment).ok_or(io::ErrorKind::NotFound)?.bytes.truncate(length as usize);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut inner = self.inner.lock().unwrap();
        inner.step()?;
        if inner.sync_fails {
            return Err(io::ErrorKind::Other.into());
        }
        // Synced while it was removed: nothing is left to do.
        let Some(file) = inner.files.get_mut(&self.segment) else { return Ok(()) };
        file.synced = file.bytes.len();
        Ok(())
    }
}
