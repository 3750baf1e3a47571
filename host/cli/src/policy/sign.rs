//! `nicety policy sign`: a signature beside a component in its registry, as cosign lays it.

use std::process::ExitCode;

use anyhow::Context;
use nicety_oci::{Outcome, PrivateKey};
use serde_json::json;

use super::registry;
use crate::{args::PolicySign, text::say};

pub fn run(arguments: &PolicySign) -> anyhow::Result<ExitCode> {
    let PolicySign { reference, key: path, registry } = arguments;
    let password = registry::password();
    let key = PrivateKey::read(path, password.as_deref().map(str::as_bytes))
        .with_context(|| format!("cannot sign with `{}`", path.display()))?;
    let signed = nicety_oci::sign(reference, &key, &registry::options(registry))?;
    let (pinned, fingerprint) = (reference.pinned(&signed.digest).to_string(), key.public().fingerprint());
    let added = signed.outcome == Outcome::Added;
    say(&if registry.json {
        let report = json!({ "reference": pinned, "tag": signed.tag, "fingerprint": fingerprint, "added": added });
        serde_json::to_string_pretty(&report)?
    } else {
        format!("{} {pinned}\nby key {fingerprint}", if added { "signed" } else { "was signed already:" })
    });
    Ok(ExitCode::SUCCESS)
}
