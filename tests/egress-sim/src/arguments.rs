//! The command line.

use std::path::PathBuf;

use crate::{Result, STRATEGIES};

const USAGE: &str = "nicety-egress-sim [--nodes N] [--endpoints N] [--gateways N] [--seed N] [--hours N] [--strategy NAME]... [--charts FOLDER] [--jobs N] [--native]";

#[derive(Debug, Clone)]
pub struct Arguments {
    pub size: Size,
    pub strategies: Vec<String>,
    /// Where the charts are written. None: nowhere.
    pub charts: Option<PathBuf>,
    /// The policies in process instead of in their sandbox.
    pub native: bool,
    /// Strategies that live their day at once: each takes two gigabytes at full size, and their times are those of a busy machine.
    pub jobs: usize,
}

#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub nodes: u32,
    pub endpoints: u32,
    pub gateways: u32,
    pub seed: u64,
    /// How much of the day is lived, at most 24. 0: what one recomputation takes is known without.
    pub hours: u32,
}

impl Arguments {
    pub fn from_environment() -> Result<Arguments> {
        let size = Size { nodes: 5_000, endpoints: 250_000, gateways: 64, seed: 1, hours: 24 };
        let mut read = Arguments { size, strategies: Vec::new(), charts: None, native: false, jobs: 1 };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("`{word}` needs a value; hint: {USAGE}"));
            match word.as_str() {
                "--nodes" => read.size.nodes = value()?.parse()?,
                "--endpoints" => read.size.endpoints = value()?.parse()?,
                "--gateways" => read.size.gateways = value()?.parse()?,
                "--seed" => read.size.seed = value()?.parse()?,
                "--hours" => read.size.hours = value()?.parse::<u32>()?.min(24),
                "--strategy" => read.strategies.push(value()?),
                "--charts" => read.charts = Some(value()?.into()),
                "--jobs" => read.jobs = value()?.parse()?,
                "--native" => read.native = true,
                _ => return Err(format!("`{word}` is not known; hint: {USAGE}").into()),
            }
        }
        let Size { nodes, gateways, .. } = read.size;
        if gateways < 16 || nodes < gateways * 2 {
            return Err("a cluster has at least 16 gateways and twice as many nodes here".into());
        }
        if read.strategies.is_empty() {
            read.strategies = STRATEGIES.map(str::to_owned).to_vec();
        }
        Ok(read)
    }
}
