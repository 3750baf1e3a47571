//! Arguments of `nicety convert`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct Convert {
    /// Manifests of Multi-NIC CNI, Cilium, Tigera or PodNetwork, YAML or JSON; `-` is standard input [default: -]
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// How the report on standard error is written; the objects are YAML on standard output
    #[arg(long, value_enum, default_value = "text")]
    pub report: ReportForm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportForm {
    Text,
    Json,
}
