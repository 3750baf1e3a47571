//! The result of an ADD, from the record: what was made, as the CNI specification says it.

use std::net::IpAddr;

use nicety_cni::{
    Attachment, Mode,
    result::{AddResult, Interface, Ip, Route, chained},
};
use nicety_core::record::{Attached, Record};

use crate::delegate;

/// What goes to standard output, in the version that was asked for. Chained, the result before it comes first; where nothing was
/// added it is passed on unchanged.
pub fn of(attachment: &Attachment, record: &Record) -> String {
    let ours = ours(attachment, &record.interfaces);
    let version = attachment.netconf.version;
    if let Some(made) = delegate::result(record) {
        return chained(&made, ours, version);
    }
    match (attachment.mode(), &attachment.netconf.prev_result) {
        (Mode::Chained, Some(previous)) => chained(previous, ours, version),
        (Mode::Chained | Mode::OwnNetwork | Mode::Delegated, _) => ours.render(version),
    }
}

fn ours(attachment: &Attachment, interfaces: &[Attached]) -> AddResult {
    let dns = match attachment.mode() {
        Mode::OwnNetwork | Mode::Delegated => attachment.netconf.dns.clone(),
        Mode::Chained => Default::default(),
    };
    AddResult {
        interfaces: interfaces.iter().map(|interface| as_made(attachment, interface)).collect(),
        ips: interfaces.iter().enumerate().flat_map(|(place, interface)| ips(place, interface)).collect(),
        routes: interfaces.iter().flat_map(routes).collect(),
        dns,
    }
}

fn as_made(attachment: &Attachment, interface: &Attached) -> Interface {
    Interface {
        name: interface.ifname.to_string(),
        mac: Some(interface.mac.to_string()),
        mtu: interface.mtu,
        sandbox: Some(attachment.netns.clone()),
        ..Interface::default()
    }
}

fn ips(place: usize, interface: &Attached) -> impl Iterator<Item = Ip> {
    let gateway = |family_of: IpAddr| {
        let mut vias = interface.routes.iter().filter(|route| route.to.prefix_len() == 0).filter_map(|route| route.via);
        vias.find(|via| via.is_ipv4() == family_of.is_ipv4())
    };
    interface.addresses.iter().map(move |address| Ip {
        address: *address,
        gateway: gateway(address.addr()),
        interface: Some(place),
    })
}

/// Routes that lead somewhere; those that only make a gateway reachable are the link's own affair.
fn routes(interface: &Attached) -> impl Iterator<Item = Route> {
    interface.routes.iter().filter(|route| route.via.is_some()).map(|route| Route::new(route.to, route.via))
}
