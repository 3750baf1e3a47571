//! `nicety policy keygen`: a pair of keys to sign with and to verify with.

use std::{fs, io::Write, os::unix::fs::OpenOptionsExt, path::Path, process::ExitCode};

use anyhow::Context;
use nicety_oci::PrivateKey;

use super::registry::{password, suffixed};
use crate::{
    args::PolicyKeygen,
    text::{complain, say},
};

pub fn run(arguments: &PolicyKeygen) -> anyhow::Result<ExitCode> {
    let (private, public) = (suffixed(&arguments.prefix, "key"), suffixed(&arguments.prefix, "pub"));
    let password = password().filter(|password| !password.is_empty());
    let key = PrivateKey::generate()?;
    create(&private, &key.to_pem(password.as_deref().map(str::as_bytes))?, 0o600)?;
    create(&public, &key.public().to_pem()?, 0o644)?;
    say(&format!("wrote `{}` and `{}`", private.display(), public.display()));
    if password.is_none() {
        complain(&format!("`{}` is not encrypted; hint: set COSIGN_PASSWORD to have it encrypted", private.display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// Never over a file that is there: an overwritten key is a lost key.
fn create(path: &Path, text: &str, mode: u32) -> anyhow::Result<()> {
    fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
