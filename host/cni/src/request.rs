//! One call of the runtime: CNI_* variables and standard input, read together, so that everything that is wrong is said at once.

use ipnet::IpNet;
use serde::Serialize;
use serde_json::Value;

use crate::{
    env::{Args, Env, Verb, ifname_fault, is_cni_name},
    error::{CniError, Code},
    finding::Finding,
    netconf::{Faults, Mode, NetConf},
    version::Version,
};

/// Most bytes of standard input that are read. Kubernetes allows a pod 256 KiB of annotations, which is the largest part.
pub const STDIN_MAX: usize = 1024 * 1024;

/// A call that may be served.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    Add(Attachment),
    Check(Attachment),
    Del(Attachment),
    Gc(NetConf),
    Status(NetConf),
    Version(VersionQuery),
}

/// The attachment that ADD, CHECK and DEL speak of. Its key is (`netconf.name`, `container_id`, `ifname`).
#[derive(Debug, Clone, PartialEq)]
pub struct Attachment {
    /// By the specification's rule: a letter or digit, then letters, digits, `_`, `.` and `-`.
    pub container_id: String,
    /// 1 to 15 bytes.
    pub ifname: String,
    /// Path of the network namespace as the runtime sees it; empty only on DEL.
    pub netns: String,
    pub args: Args,
    pub netconf: NetConf,
}

/// VERSION: the only verb that is answered without the daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionQuery {
    /// `cniVersion` of the input, supported or not; the newest when it named none.
    pub asked: String,
}

/// A call that cannot be served, and the version in which to say so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{error}")]
pub struct Refused {
    pub version: Version,
    pub error: CniError,
}

impl Refused {
    /// The error object for standard output.
    pub fn render(&self) -> String {
        self.error.render(self.version)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Supported<'a> {
    cni_version: &'a str,
    supported_versions: [&'a str; Version::ALL.len()],
}

impl VersionQuery {
    /// The answer to VERSION, one line with its end.
    pub fn answer(&self) -> String {
        let supported_versions = Version::ALL.map(Version::as_str);
        crate::result::line(&Supported { cni_version: &self.asked, supported_versions })
    }
}

impl Request {
    /// Of several findings the code is that of the deepest: variables (4), JSON (6), version (1), configuration (7).
    ///
    /// DEL forgives whatever it does not need: a pod that could not be added for a bad field must still be deletable.
    pub fn parse(env: &Env, stdin: &[u8]) -> Result<Request, Refused> {
        let (verb, mut environment) = match Verb::of(env) {
            Ok(verb) => (verb, Vec::new()),
            Err(finding) => return Err(refused(Version::NEWEST, Code::InvalidEnvironment, &[finding])),
        };
        if verb == Verb::Version {
            return version_query(stdin).map(Request::Version);
        }
        let names = Names::read(verb, env, &mut environment);
        let object = match object(stdin) {
            Ok(object) => object,
            Err(finding) if environment.is_empty() => {
                return Err(refused(Version::NEWEST, Code::DecodingFailure, &[finding]));
            }
            Err(finding) => {
                environment.push(finding);
                return Err(refused(Version::NEWEST, Code::InvalidEnvironment, &environment));
            }
        };

        let mut faults = Faults::default();
        let netconf = NetConf::read(verb, &object, stdin, &mut faults);
        if faults.version.is_empty() && netconf.version < verb.since() {
            let (verb, since) = (verb.as_str(), verb.since());
            let message = format!("{} does not know {verb}, which came with {since}", netconf.version);
            faults.version.push(Finding::new("cniVersion", message));
        }
        let Faults { version, essential, attach, collect } = faults;
        let configuration = match verb {
            Verb::Add | Verb::Check | Verb::Status => [essential, attach].concat(),
            Verb::Gc => [essential, collect].concat(),
            Verb::Del | Verb::Version => essential,
        };
        let classes = [
            (Code::InvalidEnvironment, &environment),
            (Code::IncompatibleVersion, &version),
            (Code::InvalidNetConf, &configuration),
        ];
        if let Some((code, _)) = classes.iter().find(|(_, findings)| !findings.is_empty()) {
            let all = [environment.as_slice(), &version, &configuration].concat();
            return Err(refused(netconf.version, *code, &all));
        }
        let Names { container_id, ifname, netns, args } = names;
        let whole = |netconf| Attachment { container_id, ifname, netns, args, netconf };
        Ok(match verb {
            Verb::Add => Request::Add(whole(netconf)),
            Verb::Check => Request::Check(whole(netconf)),
            Verb::Del => Request::Del(whole(netconf)),
            Verb::Gc => Request::Gc(netconf),
            Verb::Status | Verb::Version => Request::Status(netconf),
        })
    }
}

impl Request {
    pub fn verb(&self) -> Verb {
        match self {
            Request::Add(_) => Verb::Add,
            Request::Check(_) => Verb::Check,
            Request::Del(_) => Verb::Del,
            Request::Gc(_) => Verb::Gc,
            Request::Status(_) => Verb::Status,
            Request::Version(_) => Verb::Version,
        }
    }

    /// None for VERSION.
    pub fn netconf(&self) -> Option<&NetConf> {
        match self {
            Request::Add(attachment) | Request::Check(attachment) | Request::Del(attachment) => {
                Some(&attachment.netconf)
            }
            Request::Gc(netconf) | Request::Status(netconf) => Some(netconf),
            Request::Version(_) => None,
        }
    }

    /// The version in which to answer.
    pub fn version(&self) -> Version {
        self.netconf().map_or(Version::NEWEST, |netconf| netconf.version)
    }
}

impl Attachment {
    pub fn mode(&self) -> Mode {
        self.netconf.mode()
    }

    /// Addresses that the runtime asks for: the capability `ips`, else `args.cni.ips`, else `IP` of CNI_ARGS (the order of the CNI
    /// conventions, newest mechanism first).
    pub fn asked_addresses(&self) -> Vec<IpNet> {
        let capability = &self.netconf.runtime_config.ips;
        if !capability.is_empty() {
            return capability.clone();
        }
        let listed = self.netconf.args.get("ips").and_then(Value::as_array).into_iter().flatten();
        let from_args: Vec<IpNet> = listed.filter_map(|ip| crate::fields::address(ip.as_str()?)).collect();
        if from_args.is_empty() { self.args.ip.into_iter().collect() } else { from_args }
    }

    /// The hardware address that the runtime asks for, in lower case with colons: the capability `mac`, else `MAC` of CNI_ARGS.
    pub fn asked_mac(&self) -> Option<&str> {
        self.netconf.runtime_config.mac.as_deref().or(self.args.mac.as_deref())
    }
}

/// What the variables say of an attachment; all empty for verbs that have none.
#[derive(Default)]
struct Names {
    container_id: String,
    ifname: String,
    netns: String,
    args: Args,
}

impl Names {
    fn read(verb: Verb, env: &Env, findings: &mut Vec<Finding>) -> Names {
        if verb.required().is_empty() {
            return Names::default();
        }
        let missing = verb.required().iter().filter(|name| env.get(name).is_none());
        findings.extend(missing.map(|name| Finding::new(*name, format!("is missing; {} needs it", verb.as_str()))));
        let value = |name| env.get(name).unwrap_or_default().to_owned();
        let (container_id, ifname) = (value("CNI_CONTAINERID"), value("CNI_IFNAME"));
        if !container_id.is_empty() && !is_cni_name(&container_id) {
            let rule = "a letter or digit, then letters, digits, `_`, `.` and `-`, at most 253";
            findings.push(Finding::new("CNI_CONTAINERID", format!("`{container_id}` is not a container ID: {rule}")));
        }
        if let Some(fault) = ifname_fault(&ifname).filter(|_| !ifname.is_empty()) {
            findings.push(Finding::new("CNI_IFNAME", format!("`{ifname}` {fault}")));
        }
        let (args, faults) = Args::parse(env.get("CNI_ARGS").unwrap_or_default());
        if verb != Verb::Del {
            findings.extend(faults);
        }
        Names { container_id, ifname, netns: value("CNI_NETNS"), args }
    }
}

fn object(stdin: &[u8]) -> Result<serde_json::Map<String, Value>, Finding> {
    let wrong = |message: String| Finding::new("stdin", message);
    if stdin.len() > STDIN_MAX {
        return Err(wrong(format!("is larger than {STDIN_MAX} bytes, which is the limit of a network configuration")));
    }
    if stdin.iter().all(u8::is_ascii_whitespace) {
        return Err(wrong("is empty; the network configuration is expected there".to_owned()));
    }
    match serde_json::from_slice(stdin) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(wrong("is JSON, but not an object".to_owned())),
        Err(error) => Err(wrong(format!("is not JSON: {error}"))),
    }
}

/// Runtimes send `{"cniVersion": "..."}` and dummies in the variables; nothing at all is as good.
fn version_query(stdin: &[u8]) -> Result<VersionQuery, Refused> {
    let newest = || VersionQuery { asked: Version::NEWEST.as_str().to_owned() };
    if stdin.iter().all(u8::is_ascii_whitespace) {
        return Ok(newest());
    }
    let object = object(stdin).map_err(|finding| refused(Version::NEWEST, Code::DecodingFailure, &[finding]))?;
    let asked = object.get("cniVersion").and_then(Value::as_str);
    Ok(asked.map_or_else(newest, |asked| VersionQuery { asked: asked.to_owned() }))
}

fn refused(version: Version, code: Code, findings: &[Finding]) -> Refused {
    Refused { version, error: CniError::of_findings(code, findings) }
}
