//! The result of ADD, in the newest version as types; read from and rendered to every version. Versions differ little: before 1.0.0
//! each address carries its family, and 1.1.0 added fields to interfaces and routes that older versions do not know.

pub mod merge;
mod parse;

pub use merge::{chained, merge};

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize, Serializer, ser::SerializeStruct};

use crate::version::Version;

/// Addresses and routes are in the order in which they were given.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct AddResult {
    pub interfaces: Vec<Interface>,
    pub ips: Vec<Ip>,
    pub routes: Vec<Route>,
    pub dns: Dns,
}

/// An interface that the attachment made, in the pod or on the host.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Interface {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mac: Option<String>,
    /// Bytes. From 1.1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// CNI_NETNS as it was given; absent for an interface of the host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sandbox: Option<String>,
    /// From 1.1.0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub socket_path: Option<String>,
    /// From 1.1.0.
    #[serde(rename = "pciID", skip_serializing_if = "Option::is_none")]
    pub pci_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ip {
    /// With the length of the on-link prefix; host bits are kept.
    pub address: IpNet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
    /// Index into `interfaces`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
}

/// `mtu`, `advmss`, `priority`, `table` and `scope` are from 1.1.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    pub dst: IpNet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gw: Option<IpAddr>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// Bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advmss: Option<u32>,
    /// Lower wins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// 0 global, 253 link, 254 host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<u32>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dns {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub nameservers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub domain: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub search: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

impl Dns {
    pub fn is_empty(&self) -> bool {
        let Dns { nameservers, domain, search, options } = self;
        nameservers.is_empty() && domain.is_none() && search.is_empty() && options.is_empty()
    }
}

impl Route {
    /// By `gw`, or by the gateway of the address when there is none.
    pub fn new(dst: IpNet, gw: Option<IpAddr>) -> Route {
        Route { dst, gw, mtu: None, advmss: None, priority: None, table: None, scope: None }
    }
}

impl AddResult {
    /// True when there is nothing that would change a result that this one is merged into.
    pub fn is_empty(&self) -> bool {
        let AddResult { interfaces, ips, routes, dns } = self;
        interfaces.is_empty() && ips.is_empty() && routes.is_empty() && dns.is_empty()
    }

    /// The JSON of `version`, one line with its end. What that version does not know is left out.
    pub fn render(&self, version: Version) -> String {
        line(&Rendered { result: self, version })
    }

    fn known_to(&self, version: Version) -> AddResult {
        let mut result = self.clone();
        if version < Version::V1_1_0 {
            for interface in &mut result.interfaces {
                (interface.mtu, interface.socket_path, interface.pci_id) = (None, None, None);
            }
            for route in &mut result.routes {
                *route = Route::new(route.dst, route.gw);
            }
        }
        result
    }
}

struct Rendered<'a> {
    result: &'a AddResult,
    version: Version,
}

#[derive(Serialize)]
struct VersionedIp<'a> {
    version: &'static str,
    #[serde(flatten)]
    ip: &'a Ip,
}

impl Serialize for Rendered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let AddResult { interfaces, ips, routes, dns } = &self.result.known_to(self.version);
        let mut object = serializer.serialize_struct("Result", 5)?;
        object.serialize_field("cniVersion", self.version.as_str())?;
        object.serialize_field("interfaces", interfaces)?;
        if self.version < Version::V1_0_0 {
            let family = |ip: &Ip| if ip.address.addr().is_ipv4() { "4" } else { "6" };
            let ips: Vec<VersionedIp> = ips.iter().map(|ip| VersionedIp { version: family(ip), ip }).collect();
            object.serialize_field("ips", &ips)?;
        } else {
            object.serialize_field("ips", ips)?;
        }
        if !routes.is_empty() {
            object.serialize_field("routes", routes)?;
        }
        if !dns.is_empty() {
            object.serialize_field("dns", dns)?;
        }
        object.end()
    }
}

/// JSON on one line with its end. Our own types have text keys only and no fallible `Serialize`, so there is nothing to fail.
pub(crate) fn line(value: &impl Serialize) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default();
    text.push('\n');
    text
}
