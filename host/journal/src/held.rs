//! Who left the cluster with which address, on disk: lines of JSON that are appended, in files of bounded size and number. Each file
//! begins with all that holds then, so that none needs the one before it:
//!
//! ```text
//! held-00000007.jsonl
//! held-00000008.jsonl   being written
//! ```

use std::{
    borrow::Borrow,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use nicety_core::{
    egress::{
        held::Line,
        leaving::{Leaving, all, open},
    },
    millis::Millis,
};

/// A change is some 300 bytes.
const FILE_BYTES: u64 = 8 << 20;
/// The oldest go first.
const FILES: usize = 16;
/// Kept however large they are: the one that is written, and a past.
const WHATEVER: usize = 2;
/// No line of ours is longer.
const LINE_BYTES: usize = 64 << 10;

/// One process at a time writes to a folder.
#[derive(Debug)]
pub struct HeldLog {
    folder: PathBuf,
    file: File,
    number: u64,
    bytes: u64,
    /// What the file began with, as far as that is known.
    began: u64,
    limit: u64,
}

impl HeldLog {
    /// Makes the folder when it is missing, for its owner alone. Also what held when whoever wrote here last ended.
    pub fn open(folder: &Path) -> io::Result<(HeldLog, Leaving)> {
        HeldLog::bounded(folder, FILE_BYTES)
    }

    /// `limit`: bytes of changes in a file before the next one begins, beside what held when it began; where that is more, as many bytes as
    /// that. Sixteen files are kept, or as many as have 32 times the limit; the last two however large.
    pub fn bounded(folder: &Path, limit: u64) -> io::Result<(HeldLog, Leaving)> {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let newest = numbers(folder)?.pop();
        let mut lines = Vec::new();
        if let Some(number) = newest {
            read_file(&path(folder, number), &mut lines)?;
        }
        let number = newest.unwrap_or(1);
        let (mut file, mut bytes) = opened(&path(folder, number))?;
        if bytes > 0 {
            // Whoever was killed within a line left a part of it; a line is a line after this.
            file.write_all(b"\n")?;
            bytes += 1;
        }
        Ok((HeldLog { folder: folder.to_owned(), file, number, bytes, began: 0, limit }, open(lines)))
    }

    /// In order. `now`: what holds after them; asked for with the first line of a file alone, for it may be much.
    pub fn append<L: Borrow<Leaving>>(
        &mut self,
        lines: &[Line],
        now: impl FnOnce() -> L,
        at: Millis,
    ) -> io::Result<()> {
        self.write(lines)?;
        // A file that began large is not followed by the next at once.
        if self.bytes.saturating_sub(self.began) < self.limit.max(self.began) {
            return Ok(());
        }
        self.number += 1;
        (self.file, self.bytes) = opened(&path(&self.folder, self.number))?;
        self.write(&all(now().borrow(), at))?;
        self.began = self.bytes;
        self.give_back()
    }

    /// The oldest go: those that are too many, then those that are too much.
    fn give_back(&self) -> io::Result<()> {
        let mut known = numbers(&self.folder)?;
        // A file has as much of what held when it began as of changes, or less.
        let (mut kept, most) = (0u64, self.limit.saturating_mul(2 * FILES as u64));
        known.reverse();
        for (place, number) in known.into_iter().enumerate() {
            let path = path(&self.folder, number);
            kept = kept.saturating_add(fs::metadata(&path)?.len());
            if place >= FILES || (place >= WHATEVER && kept > most) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, lines: &[Line]) -> io::Result<()> {
        let mut text = Vec::new();
        for line in lines {
            serde_json::to_writer(&mut text, line)?;
            text.push(b'\n');
        }
        self.file.write_all(&text)?;
        self.bytes = self.bytes.saturating_add(text.len() as u64);
        Ok(())
    }
}

/// All lines of a folder, in the order in which they were written; what is no line of ours is passed over.
pub fn read_held(folder: &Path) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    for number in numbers(folder)? {
        match read_file(&path(folder, number), &mut lines) {
            // Removed meanwhile: there was too much.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            read => read?,
        }
    }
    Ok(lines)
}

fn read_file(path: &Path, lines: &mut Vec<Line>) -> io::Result<()> {
    for text in BufReader::new(File::open(path)?).split(b'\n') {
        let text = text?;
        if text.len() <= LINE_BYTES {
            lines.extend(serde_json::from_slice::<Line>(&text));
        }
    }
    Ok(())
}

fn opened(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let bytes = file.metadata()?.len();
    Ok((file, bytes))
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("held-{number:08}.jsonl"))
}

/// Ascending.
fn numbers(folder: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let digits = name.to_str().and_then(|name| name.strip_prefix("held-")?.strip_suffix(".jsonl"));
        numbers.extend(digits.and_then(|digits| digits.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

#[cfg(test)]
mod tests {
    use nicety_core::egress::{
        leaving::{By, changes},
        share::PodKey,
    };

    use super::*;

    fn leaving(pods: std::ops::Range<u32>) -> Leaving {
        let by = |pod: u32| {
            let key = PodKey { namespace: "shop".to_owned(), name: format!("web-{pod}"), uid: String::new() };
            let egress_ips = ["192.0.2.1".parse().unwrap()].into();
            let (node, gateway) = ("node-1".parse().unwrap(), "gw/192.0.2.1".to_owned().into());
            ((key, "out".to_owned()), By { addresses: Default::default(), node, gateway, egress_ips })
        };
        pods.map(by).collect()
    }

    #[test]
    fn whoever_starts_again_goes_on_from_what_held() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, before) = HeldLog::open(folder.path()).unwrap();
        assert!(before.is_empty());
        let now = leaving(0..5);
        log.append(&changes(&before, &now, Millis(1)), || &now, Millis(1)).unwrap();
        let later = leaving(2..6);
        log.append(&changes(&now, &later, Millis(2)), || &later, Millis(2)).unwrap();
        drop(log);
        assert_eq!(HeldLog::open(folder.path()).unwrap().1, later);
    }

    #[test]
    fn a_line_that_was_cut_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, nothing) = HeldLog::open(folder.path()).unwrap();
        let now = leaving(0..2);
        log.append(&changes(&nothing, &now, Millis(1)), || &now, Millis(1)).unwrap();
        let file = path(folder.path(), 1);
        let text = fs::read(&file).unwrap();
        fs::write(&file, &text[..text.len() - 9]).unwrap();
        let (mut log, left) = HeldLog::open(folder.path()).unwrap();
        assert_eq!(left, leaving(0..1));
        log.append(&changes(&left, &now, Millis(2)), || &now, Millis(2)).unwrap();
        assert_eq!(open(read_held(folder.path()).unwrap()), now);
    }

    #[test]
    fn files_are_bounded_in_size_and_number_and_the_newest_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, mut before) = HeldLog::bounded(folder.path(), 4096).unwrap();
        for step in 0..400 {
            let now = leaving(step..step + 4);
            log.append(&changes(&before, &now, Millis(step.into())), || &now, Millis(step.into())).unwrap();
            before = now;
        }
        assert_eq!(numbers(folder.path()).unwrap().len(), FILES);
        assert!(sizes(folder.path()).into_iter().max() < Some(8192));
        assert_eq!(HeldLog::open(folder.path()).unwrap().1, before);
    }

    fn sizes(folder: &Path) -> Vec<u64> {
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().metadata().unwrap().len()).collect()
    }

    #[test]
    fn where_more_holds_than_a_file_may_have_not_every_change_begins_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, mut before) = HeldLog::bounded(folder.path(), 4096).unwrap();
        let mut whole = 0;
        for step in 0..400 {
            let now = leaving(step..step + 200);
            let at = Millis(step.into());
            let count = || {
                whole += 1;
                &now
            };
            log.append(&changes(&before, &now, at), count, at).unwrap();
            before = now;
        }
        assert!((2..10).contains(&whole), "{whole} files began");
        let all = sizes(folder.path());
        assert!((2..=4).contains(&all.len()), "{all:?}");
        assert_eq!(HeldLog::open(folder.path()).unwrap().1, before);
    }

    #[test]
    fn the_folder_and_its_files_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("deep/er");
        let (mut log, nothing) = HeldLog::open(&deep).unwrap();
        let now = leaving(0..1);
        log.append(&changes(&nothing, &now, Millis(1)), || &now, Millis(1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&deep), mode(&path(&deep, 1))), (0o700, 0o600));
    }
}
