//! CNI_ARGS: `K=V` pairs between semicolons. The order varies from runtime to runtime.

use ipnet::IpNet;

use crate::{
    fields::{address, mac},
    finding::Finding,
};

/// What runtimes say in CNI_ARGS. Empty and absent are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Args {
    /// K8S_POD_NAMESPACE, K8S_POD_NAME, K8S_POD_UID. podman gives a name alone.
    pub pod_namespace: String,
    pub pod_name: String,
    pub pod_uid: String,
    /// K8S_POD_INFRA_CONTAINER_ID: the sandbox.
    pub infra_container_id: String,
    /// `IP`, as podman's `--network net:ip=...` sends it. A bare address has its full length.
    pub ip: Option<IpNet>,
    /// `MAC`, in lower case with colons.
    pub mac: Option<String>,
}

impl Args {
    /// A key that nobody knows is a finding unless `IgnoreUnknown` says otherwise.
    pub fn parse(text: &str) -> (Args, Vec<Finding>) {
        let mut args = Args::default();
        let mut findings = Vec::new();
        let mut unknown = Vec::new();
        let mut ignore_unknown = false;
        for pair in text.split(';').filter(|pair| !pair.is_empty()) {
            let Some((key, value)) = pair.split_once('=') else {
                findings.push(Finding::new("CNI_ARGS", format!("`{pair}` is not of the form `KEY=VALUE`")));
                continue;
            };
            let mut wrong =
                |what: &str| findings.push(Finding::new("CNI_ARGS", format!("{key}: `{value}` is not {what}")));
            match key {
                "IgnoreUnknown" => match value {
                    "1" | "t" | "T" | "true" | "TRUE" | "True" => ignore_unknown = true,
                    "" | "0" | "f" | "F" | "false" | "FALSE" | "False" => ignore_unknown = false,
                    _ => wrong("a truth value: 1 or 0"),
                },
                "K8S_POD_NAMESPACE" => value.clone_into(&mut args.pod_namespace),
                "K8S_POD_NAME" => value.clone_into(&mut args.pod_name),
                "K8S_POD_UID" => value.clone_into(&mut args.pod_uid),
                "K8S_POD_INFRA_CONTAINER_ID" => value.clone_into(&mut args.infra_container_id),
                "IP" if value.is_empty() => args.ip = None,
                "IP" => match address(value) {
                    Some(ip) => args.ip = Some(ip),
                    None => wrong("an address like `10.0.0.5` or `10.0.0.5/24`"),
                },
                "MAC" if value.is_empty() => args.mac = None,
                "MAC" => match mac(value) {
                    Some(canonical) => args.mac = Some(canonical),
                    None => wrong("a hardware address like `02:00:00:00:00:01`"),
                },
                _ => unknown.push(key),
            }
        }
        if !ignore_unknown && !unknown.is_empty() {
            let keys = unknown.join("`, `");
            let message = format!("`{keys}` is not known; hint: `IgnoreUnknown=1` lets unknown keys pass");
            findings.push(Finding::new("CNI_ARGS", message));
        }
        (args, findings)
    }
}
