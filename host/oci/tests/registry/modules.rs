//! Modules: pushed, pulled, kept, and everything that can be wrong with them.

use std::{env, fs, os::unix::fs::PermissionsExt, path::Path, process::Command};

use nicety_oci::{Credentials, Digest, FetchOptions, Options, Scheme, fetch, pull, push, retain};

use crate::lab::{Registry, keeping, module, options, run, says, wrong};

pub fn a_module_comes_back_as_it_was_pushed_under_its_digest() {
    let registry = Registry::start();
    let (at, ours) = (registry.at("team/spread:v1"), module("spread"));
    let digest = push(&at, &ours, &options()).expect("pushed");
    for reference in [at.clone(), at.pinned(&digest), registry.at("team/spread").pinned(&digest)] {
        let pulled = pull(&reference, &options()).expect("pulled");
        assert_eq!((pulled.module, pulled.digest), (ours.clone(), digest.clone()), "{reference}");
    }
    let fetched = fetch(&at.pinned(&digest), None, &FetchOptions { registry: options(), store: None });
    assert_eq!(fetched.expect("fetched"), ours);
    says(fetch(&at, None, &FetchOptions { registry: options(), store: None }), "names no digest");
    says(push(&registry.at("team/spread"), &ours, &options()), "names no tag");
    says(push(&at.pinned(&digest), &ours, &options()), "names a digest, which follows from what is pushed");
    says(push(&at, b"\0asm\x01\0\0\0", &options()), "it is a core module");
}

pub fn the_same_module_always_gets_the_same_digest() {
    let (one, two) = (Registry::start(), Registry::start());
    let first = push(&one.at("a:v1"), &module("same"), &options()).expect("pushed");
    assert_eq!(push(&two.at("b:v2"), &module("same"), &options()).expect("pushed"), first);
    assert_ne!(push(&two.at("b:v2"), &module("other"), &options()).expect("pushed"), first);
}

pub fn the_artifact_has_the_standard_layout() {
    let registry = Registry::start();
    let ours = module("layout");
    let digest = push(&registry.at("a:v1"), &ours, &options()).expect("pushed");
    let (found, manifest) = registry.manifest("a", "v1");
    assert_eq!(found, digest);
    assert_eq!(manifest["mediaType"], "application/vnd.oci.image.manifest.v1+json");
    assert_eq!(manifest["config"]["mediaType"], "application/vnd.wasm.config.v0+json");
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 1);
    assert_eq!(layers[0]["mediaType"], "application/wasm");
    assert_eq!(layers[0]["digest"], Digest::of(&ours).as_str());
    assert_eq!(layers[0]["size"], ours.len());
    let config = fs::read(registry.file(manifest["config"]["digest"].as_str().expect("a digest"))).expect("the config");
    let config: serde_json::Value = serde_json::from_slice(&config).expect("JSON");
    assert_eq!((&config["architecture"], &config["os"]), (&"wasm".into(), &"wasip2".into()));
    assert_eq!(config["layerDigests"], serde_json::json!([Digest::of(&ours).as_str()]));
    assert_eq!(config["component"], serde_json::json!({"imports": [], "exports": []}));
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
}

pub fn a_fetched_module_is_had_again_when_the_registry_is_gone() {
    let (mut registry, store) = (Registry::start(), tempfile::tempdir().expect("a folder"));
    let at = registry.at("a:v1");
    let pinned = at.pinned(&push(&at, &module("kept"), &options()).expect("pushed"));
    let other = at.pinned(&push(&at, &module("not fetched yet"), &options()).expect("pushed"));
    assert_eq!(fetch(&pinned, None, &keeping(store.path())).expect("fetched"), module("kept"));
    registry.down();
    assert_eq!(fetch(&pinned, None, &keeping(store.path())).expect("from the store"), module("kept"));
    says(fetch(&other, None, &keeping(store.path())), "cannot reach registry");
    says(fetch(&pinned, None, &FetchOptions { registry: options(), store: None }), "cannot reach registry");
    registry.up();
    assert_eq!(fetch(&other, None, &keeping(store.path())).expect("fetched"), module("not fetched yet"));
}

pub fn a_damaged_store_is_mended_from_the_registry_and_never_believed() {
    let (mut registry, store) = (Registry::start(), tempfile::tempdir().expect("a folder"));
    let at = registry.at("a:v1");
    let pinned = at.pinned(&push(&at, &module("true"), &options()).expect("pushed"));
    let get = || fetch(&pinned, None, &keeping(store.path()));
    get().expect("fetched");
    let files: Vec<_> = fs::read_dir(store.path().join("sha256"))
        .expect("a store")
        .map(|entry| entry.expect("a file").path())
        .collect();
    assert_eq!(files.len(), 2, "a manifest and a module");
    type Damage = fn(&Path);
    let damages: [(&str, Damage); 4] = [
        ("another module", |path| fs::write(path, module("evil")).expect("a file")),
        ("cut off", |path| fs::write(path, []).expect("a file")),
        ("a folder", |path| fs::remove_file(path).and_then(|()| fs::create_dir(path)).expect("a folder")),
        ("gone", |path| fs::remove_dir(path).expect("a folder")),
    ];
    for (damage, act) in damages {
        files.iter().for_each(|path| act(path));
        if damage == "a folder" {
            says(get(), "cannot keep `");
        } else {
            assert_eq!(get().expect(damage), module("true"), "{damage}");
            assert_eq!(
                fs::read_dir(store.path().join("sha256")).expect("a store").count(),
                2,
                "{damage}: no leftovers"
            );
        }
    }
    files.iter().for_each(|path| fs::write(path, module("evil")).expect("a file"));
    registry.down();
    says(get(), "cannot reach registry");
}

pub fn a_store_forgets_what_nobody_needs_and_nothing_else() {
    let (mut registry, store) = (Registry::start(), tempfile::tempdir().expect("a folder"));
    retain(store.path(), &[]).expect("a store that is not there yet");
    let at = registry.at("a:v1");
    let [old, new] = ["old", "new"].map(|named| at.pinned(&push(&at, &module(named), &options()).expect("pushed")));
    let get = |reference| fetch(reference, None, &keeping(store.path()));
    for reference in [&old, &new] {
        get(reference).expect("fetched");
        let signatures = store.path().join("signatures").join(reference.digest().expect("a digest").hex());
        fs::create_dir_all(signatures).expect("a folder");
    }
    fs::write(store.path().join("sha256/.half"), "written when the power failed").expect("a file");
    retain(store.path(), &[&new]).expect("retained");
    let left = |folder: &str| fs::read_dir(store.path().join(folder)).expect("a folder").count();
    assert_eq!((left("sha256"), left("signatures")), (2, 1), "a manifest and a module; their signatures");
    registry.down();
    assert_eq!(get(&new).expect("kept"), module("new"));
    says(get(&old), "cannot reach registry");
}

pub fn what_is_not_in_the_registry_is_named() {
    let registry = Registry::start();
    let digest = push(&registry.at("a:v1"), &module("a"), &options()).expect("pushed");
    let absent = Digest::of(b"nothing of ours");
    says(pull(&registry.at("a:v2"), &options()), "does not have the manifest of `oci://");
    says(pull(&registry.at("b:v1"), &options()), "/b:v1`");
    says(pull(&registry.at("a").pinned(&absent), &options()), absent.as_str());
    says(pull(&registry.at("b").pinned(&digest), &options()), "does not have the manifest of");
    says(pull(&registry.at("a"), &options()), "names neither a tag nor a digest");
}

pub fn a_tampered_module_or_manifest_is_refused() {
    let mut registry = Registry::start();
    let at = registry.at("a:v1");
    let ours = module("honest");
    let pinned = at.pinned(&push(&at, &ours, &options()).expect("pushed"));
    let (digest, manifest) = registry.manifest("a", "v1");
    let layer = Digest::of(&ours);
    // What the registry remembers of sizes is not to stand in the way.
    registry.down();
    fs::write(registry.file(layer.as_str()), module("devil.")).expect("a file");
    registry.up();
    says(pull(&pinned, &options()), "the module of `oci://");
    says(pull(&pinned, &options()), "is not what its digest says: expected `sha256:");
    registry.down();
    fs::write(registry.file(layer.as_str()), [ours.clone(), ours.clone()].concat()).expect("a file");
    registry.up();
    says(pull(&pinned, &options()), "its manifest says");
    registry.down();
    fs::write(registry.file(layer.as_str()), &ours[..9]).expect("a file");
    registry.up();
    says(pull(&pinned, &options()), "has 9 bytes; its manifest says");
    let mut changed = manifest;
    changed["annotations"] = serde_json::json!({"a": "b"});
    registry.down();
    fs::write(registry.file(digest.as_str()), changed.to_string()).expect("a file");
    registry.up();
    let error = wrong(pull(&pinned, &options()));
    assert!(error.contains("manifest of `oci://"), "{error}");
}

pub fn a_module_over_the_limit_is_refused_before_it_is_read() {
    let registry = Registry::start();
    let at = registry.at("a:v1");
    let ours = module("twenty bytes or more");
    let pinned = at.pinned(&push(&at, &ours, &options()).expect("pushed"));
    let limited = |module_bytes: u64| Options { module_bytes, ..options() };
    let exact = ours.len() as u64;
    assert_eq!(pull(&pinned, &limited(exact)).expect("it fits").module, ours);
    // Were the layer asked for, its absence would be told instead.
    fs::remove_file(registry.file(Digest::of(&ours).as_str())).expect("a file");
    says(pull(&pinned, &limited(exact - 1)), &format!("({exact} bytes) is larger than {} bytes, the limit", exact - 1));
    says(pull(&pinned, &limited(exact)), "does not have the module of `oci://");
    says(push(&at, &ours, &limited(exact - 1)), "the module is larger than");
}

/// A registry for alice alone, and a docker configuration of hers.
fn guarded() -> (Registry, impl Fn(&str) -> Options) {
    let registry = Registry::with(
        |folder| {
            let users = run(Command::new("htpasswd").args(["-Bbn", "alice", "wonderland"])).expect("htpasswd");
            fs::write(folder.join("users"), users).expect("a file");
            format!("auth: {{htpasswd: {{realm: r, path: {}}}}}\n", folder.join("users").display())
        },
        "",
    );
    let (address, folder) = (registry.address.clone(), registry.folder.path().to_owned());
    let of = move |auth: &str| {
        let path = folder.join("config.json");
        fs::write(&path, format!(r#"{{"auths": {{"{address}": {{"auth": "{auth}"}}}}}}"#)).expect("a file");
        Options { credentials: Credentials::File(path), ..Options::default() }
    };
    (registry, of)
}

/// `alice:wonderland` and `alice:looking-glass`.
const RIGHT: &str = "YWxpY2U6d29uZGVybGFuZA==";
const WRONG: &str = "YWxpY2U6bG9va2luZy1nbGFzcw==";

pub fn credentials_are_needed_used_and_asked_for() {
    let (registry, with) = guarded();
    let at = registry.at("team/a:v1");
    let digest = push(&at, &module("a"), &with(RIGHT)).expect("pushed by alice");
    assert_eq!(pull(&at.pinned(&digest), &with(RIGHT)).expect("pulled by alice").module, module("a"));
    for other in [options(), with(WRONG)] {
        for error in [wrong(pull(&at, &other)), wrong(push(&at, &module("b"), &other))] {
            assert!(error.contains("refuses `team/a`") && error.contains("hint: `docker login 127.0.0.1:"), "{error}");
            assert!(!error.contains("looking-glass") && !error.contains(WRONG), "{error}");
        }
    }
    assert_eq!(pull(&at, &with(RIGHT)).expect("pulled").digest, digest, "nobody else pushed");
}

/// Names the reference that [`child`] pulls.
pub const CHILD: &str = "NICETY_TEST_PULLS";

/// In a process of its own, because `$PATH` and `$DOCKER_CONFIG` are a process's.
pub fn child() {
    let reference = env::var(CHILD).expect("a reference").parse().expect("a reference");
    let pulled = pull(&reference, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
    println!("pulled {}", pulled.digest);
}

pub fn credentials_come_from_a_helper_too() {
    let (registry, with) = guarded();
    let at = registry.at("team/a:v1");
    let digest = push(&at, &module("a"), &with(RIGHT)).expect("pushed by alice");
    let folder = tempfile::tempdir().expect("a folder");
    let config = format!(r#"{{"credHelpers": {{"{}": "rabbit"}}}}"#, registry.address);
    fs::write(folder.path().join("config.json"), config).expect("a file");
    let helper = folder.path().join("docker-credential-rabbit");
    let path = format!("{}:{}", folder.path().display(), env::var("PATH").unwrap_or_default());
    let pull_with = |script: &str| {
        fs::write(&helper, script).expect("a file");
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).expect("a mode");
        run(Command::new(env::current_exe().expect("this program"))
            .env(CHILD, at.to_string())
            .env("DOCKER_CONFIG", folder.path())
            .env("PATH", &path))
    };
    let good = pull_with(
        "#!/bin/sh\ncat >/dev/null\necho '{\"ServerURL\": \"x\", \"Username\": \"alice\", \"Secret\": \"wonderland\"}'\n",
    );
    assert!(good.expect("pulled").contains(digest.as_str()));
    let unknown = pull_with("#!/bin/sh\ncat >/dev/null\necho 'credentials not found in native keychain'\nexit 1\n");
    assert!(unknown.expect_err("nobody may not").contains("refuses `team/a`"));
    let broken = pull_with("#!/bin/sh\ncat >/dev/null\necho 'the keychain is locked' >&2\nexit 1\n");
    let broken = broken.expect_err("no credentials");
    assert!(broken.contains("no credentials for `127.0.0.1:"), "{broken}");
}

pub fn a_registry_with_a_certificate_of_its_own_is_trusted_only_by_it() {
    let registry = Registry::with(
        |folder| {
            let made = run(Command::new("openssl")
                .args([
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:prime256v1",
                    "-nodes",
                    "-days",
                    "2",
                ])
                .args(["-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1"])
                .args(["-addext", "basicConstraints=critical,CA:FALSE"])
                .args(["-keyout", "tls.key", "-out", "tls.crt"])
                .current_dir(folder));
            made.expect("a certificate");
            String::new()
        },
        "tls: {certificate: \"{}/tls.crt\", key: \"{}/tls.key\"}",
    );
    let at = registry.at("a:v1");
    let tls = Options { scheme: Scheme::Https, ..options() };
    let trusting = Options { roots: Some(registry.folder.path().join("tls.crt")), ..tls.clone() };
    let digest = push(&at, &module("a"), &trusting).expect("pushed");
    assert_eq!(pull(&at.pinned(&digest), &trusting).expect("pulled").module, module("a"));
    says(pull(&at, &tls), "certificate");
    says(
        pull(&at, &Options { roots: Some("/nonexistent.pem".into()), ..tls.clone() }),
        "cannot read the certificates in `/nonexistent.pem`",
    );
    let none = registry.folder.path().join("config.yml");
    says(pull(&at, &Options { roots: Some(none), ..tls }), "there is no PEM certificate in it");
}
