//! `ip -batch`: what the kernel's own tool needs for the same links, without decisions, records or address management.
//!
//! One process for all of a pod's links, started in the pod's namespace, with the master as an index: of the ways to write this
//! the fastest that was found (a batch on the node and another in the pod takes 1.6 times as long).

use std::{
    fmt::Write,
    process::Command,
    time::{Duration, Instant},
};

use super::Contender;
use crate::{
    arguments::Result,
    lab::{self, NICS, NODE, POD},
};

#[derive(Debug)]
pub struct Batch {
    masters: Vec<u32>,
}

impl Batch {
    pub fn new() -> Result<Self> {
        Ok(Self { masters: NICS.iter().map(|nic| lab::index(nic)).collect::<Result<_>>()? })
    }

    fn run(script: &str) -> Result<Duration> {
        let start = Instant::now();
        lab::run(Command::new("ip").args(["-n", POD, "-batch", "-"]), script)?;
        Ok(start.elapsed())
    }
}

impl Contender for Batch {
    fn name(&self) -> &'static str {
        "ip -batch"
    }

    fn add(&mut self, interfaces: usize) -> Result<Duration> {
        let mut script = String::new();
        for (number, master) in self.masters.iter().take(interfaces).enumerate() {
            writeln!(script, "link add name net{number} link if{master} link-netns {NODE} type macvlan mode bridge")?;
            writeln!(script, "addr add 10.9{number}.0.2/24 dev net{number}")?;
            writeln!(script, "link set net{number} up")?;
        }
        Self::run(&script)
    }

    fn del(&mut self, interfaces: usize) -> Result<Duration> {
        let mut script = String::new();
        for number in 0..interfaces {
            writeln!(script, "link del net{number}")?;
        }
        Self::run(&script)
    }
}
