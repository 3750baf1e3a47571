//! A real kubelet with a real container runtime on a machine. Both live in the machine's network namespace; the namespaces of pods are
//! mounted where the daemon does not see them, as on a node whose daemon runs in a pod.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use serde_json::json;

use crate::folder::{program, repository};
use crate::machine::Machine;
use crate::process::Process;
use crate::space::run;
use crate::wait::answers;

/// The one image of the node: busybox alone.
pub const IMAGE: &str = "localhost/pause:1";
/// Its architecture, as Go spells it.
const ARCHITECTURE: &str = if cfg!(target_arch = "aarch64") { "arm64" } else { "amd64" };

#[derive(Debug)]
pub struct Kubelet {
    /// First, so that nothing is started anew while the runtime ends.
    kubelet: Process,
    _containerd: Process,
}

/// What this machine lacks to run one, if something does.
pub fn lacking() -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        return Some("a kubelet needs root".to_owned());
    }
    if let Err(error) = program("kubelet") {
        return Some(format!("{error}; hint: scripts/kube-servers kubelet"));
    }
    let needed = ["/usr/bin/containerd", "/usr/sbin/runc", "/usr/lib/cni/loopback", "/bin/busybox"];
    let missing = needed.into_iter().find(|path| !Path::new(path).exists())?;
    Some(format!("no `{missing}`; hint: scripts/setup kube"))
}

impl Kubelet {
    /// `kubeconfig` may be a node. Returns when the runtime answers; the node's readiness is told in the API.
    pub async fn start(machine: &Machine, kubeconfig: &Path) -> anyhow::Result<Self> {
        let root = machine.folder().join("kubelet");
        for folder in ["bin", "conf", "certificates", "volumes"] {
            std::fs::create_dir_all(root.join(folder))?;
        }
        std::fs::copy(machine.shim(), root.join("bin/nicety"))?;
        std::fs::copy("/usr/lib/cni/loopback", root.join("bin/loopback"))?;
        let list = json!({"cniVersion": "1.0.0", "name": "cluster", "plugins": [machine.netconf()]});
        std::fs::write(root.join("conf/10-nicety.conflist"), list.to_string())?;

        let containerd = containerd(machine, &root).await?;
        let path = |name: &str| root.join(name).display().to_string();
        let endpoint = format!("unix://{}", path("containerd.sock"));
        let flags = [
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--hostname-override={}", machine.name),
            format!("--node-ip=10.255.0.{}", machine.number()),
            format!("--root-dir={}", path("state-of-kubelet")),
            format!("--cert-dir={}", path("certificates")),
            format!("--volume-plugin-dir={}", path("volumes")),
            "--container-runtime=remote".to_owned(),
            format!("--container-runtime-endpoint={endpoint}"),
            format!("--image-service-endpoint={endpoint}"),
            // Of the machine that the tests run on it is to take nothing and to measure nothing.
            "--cgroups-per-qos=false".to_owned(),
            "--enforce-node-allocatable=".to_owned(),
            "--eviction-hard=".to_owned(),
            "--fail-swap-on=false".to_owned(),
            "--make-iptables-util-chains=false".to_owned(),
            "--feature-gates=DevicePlugins=false".to_owned(),
            "--read-only-port=0".to_owned(),
            "--healthz-port=0".to_owned(),
            "--resolv-conf=".to_owned(),
            "--node-status-update-frequency=2s".to_owned(),
            "--sync-frequency=2s".to_owned(),
            "--v=2".to_owned(),
        ];
        let binary = program("kubelet")?.display().to_string();
        let words = entering(machine).into_iter().chain([binary]).chain(flags);
        let kubelet = Process::start(Path::new("nsenter"), words, [], &root.join("kubelet.log"))?;
        Ok(Self { kubelet, _containerd: containerd })
    }

    /// Fails when it has ended, with its last words.
    pub fn still_runs(&mut self) -> anyhow::Result<()> {
        self.kubelet.still_runs()
    }

    /// The last lines of its log.
    pub fn tail(&self, lines: usize) -> String {
        self.kubelet.tail(lines)
    }
}

async fn containerd(machine: &Machine, root: &Path) -> anyhow::Result<Process> {
    let text = include_str!("../../e2e/containerd.toml")
        .replace("{root}", &root.display().to_string())
        .replace("{image}", IMAGE)
        .replace("{bin_dir}", &root.join("bin").display().to_string())
        .replace("{conf_dir}", &root.join("conf").display().to_string());
    let config = root.join("containerd.toml");
    std::fs::write(&config, text)?;
    let words =
        entering(machine).into_iter().chain(["containerd".into(), "--config".into(), config.display().to_string()]);
    let mut process = Process::start(Path::new("nsenter"), words, [], &root.join("containerd.log"))?;
    let socket = root.join("containerd.sock").display().to_string();
    let ctr = |words: &[&str]| {
        run(
            "ctr",
            &["--address", &socket, "--namespace", "k8s.io"]
                .into_iter()
                .chain(words.iter().copied())
                .collect::<Vec<_>>(),
        )
    };
    answers(&mut process, "containerd answers", async || Ok(ctr(&["version"]).is_ok())).await?;
    let archive = image(root)?.display().to_string();
    ctr(&["images", "import", "--snapshotter", "native", &archive])?;
    Ok(process)
}

/// Written by the tests of container runtimes, which have the same one.
fn image(root: &Path) -> anyhow::Result<PathBuf> {
    let archive = root.join("image.tar");
    let script = "import image, pathlib, sys; image.write_image(pathlib.Path(sys.argv[1]), sys.argv[2])";
    let done = Command::new("python3")
        .args(["-B", "-c", script])
        .arg(&archive)
        .arg(ARCHITECTURE)
        .env("PYTHONPATH", repository().join("tests/e2e"))
        .output()
        .context("python3")?;
    anyhow::ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(archive)
}

/// The machine's network and nothing else of it: `ip netns exec` would also hide the control groups.
fn entering(machine: &Machine) -> [String; 2] {
    [format!("--net=/run/netns/{}", machine.name), "--".to_owned()]
}
