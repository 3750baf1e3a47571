//! The network of the tests: namespaces of their own, which end with them.

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use anyhow::Context;
use serde_json::Value;

/// Set for a copy of this program that has its namespaces already.
const INSIDE: &str = "NICETY_TESTS_INSIDE";

/// Goes on in network, mount and process namespaces of our own, so that nothing here is seen outside or stays. /run is where
/// `ip netns` keeps its names, /sys shows the network namespace of whoever mounted it (control groups stay where they are), and a kubelet
/// writes the logs of containers below /var/log.
pub fn enclosed(inside: impl FnOnce() -> ExitCode) -> ExitCode {
    if std::env::var_os(INSIDE).is_some() {
        return inside();
    }
    let Ok(program) = std::env::current_exe() else { return ExitCode::FAILURE };
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["sh", "-ec", SETTLED, "k8s"]).arg(program).args(std::env::args_os().skip(1)).env(INSIDE, "1");
    let error = command.exec();
    eprintln!("k8s tests cannot run here: `unshare`: {error}");
    ExitCode::FAILURE
}

const SETTLED: &str = r#"
mount --rbind /sys/fs/cgroup /mnt
mount -t sysfs sysfs /sys
mount --rbind /mnt /sys/fs/cgroup
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
ip link set lo up
exec "$@""#;

/// What `program` prints; it fails when the program does.
pub fn run(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    let done = tokio::task::block_in_place(|| Command::new(program).args(arguments).output())
        .with_context(|| format!("cannot start `{program}`"))?;
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    anyhow::ensure!(done.status.success(), "`{program} {}`: {}: {out}{err}", arguments.join(" "), done.status);
    Ok(out.into_owned())
}

/// `ip` with words as one would type them.
pub fn ip(words: &str) -> anyhow::Result<()> {
    run("ip", &words.split(' ').collect::<Vec<_>>()).map(drop)
}

/// Answer of `ip -j`, which judges what the daemon has done.
pub fn ip_json(words: &str) -> anyhow::Result<Value> {
    let text = run("ip", &["-j"].into_iter().chain(words.split(' ')).collect::<Vec<_>>())?;
    Ok(if text.trim().is_empty() { Value::Array(Vec::new()) } else { serde_json::from_str(&text)? })
}
