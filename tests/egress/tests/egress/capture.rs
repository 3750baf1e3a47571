//! tcpdump in the server's namespace: who sent what arrived there, as somebody saw it who knows nothing of us.

use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Read},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::lab::Pod;

pub struct Capture {
    child: Child,
    said: BufReader<std::process::ChildStderr>,
    file: PathBuf,
}

/// Packets by source, and how many the kernel had no room for.
pub struct Captured {
    pub sources: BTreeMap<String, u64>,
    pub lost: u64,
}

impl Capture {
    /// What arrives at this port. An error where nobody may become another user, which tcpdump insists on: then the tests do not run as
    /// root. That there is no tcpdump fails, as with all tools.
    pub fn begin(host: &Pod, port: u16) -> Result<Capture, String> {
        let file = std::env::temp_dir().join(format!("nicety-egress-{}.pcap", std::process::id()));
        let mut command = Command::new("tcpdump");
        command
            .args([
                "-Z",
                "root",
                "-n",
                "-i",
                "any",
                "-Q",
                "in",
                "-s",
                "96",
                "-B",
                "65536",
                "--immediate-mode",
                "-U",
                "-w",
            ])
            .arg(&file);
        command.args(["dst", "port", &port.to_string()]).stderr(Stdio::piped());
        let mut child = host.inside(|| command.spawn()).expect("cannot run `tcpdump`; install tcpdump");
        let mut said = BufReader::new(child.stderr.take().expect("its words"));
        let mut all = String::new();
        while !all.contains("listening on") {
            if said.read_line(&mut all).expect("its words") == 0 {
                child.wait().unwrap();
                assert!(fs::read_to_string("/proc/self/uid_map").unwrap().trim().ends_with(" 1"), "tcpdump: {all}");
                return Err(all);
            }
        }
        Ok(Capture { child, said, file })
    }

    /// Once it has so many, or has had the time for them: what it has not read yet when it ends is not in its file.
    pub fn end(mut self, packets: u64) -> Captured {
        let until = Instant::now() + Duration::from_secs(5);
        while self.read().len() < packets as usize && Instant::now() < until {}
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        let lines: Vec<String> = self.said.by_ref().lines().map_while(Result::ok).collect();
        self.child.wait().unwrap();
        let count = |line: &String| line.strip_suffix(" packets dropped by kernel")?.parse().ok();
        let lost = lines.iter().find_map(count).unwrap_or_else(|| panic!("tcpdump says {lines:?}"));
        let mut sources = BTreeMap::new();
        for source in self.read() {
            *sources.entry(source).or_default() += 1;
        }
        fs::remove_file(&self.file).unwrap();
        Captured { sources, lost }
    }

    /// The sources of all packets that are in the file now, whose last may be there in part.
    fn read(&self) -> Vec<String> {
        let arguments = ["-Z", "root", "-n", "-q", "-t", "-r"];
        let output = Command::new("tcpdump").args(arguments).arg(&self.file).output().expect("tcpdump");
        // `eth0 In IP 192.0.2.23.4711 > 198.51.100.9.8080: UDP, length 13`
        let source = |line: &str| {
            let from = line.split_whitespace().skip_while(|word| !matches!(*word, "IP" | "IP6")).nth(1);
            let (address, _) = from.and_then(|from| from.rsplit_once('.')).unwrap_or_else(|| panic!("`{line}`"));
            address.to_owned()
        };
        String::from_utf8_lossy(&output.stdout).lines().map(source).collect()
    }
}
