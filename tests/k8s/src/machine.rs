//! A node as a machine: a network namespace with NICs on shared fabrics, a real daemon in it, and pods that a runtime would start.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use k8s_openapi::api::core::v1::Node;
use kube::Client;
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use crate::install::manifests;
use crate::process::Process;
use crate::space::{ip, ip_json, run};
use crate::wait::{answers, secs, until};

/// Where the API is for machines, on the network of the nodes themselves.
pub const CONTROL: &str = "10.255.0.1";
/// NICs of each machine besides `mgmt`; `ethK` is in `10.K.0.0/16`.
const NICS: [u8; 2] = [1, 2];

/// The programs under test, as an installation has them.
#[derive(Debug, Clone)]
pub struct Programs {
    pub nicety: PathBuf,
    pub shim: PathBuf,
}

pub struct Machine {
    pub name: String,
    number: u8,
    folder: PathBuf,
    kubeconfig: PathBuf,
    programs: Programs,
    more: Vec<String>,
    daemon: Option<Process>,
}

impl std::fmt::Debug for Machine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Machine").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Those that the DaemonSet asks for and no others, in the words of setpriv(1).
fn capabilities() -> anyhow::Result<String> {
    let objects = manifests(&["deploy/base/daemon.yaml"])?;
    let daemon = objects.iter().find(|object| object["kind"] == "DaemonSet").context("no DaemonSet")?;
    let asked = daemon.pointer("/spec/template/spec/containers/0/securityContext/capabilities/add");
    let asked = asked.and_then(Value::as_array).context("the DaemonSet asks for no capability")?;
    Ok(asked.iter().filter_map(Value::as_str).map(|name| format!(",+{}", name.to_lowercase())).collect())
}

/// A pod's sandbox, by the name that the pod has in the API.
#[derive(Debug, Clone)]
pub struct Sandbox {
    pub pod: String,
    pub uid: String,
}

impl Programs {
    /// As `scripts/test-k8s` names them.
    pub fn named() -> anyhow::Result<Self> {
        let path = |name: &str| {
            std::env::var_os(name).map(PathBuf::from).with_context(|| format!("no `{name}`; hint: `make test-k8s`"))
        };
        Ok(Self { nicety: path("NICETY_BIN")?, shim: path("NICETY_SHIM")? })
    }
}

/// The networks between machines: one of the nodes themselves, with the API on it, and one for each NIC. With them go all machines
/// and pods.
#[derive(Debug)]
pub struct Fabrics(());

pub fn lay_fabrics() -> anyhow::Result<Fabrics> {
    let fabrics = Fabrics(());
    ip("link add control type bridge")?;
    ip(&format!("address add {CONTROL}/16 dev control"))?;
    ip("link set control up")?;
    ip("netns add fabric")?;
    for nic in NICS {
        ip(&format!("-n fabric link add br{nic} type bridge"))?;
        ip(&format!("-n fabric link set br{nic} up"))?;
    }
    Ok(fabrics)
}

impl Drop for Fabrics {
    fn drop(&mut self) {
        let Ok(Value::Array(links)) = ip_json("link show master control") else { return };
        // The kernel buries a namespace in its own time; a link's name is free at once.
        let ends = links.iter().filter_map(|link| link["ifname"].as_str()).chain(["control"]);
        for end in ends {
            let _left = ip(&format!("link delete {end}"));
        }
        let _left = ip("-all netns delete");
    }
}

impl Machine {
    /// Plugged in and known to the API, without a daemon. `number` is the end of its addresses.
    pub async fn new(
        client: &Client,
        folder: &Path,
        kubeconfig: &Path,
        programs: &Programs,
        number: u8,
    ) -> anyhow::Result<Self> {
        let name = format!("node-{number}");
        let folder = folder.join(&name);
        std::fs::create_dir_all(&folder)?;
        ip(&format!("netns add {name}"))?;
        ip(&format!("-n {name} link set lo up"))?;
        ip(&format!("link add m{number} type veth peer name mgmt netns {name}"))?;
        ip(&format!("link set m{number} up master control"))?;
        plug(&name, "mgmt", &format!("10.255.0.{number}/16"))?;
        for nic in NICS {
            ip(&format!("-n {name} link add eth{nic} type veth peer name {name}-{nic} netns fabric"))?;
            ip(&format!("-n fabric link set {name}-{nic} up master br{nic}"))?;
            plug(&name, &format!("eth{nic}"), &format!("10.{nic}.0.{number}/16"))?;
        }
        run("ip", &["netns", "exec", &name, "sysctl", "-qw", "net.ipv4.ip_forward=1"])?;

        let nodes: Api<Node> = Api::all(client.clone());
        let node = json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}});
        nodes.create(&PostParams::default(), &serde_json::from_value(node)?).await?;
        let status = json!({"status": {
            "addresses": [{"type": "InternalIP", "address": format!("10.255.0.{number}")}],
            // A kubelet that finds a node without any ends in a panic.
            "capacity": {"pods": "110"}, "allocatable": {"pods": "110"},
        }});
        nodes.patch_status(&name, &PatchParams::default(), &Patch::Strategic(status)).await?;
        let machine = Self {
            name,
            number,
            folder,
            kubeconfig: kubeconfig.to_path_buf(),
            programs: programs.clone(),
            more: Vec::new(),
            daemon: None,
        };
        Ok(machine)
    }

    /// Arguments of the daemon besides its own, from the next start on.
    pub fn with(&mut self, more: &[&str]) {
        self.more = more.iter().map(|&word| word.to_owned()).collect();
    }

    /// Starts the daemon, with what an earlier one has left, and waits until it answers.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        let (run_dir, nicety) = (self.folder.join("run"), self.programs.nicety.display().to_string());
        let arguments = [
            "netns".into(),
            "exec".into(),
            self.name.clone(),
            "setpriv".into(),
            "--no-new-privs".into(),
            "--inh-caps=-all".into(),
            "--ambient-caps=-all".into(),
            format!("--bounding-set=-all{}", capabilities()?),
            nicety,
            "daemon".into(),
            "--kubernetes".into(),
            format!("--kubeconfig={}", self.kubeconfig.display()),
            format!("--node={}", self.name),
            format!("--run-dir={}", run_dir.display()),
            format!("--state-dir={}", self.folder.join("state").display()),
            "--pod-wait=1".into(),
        ];
        let arguments = arguments.iter().chain(&self.more);
        let daemon = Process::start(Path::new("ip"), arguments, [], &self.folder.join("daemon.log"))?;
        let daemon = self.daemon.insert(daemon);
        let socket = run_dir.join("admin.sock");
        answers(daemon, "the daemon answers", async || Ok(socket.exists())).await
    }

    /// As the kernel does when memory is short.
    pub fn kill(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            daemon.kill();
        }
    }

    /// The last lines of the daemon's log.
    pub fn tail(&self, lines: usize) -> String {
        self.daemon.as_ref().map(|daemon| daemon.tail(lines)).unwrap_or_default()
    }

    /// What `nicety` prints with these words and this daemon's socket.
    pub fn nicety(&self, words: &[&str]) -> anyhow::Result<String> {
        let socket = format!("--socket={}", self.folder.join("run/admin.sock").display());
        let words: Vec<&str> = words.iter().copied().chain([socket.as_str()]).collect();
        run(&self.programs.nicety.display().to_string(), &words)
    }

    pub fn status(&self) -> anyhow::Result<Value> {
        Ok(serde_json::from_str(&self.nicety(&["status", "--json"])?)?)
    }

    /// Waits until the daemon says so of itself.
    pub async fn says(&self, what: &str, says: impl Fn(&Value) -> bool) -> anyhow::Result<()> {
        let mut last = Value::Null;
        let waited = until(what, secs(40), async || {
            last = self.status()?;
            Ok(says(&last))
        });
        waited.await.map(drop).with_context(|| format!("{}: {last:#}\n{}", self.name, self.tail(20)))
    }

    /// Calls the plugin as the kubelet's runtime does. `network` is that of the pod's own interface.
    pub fn call(&self, verb: &str, sandbox: &Sandbox, annotations: &Value) -> anyhow::Result<Result<Value, Value>> {
        tokio::task::block_in_place(|| self.caller().call(verb, sandbox, annotations))
    }

    /// Who calls the plugin, whatever happens to the daemon meanwhile.
    pub fn caller(&self) -> Caller {
        Caller { node: self.name.clone(), shim: self.programs.shim.clone(), netconf: self.netconf() }
    }

    /// A pod of the API gets its sandbox: a network namespace, and ADD.
    pub fn add(&self, sandbox: &Sandbox, annotations: &Value) -> anyhow::Result<Value> {
        ip(&format!("netns add {}", sandbox.pod))?;
        let added = self.call("ADD", sandbox, annotations)?;
        added.map_err(|error| anyhow::anyhow!("ADD of `{}`: {error:#}\n{}", sandbox.pod, self.tail(20)))
    }

    /// DEL, and the end of its network namespace.
    pub fn remove(&self, sandbox: &Sandbox) -> anyhow::Result<()> {
        let gone = self.call("DEL", sandbox, &Value::Null)?;
        gone.map_err(|error| anyhow::anyhow!("DEL of `{}`: {error:#}", sandbox.pod))?;
        ip(&format!("netns delete {}", sandbox.pod))
    }

    /// Links, routes and rules that an attachment could leave behind.
    pub fn holdings(&self) -> anyhow::Result<Vec<Value>> {
        let ask = |words: &str| ip_json(&format!("-n {} {words}", self.name));
        let names = |links: Value| -> Value {
            links.as_array().into_iter().flatten().map(|link| link["ifname"].clone()).collect()
        };
        Ok(vec![names(ask("link")?), ask("-4 route show table all")?, ask("-4 rule")?])
    }

    /// The plugin's part of a network configuration, with `pods` as the pods' own network.
    pub fn netconf(&self) -> Value {
        json!({
            "type": "nicety", "network": "pods", "socket": self.folder.join("run/cni.sock"),
            "capabilities": {"io.kubernetes.cri.pod-annotations": true},
        })
    }

    /// What is kept of it.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The plugin binary.
    pub fn shim(&self) -> &Path {
        &self.programs.shim
    }

    /// The end of its addresses.
    pub fn number(&self) -> u8 {
        self.number
    }
}

/// What a kubelet's runtime needs to know of the plugin.
#[derive(Debug, Clone)]
pub struct Caller {
    node: String,
    shim: PathBuf,
    netconf: Value,
}

impl Caller {
    /// The plugin's answer, or its error. In the calling thread.
    pub fn call(&self, verb: &str, sandbox: &Sandbox, annotations: &Value) -> anyhow::Result<Result<Value, Value>> {
        let netns = format!("/run/netns/{}", sandbox.pod);
        let mut conf = self.netconf.clone();
        conf["cniVersion"] = json!("1.0.0");
        conf["name"] = json!("cluster");
        conf["runtimeConfig"] = json!({"io.kubernetes.cri.pod-annotations": annotations});
        let arguments = format!(
            "IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME={};K8S_POD_UID={};K8S_POD_INFRA_CONTAINER_ID={}",
            sandbox.pod, sandbox.uid, sandbox.pod
        );
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.node]).arg(&self.shim).env_clear().envs([
            ("CNI_COMMAND", verb),
            ("CNI_CONTAINERID", &sandbox.pod),
            ("CNI_NETNS", &netns),
            ("CNI_IFNAME", "eth0"),
            ("CNI_ARGS", &arguments),
            ("CNI_PATH", "/"),
        ]);
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        child.stdin.take().context("no stdin")?.write_all(conf.to_string().as_bytes())?;
        let done = child.wait_with_output()?;
        let answer = match done.stdout.is_empty() {
            true => Value::Null,
            false => serde_json::from_slice(&done.stdout)?,
        };
        Ok(if done.status.success() { Ok(answer) } else { Err(answer) })
    }
}

/// Whether `sandbox` hears `address` on its interface.
pub fn reaches(sandbox: &Sandbox, ifname: &str, address: &str) -> anyhow::Result<()> {
    let words = ["netns", "exec", &sandbox.pod, "ping", "-c1", "-w5", "-I", ifname, address];
    run("ip", &words).map(drop)
}

fn plug(node: &str, nic: &str, address: &str) -> anyhow::Result<()> {
    ip(&format!("-n {node} address add {address} dev {nic}"))?;
    ip(&format!("-n {node} link set {nic} up"))
}
