//! Reads a result of any version. What older versions lack is absent; the family that they write beside an address is read over,
//! because the address says it as well.

use serde_json::Value;

use super::{AddResult, Dns, Interface, Ip, Route};
use crate::{fields::Fields, finding::Finding};

impl AddResult {
    /// `path` is where the result stands, for findings; empty when it stands alone.
    pub fn of(value: &Value, path: &str) -> Result<AddResult, Vec<Finding>> {
        let mut findings = Vec::new();
        let result = match Fields::of(value, path, &mut findings) {
            Some(mut fields) => AddResult::read(&mut fields),
            None => AddResult::default(),
        };
        if findings.is_empty() { Ok(result) } else { Err(findings) }
    }

    fn read(fields: &mut Fields) -> AddResult {
        let interfaces = fields.objects("interfaces", |interface| Some(Interface::read(interface))).unwrap_or_default();
        let ips = fields.objects("ips", |ip| Ip::read(ip, interfaces.len())).unwrap_or_default();
        let routes = fields.objects("routes", Route::read).unwrap_or_default();
        let dns = fields.object("dns").map(|mut dns| Dns::read(&mut dns)).unwrap_or_default();
        AddResult { interfaces, ips, routes, dns }
    }
}

fn non_empty(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

impl Interface {
    fn read(fields: &mut Fields) -> Interface {
        Interface {
            name: fields.text("name").unwrap_or_default(),
            mac: non_empty(fields.text("mac")),
            mtu: fields.u32("mtu").filter(|mtu| *mtu > 0),
            sandbox: non_empty(fields.text("sandbox")),
            socket_path: non_empty(fields.text("socketPath")),
            pci_id: non_empty(fields.text("pciID")),
        }
    }
}

impl Ip {
    fn read(fields: &mut Fields, interfaces: usize) -> Option<Ip> {
        let address = fields.parsed("address", "an address with a length like `10.0.0.5/24`", |text| text.parse().ok());
        if address.is_none() && fields.value("address").is_none_or(|value| value == "") {
            fields.wrong("address", "is missing");
        }
        let gateway = fields.parsed("gateway", "an address", |text| text.parse().ok());
        let index = fields.integer("interface").filter(|index| *index >= 0);
        let interface = index.and_then(|index| usize::try_from(index).ok());
        if interface.is_some_and(|index| index >= interfaces) {
            fields.wrong("interface", "is past the end of the list of interfaces");
        }
        Some(Ip { address: address?, gateway, interface })
    }
}

impl Route {
    fn read(fields: &mut Fields) -> Option<Route> {
        let dst = fields.parsed("dst", "a destination like `10.0.0.0/8`", |text| text.parse().ok());
        if dst.is_none() && fields.value("dst").is_none_or(|value| value == "") {
            fields.wrong("dst", "is missing");
        }
        let gw = fields.parsed("gw", "an address", |text| text.parse().ok());
        let (mtu, advmss, priority) = (fields.u32("mtu"), fields.u32("advmss"), fields.u32("priority"));
        let (table, scope) = (fields.u32("table"), fields.u32("scope"));
        Some(Route { dst: dst?, gw, mtu, advmss, priority, table, scope })
    }
}

impl Dns {
    pub(crate) fn read(fields: &mut Fields) -> Dns {
        let mut texts = |key| fields.texts(key, "text", |text| Some(text.to_owned())).unwrap_or_default();
        let (nameservers, search, options) = (texts("nameservers"), texts("search"), texts("options"));
        // containerd sends the capability `dns` with Go's own field names.
        let servers = texts("servers");
        let searches = texts("searches");
        let or = |first: Vec<String>, second| if first.is_empty() { second } else { first };
        let domain = non_empty(fields.text("domain"));
        Dns { nameservers: or(nameservers, servers), domain, search: or(search, searches), options }
    }
}
