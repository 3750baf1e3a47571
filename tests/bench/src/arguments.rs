//! What to measure, and where the results go.

use std::{env, path::PathBuf};

pub type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

#[derive(Debug)]
pub struct Arguments {
    /// The `nicety` binary and the plugin binary; without them only the peers run, which shows whether the harness works.
    pub nicety: Option<PathBuf>,
    pub shim: Option<PathBuf>,
    /// Manifests that define the networks `single` and `rails`.
    pub manifests: PathBuf,
    /// A program that measures decisions and prints them as JSON (see [`crate::rows`]).
    pub decisions: Option<PathBuf>,
    /// Policies in other languages for that program, each with the name of its argument.
    pub languages: Vec<(&'static str, PathBuf)>,
    /// How often each operation is measured.
    pub rounds: usize,
    pub output: PathBuf,
}

impl Arguments {
    /// `--name VALUE` pairs. An unknown name is an error: a benchmark that ignores what it was asked measures something else.
    pub fn from_environment() -> Result<Self> {
        let mut parsed = Self {
            nicety: None,
            shim: None,
            manifests: PathBuf::from("tests/bench/manifests"),
            decisions: None,
            languages: Vec::new(),
            rounds: 60,
            output: PathBuf::from("target/bench.json"),
        };
        let mut words = env::args().skip(1);
        while let Some(name) = words.next() {
            let value = words.next().ok_or_else(|| format!("`{name}` needs a value"))?;
            match name.as_str() {
                "--nicety" => parsed.nicety = Some(value.into()),
                "--shim" => parsed.shim = Some(value.into()),
                "--manifests" => parsed.manifests = value.into(),
                "--decisions" => parsed.decisions = Some(value.into()),
                "--python" => parsed.languages.push(("--python", value.into())),
                "--javascript" => parsed.languages.push(("--javascript", value.into())),
                "--rounds" => parsed.rounds = value.parse().map_err(|error| format!("`--rounds {value}`: {error}"))?,
                "--output" => parsed.output = value.into(),
                _ => return Err(format!("unknown argument `{name}`").into()),
            }
        }
        Ok(parsed)
    }
}
