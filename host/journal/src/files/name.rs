//! What the names of files say.

use std::{fmt, fs, io, path::Path, str::FromStr};

use nicety_core::millis::Millis;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Name {
    /// `decisions-00000008.jsonl`
    Live { number: u64 },
    /// `decisions-00000008.zst.half`: a compression that was cut off.
    Half { number: u64 },
    /// `decisions-00000007-1764000000000.jsonl.zst`, with the time of its last record.
    Finished { number: u64, last: Millis },
}

impl Name {
    pub fn number(self) -> u64 {
        match self {
            Name::Live { number } | Name::Half { number } | Name::Finished { number, .. } => number,
        }
    }
}

/// Ours of a folder, by number.
pub(crate) fn list(folder: &Path) -> io::Result<Vec<Name>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        names.extend(entry?.file_name().to_str().and_then(|name| name.parse::<Name>().ok()));
    }
    names.sort_by_key(|name| name.number());
    Ok(names)
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Live { number } => write!(f, "decisions-{number:08}.jsonl"),
            Name::Half { number } => write!(f, "decisions-{number:08}.zst.half"),
            Name::Finished { number, last } => write!(f, "decisions-{number:08}-{}.jsonl.zst", last.0),
        }
    }
}

impl FromStr for Name {
    /// Not one of ours.
    type Err = ();

    fn from_str(text: &str) -> Result<Name, ()> {
        let rest = text.strip_prefix("decisions-").ok_or(())?;
        let number = |digits: &str| digits.parse::<u64>().map_err(|_| ());
        if let Some(digits) = rest.strip_suffix(".zst.half") {
            return Ok(Name::Half { number: number(digits)? });
        }
        if let Some(both) = rest.strip_suffix(".jsonl.zst") {
            let (digits, last) = both.split_once('-').ok_or(())?;
            return Ok(Name::Finished { number: number(digits)?, last: Millis(number(last)?) });
        }
        Ok(Name::Live { number: number(rest.strip_suffix(".jsonl").ok_or(())?)? })
    }
}
