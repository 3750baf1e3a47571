//! Other programs: openssl judges our signatures and makes those that we judge, skopeo carries policies and signatures between a registry
//! and a folder. What is in the folder here is written from cosign's specification, field by field, not by our code.

use std::{fs, path::Path, process::Command};

use nicety_oci::{Digest, FetchOptions, Keys, Outcome, PrivateKey, Reference, fetch, pull, push, sign, verify};

use crate::lab::{Registry, module, options, run, says};

fn skopeo(from: &str, to: &str) {
    let copied = run(Command::new("skopeo")
        .args(["copy", "--insecure-policy", "--src-tls-verify=false", "--dest-tls-verify=false"])
        .args([from, to]));
    copied.unwrap_or_else(|error| panic!("skopeo copy {from} {to}: {error}"));
}

fn openssl(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    run(Command::new("openssl").args(arguments).current_dir(folder))
}

fn tag(digest: &Digest) -> String {
    format!("sha256-{}.sig", digest.hex())
}

/// Bytes in the layout that skopeo calls `oci:`; the descriptor's fields.
fn blob(layout: &Path, bytes: &[u8]) -> (String, usize) {
    let digest = Digest::of(bytes);
    let blobs = layout.join("blobs/sha256");
    fs::create_dir_all(&blobs).expect("a folder");
    fs::write(blobs.join(digest.hex()), bytes).expect("a file");
    (digest.to_string(), bytes.len())
}

pub fn a_policy_survives_other_programs() {
    let registry = Registry::start();
    let at = registry.at("a:v1");
    let digest = push(&at, &module("a"), &options()).expect("pushed");
    let folder = tempfile::tempdir().expect("a folder");
    let layout = format!("oci:{}:v1", folder.path().display());
    skopeo(&format!("docker://{}:v1", at.identity()), &layout);
    let other = registry.at("mirror/a:v2");
    skopeo(&layout, &format!("docker://{}:v2", other.identity()));
    let pulled = pull(&other, &options()).expect("pulled");
    assert_eq!((pulled.module, pulled.digest), (module("a"), digest));
}

pub fn our_signature_is_one_for_openssl() {
    let registry = Registry::start();
    let (key, other) = (PrivateKey::generate().expect("a key"), PrivateKey::generate().expect("a key"));
    let at = registry.at("team/a:v1");
    let digest = push(&at, &module("a"), &options()).expect("pushed");
    sign(&at, &key, &options()).expect("signed");
    let folder = tempfile::tempdir().expect("a folder");
    skopeo(&format!("docker://{}:{}", at.identity(), tag(&digest)), &format!("dir:{}", folder.path().display()));
    let read = |name: &str| fs::read(folder.path().join(name)).expect(name);
    let manifest: serde_json::Value = serde_json::from_slice(&read("manifest.json")).expect("JSON");
    let layer = &manifest["layers"][0];
    assert_eq!(layer["mediaType"], "application/vnd.dev.cosign.simplesigning.v1+json");
    let name = layer["digest"].as_str().and_then(|digest| digest.strip_prefix("sha256:")).expect("a digest");
    let payload: serde_json::Value = serde_json::from_slice(&read(name)).expect("JSON");
    assert_eq!(
        payload,
        serde_json::json!({
            "critical": {
                "identity": { "docker-reference": format!("{}/team/a", registry.address) },
                "image": { "docker-manifest-digest": digest.as_str() },
                "type": "cosign container image signature",
            },
            "optional": null,
        })
    );
    let signature = layer["annotations"]["dev.cosignproject.cosign/signature"].as_str().expect("a signature");
    fs::write(folder.path().join("base64"), signature).expect("a file");
    openssl(folder.path(), &["base64", "-d", "-A", "-in", "base64", "-out", "signature"]).expect("base64");
    for (key, good) in [(&key, true), (&other, false)] {
        fs::write(folder.path().join("key.pub"), key.public().to_pem().expect("PEM")).expect("a file");
        let judged =
            openssl(folder.path(), &["dgst", "-sha256", "-verify", "key.pub", "-signature", "signature", name]);
        assert_eq!(judged.is_ok(), good, "{judged:?}");
    }
}

/// As cosign signs: the payload's fields in Go's order, an annotation that only cosign knows, a config with a history.
fn signed_elsewhere(registry: &Registry, at: &Reference, digest: &Digest, key: &Path) {
    let folder = tempfile::tempdir().expect("a folder");
    let layout = folder.path();
    let payload = format!(
        r#"{{"critical":{{"identity":{{"docker-reference":"{}"}},"image":{{"docker-manifest-digest":"{digest}"}},"type":"cosign container image signature"}},"optional":{{"creator":"somebody","commit":"0123"}}}}"#,
        at.identity(),
    );
    let (payload_digest, payload_size) = blob(layout, payload.as_bytes());
    fs::write(layout.join("payload"), &payload).expect("a file");
    let key = key.display().to_string();
    openssl(layout, &["dgst", "-sha256", "-sign", &key, "-out", "signature", "payload"]).expect("signed");
    let signature = openssl(layout, &["base64", "-A", "-in", "signature"]).expect("base64");
    let config = format!(
        r#"{{"architecture":"","created":"0001-01-01T00:00:00Z","history":[{{"created":"0001-01-01T00:00:00Z"}}],"os":"","rootfs":{{"type":"layers","diff_ids":["{payload_digest}"]}},"config":{{}}}}"#
    );
    let (config_digest, config_size) = blob(layout, config.as_bytes());
    let manifest = format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","size":{config_size},"digest":"{config_digest}"}},"layers":[{{"mediaType":"application/vnd.dev.cosign.simplesigning.v1+json","size":{payload_size},"digest":"{payload_digest}","annotations":{{"dev.cosignproject.cosign/signature":"{}","dev.sigstore.cosign/bundle":"{{}}"}}}}]}}"#,
        signature.trim()
    );
    let (manifest_digest, manifest_size) = blob(layout, manifest.as_bytes());
    let index = format!(
        r#"{{"schemaVersion":2,"manifests":[{{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"{manifest_digest}","size":{manifest_size}}}]}}"#
    );
    fs::write(layout.join("index.json"), index).expect("a file");
    fs::write(layout.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).expect("a file");
    let to = format!("docker://{}:{}", registry.at("team/a").identity(), tag(digest));
    skopeo(&format!("oci:{}", layout.display()), &to);
}

pub fn a_signature_by_openssl_is_one_for_us_and_ours_goes_beside_it() {
    let registry = Registry::start();
    let at = registry.at("team/a:v1");
    let digest = push(&at, &module("a"), &options()).expect("pushed");
    let folder = tempfile::tempdir().expect("a folder");
    openssl(
        folder.path(),
        &["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "their.key"],
    )
    .expect("a key");
    openssl(folder.path(), &["pkey", "-in", "their.key", "-pubout", "-out", "their.pub"]).expect("a public key");
    let theirs = Keys::read(&folder.path().join("their.pub")).expect("PEM of openssl");
    let their_key = PrivateKey::read(&folder.path().join("their.key"), None).expect("PEM of openssl");
    assert_eq!(Keys::one(their_key.public()), theirs);
    signed_elsewhere(&registry, &at, &digest, &folder.path().join("their.key"));
    let pinned = at.pinned(&digest);
    let fetched = fetch(&pinned, Some(&theirs), &FetchOptions { registry: options(), store: None });
    assert_eq!(fetched.expect("signed by them"), module("a"));
    assert_eq!(sign(&pinned, &their_key, &options()).expect("signed").outcome, Outcome::AlreadyThere);
    let our_key = PrivateKey::generate().expect("a key");
    let ours = Keys::one(our_key.public());
    says(verify(&pinned, &ours, &options()), "it is not by the given key");
    assert_eq!(sign(&pinned, &our_key, &options()).expect("signed").outcome, Outcome::Added);
    verify(&pinned, &ours, &options()).expect("ours");
    verify(&pinned, &theirs, &options()).expect("theirs still");
    let (_, manifest) = registry.manifest("team/a", &tag(&digest));
    let bundle = &manifest["layers"][0]["annotations"]["dev.sigstore.cosign/bundle"];
    assert_eq!(bundle, "{}", "what others wrote beside their signature stays");
}
