//! The NICs of the host, as netlink and sysfs show them: what a policy may choose from.
//!
//! Virtual NICs (veth, bond, vlan, bridge, ...) count like physical ones. Never in the list: loopback, the host ends of our own
//! veths, our own bridges, the tunnels of egress, and a NIC that has left for a pod or waits on the host to be brought home.

mod sysfs;

use std::{path::Path, time::Instant};

use netlink_packet_route::link::State;
use nicety_core::{
    address::Mac,
    egress::table::LINK_PREFIX,
    facts::nic_selection::{LinkState, Nic},
};

use crate::{
    addresses, bridges,
    conversation::{Conversation, ConversationError},
    link::host_device,
    links::{self, LinkRow},
    routes,
};

/// Where sysfs is mounted, with the view of the host's network namespace.
pub const SYSFS: &str = "/sys";

/// A NIC of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discovered {
    /// `card`, `receive`, `transmit`, `users`, `promised` and `attributes` are not the kernel's to know, and empty. `master_of`
    /// names what is seen from the host; the links of pods are in the records.
    pub nic: Nic,
    pub index: u32,
    /// A default route of the host leaves through it.
    pub default_route: bool,
}

/// All NICs in the order of their indices, which is that in which the kernel found them. Reads three tables in three dumps, and
/// `sysfs` for the NICs that have hardware behind them.
pub fn read(sysfs: &Path, deadline: Instant) -> Result<Vec<Discovered>, ConversationError> {
    let mut host = Conversation::open()?;
    let mut rows = links::all(&mut host, deadline)?;
    let addresses = addresses::all(&mut host, deadline)?;
    let routes = routes::all(&mut host, deadline)?;
    rows.sort_by_key(|row| row.index);
    let discovered = |row: &LinkRow| Discovered {
        nic: Nic {
            name: row.name.clone(),
            mac: row.mac.map_or(0, Mac::to_u64),
            mtu: row.mtu,
            state: state(row),
            addresses: addresses.iter().filter(|(index, _)| *index == row.index).map(|(_, address)| *address).collect(),
            master_of: master_of(row, &rows),
            ..sysfs::read(sysfs, &row.name)
        },
        index: row.index,
        default_route: routes.iter().any(|route| route.to.prefix_len() == 0 && route.links.contains(&row.index)),
    };
    Ok(rows.iter().filter(|row| is_nic(row)).map(discovered).collect())
}

fn is_nic(row: &LinkRow) -> bool {
    let away = row.alias.as_deref().and_then(host_device::home).is_some();
    !row.loopback && !away && !is_our_host_end(row) && !bridges::is_ours(row) && !is_our_tunnel(row)
}

/// `nicety_core::hash::host_ifname` names them, and they carry a link group, which no veth has by itself.
fn is_our_host_end(row: &LinkRow) -> bool {
    let named = row.name.strip_prefix("nic").is_some_and(|rest| {
        rest.len() == 11 && rest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    });
    named && row.group != 0 && row.kind.as_deref() == Some("veth")
}

fn is_our_tunnel(row: &LinkRow) -> bool {
    row.kind.as_deref() == Some("vxlan") && row.name.starts_with(LINK_PREFIX)
}

fn state(row: &LinkRow) -> LinkState {
    match row.operational {
        State::Up => LinkState::Up,
        // Drivers that do not tell their state are believed when somebody has set them up (`tun`, `lo`).
        State::Unknown if row.up => LinkState::Unknown,
        _ => LinkState::Down,
    }
}

/// What takes all frames of the NIC for itself: a bridge, bond or team that it is a port of, or macvlan or ipvlan on it. A vlan on
/// a NIC takes only its own frames.
fn master_of(nic: &LinkRow, rows: &[LinkRow]) -> Option<String> {
    let controller = nic.controller.and_then(|index| rows.iter().find(|row| row.index == index));
    let on_top = || {
        let ours = |row: &&LinkRow| row.parent == Some(nic.index) && !row.parent_elsewhere;
        rows.iter()
            .filter(ours)
            .find(|row| matches!(row.kind.as_deref(), Some("macvlan" | "macvtap" | "ipvlan" | "ipvtap")))
    };
    let user = controller.or_else(on_top)?;
    let kind = user.kind.as_deref()?;
    Some(user.mode.map_or_else(|| kind.to_owned(), |mode| format!("{kind}/{mode}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(index: u32, name: &str, kind: Option<&str>) -> LinkRow {
        LinkRow {
            index,
            name: name.to_owned(),
            kind: kind.map(str::to_owned),
            mode: None,
            mac: None,
            mtu: 1500,
            up: true,
            operational: State::Up,
            loopback: false,
            parent: None,
            controller: None,
            parent_elsewhere: false,
            group: 0,
            alias: None,
        }
    }

    #[test]
    fn our_own_host_ends_are_no_nics_but_others_of_like_names_are() {
        let ours = LinkRow { group: 7, ..link(2, "nic0123456789a", Some("veth")) };
        assert!(!is_nic(&ours));
        assert!(is_nic(&LinkRow { group: 0, ..ours.clone() }));
        assert!(is_nic(&LinkRow { name: "nic0".to_owned(), ..ours }));
    }

    #[test]
    fn tunnels_of_egress_are_no_nics() {
        assert!(!is_nic(&link(2, "nicety-egress", Some("vxlan"))));
        assert!(is_nic(&link(2, "nicety-egress", Some("veth"))) && is_nic(&link(2, "flannel.1", Some("vxlan"))));
    }

    #[test]
    fn a_nic_that_waits_to_be_brought_home_is_not_on_offer() {
        assert!(!is_nic(&LinkRow { alias: Some("nicety:rail0:up".to_owned()), ..link(2, "dev7", None) }));
        assert!(is_nic(&LinkRow { alias: Some("uplink to the left".to_owned()), ..link(2, "dev7", None) }));
    }

    #[test]
    fn who_takes_all_frames_of_a_nic_is_named_with_its_mode() {
        let nic = link(2, "eth1", None);
        let macvlan = LinkRow { parent: Some(2), mode: Some("bridge"), ..link(3, "m0", Some("macvlan")) };
        assert_eq!(master_of(&nic, &[nic.clone(), macvlan.clone()]).as_deref(), Some("macvlan/bridge"));
        let elsewhere = LinkRow { parent_elsewhere: true, ..macvlan };
        let vlan = LinkRow { parent: Some(2), ..link(4, "eth1.5", Some("vlan")) };
        assert_eq!(master_of(&nic, &[nic.clone(), elsewhere, vlan]), None);
        let port = LinkRow { controller: Some(9), ..nic };
        assert_eq!(master_of(&port, &[link(9, "bond0", Some("bond"))]).as_deref(), Some("bond"));
    }
}
