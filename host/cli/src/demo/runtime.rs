//! The part of a container runtime that matters here: it makes a pod's namespace and executes the installed plugin with CNI variables
//! and a network configuration, exactly as containerd does.

use std::{
    collections::BTreeMap,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use serde_json::{Value, json};

use super::space::Space;

/// A pod as the runtime sees it.
#[derive(Debug, Clone)]
pub struct Pod {
    pub node: &'static str,
    pub name: String,
    pub annotations: BTreeMap<String, String>,
}

/// A running pod: its namespace lives as long as this value.
#[derive(Debug)]
pub struct Sandbox {
    pub pod: Pod,
    pub space: Space,
    /// What ADD answered.
    pub result: Value,
    /// From the plugin's start to its end.
    pub took: Duration,
}

/// One node's runtime: where its plugin is, and which configuration it was given.
#[derive(Debug, Clone)]
pub struct Runtime {
    pub plugin: PathBuf,
    pub netconf: Value,
    /// Folder for the pods' namespaces.
    pub netns_dir: PathBuf,
}

pub const NAMESPACE: &str = "demo";
pub const IFNAME: &str = "eth0";

impl Pod {
    pub fn container(&self) -> String {
        format!("{}-{}", self.node, self.name)
    }
}

impl Runtime {
    /// RunPodSandbox: a namespace, then ADD.
    pub fn run(&self, pod: Pod) -> anyhow::Result<Sandbox> {
        let path = self.netns_dir.join(pod.container());
        let space = Space::create(&path).with_context(|| format!("cannot make the namespace of pod `{}`", pod.name))?;
        let (result, took) = self.call("ADD", &pod, &path, None)?;
        Ok(Sandbox { pod, space, result, took })
    }

    /// StopPodSandbox: DEL with the namespace, then once more without it, as runtimes repeat it.
    pub fn stop(&self, sandbox: Sandbox) -> anyhow::Result<Duration> {
        let (_, took) = self.call("DEL", &sandbox.pod, sandbox.space.path(), Some(&sandbox.result))?;
        sandbox.space.remove()?;
        self.call("DEL", &sandbox.pod, Path::new(""), None)?;
        Ok(took)
    }

    /// CHECK: the pod's interfaces are as ADD left them.
    pub fn check(&self, sandbox: &Sandbox) -> anyhow::Result<()> {
        self.call("CHECK", &sandbox.pod, sandbox.space.path(), Some(&sandbox.result)).map(|_| ())
    }

    fn call(&self, verb: &str, pod: &Pod, netns: &Path, previous: Option<&Value>) -> anyhow::Result<(Value, Duration)> {
        let mut netconf = self.netconf.clone();
        let annotations = json!({ "io.kubernetes.cri.pod-annotations": pod.annotations });
        let keys = netconf.as_object_mut().context("the network configuration is not an object")?;
        keys.insert("runtimeConfig".to_owned(), annotations);
        if let Some(result) = previous {
            keys.insert("prevResult".to_owned(), result.clone());
        }
        let start = Instant::now();
        let mut plugin = Command::new(&self.plugin)
            .env_clear()
            .env("CNI_COMMAND", verb)
            .env("CNI_CONTAINERID", pod.container())
            .env("CNI_NETNS", netns)
            .env("CNI_IFNAME", IFNAME)
            .env("CNI_PATH", self.plugin.parent().unwrap_or(Path::new("/")))
            .env("CNI_ARGS", format!("IgnoreUnknown=1;K8S_POD_NAMESPACE={NAMESPACE};K8S_POD_NAME={}", pod.name))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the plugin `{}`", self.plugin.display()))?;
        if let Some(mut stdin) = plugin.stdin.take() {
            stdin.write_all(netconf.to_string().as_bytes())?;
        }
        let output = plugin.wait_with_output()?;
        let took = start.elapsed();
        let answer: Value = match output.stdout.as_slice() {
            [] => Value::Null,
            text => {
                serde_json::from_slice(text).with_context(|| format!("{verb} of `{}` answered no JSON", pod.name))?
            }
        };
        if !output.status.success() {
            let message = answer.get("msg").and_then(Value::as_str).unwrap_or("no message");
            let details = answer.get("details").and_then(Value::as_str).unwrap_or_default();
            bail!("{verb} of pod `{}` on {} failed: {message} {details}", pod.name, pod.node);
        }
        Ok((answer, took))
    }
}
