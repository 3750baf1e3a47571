//! `nicety convert`: files in, objects of ours on stdout, the report on stderr.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use nicety_convert::{Source, convert};
use nicety_objects::yaml::MAX_BYTES;

use crate::{
    args::{Convert, ReportForm},
    text::{complain, say},
};

/// The answer is no when something that has a meaning did not come across.
pub fn run(arguments: &Convert) -> anyhow::Result<ExitCode> {
    let stdin = [PathBuf::from("-")];
    let files = if arguments.files.is_empty() { &stdin } else { arguments.files.as_slice() };
    let sources = files.iter().map(|file| source(file)).collect::<anyhow::Result<Vec<_>>>()?;
    let conversion = convert(&sources);
    say(conversion.yaml().trim_end());
    match arguments.report {
        ReportForm::Text => complain(conversion.report.to_string().trim_end()),
        ReportForm::Json => complain(&serde_json::to_string_pretty(&conversion.report)?),
    }
    Ok(if conversion.report.is_whole() { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

fn source(file: &Path) -> anyhow::Result<Source> {
    let mut text = String::new();
    // One byte more than is read shows that there is more.
    let most = MAX_BYTES as u64 + 1;
    let name = file.display().to_string();
    let read = match name.as_str() {
        "-" => io::stdin().take(most).read_to_string(&mut text),
        _ => File::open(file).and_then(|file| file.take(most).read_to_string(&mut text)),
    };
    read.with_context(|| format!("cannot read `{name}`"))?;
    Ok(Source { name, text })
}
