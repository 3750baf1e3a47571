//! `nicety policy verify`: whether a component in a registry is signed by somebody we trust.

use std::process::ExitCode;

use anyhow::Context;
use nicety_oci::{Error, Keys};
use serde_json::json;

use super::{SAID_NO, registry};
use crate::{
    args::PolicyVerify,
    text::{complain, say},
};

pub fn run(arguments: &PolicyVerify) -> anyhow::Result<ExitCode> {
    let PolicyVerify { reference, key: paths, registry } = arguments;
    let mut keys: Option<Keys> = None;
    for path in paths {
        let more = Keys::read(path).with_context(|| format!("cannot verify with `{}`", path.display()))?;
        keys = Some(match keys {
            Some(keys) => keys.and(more),
            None => more,
        });
    }
    let keys = keys.context("no key is given")?;
    let verified = match nicety_oci::verify(reference, &keys, &registry::options(registry)) {
        Ok(verified) => verified,
        Err(error @ (Error::Unsigned { .. } | Error::Unverified { .. })) => {
            if registry.json {
                let reasons = match &error {
                    Error::Unverified { reasons, .. } => reasons.clone(),
                    other => vec![other.to_string()],
                };
                say(&serde_json::to_string_pretty(&json!({ "verified": false, "reasons": reasons }))?);
            }
            complain(&format!("refused: {error}"));
            return Ok(ExitCode::from(SAID_NO));
        }
        Err(error) => return Err(error.into()),
    };
    let pinned = reference.pinned(&verified.digest).to_string();
    say(&if registry.json {
        let report = json!({ "verified": true, "reference": pinned, "fingerprint": verified.fingerprint });
        serde_json::to_string_pretty(&report)?
    } else {
        format!("good: {pinned}\nby key {}", verified.fingerprint)
    });
    Ok(ExitCode::SUCCESS)
}
