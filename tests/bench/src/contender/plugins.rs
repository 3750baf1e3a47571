//! The CNI project's own `macvlan` with `host-local`, as Debian packages them: executed once per interface, as a runtime or a
//! meta-plugin does.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Contender;
use crate::{
    arguments::Result,
    lab::{self, NICS, POD_NETNS},
};

pub const BIN: &str = "/usr/lib/cni";

#[derive(Debug)]
pub struct Plugins {
    netconfs: Vec<Value>,
    /// What the last ADD printed, one per interface: a runtime hands it to DEL.
    results: Vec<Value>,
    container: u32,
}

impl Plugins {
    pub fn new() -> Result<Self> {
        let data = lab::folder("host-local")?;
        let netconf = |(number, nic): (usize, &&str)| {
            json!({
                "cniVersion": "1.0.0",
                "name": format!("bench{number}"),
                "type": "macvlan",
                "master": nic,
                "mode": "bridge",
                "ipam": {"type": "host-local", "dataDir": data, "ranges": [[{"subnet": format!("10.8{number}.0.0/24")}]]},
            })
        };
        Ok(Self { netconfs: NICS.iter().enumerate().map(netconf).collect(), results: Vec::new(), container: 0 })
    }

    fn execute(&self, verb: &str, number: usize, netconf: &str) -> Result<Vec<u8>> {
        let mut command = Command::new(Path::new(BIN).join("macvlan"));
        command
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", format!("bench-{}", self.container))
            .env("CNI_IFNAME", format!("net{number}"))
            .env("CNI_NETNS", POD_NETNS)
            .env("CNI_PATH", BIN);
        Ok(lab::run(&mut command, netconf)?.stdout)
    }
}

impl Contender for Plugins {
    fn name(&self) -> &'static str {
        "reference plugins"
    }

    fn add(&mut self, interfaces: usize) -> Result<Duration> {
        self.container += 1;
        let netconfs: Vec<String> = self.netconfs.iter().take(interfaces).map(Value::to_string).collect();
        let mut printed = Vec::new();
        let start = Instant::now();
        for (number, netconf) in netconfs.iter().enumerate() {
            printed.push(self.execute("ADD", number, netconf)?);
        }
        let took = start.elapsed();
        self.results =
            printed.iter().map(|result| serde_json::from_slice(result)).collect::<std::result::Result<_, _>>()?;
        Ok(took)
    }

    fn del(&mut self, interfaces: usize) -> Result<Duration> {
        let with_result = |(netconf, result): (&Value, &Value)| {
            let mut netconf = netconf.clone();
            if let Some(fields) = netconf.as_object_mut() {
                fields.insert("prevResult".to_owned(), result.clone());
            }
            netconf.to_string()
        };
        let netconfs: Vec<String> = self.netconfs.iter().zip(&self.results).take(interfaces).map(with_result).collect();
        let start = Instant::now();
        for (number, netconf) in netconfs.iter().enumerate() {
            self.execute("DEL", number, netconf)?;
        }
        Ok(start.elapsed())
    }
}
