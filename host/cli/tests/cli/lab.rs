//! Runs the program, and makes files for it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// What the program said and how it ended.
#[derive(Debug)]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Ended with this code, and told all of this on its error stream.
    #[track_caller]
    pub fn refused(&self, code: i32, told: &[&str]) {
        assert_eq!(self.code, code, "{self:?}");
        for text in told {
            assert!(self.err.contains(text), "`{text}` is not in {self:?}");
        }
    }

    #[track_caller]
    pub fn done(self) -> Said {
        assert_eq!(self.code, 0, "{self:?}");
        self
    }
}

pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// The program, started at the root of the repository.
pub fn nicety(arguments: &[&str]) -> Said {
    of(Command::new(env!("CARGO_BIN_EXE_nicety")).args(arguments).current_dir(repository()).output().unwrap())
}

pub fn of(output: Output) -> Said {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
}

/// An empty folder of this name, for one test.
pub fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    fs::create_dir_all(&folder).unwrap();
    folder
}

/// A file in a folder of a test, by the path that the command line takes.
pub fn file(folder: &Path, name: &str, content: impl AsRef<[u8]>) -> String {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A component that imports empty interfaces of these names and exports nothing, in the binary form by hand: an instance type, and
/// an import of it for each name.
pub fn component(imports: &[&str]) -> Vec<u8> {
    let mut section = vec![u8::try_from(imports.len()).unwrap()];
    for name in imports {
        section.extend([0, u8::try_from(name.len()).unwrap()]);
        section.extend(name.as_bytes());
        section.extend([5, 0]);
    }
    let mut component = b"\0asm\x0d\0\x01\0\x07\x03\x01\x42\x00".to_vec();
    component.extend([0x0a, u8::try_from(section.len()).unwrap()]);
    component.extend(section);
    component
}

/// Facts of nic-selection with two candidates.
pub const TWO_NICS: &str = r#"{"kind": "nic-selection", "facts": {
    "pod": {"namespace": "red", "name": "web-0"},
    "candidates": [{"name": "eth1", "numa": 0}, {"name": "eth2", "numa": 1}]}}"#;
