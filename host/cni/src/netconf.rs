//! The network configuration on standard input. The specification lets runtimes inject keys, so unknown ones pass; a key that we
//! read and that has a wrong type is a finding under its path.

mod delegate;
pub mod runtime_config;

pub use delegate::{Delegate, Plugin};
pub use runtime_config::{Bandwidth, PortMapping, RuntimeConfig};

use delegate::HasPrevResult;
use serde::Deserialize;
use serde_json::{Map, Value, value::RawValue};

use crate::{
    env::{Verb, ifname_fault, is_cni_name},
    fields::Fields,
    finding::Finding,
    result::{AddResult, Dns},
    version::Version,
};

/// Where the daemon listens unless the configuration names another socket.
pub const DEFAULT_SOCKET: &str = "/run/nicety/cni.sock";

/// Longest path that a unix socket can have, in bytes (sun_path less its final zero).
pub const SOCKET_PATH_MAX: usize = 107;

/// A network configuration that has been read without a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct NetConf {
    pub version: Version,
    /// By the specification's rule: a letter or digit, then letters, digits, `_`, `.` and `-`.
    pub name: String,
    /// `type`; the name under which the runtime found this plugin.
    pub plugin: String,
    /// Absolute path of the daemon's socket.
    pub socket: String,
    /// The Network that CNI_IFNAME is attached to.
    pub network: Option<String>,
    pub caller: Caller,
    /// Plugins that make CNI_IFNAME before us.
    pub delegate: Option<Delegate>,
    /// `args.cni`: what a person or a meta plugin asks for, as it stands.
    pub args: Map<String, Value>,
    pub dns: Dns,
    pub runtime_config: RuntimeConfig,
    /// On ADD what the plugin before us made; on CHECK and DEL what the whole chain made.
    pub prev_result: Option<PrevResult>,
    /// For GC. None: the runtime sent no list, and nothing may be concluded from that. An empty list: no attachment is valid.
    pub valid_attachments: Option<Vec<ValidAttachment>>,
}

/// Who executes us: `delegated` in the configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    Runtime,
    /// A meta plugin, for one attachment.
    MetaPlugin,
}

/// The part that this plugin plays in an ADD.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// CNI_IFNAME is ours, extras go beside it.
    OwnNetwork,
    /// Another plugin made CNI_IFNAME: before us in the list, or as our delegate.
    Chained,
    /// A meta plugin asks for one attachment.
    Delegated,
}

/// `prevResult`.
#[derive(Debug, Clone, PartialEq)]
pub struct PrevResult {
    /// As it came in, to the byte.
    pub text: String,
    /// Its own version; that of the configuration when it names none.
    pub version: Version,
    pub result: AddResult,
}

/// An element of `cni.dev/valid-attachments`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ValidAttachment {
    pub container_id: String,
    pub ifname: String,
}

/// What is wrong with a configuration. Whoever calls decides whether the rest matters: DEL must not fail for a bad port mapping.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) version: Vec<Finding>,
    /// In what every verb needs: name, type, socket.
    pub(crate) essential: Vec<Finding>,
    /// In what ADD and CHECK need.
    pub(crate) attach: Vec<Finding>,
    /// In the list for GC.
    pub(crate) collect: Vec<Finding>,
}

#[derive(Deserialize)]
struct Raw {
    #[serde(rename = "prevResult")]
    prev_result: Option<Box<RawValue>>,
}

impl NetConf {
    /// The part that an ADD with this configuration asks for. CHECK and DEL also carry the whole chain's prevResult, so for those
    /// the record knows the mode.
    pub fn mode(&self) -> Mode {
        match (self.caller, &self.network, &self.prev_result) {
            (Caller::MetaPlugin, _, _) => Mode::Delegated,
            (Caller::Runtime, Some(_), None) => Mode::OwnNetwork,
            (Caller::Runtime, _, Some(_)) | (Caller::Runtime, None, None) => Mode::Chained,
        }
    }

    /// `text` is what `object` was read from. What cannot be read is a fault and takes its default.
    pub(crate) fn read(verb: Verb, object: &Map<String, Value>, text: &[u8], faults: &mut Faults) -> NetConf {
        let version = version(object, &mut faults.version);

        let mut fields = Fields::new(object, "", &mut faults.essential);
        let name = name(&mut fields);
        let plugin = fields.text("type").unwrap_or_default();
        let socket = socket(&mut fields);

        let mut fields = Fields::new(object, "", &mut faults.attach);
        let network = fields.text("network").filter(|network| !network.is_empty());
        let caller = if fields.flag("delegated") == Some(true) { Caller::MetaPlugin } else { Caller::Runtime };
        if caller == Caller::MetaPlugin && network.is_none() {
            fields.wrong("network", "is missing; hint: `delegated` needs the network of its one attachment");
        }
        let args = fields.object("args").and_then(|mut args| args.map("cni")).unwrap_or_default();
        let dns = fields.object("dns").map(|mut dns| Dns::read(&mut dns)).unwrap_or_default();
        let runtime_config = fields.object("runtimeConfig").map(|mut config| RuntimeConfig::read(&mut config));
        let delegate = Delegate::read(&mut fields, version);
        let prev_result = fields.value("prevResult").and_then(|value| {
            prev_result(value, text, version).map_err(|findings| faults.attach.extend(findings)).ok()
        });
        if verb == Verb::Add
            && network.is_none()
            && !object.contains_key("prevResult")
            && !object.contains_key("delegate")
        {
            let hint =
                "hint: name the Network of the pod's own interface, or put this plugin behind another in the list";
            faults.attach.push(Finding::new("network", format!("is missing, and so is prevResult; {hint}")));
        }

        let valid_attachments = valid_attachments(&mut Fields::new(object, "", &mut faults.collect));
        let runtime_config = runtime_config.unwrap_or_default();
        let netconf = NetConf {
            version,
            name,
            plugin,
            socket,
            network,
            caller,
            delegate,
            args,
            dns,
            runtime_config,
            prev_result,
            valid_attachments,
        };
        // CHECK and DEL bring the result of the whole chain, which is no sign of a plugin before us.
        let before =
            if verb == Verb::Add && netconf.prev_result.is_some() { HasPrevResult::Yes } else { HasPrevResult::No };
        delegate::conflicts(&netconf, before, &mut faults.attach);
        netconf
    }
}

fn version(object: &Map<String, Value>, findings: &mut Vec<Finding>) -> Version {
    let asked = match object.get("cniVersion") {
        // The specification had no version before 0.2.0, so none means 0.1.0.
        None | Some(Value::Null) => "0.1.0".parse().map_err(|unsupported: crate::version::Unsupported| {
            Finding::new("cniVersion", format!("is missing, which means 0.1.0; {unsupported}"))
        }),
        Some(Value::String(text)) => text
            .parse()
            .map_err(|unsupported: crate::version::Unsupported| Finding::new("cniVersion", unsupported.to_string())),
        Some(_) => Err(Finding::new("cniVersion", "is not text like `1.0.0`")),
    };
    asked.unwrap_or_else(|finding| {
        findings.push(finding);
        Version::NEWEST
    })
}

fn name(fields: &mut Fields) -> String {
    let name = fields.text("name").unwrap_or_default();
    if fields.value("name").is_none() {
        fields.wrong("name", "is missing");
    } else if fields.value("name").is_some_and(Value::is_string) && !is_cni_name(&name) {
        let rule = "a letter or digit, then letters, digits, `_`, `.` and `-`, at most 253";
        fields.wrong("name", format!("`{name}` is not a network name: {rule}"));
    }
    name
}

fn socket(fields: &mut Fields) -> String {
    let socket = fields.text("socket").unwrap_or_else(|| DEFAULT_SOCKET.to_owned());
    if !socket.starts_with('/') || socket.contains('\0') {
        fields.wrong("socket", format!("`{socket}` is not an absolute path"));
    } else if socket.len() > SOCKET_PATH_MAX {
        fields.wrong(
            "socket",
            format!("is {} bytes long; a unix socket's path has at most {SOCKET_PATH_MAX}", socket.len()),
        );
    }
    socket
}

fn prev_result(value: &Value, text: &[u8], netconf: Version) -> Result<PrevResult, Vec<Finding>> {
    let wrong = |path: &str, message: String| vec![Finding::new(path, message)];
    let version = match value.get("cniVersion").and_then(Value::as_str) {
        None | Some("") => netconf,
        Some(version) => {
            version.parse().map_err(|e: crate::version::Unsupported| wrong("prevResult.cniVersion", e.to_string()))?
        }
    };
    let result = AddResult::of(value, "prevResult")?;
    let raw: Raw = serde_json::from_slice(text).map_err(|e| wrong("prevResult", e.to_string()))?;
    // Found under another spelling of the key only: the value then has to do, in our own spacing.
    let text = raw.prev_result.map_or_else(|| value.to_string(), |raw| raw.get().to_owned());
    Ok(PrevResult { text, version, result })
}

/// The key of the final specification, or the one that its first runtimes wrote.
fn valid_attachments(fields: &mut Fields) -> Option<Vec<ValidAttachment>> {
    let key = ["cni.dev/valid-attachments", "cni.dev/attachments"].into_iter().find(|key| fields.has(key))?;
    let read = |entry: &mut Fields| {
        let container_id = entry.text("containerID").unwrap_or_default();
        if !is_cni_name(&container_id) {
            entry.wrong("containerID", format!("`{container_id}` is not a container ID"));
        }
        let ifname = entry.text("ifname").unwrap_or_default();
        if let Some(fault) = ifname_fault(&ifname) {
            entry.wrong("ifname", format!("`{ifname}` {fault}"));
        }
        Some(ValidAttachment { container_id, ifname })
    };
    // Go writes an empty list as null.
    Some(fields.objects(key, read).unwrap_or_default())
}
