//! One file of the cache: a header that says what follows, then wasmtime's code.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

const MAGIC: &[u8; 16] = b"nicety code v1\n\0";
const HEADER: usize = MAGIC.len() + 32 + 32;

/// What code is kept under: a module, compiled by one wasmtime with one set of settings for one processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key(pub(super) [u8; 32]);

impl Key {
    pub(super) fn file_name(&self) -> String {
        self.0.iter().fold(String::with_capacity(64 + super::folder::SUFFIX.len()), |mut name, byte| {
            // Writing to a string does not fail.
            let _ = write!(name, "{byte:02x}");
            name
        }) + super::folder::SUFFIX
    }
}

/// A file that is whole.
#[derive(Debug)]
pub(crate) struct Entry(Vec<u8>);

impl Entry {
    /// None when it is cut, changed, or of another key.
    pub(super) fn parse(bytes: Vec<u8>, key: &Key) -> Option<Entry> {
        let (header, code) = bytes.split_at_checked(HEADER)?;
        (header == Entry::header(key, code)).then_some(Entry(bytes))
    }

    pub(super) fn header(key: &Key, code: &[u8]) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        let parts = MAGIC.iter().chain(&key.0).copied().chain(Sha256::digest(code));
        header.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        header
    }

    pub(crate) fn code(&self) -> &[u8] {
        self.0.get(HEADER..).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_believed_only_whole_and_under_its_own_key() {
        let (key, other) = (Key([7; 32]), Key([8; 32]));
        let file = [&Entry::header(&key, b"code")[..], b"code"].concat();
        assert_eq!(Entry::parse(file.clone(), &key).unwrap().code(), b"code");
        assert!(Entry::parse(file.clone(), &other).is_none(), "renamed");
        for place in 0..file.len() {
            let mut changed = file.clone();
            changed[place] ^= 1;
            assert!(Entry::parse(changed, &key).is_none(), "byte {place} changed");
            assert!(Entry::parse(file[..place].to_vec(), &key).is_none(), "cut at {place}");
        }
        assert!(Entry::parse([&file[..], b"!"].concat(), &key).is_none(), "longer");
    }
}
