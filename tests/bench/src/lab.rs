//! The machine that everybody is measured on: four NICs, each a veth whose other end is up in a namespace of its own, and one
//! pod's network namespace that all contenders use in turn.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
};

use crate::arguments::Result;

pub const NICS: [&str; 4] = ["nic0", "nic1", "nic2", "nic3"];
/// Name and path of the pod's network namespace.
pub const POD: &str = "pod";
pub const POD_NETNS: &str = "/run/netns/pod";
/// The name under which `ip` in the pod's namespace knows this one.
pub const NODE: &str = "node";

pub fn lay() -> Result<()> {
    ip("link set lo up")?;
    ip("netns add fabric")?;
    ip("netns add pod")?;
    ip("-n pod link set lo up")?;
    for nic in NICS {
        ip(&format!("link add {nic} type veth peer name {nic} netns fabric"))?;
        ip(&format!("-n fabric link set {nic} up"))?;
        ip(&format!("link set {nic} up"))?;
    }
    ip(&format!("netns attach {NODE} {}", std::process::id()))?;
    ip(&format!("-n {POD} netns set {NODE} auto"))
}

/// Index of a NIC: a name means nothing in another namespace.
pub fn index(nic: &str) -> Result<u32> {
    let text = std::fs::read_to_string(format!("/sys/class/net/{nic}/ifindex"))?;
    Ok(text.trim().parse()?)
}

/// Links in the pod's namespace besides `lo`.
pub fn links_in_pod() -> Result<Vec<String>> {
    let output = run(Command::new("ip").args(["-n", POD, "-j", "link"]), "")?;
    let links: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let names = links.as_array().into_iter().flatten().filter_map(|link| link.get("ifname")?.as_str());
    Ok(names.filter(|name| *name != "lo").map(str::to_owned).collect())
}

fn ip(arguments: &str) -> Result<()> {
    run(Command::new("ip").args(arguments.split(' ')), "").map(drop)
}

/// Runs a program to its end, `input` on its stdin. An error carries what it printed.
pub fn run(command: &mut Command, input: &str) -> Result<Output> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot start {command:?}: {error}"))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input.as_bytes())?;
    }
    let output = child.wait_with_output()?;
    if output.status.success() {
        return Ok(output);
    }
    let said = [output.stdout, output.stderr].concat();
    Err(format!("{command:?} failed ({}): {}", output.status, String::from_utf8_lossy(&said)).into())
}

/// A folder of ours below /run, which is a tmpfs: nobody is measured by the speed of a disk.
pub fn folder(name: &str) -> Result<std::path::PathBuf> {
    let path = Path::new("/run/nicety-bench").join(name);
    std::fs::create_dir_all(&path)?;
    Ok(path)
}
