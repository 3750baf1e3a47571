//! Journals from disk: of this release or an older one, whole or torn, ours or somebody's copy.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use nicety_core::record::decision::DecisionRecord;

use crate::{
    files::Name,
    line::{self, LineError},
};

/// How much of a file is looked at.
#[derive(Debug, Clone, Copy)]
struct Limits {
    line: u64,
    /// After decompression.
    unfolded: u64,
}

/// Twice the largest line that is written; and a finished file holds 8 MiB and one line: one that unfolds to more than a hundred times
/// that was made by somebody else.
const LIMITS: Limits = Limits { line: 64 << 20, unfolded: 1 << 30 };
const ZSTD: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("cannot read `{}`", path.display())]
    Open { path: PathBuf, source: io::Error },
    #[error("there is no journal in `{}`; hint: its files are called `decisions-*.jsonl` and `decisions-*.jsonl.zst`", path.display())]
    Empty { path: PathBuf },
    #[error("cannot read on after line {line} of `{}`", path.display())]
    Broken { path: PathBuf, line: u64, source: io::Error },
    #[error("line {line} of `{}` cannot be read", path.display())]
    Line { path: PathBuf, line: u64, source: LineError },
    #[error("line {line} of `{}` is longer than {limit} bytes; the rest of the file is left out", path.display())]
    Long { path: PathBuf, line: u64, limit: u64 },
    #[error("`{}` unfolds to more than {limit} bytes; what comes after line {line} is left out", path.display())]
    Bomb { path: PathBuf, line: u64, limit: u64 },
}

/// The records of a journal, oldest first. What cannot be read is an item that says where and why; what comes after it is read on.
pub struct Records {
    files: VecDeque<PathBuf>,
    current: Option<Lines>,
    needle: Option<String>,
    limits: Limits,
}

/// The lines of one file.
struct Lines {
    path: PathBuf,
    /// Limited to what may unfold.
    reader: io::Take<Box<dyn BufRead + Send>>,
    /// Of the line before the next.
    line: u64,
    text: Vec<u8>,
    limits: Limits,
}

/// All records of a file, compressed or not, or of the files of a journal's folder.
pub fn read(path: &Path) -> Result<Records, ReadError> {
    Ok(Records { files: files(path)?.into(), current: None, needle: None, limits: LIMITS })
}

/// Of one file.
pub fn read_file(path: &Path) -> Records {
    Records { files: [path.to_owned()].into(), current: None, needle: None, limits: LIMITS }
}

/// The files of a journal's folder, oldest first; a path that is no folder is its own only file.
pub fn files(path: &Path) -> Result<Vec<PathBuf>, ReadError> {
    let wrong = |source| ReadError::Open { path: path.to_owned(), source };
    if !std::fs::metadata(path).map_err(wrong)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut names = crate::files::list(path).map_err(wrong)?;
    names.retain(|name| !matches!(name, Name::Half { .. }));
    // A kill between two steps of a rotation leaves a file twice; the finished one sorts after the other and is whole.
    names.sort_by_key(|name| (name.number(), matches!(name, Name::Finished { .. })));
    names.dedup_by(|later, earlier| {
        let same = later.number() == earlier.number();
        if same {
            *earlier = *later;
        }
        same
    });
    if names.is_empty() {
        return Err(ReadError::Empty { path: path.to_owned() });
    }
    Ok(names.into_iter().map(|name| path.join(name.to_string())).collect())
}

impl Records {
    /// Looks only at lines that have this text, as it stands in JSON; it is many times faster than reading them all.
    pub fn with(self, needle: &str) -> Records {
        Records { needle: Some(needle.to_owned()), ..self }
    }
}

impl Iterator for Records {
    type Item = Result<DecisionRecord, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if self.current.is_none() {
                match Lines::open(self.files.pop_front()?, self.limits) {
                    Ok(lines) => self.current = Some(lines),
                    Err(error) => return Some(Err(error)),
                }
            }
            let lines = self.current.as_mut()?;
            match lines.next().map(|text| text.map(|text| judged(text, self.needle.as_deref()))) {
                Ok(Some(None)) => {}
                Ok(Some(Some(Ok(decision)))) => return Some(Ok(decision)),
                Ok(Some(Some(Err(source)))) => {
                    return Some(Err(ReadError::Line { path: lines.path.clone(), line: lines.line, source }));
                }
                Ok(None) => self.current = None,
                Err(error) => {
                    self.current = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Lines {
    fn open(path: PathBuf, limits: Limits) -> Result<Lines, ReadError> {
        let open = || {
            let mut file = BufReader::with_capacity(128 << 10, File::open(&path)?);
            let compressed = file.fill_buf()?.starts_with(&ZSTD);
            let reader: Box<dyn BufRead + Send> = if compressed {
                Box::new(BufReader::with_capacity(128 << 10, zstd::stream::read::Decoder::with_buffer(file)?))
            } else {
                Box::new(file)
            };
            Ok(reader.take(limits.unfolded))
        };
        match open() {
            Ok(reader) => Ok(Lines { path, reader, line: 0, text: Vec::new(), limits }),
            Err(source) => Err(ReadError::Open { path, source }),
        }
    }

    /// None at the end, and at a torn line: it is being written, or was when its writer was killed.
    fn next(&mut self) -> Result<Option<&[u8]>, ReadError> {
        let Lines { path, reader, line, text, limits } = self;
        text.clear();
        let read = reader.by_ref().take(limits.line).read_until(b'\n', text);
        read.map_err(|source| ReadError::Broken { path: path.clone(), line: *line, source })?;
        let whole = text.ends_with(b"\n");
        if !whole && reader.limit() == 0 {
            return Err(ReadError::Bomb { path: path.clone(), line: *line, limit: limits.unfolded });
        }
        if !whole && text.len() as u64 >= limits.line {
            return Err(ReadError::Long { path: path.clone(), line: *line + 1, limit: limits.line });
        }
        *line += 1;
        // Somebody's own file may lack its last line feed.
        let last = || std::str::from_utf8(text).is_ok_and(|text| line::parse(text).is_ok());
        Ok((whole || last()).then_some(text.as_slice()))
    }
}

/// None: nothing that was asked for.
fn judged(text: &[u8], needle: Option<&str>) -> Option<Result<DecisionRecord, LineError>> {
    let text = match std::str::from_utf8(text) {
        Ok(text) => text,
        Err(error) => return Some(Err(LineError::Text(error))),
    };
    let wanted = !text.trim_ascii().is_empty() && needle.is_none_or(|needle| text.contains(needle));
    wanted.then(|| line::parse(text))
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let current = self.current.as_ref().map(|lines| (&lines.path, lines.line));
        f.debug_struct("Records").field("current", &current).field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
