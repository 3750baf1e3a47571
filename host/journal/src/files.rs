//! The folder: one file that grows, finished ones that are compressed, and none that is too old or too much. It reads no clock.

mod name;

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use nicety_core::millis::Millis;
use tracing::warn;

pub(crate) use self::name::{Name, list};
use crate::{bounds::Bounds, queue::Line};

/// zstd's own default: decisions of one node, which are much alike, shrink to a fortieth, at some 100 MB/s.
const LEVEL: i32 = 3;
/// What a file takes on disk, however small it is.
const BLOCK: u64 = 4096;
const TIDY_EVERY: Duration = Duration::from_secs(60);

/// Why there is no journal in a folder.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot make the folder `{}` of the journal", path.display())]
    Folder { path: PathBuf, source: io::Error },
    #[error("the journal in `{}` is in use by another process; hint: give each its own folder", path.display())]
    InUse { path: PathBuf },
    #[error("cannot use the folder `{}` of the journal", path.display())]
    Unusable { path: PathBuf, source: io::Error },
    #[error("cannot start the thread that writes the journal")]
    Thread { source: io::Error },
}

#[derive(Debug)]
pub(crate) struct Files {
    folder: PathBuf,
    bounds: Bounds,
    /// Held as long as this process writes here.
    _lock: File,
    live: Option<Live>,
    /// Of the next file.
    next: u64,
    /// When the folder was last looked at as a whole.
    tidied: Millis,
}

/// The file that is being written. There is none before the first record.
#[derive(Debug)]
struct Live {
    file: File,
    number: u64,
    bytes: u64,
    first: Millis,
    last: Millis,
}

impl Files {
    pub fn open(folder: &Path, bounds: Bounds, now: Millis) -> Result<Files, OpenError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|source| OpenError::Folder { path: folder.to_owned(), source })?;
        let unusable = |source| OpenError::Unusable { path: folder.to_owned(), source };
        let lock = private().create(true).append(true).open(folder.join("lock")).map_err(unusable)?;
        lock.try_lock().map_err(|error| match error {
            fs::TryLockError::WouldBlock => OpenError::InUse { path: folder.to_owned() },
            fs::TryLockError::Error(source) => unusable(source),
        })?;
        let mut files = Files { folder: folder.to_owned(), bounds, _lock: lock, live: None, next: 1, tidied: now };
        let known = list(folder).map_err(unusable)?;
        files.next = known.iter().map(|name| name.number() + 1).max().unwrap_or(1);
        files.tidy(now).map_err(unusable)?;
        Ok(files)
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes as many lines in one go as a file takes: a process that is killed leaves those of earlier goes whole. `written` counts
    /// them, also when the rest fails.
    pub fn write(&mut self, mut lines: &[Line], now: Millis, written: &mut usize) -> io::Result<()> {
        while !lines.is_empty() {
            let mut room = self.bounds.file_bytes.saturating_sub(self.live.as_ref().map_or(0, |live| live.bytes));
            let mut fits = |line: &&Line| {
                let fits = room > 0;
                room = room.saturating_sub(line.len() as u64);
                fits
            };
            let count = lines.iter().take_while(|line| fits(line)).count().max(1);
            let (batch, rest) = lines.split_at_checked(count).unwrap_or((lines, &[]));
            self.write_one(&batch.iter().map(|line| line.as_slice()).collect::<Vec<_>>().concat(), now)?;
            *written += batch.len();
            lines = rest;
            self.tend(now)?;
        }
        Ok(())
    }

    /// What fails leaves the file as it was.
    fn write_one(&mut self, batch: &[u8], now: Millis) -> io::Result<()> {
        let mut live = match self.live.take() {
            Some(live) => live,
            None => self.begin(now)?,
        };
        let outcome = live.file.write_all(batch);
        if outcome.is_ok() {
            live.bytes += batch.len() as u64;
            live.last = now;
        } else if live.file.set_len(live.bytes).is_err() {
            // Half a line would spoil the next one: the next batch begins a file of its own.
            return outcome;
        }
        self.live = Some(live);
        outcome
    }

    /// Finishes the file that is large or old enough, and removes what is too much.
    pub fn tend(&mut self, now: Millis) -> io::Result<()> {
        let Bounds { file_bytes, file_age, .. } = self.bounds;
        if let Some(live) = self.live.take_if(|live| live.bytes >= file_bytes || now.since(live.first) >= file_age) {
            let Live { file, number, last, .. } = live;
            file.sync_data()?;
            drop(file);
            self.finish(number, last)?;
            return self.tidy(now);
        }
        if now.since(self.tidied) >= TIDY_EVERY { self.tidy(now) } else { Ok(()) }
    }

    fn begin(&mut self, now: Millis) -> io::Result<Live> {
        let number = self.next;
        let path = self.folder.join(Name::Live { number }.to_string());
        let file = private().create_new(true).append(true).open(path)?;
        self.next += 1;
        Ok(Live { file, number, bytes: 0, first: now, last: now })
    }

    /// Compresses a file beside itself and takes its place; a kill at any point leaves it once. A torn last line is left out.
    fn finish(&self, number: u64, last: Millis) -> io::Result<()> {
        let live = self.folder.join(Name::Live { number }.to_string());
        let whole = whole_lines(&live)?;
        if whole == 0 {
            return fs::remove_file(live);
        }
        let half = self.folder.join(Name::Half { number }.to_string());
        let target = private().create(true).write(true).truncate(true).open(&half)?;
        let mut encoder = zstd::stream::write::Encoder::new(target, LEVEL)?;
        io::copy(&mut File::open(&live)?.take(whole), &mut encoder)?;
        encoder.finish()?.sync_data()?;
        fs::rename(half, self.folder.join(Name::Finished { number, last }.to_string()))?;
        fs::remove_file(live)
    }

    /// Finishes what a killed process or a full disk left, then removes the oldest until the bounds hold.
    fn tidy(&mut self, now: Millis) -> io::Result<()> {
        self.tidied = now;
        for name in list(&self.folder)? {
            let path = self.folder.join(name.to_string());
            match name {
                Name::Live { number } if self.live.as_ref().is_none_or(|live| live.number != number) => {
                    self.finish(number, modified(&path, now))?;
                }
                Name::Half { .. } => fs::remove_file(path)?,
                Name::Live { .. } | Name::Finished { .. } => {}
            }
        }
        let mut finished = Vec::new();
        for name in list(&self.folder)? {
            if let Name::Finished { last, .. } = name {
                let path = self.folder.join(name.to_string());
                let bytes = fs::metadata(&path)?.len().max(BLOCK);
                finished.push((path, last, bytes));
            }
        }
        let room = self.bounds.total_bytes.saturating_sub(self.bounds.file_bytes);
        let mut total: u64 = finished.iter().map(|(_, _, bytes)| bytes).sum();
        for (path, last, bytes) in finished {
            if total > room || now.since(last) > self.bounds.total_age {
                fs::remove_file(path)?;
                total -= bytes;
            }
        }
        Ok(())
    }
}

/// Bytes up to and with the last line feed.
fn whole_lines(path: &Path) -> io::Result<u64> {
    let (mut whole, mut read) = (0, 0);
    let mut reader = File::open(path)?;
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = reader.read(&mut chunk)?;
        let part = chunk.get(..count).unwrap_or_default();
        if let Some(place) = part.iter().rposition(|byte| *byte == b'\n') {
            whole = read + place as u64 + 1;
        }
        if count == 0 {
            break;
        }
        read += count as u64;
    }
    if whole < read {
        warn!(file = %path.display(), bytes = read - whole, "a torn line of the journal is left out");
    }
    Ok(whole)
}

/// When the last record of a file came, which a killed process wrote.
fn modified(path: &Path, now: Millis) -> Millis {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let since = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
    let millis = since.and_then(|since| u64::try_from(since.as_millis()).ok());
    millis.map_or(now, |millis| Millis(millis.min(now.0)))
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(test)]
mod tests;
