//! What one ADD leaves for the pod's own object: the interfaces that it got, or why it got none. Pure.

use std::net::IpAddr;

use nicety_cni::{Attachment, CniError, Code, Mode, netconf::PrevResult};
use nicety_core::record::{Attached, PodRef, Record, State};
use nicety_k8s::{
    events::Happened,
    pods::{self, Dns, NetworkStatus, PodKey},
};

/// For the pod named, once the reply is out.
#[derive(Debug, Clone)]
pub struct Told {
    pub pod: PodKey,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    /// The annotation's text.
    Attached(String),
    Failed(Happened),
}

/// For the record: what its pod is to be told. None: nobody would look, or a meta plugin says it, which knows of the pod's other
/// interfaces too.
pub fn text(attachment: &Attachment, record: &Record) -> Option<String> {
    match attachment.mode() {
        _ if record.pod.name.is_empty() => None,
        Mode::Delegated => None,
        Mode::OwnNetwork | Mode::Chained => pods::text(&status(attachment, record)),
    }
}

/// Also after a restart, and of a repeated ADD: the daemon may have died between its reply and its word.
pub fn attached(record: &Record) -> Option<Told> {
    let PodRef { namespace, name, uid } = record.pod.clone();
    let text = record.told.clone().filter(|_| record.state == State::Attached)?;
    Some(Told { pod: PodKey { namespace, name, uid }, what: What::Attached(text) })
}

pub fn failed(attachment: &Attachment, error: &CniError) -> Option<Told> {
    let args = &attachment.args;
    if args.pod_namespace.is_empty() || args.pod_name.is_empty() {
        return None;
    }
    let pod = PodKey { namespace: args.pod_namespace.clone(), name: args.pod_name.clone(), uid: args.pod_uid.clone() };
    Some(Told { pod, what: What::Failed(Happened { reason: reason(error.code), message: message(error) }) })
}

/// The node's own network first, as readers expect.
fn status(attachment: &Attachment, record: &Record) -> Vec<NetworkStatus> {
    let netconf = &attachment.netconf;
    let before = match (attachment.mode(), &netconf.prev_result) {
        (Mode::Chained, Some(previous)) => of_others(previous, &netconf.name, &attachment.ifname),
        (Mode::Chained | Mode::OwnNetwork | Mode::Delegated, _) => Vec::new(),
    };
    let ours = record.interfaces.iter().map(|interface| {
        let main = attachment.mode() == Mode::OwnNetwork && interface.ifname.as_str() == attachment.ifname;
        let name = match main {
            true => netconf.name.clone(),
            false => format!("{}/{}", attachment.args.pod_namespace, interface.network),
        };
        let status = of_ours(interface, name);
        match main {
            true => {
                let nicety_cni::result::Dns { nameservers, domain, search, .. } = netconf.dns.clone();
                let dns = Dns { nameservers, domain: domain.unwrap_or_default(), search };
                NetworkStatus { default: true, dns, ..status }
            }
            false => status,
        }
    });
    let mut all: Vec<NetworkStatus> = before.into_iter().chain(ours).collect();
    all.sort_by_key(|status| !status.default);
    all
}

fn of_ours(interface: &Attached, name: String) -> NetworkStatus {
    let default = interface.routes.iter().filter(|route| route.to.prefix_len() == 0);
    NetworkStatus {
        name,
        interface: interface.ifname.to_string(),
        ips: interface.addresses.iter().map(ipnet::IpNet::addr).collect(),
        mac: interface.mac.to_string(),
        mtu: interface.mtu,
        gateway: default.filter_map(|route| route.via).collect(),
        ..NetworkStatus::default()
    }
}

/// What the plugins before us made in the pod.
fn of_others(previous: &PrevResult, name: &str, main: &str) -> Vec<NetworkStatus> {
    let result = &previous.result;
    let inside = result.interfaces.iter().enumerate().filter(|(_, interface)| interface.sandbox.is_some());
    let one = |(place, interface): (usize, &nicety_cni::result::Interface)| {
        let ips = || result.ips.iter().filter(move |ip| ip.interface == Some(place));
        let gateways = ips().filter_map(|ip| ip.gateway);
        NetworkStatus {
            name: name.to_owned(),
            interface: interface.name.clone(),
            ips: ips().map(|ip| ip.address.addr()).collect::<Vec<IpAddr>>(),
            mac: interface.mac.clone().unwrap_or_default(),
            mtu: interface.mtu,
            default: interface.name == main,
            gateway: gateways.collect(),
            ..NetworkStatus::default()
        }
    };
    inside.map(one).collect()
}

/// For people who look at the pod, and for programs that count.
fn reason(code: Code) -> &'static str {
    match code {
        Code::PolicyDenied => "NetworkPolicyDenied",
        Code::PolicyFailed | Code::ReviewRefused => "NetworkPolicyFailed",
        Code::AddressesExhausted => "AddressesExhausted",
        Code::UnknownNetwork => "NetworkNotAvailable",
        Code::TryAgainLater | Code::NotAvailable | Code::LimitedConnectivity => "NetworkNotReady",
        Code::IncompatibleVersion
        | Code::UnsupportedField
        | Code::UnknownContainer
        | Code::InvalidEnvironment
        | Code::IoFailure
        | Code::DecodingFailure
        | Code::InvalidNetConf
        | Code::InvalidNetns
        | Code::PlanRefused
        | Code::KernelRefused
        | Code::StoreFailed
        | Code::Drift
        | Code::Internal => "NetworkAttachmentFailed",
    }
}

fn message(error: &CniError) -> String {
    match error.details.is_empty() {
        true => error.msg.clone(),
        false => format!("{}: {}", error.msg, error.details),
    }
}
