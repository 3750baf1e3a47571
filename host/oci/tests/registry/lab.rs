//! A registry of our own, and what every test needs of it.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use nicety_oci::{Credentials, Digest, FetchOptions, Options, Reference};
use tempfile::TempDir;

/// What the tests run, and the packages that have it.
const TOOLS: [(&str, &str); 4] = [
    ("docker-registry", "docker-registry"),
    ("htpasswd", "apache2-utils"),
    ("openssl", "openssl"),
    ("skopeo", "skopeo"),
];

pub fn missing() -> Result<(), String> {
    let absent: Vec<String> = TOOLS
        .iter()
        .filter(|(tool, _)| {
            Command::new(tool).arg("--help").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err()
        })
        .map(|(tool, package)| format!("no `{tool}` (Debian's {package})"))
        .collect();
    if absent.is_empty() { Ok(()) } else { Err(format!("{}; hint: scripts/setup registry", absent.join(", "))) }
}

/// A component: an empty one, with a custom section that makes it this one.
pub fn module(named: &str) -> Vec<u8> {
    let name = named.as_bytes();
    let length = u8::try_from(name.len()).expect("a short name");
    [b"\0asm\x0d\0\x01\0".as_slice(), &[0, length + 1, length], name].concat()
}

pub struct Registry {
    /// `127.0.0.1:PORT`.
    pub address: String,
    pub folder: TempDir,
    child: Option<Child>,
}

impl Registry {
    pub fn start() -> Registry {
        Registry::with(|_| String::new(), "")
    }

    /// With more of its configuration, which may name files that `prepare` writes into the folder: top-level keys from `prepare`, keys of
    /// `http` in `http`, where `{}` is the folder.
    pub fn with(prepare: impl FnOnce(&Path) -> String, http: &str) -> Registry {
        let folder = tempfile::tempdir().expect("a folder");
        let more = prepare(folder.path());
        let address = free_address();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {root}}}, delete: {{enabled: true}}}}\n\
             http: {{addr: \"{address}\", secret: s, {http}}}\n{more}",
            root = folder.path().join("data").display(),
            http = http.replace("{}", &folder.path().display().to_string()),
        );
        fs::write(folder.path().join("config.yml"), config).expect("a file");
        let mut registry = Registry { address, folder, child: None };
        registry.up();
        registry
    }

    pub fn up(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).expect("a file");
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(self.folder.path().join("config.yml"))
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("docker-registry");
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&self.address).is_err() {
            let ended = child.try_wait().expect("a child");
            let log = || fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
            assert!(ended.is_none() && Instant::now() < deadline, "the registry does not serve: {}", log());
            sleep(Duration::from_millis(20));
        }
        self.child = Some(child);
    }

    pub fn down(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().and_then(|()| child.wait()).expect("a child that ends");
        }
    }

    /// `oci://ADDRESS/REST`.
    pub fn at(&self, rest: &str) -> Reference {
        format!("oci://{}/{rest}", self.address).parse().expect("a reference")
    }

    /// Where the registry keeps a blob or manifest.
    pub fn file(&self, digest: &str) -> PathBuf {
        let hex = digest.strip_prefix("sha256:").expect("a digest");
        self.folder.path().join("data/docker/registry/v2/blobs/sha256").join(&hex[..2]).join(hex).join("data")
    }

    /// The manifest of a tag, as the registry's own files have it.
    pub fn manifest(&self, repository: &str, tag: &str) -> (Digest, serde_json::Value) {
        let link = format!("data/docker/registry/v2/repositories/{repository}/_manifests/tags/{tag}/current/link");
        let digest = fs::read_to_string(self.folder.path().join(link)).expect("the tag is there");
        let bytes = fs::read(self.file(&digest)).expect("the manifest is there");
        (digest.parse().expect("a digest"), serde_json::from_slice(&bytes).expect("JSON"))
    }

    /// Gives a manifest of a repository another tag in it, as only its operator can: past all checks.
    pub fn tag(&self, repository: &str, digest: &Digest, tag: &str) {
        let folder = self.folder.path().join(format!("data/docker/registry/v2/repositories/{repository}/_manifests"));
        for link in [format!("tags/{tag}/current/link"), format!("revisions/sha256/{}/link", digest.hex())] {
            let link = folder.join(link);
            fs::create_dir_all(link.parent().expect("a folder")).expect("a folder");
            fs::write(link, digest.as_str()).expect("a file");
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.down();
    }
}

pub fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").to_string()
}

/// Nobody's credentials, whoever runs the tests.
pub fn options() -> Options {
    Options { credentials: Credentials::Anonymous, ..Options::default() }
}

pub fn keeping(folder: &Path) -> FetchOptions {
    FetchOptions { registry: options(), store: Some(folder.to_owned()) }
}

/// The error and its causes.
pub fn wrong<T>(outcome: Result<T, nicety_oci::Error>) -> String {
    let Err(error) = outcome else { panic!("it should have been refused") };
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[track_caller]
pub fn says<T>(outcome: Result<T, nicety_oci::Error>, expected: &str) {
    let error = wrong(outcome);
    assert!(error.contains(expected), "expected `{expected}` in: {error}");
}

pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(said) } else { Err(said) }
}
