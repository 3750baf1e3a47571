//! `nicety policy build`: from a policy's folder to its component.

use std::process::ExitCode;

use nicety_authoring::build;

use crate::{args::PolicyBuild, text::say};

pub(super) fn run(arguments: &PolicyBuild) -> anyhow::Result<ExitCode> {
    let built = build::build(&arguments.folder)?;
    say(&format!("{} ({} KiB)", built.path.display(), built.bytes.div_ceil(1024)));
    Ok(ExitCode::SUCCESS)
}
