//! Signatures: what is good, and everything that is not.

use std::fs;

use nicety_oci::{Digest, Error, FetchOptions, Keys, Outcome, PrivateKey, Reference, fetch, push, sign, verify};

use crate::lab::{Registry, keeping, module, options, says, wrong};

const ANNOTATION: &str = "dev.cosignproject.cosign/signature";

fn key() -> (PrivateKey, Keys) {
    let key = PrivateKey::generate().expect("a key");
    let public = Keys::one(key.public());
    (key, public)
}

fn pushed(registry: &Registry, rest: &str, named: &str) -> Reference {
    let at = registry.at(rest);
    at.pinned(&push(&at, &module(named), &options()).expect("pushed"))
}

fn tag(reference: &Reference) -> String {
    format!("sha256-{}.sig", reference.digest().expect("a digest").hex())
}

fn get(reference: &Reference, keys: &Keys) -> Result<Vec<u8>, Error> {
    fetch(reference, Some(keys), &FetchOptions { registry: options(), store: None })
}

/// What verify and fetch both say.
#[track_caller]
fn refused(reference: &Reference, keys: &Keys, why: &str) {
    says(verify(reference, keys, &options()), why);
    says(get(reference, keys), why);
}

pub fn a_signed_policy_is_fetched_and_an_unsigned_one_is_not() {
    let registry = Registry::start();
    let (private, public) = key();
    let (signed, unsigned) = (pushed(&registry, "a:v1", "signed"), pushed(&registry, "a:v2", "unsigned"));
    let done = sign(&signed, &private, &options()).expect("signed");
    assert_eq!((done.outcome, done.tag), (Outcome::Added, tag(&signed)));
    assert_eq!(get(&signed, &public).expect("it is signed"), module("signed"));
    let verified = verify(&registry.at("a:v1"), &public, &options()).expect("it is signed");
    assert_eq!((Some(&verified.digest), verified.fingerprint), (signed.digest(), private.public().fingerprint()));
    refused(&unsigned, &public, "is not signed: the registry has no `sha256-");
    says(sign(&registry.at("a:v3"), &private, &options()), "does not have the manifest of");
}

pub fn another_key_does_not_do() {
    let registry = Registry::start();
    let ((private, public), (_, other), (_, third)) = (key(), key(), key());
    let at = pushed(&registry, "a:v1", "a");
    sign(&at, &private, &options()).expect("signed");
    refused(&at, &other, "signature 1: it is not by the given key, or its payload was changed");
    refused(&at, &other.clone().and(third.clone()), "signature 1: it is by none of the 2 given keys");
    assert_eq!(get(&at, &other.and(public).and(third)).expect("one of them is enough"), module("a"));
}

pub fn several_signatures_stand_side_by_side_and_none_is_added_twice() {
    let registry = Registry::start();
    let (first, second) = (key(), key());
    let at = pushed(&registry, "a:v1", "a");
    for (private, outcome) in [
        (&first.0, Outcome::Added),
        (&second.0, Outcome::Added),
        (&first.0, Outcome::AlreadyThere),
        (&second.0, Outcome::AlreadyThere),
    ] {
        assert_eq!(sign(&at, private, &options()).expect("signed").outcome, outcome);
    }
    let (_, manifest) = registry.manifest("a", &tag(&at));
    let layers = manifest["layers"].as_array().expect("layers");
    assert_eq!(layers.len(), 2);
    assert!(layers.iter().all(|layer| layer["mediaType"] == "application/vnd.dev.cosign.simplesigning.v1+json"));
    assert_ne!(layers[0]["annotations"][ANNOTATION], layers[1]["annotations"][ANNOTATION]);
    get(&at, &first.1).expect("signed by the first");
    get(&at, &second.1).expect("signed by the second");
    let error = wrong(get(&at, &key().1));
    assert!(error.contains("signature 1: it is not") && error.contains("; signature 2: it is not"), "{error}");
}

pub fn a_signature_moved_to_another_policy_is_refused() {
    let registry = Registry::start();
    let (private, public) = key();
    let (good, evil) = (pushed(&registry, "a:v1", "good"), pushed(&registry, "a:v2", "evil"));
    sign(&good, &private, &options()).expect("signed");
    let (of_good, _) = registry.manifest("a", &tag(&good));
    registry.tag("a", &of_good, &tag(&evil));
    refused(&evil, &public, &format!("it is for another digest, `{}`", good.digest().expect("a digest")));
    // The key's owner has not signed it, so signing it does add a signature, beside the one that is refused.
    assert_eq!(sign(&evil, &private, &options()).expect("signed").outcome, Outcome::Added);
    get(&evil, &public).expect("the bad one does not hide the good one");
}

pub fn a_signature_moved_to_another_repository_is_refused() {
    let registry = Registry::start();
    let (private, public) = key();
    let (staging, production) = (pushed(&registry, "staging:v1", "a"), pushed(&registry, "production:v1", "a"));
    assert_eq!(staging.digest(), production.digest());
    sign(&staging, &private, &options()).expect("signed");
    let (signatures, manifest) = registry.manifest("staging", &tag(&staging));
    registry.tag("production", &signatures, &tag(&production));
    for blob in manifest["layers"].as_array().expect("layers").iter().chain([&manifest["config"]]) {
        let hex = blob["digest"].as_str().expect("a digest").strip_prefix("sha256:").expect("a digest");
        let link = registry
            .folder
            .path()
            .join(format!("data/docker/registry/v2/repositories/production/_layers/sha256/{hex}/link"));
        fs::create_dir_all(link.parent().expect("a folder")).expect("a folder");
        fs::write(link, format!("sha256:{hex}")).expect("a file");
    }
    get(&staging, &public).expect("signed there");
    refused(&production, &public, "it is for another repository, `127.0.0.1:");
}

pub fn a_changed_payload_is_refused() {
    let mut registry = Registry::start();
    let (private, public) = key();
    let at = pushed(&registry, "a:v1", "a");
    sign(&at, &private, &options()).expect("signed");
    let (_, manifest) = registry.manifest("a", &tag(&at));
    let file = registry.file(manifest["layers"][0]["digest"].as_str().expect("a digest"));
    let payload = fs::read_to_string(&file).expect("the payload");
    registry.down();
    fs::write(&file, payload.replace("cosign", "Cosign")).expect("a file");
    registry.up();
    refused(&at, &public, "signature 1: its payload is not understood: the payload is not what its digest says");
    registry.down();
    fs::remove_file(&file).expect("a file");
    registry.up();
    refused(&at, &public, "does not have the payload");
}

pub fn a_kept_signature_counts_for_its_key_alone_and_cannot_be_forged() {
    let mut registry = Registry::start();
    let ((private, public), (other_private, other)) = (key(), key());
    let (at, unsigned) = (pushed(&registry, "a:v1", "a"), pushed(&registry, "a:v2", "unsigned"));
    sign(&at, &private, &options()).expect("signed");
    let folder = tempfile::tempdir().expect("a folder");
    let get = |reference: &Reference, keys: Option<&Keys>| fetch(reference, keys, &keeping(folder.path()));
    assert_eq!(get(&at, Some(&public)).expect("fetched"), module("a"));
    get(&unsigned, None).expect("fetched, without being asked for a signature");
    registry.down();
    assert_eq!(get(&at, Some(&public)).expect("kept with its signature"), module("a"));
    let gone = "cannot reach registry";
    says(get(&at, Some(&other)), gone);
    says(get(&unsigned, Some(&public)), gone);
    // Whoever can write into the store has no key: what is there for one key or policy is nothing for another.
    let kept = |reference: &Reference, key: &PrivateKey| {
        folder
            .path()
            .join("signatures")
            .join(reference.digest().map_or("", Digest::hex))
            .join(key.public().fingerprint())
    };
    let file = kept(&at, &private);
    fs::copy(&file, kept(&at, &other_private)).expect("a copy");
    says(get(&at, Some(&other)), gone);
    let forged = kept(&unsigned, &private);
    fs::create_dir_all(forged.parent().expect("a folder")).expect("a folder");
    fs::copy(&file, &forged).expect("a copy");
    says(get(&unsigned, Some(&public)), gone);
    fs::write(&file, "{}").expect("a file");
    says(get(&at, Some(&public)), gone);
    registry.up();
    assert_eq!(get(&at, Some(&public)).expect("mended"), module("a"));
    says(get(&unsigned, Some(&public)), "is not signed");
}
