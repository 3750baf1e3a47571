//! Commands that look at one module: `check`, `inspect`, `test`, `bench`, `schema`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

/// Which module, and how to say what is found.
#[derive(Debug, Args)]
pub struct Module {
    /// `builtin:NAME`, or the path of a component
    pub module: String,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct PolicyCheck {
    #[command(flatten)]
    pub module: Module,
    /// JSON of a config that the policy is to accept
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct PolicyInspect {
    #[command(flatten)]
    pub module: Module,
}

#[derive(Debug, Args)]
pub struct PolicyTest {
    #[command(flatten)]
    pub module: Module,
    /// Folder of cases, one JSON file each: {"shows", "config", "facts", "answer"}
    #[arg(value_name = "DIR")]
    pub cases: PathBuf,
    /// Write what the policy answers now into the cases; read the difference before you commit it
    #[arg(long)]
    pub update: bool,
}

#[derive(Debug, Args)]
pub struct PolicyBench {
    #[command(flatten)]
    pub module: Module,
    /// JSON: {"kind": "nic-selection", "facts": {...}}; `-` reads standard input [default: made up, with 8 NICs or 1,000 endpoints]
    #[arg(long, value_name = "FILE")]
    pub facts: Option<PathBuf>,
    /// JSON of the policy's config [default: {}]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Decisions to measure, after a tenth of that to warm up; fewer when they take longer than 10 s
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
    pub decisions: u32,
}

#[derive(Debug, Args)]
#[command(group = ArgGroup::new("whose").required(true).args(["module", "of"]))]
pub struct PolicySchema {
    /// `builtin:NAME`, or the path of a component: the schema of its config
    pub module: Option<String>,
    /// The schema of a file form of ours
    #[arg(long)]
    pub of: Option<Form>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// What `--facts` reads
    Facts,
    /// What a policy decides
    Decision,
    /// strategies.yaml
    Strategies,
}
