//! `nicety policy push`, `pull`, `sign`, `verify` and `keygen` as their users meet them, with a real registry on loopback (Debian's
//! `docker-registry`). Without it the test says so, and fails where NICETY_REQUIRE has `registry`.
#![expect(clippy::unwrap_used, reason = "what cannot be run or read is a failure of the test")]

use std::{
    env, fs,
    io::Write,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

struct Registry {
    address: String,
    child: Child,
}

impl Registry {
    /// None where there is no such program.
    fn start(folder: &Path) -> Option<Registry> {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let config = format!(
            "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: \"{address}\", secret: s}}\n",
            folder.join("data").display()
        );
        fs::write(folder.join("config.yml"), config).unwrap();
        let mut command = Command::new("docker-registry");
        command.arg("serve").arg(folder.join("config.yml")).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut child) = command.spawn() else {
            let required = env::var("NICETY_REQUIRE").is_ok_and(|list| list.split(',').any(|part| part == "registry"));
            assert!(!required, "registry is required, but there is no `docker-registry`; hint: scripts/setup registry");
            // Not by `println!`, which the harness keeps to itself.
            let told = "commands of registries cannot run here: no `docker-registry`; hint: scripts/setup registry\n";
            std::io::stdout().write_all(told.as_bytes()).unwrap();
            return None;
        };
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(&address).is_err() {
            assert!(child.try_wait().unwrap().is_none() && Instant::now() < deadline, "the registry does not serve");
            sleep(Duration::from_millis(20));
        }
        Some(Registry { address, child })
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        drop(self.child.kill().and_then(|()| self.child.wait()));
    }
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[derive(Debug)]
struct Said {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Said {
    #[track_caller]
    fn done(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.out.trim().to_owned()
    }

    #[track_caller]
    fn refused(self, code: i32, told: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(self.err.contains(told), "`{told}` is not in {self:?}");
    }
}

/// The program in a folder, with a password for keys or none, and with nobody's docker configuration.
fn policy(folder: &Path, password: Option<&str>, arguments: &[&str]) -> Said {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nicety"));
    command
        .arg("policy")
        .args(arguments)
        .current_dir(folder)
        .env("DOCKER_CONFIG", folder)
        .env_remove("COSIGN_PASSWORD");
    if let Some(password) = password {
        command.env("COSIGN_PASSWORD", password);
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

#[test]
fn a_policy_goes_to_a_registry_is_signed_and_comes_back() {
    let folder = folder("registries-cycle");
    let Some(registry) = Registry::start(&folder) else { return };
    let run = |arguments: &[&str]| policy(&folder, None, arguments);
    let tagged = format!("oci://{}/policies/spread:1.0", registry.address);
    let pinned = run(&["push", "builtin:spread", &tagged]).done();
    assert!(pinned.starts_with(&format!("{tagged}@sha256:")), "{pinned}");
    assert_eq!(run(&["push", "builtin:spread", &tagged]).done(), pinned, "the same module, the same digest");
    let json: serde_json::Value =
        serde_json::from_str(&run(&["push", "builtin:spread", &tagged, "--json"]).done()).unwrap();
    assert_eq!(json.get("reference").unwrap(), &pinned);

    let with_password = |arguments: &[&str]| policy(&folder, Some("wonderland"), arguments);
    with_password(&["keygen", "release"]).done();
    run(&["keygen", "other"]).done();
    assert_eq!(fs::metadata(folder.join("release.key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(
        fs::read_to_string(folder.join("release.key"))
            .unwrap()
            .starts_with("-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----")
    );
    run(&["keygen", "other"]).refused(1, "cannot write `other.key`: File exists");

    run(&["verify", &pinned, "--key", "release.pub"]).refused(3, "is not signed");
    run(&["sign", &pinned, "--key", "release.key"]).refused(1, "COSIGN_PASSWORD");
    policy(&folder, Some("no"), &["sign", &pinned, "--key", "release.key"]).refused(1, "is not that of the key");
    assert!(with_password(&["sign", &pinned, "--key", "release.key"]).done().starts_with("signed oci://"));
    assert!(with_password(&["sign", &pinned, "--key", "release.key"]).done().starts_with("was signed already: oci://"));
    assert!(
        run(&["verify", &tagged, "--key", "other.pub", "--key", "release.pub"])
            .done()
            .starts_with(&format!("good: {pinned}"))
    );
    run(&["verify", &pinned, "--key", "other.pub"]).refused(3, "signature 1: it is not by the given key");
    run(&["verify", &pinned, "--key", "release.key"]).refused(1, "it is a private key");
    let told = run(&["verify", &pinned, "--key", "other.pub", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!((told.code, json.get("verified").unwrap()), (Some(3), &serde_json::Value::Bool(false)));

    assert!(run(&["pull", &pinned]).done().contains("wrote `spread.wasm`"));
    let pulled = fs::read(folder.join("spread.wasm")).unwrap();
    assert!(nicety_builtins::get("spread").is_some_and(|module| module == pulled));
    run(&["pull", &tagged, "--output", "again.wasm"]).done();
    assert_eq!(fs::read(folder.join("again.wasm")).unwrap(), pulled);
}

#[test]
fn what_cannot_be_done_is_told_with_its_reason() {
    let folder = folder("registries-refused");
    let run = |arguments: &[&str]| policy(&folder, None, arguments);
    fs::write(folder.join("script"), "#!/bin/sh\n").unwrap();
    run(&["push", "script", "oci://localhost:1/a:v1"])
        .refused(1, "it is no WebAssembly: it does not start with `\\0asm`");
    run(&["push", "builtin:spread", "oci://localhost:1/a"]).refused(1, "names no tag");
    run(&["push", "builtin:spread", "oci://localhost:1/a:v1"]).refused(1, "cannot reach registry `localhost:1`");
    run(&["push", "builtin:nothing", "oci://localhost:1/a:v1"]).refused(1, "there is no built-in policy `nothing`");
    run(&["push", "strategy:gold", "oci://localhost:1/a:v1"]).refused(1, "push the component that it runs");
    run(&["pull", "oci://localhost:1/a"]).refused(1, "localhost:1");
    run(&["pull", "localhost:1/a"]).refused(2, "does not start with `oci://`");
    run(&["verify", "oci://localhost:1/a:v1"]).refused(2, "--key");
    run(&["sign", "oci://localhost:1/a:v1", "--key", "absent"]).refused(1, "cannot read key `absent`: No such file");
    run(&["pull", "oci://localhost:1/a:v1", "--credentials", "absent"]).refused(1, "cannot read `absent`");
    run(&["pull", "oci://localhost:1/a:v1", "--plain-http", "--ca", "absent"]).refused(2, "cannot be used with");
}
