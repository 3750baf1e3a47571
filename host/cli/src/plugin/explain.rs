//! `kubectl nicety explain`: the daemon of the pod's node has the record; it is asked where it is.

use std::process::ExitCode;

use anyhow::{Context, bail};

use super::{Kubectl, text};
use crate::args::PluginExplain;

pub fn run(kubectl: &Kubectl, arguments: &PluginExplain) -> anyhow::Result<ExitCode> {
    let cluster = kubectl.cluster;
    let (namespace, name) = match arguments.pod.split_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (cluster.namespace.as_deref(), arguments.pod.as_str()),
    };
    let more: Vec<&str> =
        std::iter::once(name).chain(namespace.into_iter().flat_map(|name| ["--namespace", name])).collect();
    let pods = kubectl.list("pod", &more)?;
    let pod = pods.first().with_context(|| format!("there is no pod `{}`", arguments.pod))?;
    let node = text(pod, "/spec/nodeName");
    if node.is_empty() {
        bail!("pod `{}` is on no node yet", arguments.pod);
    }
    let selector = format!("--field-selector=spec.nodeName={node}");
    let system = cluster.system_namespace.as_str();
    let labels = "--selector=app.kubernetes.io/name=nicety,app.kubernetes.io/component=daemon";
    let daemons = kubectl.list("pods", &["--namespace", system, labels, &selector])?;
    let running = daemons.iter().find(|pod| text(pod, "/status/phase") == "Running");
    let daemon = running.with_context(|| format!("no daemon runs on node `{node}`; hint: `kubectl nicety nodes`"))?;
    let of = format!("{}/{}", text(pod, "/metadata/namespace"), text(pod, "/metadata/name"));
    let mut call = vec!["exec", "--namespace", system, text(daemon, "/metadata/name"), "--container", "daemon", "--"];
    call.extend(["/nicety", "explain", of.as_str()]);
    call.extend(arguments.history.then_some("--history"));
    call.extend(cluster.json.then_some("--json"));
    let code = kubectl.pass(&call)?;
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(1)))
}
