//! Nicety: one execution of the plugin binary for all interfaces of a pod, answered by the daemon.

use std::{
    fs::File,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::Contender;
use crate::{
    arguments::Result,
    lab::{self, POD_NETNS},
};

const START: Duration = Duration::from_secs(30);

/// A running daemon and the plugin binary that talks to it. The daemon ends with this value.
#[derive(Debug)]
pub struct Nicety {
    daemon: Child,
    shim: PathBuf,
    socket: PathBuf,
    container: u32,
    result: Value,
}

impl Nicety {
    pub fn start(nicety: &Path, shim: &Path, manifests: &Path) -> Result<Self> {
        let run = lab::folder("nicety")?;
        let log = run.join("daemon.log");
        let daemon = Command::new(nicety)
            .args(["daemon", "--node", "lab", "--run-dir"])
            .arg(&run)
            .arg("--manifests")
            .arg(manifests)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()
            .map_err(|error| format!("cannot start `{}`: {error}", nicety.display()))?;
        let started =
            Self { daemon, shim: shim.to_owned(), socket: run.join("cni.sock"), container: 0, result: Value::Null };
        let deadline = Instant::now() + START;
        while let Err(error) = started.status() {
            if Instant::now() > deadline {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                return Err(format!("the daemon does not answer: {error}\n{said}").into());
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(started)
    }

    /// Resident memory of the daemon in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.daemon.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS in /proc")?;
        let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes * 1024)
    }

    /// One more attachment of `interfaces` NICs that stays, under an ifname that is free in the pod's namespace.
    pub fn hold(&mut self, ifname: &str) -> Result<()> {
        self.container += 1;
        self.execute("ADD", ifname, &self.netconf(1, &Value::Null)).map(drop)
    }

    /// How long the plugin binary takes to start, answer VERSION by itself and end.
    pub fn version(&self) -> Result<Duration> {
        let mut command = Command::new(&self.shim);
        command.env("CNI_COMMAND", "VERSION");
        let start = Instant::now();
        lab::run(&mut command, r#"{"cniVersion":"1.0.0"}"#)?;
        Ok(start.elapsed())
    }

    fn status(&self) -> Result<()> {
        self.execute("STATUS", "", &self.netconf(1, &Value::Null)).map(drop)
    }

    /// As containerd writes it: the first interface is the pod's own network, all further ones are asked for by annotation.
    fn netconf(&self, interfaces: usize, result: &Value) -> String {
        let annotations = match interfaces {
            0 | 1 => Value::Null,
            more => {
                let wanted = json!([{"name": "rails", "cni-args": {"nics": more - 1}}]);
                json!({"k8s.v1.cni.cncf.io/networks": wanted.to_string()})
            }
        };
        let mut netconf = json!({
            "cniVersion": "1.1.0",
            "name": "bench",
            "type": "nicety",
            "network": "single",
            "socket": self.socket,
            "capabilities": {"io.kubernetes.cri.pod-annotations": true},
            "runtimeConfig": {"io.kubernetes.cri.pod-annotations": annotations},
        });
        if let (Value::Object(_), Some(fields)) = (result, netconf.as_object_mut()) {
            fields.insert("prevResult".to_owned(), result.clone());
        }
        netconf.to_string()
    }

    fn execute(&self, verb: &str, ifname: &str, netconf: &str) -> Result<Vec<u8>> {
        let mut command = Command::new(&self.shim);
        command.env("CNI_COMMAND", verb).env("CNI_PATH", super::plugins::BIN);
        if !ifname.is_empty() {
            let pod = format!("IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=bench-{}", self.container);
            command
                .env("CNI_CONTAINERID", format!("bench-{}", self.container))
                .env("CNI_IFNAME", ifname)
                .env("CNI_NETNS", POD_NETNS)
                .env("CNI_ARGS", pod);
        }
        Ok(lab::run(&mut command, netconf)?.stdout)
    }
}

impl Contender for Nicety {
    fn name(&self) -> &'static str {
        "nicety"
    }

    fn add(&mut self, interfaces: usize) -> Result<Duration> {
        self.container += 1;
        let netconf = self.netconf(interfaces, &Value::Null);
        let start = Instant::now();
        let printed = self.execute("ADD", "eth0", &netconf)?;
        let took = start.elapsed();
        self.result = serde_json::from_slice(&printed)?;
        Ok(took)
    }

    fn del(&mut self, interfaces: usize) -> Result<Duration> {
        let netconf = self.netconf(interfaces, &self.result);
        let start = Instant::now();
        self.execute("DEL", "eth0", &netconf)?;
        Ok(start.elapsed())
    }
}

impl Drop for Nicety {
    fn drop(&mut self) {
        // It may have ended by itself; either way there is nobody left to tell.
        drop(self.daemon.kill());
        drop(self.daemon.wait());
    }
}
