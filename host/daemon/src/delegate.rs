//! Other plugins that make CNI_IFNAME inside our transaction: their ADD before our own interfaces, their DEL after them. They are files
//! of one folder that root alone may write, and nothing else is ever run. The record holds what DEL needs, so that it works when the
//! configuration of daemon and runtime is another by then.

mod process;
mod trust;

use std::{path::Path, time::Instant};

use nicety_cni::{
    AddResult, Attachment, CniError, Code, NetConf, PrevResult, Verb, Version,
    netconf::{Delegate, ValidAttachment},
};
use nicety_core::{
    ids::AttachmentKey,
    record::{Delegated, DelegatedPlugin, Record},
};
use nicety_kernel::Netns;
use serde_json::{Map, Value, json};

use self::process::Call;
use crate::node::Node;
use nicety_deciding::chain;

/// Of what a plugin is told; each is a variable.
struct About<'a> {
    key: &'a AttachmentKey,
    netns: Option<&'a Netns>,
    arguments: &'a str,
    directory: &'a Path,
}

/// What is to be recorded before any plugin runs; refuses files that others may write.
pub fn intend(node: &Node, attachment: &Attachment) -> Result<Option<Delegated>, CniError> {
    let Some(delegate) = &attachment.netconf.delegate else { return Ok(None) };
    let directory = allowed(node, delegate)?;
    let plugin = |(kind, config): (String, Map<String, Value>)| DelegatedPlugin {
        kind,
        config: Value::from(config).to_string(),
    };
    Ok(Some(Delegated {
        directory: directory.display().to_string(),
        arguments: arguments(attachment),
        plugins: delegate.configs(&attachment.netconf.name).into_iter().map(plugin).collect(),
        result: None,
    }))
}

/// Runs all ADDs in order. The result is that of the last, and names the namespace as the runtime does.
pub fn add(record: &Record, netns: &Netns, deadline: Instant) -> Result<Option<String>, CniError> {
    let Some(delegated) = &record.delegate else { return Ok(None) };
    let about = About::of(record, delegated, Some(netns));
    let mut result = None;
    for plugin in &delegated.plugins {
        let config = with_result(&plugin.config, result.as_deref());
        let out = about.call("ADD", plugin, config, deadline).map_err(|error| refused(&plugin.kind, &error))?;
        result = Some(elsewhere(out, &about.netns_path(), &record.netns.path));
    }
    Ok(result)
}

/// Runs all DELs in reverse, and goes on after an error.
pub fn del(record: &Record, netns: Option<&Netns>, deadline: Instant) -> Vec<String> {
    let Some(delegated) = &record.delegate else { return Vec::new() };
    let about = About::of(record, delegated, netns);
    let call = |plugin: &DelegatedPlugin| {
        let config = with_result(&plugin.config, about.result(record, delegated).as_deref());
        let done = about.call("DEL", plugin, config, deadline);
        done.err().map(|error| format!("delegate `{}`: {}", plugin.kind, chain(&error)))
    };
    delegated.plugins.iter().rev().filter_map(call).collect()
}

/// Asks all of them in order; the first no is the answer. Versions before 0.4.0 know no CHECK.
pub fn check(record: &Record, netns: &Netns, deadline: Instant) -> Result<(), CniError> {
    let Some(delegated) = &record.delegate else { return Ok(()) };
    let about = About::of(record, delegated, Some(netns));
    for plugin in delegated.plugins.iter().filter(|plugin| speaks(&plugin.config, Verb::Check)) {
        let config = with_result(&plugin.config, about.result(record, delegated).as_deref());
        about.call("CHECK", plugin, config, deadline).map_err(|error| refused(&plugin.kind, &error))?;
    }
    Ok(())
}

/// Hands the runtime's list on to those that know GC.
pub fn gc(node: &Node, netconf: &NetConf, valid: &[ValidAttachment], deadline: Instant) -> Vec<String> {
    let Some(delegate) = &netconf.delegate else { return Vec::new() };
    let directory = match allowed(node, delegate) {
        Ok(directory) => directory,
        Err(error) => return vec![error.to_string()],
    };
    let valid: Vec<Value> =
        valid.iter().map(|one| json!({"containerID": one.container_id, "ifname": one.ifname})).collect();
    let each = delegate.configs(&netconf.name).into_iter().filter(|_| delegate.version >= Verb::Gc.since());
    let call = |(kind, mut config): (String, Map<String, Value>)| {
        config.insert("cni.dev/valid-attachments".to_owned(), valid.clone().into());
        let call = Call::new("GC", &directory, &kind, &Value::from(config).to_string());
        call.run(deadline).err().map(|error| format!("delegate `{kind}`: {}", chain(&error)))
    };
    each.filter_map(call).collect()
}

/// Whether an ADD could be served; those that know STATUS are asked.
pub fn status(node: &Node, netconf: &NetConf, deadline: Instant) -> Result<(), CniError> {
    let Some(delegate) = &netconf.delegate else { return Ok(()) };
    let unavailable = |message: String| CniError::new(Code::NotAvailable, message);
    let directory = allowed(node, delegate).map_err(|error| unavailable(error.msg))?;
    for (kind, config) in delegate.configs(&netconf.name) {
        if delegate.version < Verb::Status.since() {
            continue;
        }
        let asked = Call::new("STATUS", &directory, &kind, &Value::from(config).to_string()).run(deadline);
        asked.map_err(|error| unavailable(format!("delegate `{kind}`: {}", chain(&error))))?;
    }
    Ok(())
}

/// What the plugins made, as the plugin before us in a list would hand it on.
pub fn result(record: &Record) -> Option<PrevResult> {
    let text = record.delegate.as_ref()?.result.clone()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    let version = value.get("cniVersion").and_then(Value::as_str).and_then(|text| text.parse().ok());
    let result = AddResult::of(&value, "delegate").ok()?;
    Some(PrevResult { text, version: version.unwrap_or(Version::V1_0_0), result })
}

/// The folder, when it and all files that are asked for may be trusted.
fn allowed<'n>(node: &'n Node, delegate: &Delegate) -> Result<&'n Path, CniError> {
    let wrong = |message: String| CniError::new(Code::InvalidNetConf, message);
    let none = || wrong("this daemon runs no delegates; hint: start it with `--delegates DIR`".to_owned());
    let directory = node.config.delegates.as_deref().ok_or_else(none)?;
    for plugin in &delegate.plugins {
        trust::file(directory, &plugin.kind).map_err(|error| wrong(chain(&error)))?;
    }
    Ok(directory)
}

fn refused(kind: &str, error: &process::CallError) -> CniError {
    match error {
        process::CallError::Refused { code, msg, details } => {
            let code = if *code == Code::TryAgainLater.number() { Code::TryAgainLater } else { Code::KernelRefused };
            CniError::new(code, format!("delegate `{kind}`: {msg}")).with_details(details.clone())
        }
        other => CniError::new(Code::IoFailure, format!("delegate `{kind}`: {}", chain(other))),
    }
}

/// Go's decoder reads `IgnoreUnknown` as a truth value.
fn arguments(attachment: &Attachment) -> String {
    let args = &attachment.args;
    let pairs = [
        ("K8S_POD_NAMESPACE", &args.pod_namespace),
        ("K8S_POD_NAME", &args.pod_name),
        ("K8S_POD_UID", &args.pod_uid),
        ("K8S_POD_INFRA_CONTAINER_ID", &args.infra_container_id),
    ];
    let given = pairs.into_iter().filter(|(_, value)| !value.is_empty()).map(|(key, value)| format!("{key}={value}"));
    let ip = args.ip.map(|ip| format!("IP={}", ip.addr()));
    let mac = args.mac.as_ref().map(|mac| format!("MAC={mac}"));
    std::iter::once("IgnoreUnknown=1".to_owned()).chain(given).chain(ip).chain(mac).collect::<Vec<_>>().join(";")
}

fn with_result(config: &str, result: Option<&str>) -> String {
    let parsed = (serde_json::from_str::<Map<String, Value>>(config), result.map(serde_json::from_str::<Value>));
    match parsed {
        (Ok(mut config), Some(Ok(result))) => {
            config.insert("prevResult".to_owned(), result);
            Value::from(config).to_string()
        }
        _ => config.to_owned(),
    }
}

/// By the version of the plugin's configuration.
fn speaks(config: &str, verb: Verb) -> bool {
    let config: Value = serde_json::from_str(config).unwrap_or_default();
    let version = config.get("cniVersion").and_then(Value::as_str).and_then(|text| text.parse::<Version>().ok());
    version.is_some_and(|version| version >= verb.since())
}

/// The interfaces of a result under another path to the same namespace. A plugin that was given ours repeats it, and nobody else can
/// follow it; and it looks for ours in what it is given.
fn elsewhere(result: String, from: &str, to: &str) -> String {
    let Ok(mut value) = serde_json::from_str::<Value>(&result) else { return result };
    for interface in value.get_mut("interfaces").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(sandbox) = interface.get_mut("sandbox").filter(|sandbox| sandbox.as_str() == Some(from)) {
            *sandbox = to.into();
        }
    }
    value.to_string()
}

impl<'a> About<'a> {
    fn of(record: &'a Record, delegated: &'a Delegated, netns: Option<&'a Netns>) -> About<'a> {
        let directory = Path::new(&delegated.directory);
        About { key: &record.key, netns, arguments: &delegated.arguments, directory }
    }

    /// What they made, as they would find it. Without a namespace as it was told the runtime.
    fn result(&self, record: &Record, delegated: &Delegated) -> Option<String> {
        let result = delegated.result.clone()?;
        Some(self.netns.map_or(result.clone(), |_| elsewhere(result, &record.netns.path, &self.netns_path())))
    }

    /// Through our descriptor: the runtime's path may mean nothing here.
    fn netns_path(&self) -> String {
        self.netns.map(|netns| format!("/proc/{}/fd/{}", std::process::id(), netns.raw_fd())).unwrap_or_default()
    }

    fn call(
        &self,
        verb: &str,
        plugin: &DelegatedPlugin,
        config: String,
        deadline: Instant,
    ) -> Result<String, process::CallError> {
        Call::new(verb, self.directory, &plugin.kind, &config)
            .with("CNI_CONTAINERID", self.key.container.as_str())
            .with("CNI_IFNAME", self.key.ifname.as_str())
            .with("CNI_NETNS", &self.netns_path())
            .with("CNI_ARGS", self.arguments)
            .run(deadline)
    }
}
