//! The one place of this crate that reads files.

use std::{
    fs,
    io::{self, Read},
    path::Path,
};

use nicety_core::finding::Finding;

use crate::{
    Overlay, Set, Strategies,
    manifest::{self, Bare, Object},
    set::File,
    yaml::{self, MAX_BYTES, YamlError},
};

/// Most manifest files in a folder.
const MAX_FILES: usize = 10_000;

impl Set {
    /// The `*.yaml`, `*.yml` and `*.json` files of a folder, in the order of their names. Hidden files, other files and folders
    /// inside it are not looked at.
    pub fn load(folder: &Path) -> Result<Set, Vec<Finding>> {
        let mut files = Vec::new();
        let mut findings = Vec::new();
        for name in names(folder).map_err(|error| vec![unreadable(folder, &error)])? {
            match read(&folder.join(&name)) {
                Ok(text) => files.push(File { name, text }),
                Err(message) => findings.push(Finding::new(name, message)),
            }
        }
        match Set::parse(&files) {
            Ok(set) if findings.is_empty() => Ok(set),
            Ok(_) => Err(findings),
            Err(more) => {
                findings.extend(more);
                Err(findings)
            }
        }
    }
}

impl Strategies {
    /// A strategies document by itself, bare or in its ConfigMap. An empty file means the defaults.
    pub fn load(path: &Path) -> Result<Strategies, Vec<Finding>> {
        let name = path.display().to_string();
        let wrong = |message: String| vec![Finding::new(name.clone(), message)];
        let documents = yaml::documents(&read(path).map_err(wrong)?).map_err(|error| wrong(error.to_string()))?;
        let document = match <[_; 1]>::try_from(documents) {
            Ok([document]) => document,
            Err(documents) if documents.is_empty() => return Ok(Strategies::default()),
            Err(documents) => return Err(wrong(format!("has {} documents; strategies are one", documents.len()))),
        };
        match manifest::parse(document, Bare::Strategies) {
            (_, Ok(Object::Strategies(strategies))) => Ok(strategies),
            (identity, Ok(_)) => Err(wrong(format!("holds a {}, not strategies", identity.kind))),
            (_, Err(findings)) => Err(findings),
        }
    }
}

impl Overlay {
    /// An inventory overlay file.
    pub fn load(path: &Path) -> Result<Overlay, Vec<Finding>> {
        let name = path.display().to_string();
        let named = |finding: Finding| {
            let path = if finding.path.is_empty() { name.clone() } else { format!("{name}: {}", finding.path) };
            Finding { path, ..finding }
        };
        let text = read(path).map_err(|message| vec![Finding::new(name.clone(), message)])?;
        Overlay::parse(&text).map_err(|findings| findings.into_iter().map(named).collect())
    }
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let manifest = [".yaml", ".yml", ".json"].iter().any(|ending| name.ends_with(ending));
        if manifest && !name.starts_with('.') {
            names.push(name);
        }
        if names.len() > MAX_FILES {
            return Err(io::Error::other(format!("more than {MAX_FILES} manifests")));
        }
    }
    names.sort();
    Ok(names)
}

/// No more than a manifest may have is ever in memory, whatever the file is.
fn read(path: &Path) -> Result<String, String> {
    let cannot = |error: io::Error| format!("cannot be opened: {error}");
    if !fs::metadata(path).map_err(cannot)?.is_file() {
        return Err("is not a regular file".to_owned());
    }
    let mut bytes = Vec::new();
    let file = fs::File::open(path).map_err(cannot)?;
    let bounded = file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
    bounded.map_err(|error| format!("cannot be read: {error}"))?;
    if bytes.len() > MAX_BYTES {
        return Err(YamlError::TooLong { bytes: bytes.len() }.to_string());
    }
    String::from_utf8(bytes).map_err(|error| format!("is not UTF-8 from byte {} on", error.utf8_error().valid_up_to()))
}

fn unreadable(folder: &Path, error: &io::Error) -> Finding {
    Finding::new(folder.display().to_string(), format!("the manifests folder cannot be read: {error}"))
}
