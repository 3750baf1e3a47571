//! One node of the demo: a namespace with four NICs, a daemon in it, and a runtime that executes the installed plugin.

use std::{
    ffi::OsString,
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use ipnet::{IpNet, Ipv4Net};
use nicety_daemon::admin::view;
use nicety_kernel::lay;
use nix::{
    sched::{CloneFlags, setns, unshare},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::json;

use super::{runtime::Runtime, space::Space};
use crate::{args::DemoNode, client};

pub const NICS: u8 = 4;
/// A daemon compiles its policies at its first start: some seconds on a loaded machine.
const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Node {
    pub name: &'static str,
    pub space: Space,
    pub runtime: Runtime,
    pub manifests: PathBuf,
    socket: PathBuf,
    daemon: Child,
}

/// What one node has of its own.
#[derive(Debug)]
pub struct Site {
    pub name: &'static str,
    pub space: Space,
    /// Its folder; everything of it is in there.
    pub home: PathBuf,
    pub manifests: PathBuf,
    /// The network that its network configuration names.
    pub network: &'static str,
    /// Of its daemon, beside those that all have.
    pub arguments: Vec<OsString>,
}

impl Node {
    /// `number`: 1 or 2, the last octet of its addresses. `fabrics` is where the bridges are.
    pub fn start(name: &'static str, number: u8, fabrics: &Space, root: &Path, plugin: &Path) -> anyhow::Result<Node> {
        let home = root.join(name);
        let manifests = home.join("manifests");
        super::manifests::write(&root.join("manifests"), &manifests)?;
        let space = Space::create(&root.join(format!("{name}.netns")))?;
        cables(name, number, fabrics, &space)?;
        let overlay = manifests.join("overlay").join("inventory.yaml");
        let arguments = vec!["--inventory-overlay".into(), overlay.into_os_string()];
        Node::launch(Site { name, space, home, manifests, network: "front", arguments }, plugin)
    }

    /// Starts its daemon and waits for it.
    pub fn launch(site: Site, plugin: &Path) -> anyhow::Result<Node> {
        let Site { name, space, home, manifests, network, arguments } = site;
        let (run_dir, netns_dir) = (home.join("run"), home.join("netns"));
        for folder in [&manifests, &run_dir, &netns_dir] {
            fs::create_dir_all(folder)?;
        }
        let log = fs::File::create(home.join("daemon.log"))?;
        let daemon = Command::new("/proc/self/exe")
            .args(["demo-node".as_ref(), "--netns".as_ref(), space.path().as_os_str()])
            .args(["--manifests".as_ref(), manifests.as_os_str()])
            .args(arguments)
            .args(["--run-dir".as_ref(), run_dir.as_os_str(), "--node".as_ref(), name.as_ref()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .context("cannot start a daemon")?;
        let netconf = json!({
            "cniVersion": "1.0.0",
            "name": "nicety-demo",
            "type": "nicety",
            "network": network,
            "socket": run_dir.join("cni.sock"),
            "capabilities": { "io.kubernetes.cri.pod-annotations": true },
        });
        let runtime = Runtime { plugin: plugin.to_owned(), netconf, netns_dir };
        let mut node = Node { name, space, runtime, manifests, socket: run_dir.join("admin.sock"), daemon };
        node.wait_until(START_WITHIN, |_| true).with_context(|| {
            let log = fs::read_to_string(home.join("daemon.log")).unwrap_or_default();
            format!("the daemon of {name} did not come up; its log:\n{log}")
        })?;
        Ok(node)
    }

    pub fn status(&self) -> anyhow::Result<view::Status> {
        client::get(&self.socket, "/v1/status")
    }

    pub fn explain(&self, pod: &str) -> anyhow::Result<Vec<view::Explained>> {
        client::get(&self.socket, &format!("/v1/explain?of={pod}"))
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// Asks until the status is as wanted; a daemon that ended will never be.
    pub fn wait_until(&mut self, patience: Duration, wanted: impl Fn(&view::Status) -> bool) -> anyhow::Result<()> {
        let end = Instant::now() + patience;
        loop {
            match self.status() {
                Ok(status) if wanted(&status) => return Ok(()),
                _ if Instant::now() > end => bail!("waited {} s for the daemon of {}", patience.as_secs(), self.name),
                _ => thread::sleep(Duration::from_millis(10)),
            }
            if let Some(status) = self.daemon.try_wait()? {
                bail!("the daemon of {} ended with {status}", self.name);
            }
        }
    }

    /// SIGTERM, and an end by force when that does nothing.
    pub fn stop(mut self) -> anyhow::Result<()> {
        let pid = i32::try_from(self.daemon.id()).map(Pid::from_raw).context("a process ID past its type")?;
        kill(pid, Signal::SIGTERM)?;
        let end = Instant::now() + STOP_WITHIN;
        while self.daemon.try_wait()?.is_none() {
            if Instant::now() > end {
                self.daemon.kill()?;
                self.daemon.wait()?;
                bail!("the daemon of {} did not end by itself", self.name);
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Node {
    /// Whatever went wrong, the demo leaves no daemon behind.
    fn drop(&mut self) {
        if matches!(self.daemon.try_wait(), Ok(None)) {
            drop(self.daemon.kill());
            drop(self.daemon.wait());
        }
    }
}

/// One cable from each fabric to the node: `eth0` to `eth3`, with an address of the fabric's network.
fn cables(name: &'static str, number: u8, fabrics: &Space, space: &Space) -> anyhow::Result<()> {
    let far = std::os::fd::AsFd::as_fd(space).try_clone_to_owned()?;
    fabrics.inside(move || {
        for fabric in 0..NICS {
            let far = std::os::fd::AsFd::as_fd(&far);
            lay::cable(&format!("{name}-{fabric}"), &format!("fabric{fabric}"), &format!("eth{fabric}"), far)?;
        }
        Ok(())
    })?;
    space.inside(move || {
        for fabric in 0..NICS {
            let address = Ipv4Net::new(Ipv4Addr::new(10, 0, fabric, number), 24)?;
            lay::raise(&format!("eth{fabric}"), Some(IpNet::V4(address)))?;
        }
        Ok(())
    })
}

/// The daemon's side: enters the node's namespace before its first thread starts, with a view of sysfs to match.
pub fn become_daemon(arguments: DemoNode) -> anyhow::Result<()> {
    let netns =
        fs::File::open(&arguments.netns).with_context(|| format!("cannot open `{}`", arguments.netns.display()))?;
    setns(&netns, CloneFlags::CLONE_NEWNET)?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    use nix::mount::{MsFlags, mount};
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    // Where the machine lets nobody mount sysfs (some containers), the kernel's netlink view has to do.
    let _ = mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>);
    crate::daemon::run(arguments.daemon)
}
