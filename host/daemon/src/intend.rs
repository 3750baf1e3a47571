//! What one ADD wants, in types that cannot be wrong: the key of its attachment, the mode, the pod, the network that CNI_IFNAME is
//! attached to.

use std::collections::BTreeMap;

use nicety_cni::{Attachment, CniError, Code, Finding, Mode, netconf::runtime_config::POD_ANNOTATIONS};
use nicety_core::{
    address::Mac,
    facts::{Label, Pod, attach},
    hash,
    ids::{AttachmentKey, NetworkName},
    record::{NetnsId, PodRef},
};

#[derive(Debug, Clone)]
pub struct Intent {
    pub key: AttachmentKey,
    pub mode: Mode,
    pub pod: Pod,
    /// None: chained.
    pub network: Option<NetworkName>,
    /// Other names that the pod may ask for networks by: its namespace's definitions.
    pub aliases: BTreeMap<String, NetworkName>,
    pub call: attach::Call,
    pub netns: NetnsId,
    /// Hash of all that was asked: a repeated ADD has the same.
    pub request: String,
}

impl Intent {
    pub fn of(attachment: &Attachment, netns: NetnsId) -> Result<Intent, CniError> {
        let key = key(attachment)?;
        let mode = attachment.mode();
        let config = &attachment.netconf;
        let network = match (mode, &config.network) {
            (Mode::Chained, _) | (_, None) => None,
            (Mode::OwnNetwork | Mode::Delegated, Some(name)) => {
                Some(name.parse::<NetworkName>().map_err(|error| wrong("network", &error))?)
            }
        };
        let annotations = config.runtime_config.pod_annotations.clone().unwrap_or_default();
        let labels = annotations.into_iter().map(|(key, value)| Label { key, value }).collect();
        let pod = Pod {
            namespace: attachment.args.pod_namespace.clone(),
            name: attachment.args.pod_name.clone(),
            uid: attachment.args.pod_uid.clone(),
            annotations: labels,
            ..Pod::default()
        };
        let call = attach::Call {
            ifname: attachment.ifname.clone(),
            mode: as_fact(mode),
            addresses: attachment.asked_addresses(),
            mac: asked_mac(attachment)?,
            device_id: config.runtime_config.device_id.clone(),
            attributes: crate::gather::call_attributes(&config.args),
        };
        let request = fingerprint(attachment, &key);
        Ok(Intent { key, mode, pod, network, aliases: BTreeMap::new(), call, netns, request })
    }

    pub fn pod_ref(&self) -> PodRef {
        let Pod { namespace, name, uid, .. } = &self.pod;
        PodRef { namespace: namespace.clone(), name: name.clone(), uid: uid.clone() }
    }
}

/// The names by which the runtime knows the attachment.
pub fn key(attachment: &Attachment) -> Result<AttachmentKey, CniError> {
    Ok(AttachmentKey {
        netconf: attachment.netconf.name.parse().map_err(|error| wrong("name", &error))?,
        container: attachment.container_id.parse().map_err(|error| wrong("CNI_CONTAINERID", &error))?,
        ifname: attachment.ifname.parse().map_err(|error| wrong("CNI_IFNAME", &error))?,
    })
}

fn wrong(path: &str, error: &dyn std::error::Error) -> CniError {
    CniError::of_findings(Code::InvalidNetConf, &[Finding::new(path, error.to_string())])
}

fn asked_mac(attachment: &Attachment) -> Result<Option<Mac>, CniError> {
    attachment.asked_mac().map(str::parse).transpose().map_err(|error| wrong("runtimeConfig.mac", &error))
}

fn as_fact(mode: Mode) -> attach::Mode {
    match mode {
        Mode::OwnNetwork => attach::Mode::OwnNetwork,
        Mode::Chained => attach::Mode::Chained,
        Mode::Delegated => attach::Mode::Delegated,
    }
}

/// Everything that a policy or the plan may look at, but not `prevResult`: what the plugins before us made is theirs to repeat.
fn fingerprint(attachment: &Attachment, key: &AttachmentKey) -> String {
    let config = &attachment.netconf;
    let fields = [
        key.to_string(),
        format!("{:?}", attachment.args),
        match &config.delegate {
            Some(delegate) => format!("{:?} {delegate:?}", config.network),
            None => format!("{:?}", config.network),
        },
        format!("{:?}", attachment.mode()),
        serde_json::to_string(&config.args).unwrap_or_default(),
        format!("{POD_ANNOTATIONS} {:?}", config.runtime_config),
    ];
    hash::hex(&fields.each_ref().map(String::as_str))
}
