//! Who holds which egress address, on disk: lines of `core::egress::held` in files of bounded size and number, named and read as those of
//! daemons are. Each file begins with all that holds then, so that none needs the one before it.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    path::PathBuf,
};

use nicety_core::{
    egress::{
        held::Line,
        leaving::{Leaving, all, open},
    },
    millis::Millis,
};

#[derive(Debug, Clone)]
pub struct Audit {
    folder: PathBuf,
    /// The next file begins once one has so many bytes.
    pub file_bytes: u64,
    /// Files that are kept; the oldest go.
    pub files: usize,
}

impl Audit {
    pub fn new(folder: PathBuf) -> Audit {
        Audit { folder, file_bytes: 32 << 20, files: 16 }
    }

    /// What held when whoever wrote here last ended.
    pub fn before(&self) -> io::Result<Leaving> {
        let Some(newest) = self.numbers().pop() else { return Ok(Leaving::new()) };
        let text = fs::read(self.path(newest))?;
        let lines = text.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Line>(line).ok());
        Ok(open(lines))
    }

    /// In order. `now`: all that holds after them.
    pub fn append(&self, lines: &[Line], at: Millis, now: impl FnOnce() -> Leaving) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let number = self.numbers().pop().unwrap_or(1);
        if self.write(number, lines)? < self.file_bytes {
            return Ok(());
        }
        self.write(number + 1, &all(&now(), at))?;
        let known = self.numbers();
        let surplus = known.len().saturating_sub(self.files);
        known.into_iter().take(surplus).try_for_each(|number| fs::remove_file(self.path(number)))
    }

    /// How large the file is then.
    fn write(&self, number: u64, lines: &[Line]) -> io::Result<u64> {
        let mut file = OpenOptions::new().create(true).append(true).open(self.path(number))?;
        let mut text = Vec::new();
        for line in lines {
            // One that was killed within a line left a part of it.
            text.push(b'\n');
            serde_json::to_writer(&mut text, line)?;
        }
        text.push(b'\n');
        file.write_all(&text)?;
        Ok(file.metadata()?.len())
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("held-{number:08}.jsonl"))
    }

    /// Ascending.
    fn numbers(&self) -> Vec<u64> {
        let names = fs::read_dir(&self.folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
        let number = |name: &str| name.strip_prefix("held-")?.strip_suffix(".jsonl")?.parse().ok();
        let mut numbers: Vec<u64> = names.filter_map(|name| number(name.to_str()?)).collect();
        numbers.sort_unstable();
        numbers
    }
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
            let (node, gateway) = ("w-1".parse().unwrap(), "gw/192.0.2.1".to_owned().into());
            let egress_ips = ["192.0.2.1".parse().unwrap()].into();
            ((key, "out".to_owned()), By { addresses: Default::default(), node, gateway, egress_ips })
        };
        pods.map(by).collect()
    }

    #[test]
    fn files_are_bounded_and_the_newest_says_all_that_holds() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit { file_bytes: 4096, files: 3, ..Audit::new(folder.path().join("deep/er")) };
        let mut before = audit.before().unwrap();
        assert!(before.is_empty());
        for step in 0..200 {
            let (now, at) = (leaving(step..step + 4), Millis(step.into()));
            audit.append(&changes(&before, &now, at), at, || now.clone()).unwrap();
            before = now;
        }
        assert_eq!(audit.numbers().len(), 3);
        assert_eq!(audit.before().unwrap(), before);
    }

    #[test]
    fn a_line_that_was_cut_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::new(folder.path().to_owned());
        let (nothing, now) = (Leaving::new(), leaving(0..2));
        audit.append(&changes(&nothing, &now, Millis(1)), Millis(1), || now.clone()).unwrap();
        let text = fs::read(audit.path(1)).unwrap();
        fs::write(audit.path(1), &text[..text.len() - 9]).unwrap();
        let left = audit.before().unwrap();
        assert_eq!(left, leaving(0..1));
        audit.append(&changes(&left, &now, Millis(2)), Millis(2), || now.clone()).unwrap();
        assert_eq!(audit.before().unwrap(), now);
    }
}
