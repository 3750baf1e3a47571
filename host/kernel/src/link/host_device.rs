//! host-device: a whole NIC moves into the pod and comes home again.
//!
//! Its alias remembers where it belongs: `nicety:eth3`, or `nicety:eth3:up` when it was up. The alias travels with the NIC, and
//! stays when the pod's namespace dies first and the kernel returns the NIC to the host, perhaps under another name. The addresses
//! and routes that the NIC had on the host are lost by the move: the kernel drops them.

use std::os::fd::RawFd;

use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use nicety_core::{address::Mac, ids::IfName};

const ALIAS: &str = "nicety:";
const WAS_UP: &str = ":up";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Was {
    Up,
    Down,
}

/// The alias of a NIC that has left the host.
pub fn alias(home: &IfName, was: Was) -> String {
    match was {
        Was::Up => format!("{ALIAS}{home}{WAS_UP}"),
        Was::Down => format!("{ALIAS}{home}"),
    }
}

/// The name on the host and the state that an alias of ours remembers. A name has no `:`, so that the two cannot be mixed up.
pub fn home(alias: &str) -> Option<(IfName, Was)> {
    let name = alias.strip_prefix(ALIAS)?;
    match name.strip_suffix(WAS_UP) {
        Some(name) => Some((name.parse().ok()?, Was::Up)),
        None => Some((name.parse().ok()?, Was::Down)),
    }
}

/// Set before the move, in a request of its own: in one request the kernel moves first, and a move whose second half fails would
/// leave a NIC without a memory.
pub fn remember(index: u32, alias: String) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::IfAlias(alias));
    message
}

/// Moves link `index` to another namespace and names it there. The kernel takes it down on the way.
pub fn transfer(index: u32, netns: RawFd, ifname: &str, mac: Option<Mac>, mtu: Option<u32>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::NetNsFd(netns));
    message.attributes.push(LinkAttribute::IfName(ifname.to_owned()));
    message.attributes.extend(mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    message.attributes.extend(mtu.map(LinkAttribute::Mtu));
    message
}

/// What the last request of the way home does, on the host.
pub fn settle(index: u32, home: &IfName, was: Was, mac: Option<Mac>, mtu: Option<u32>) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::IfName(home.to_string()));
    message.attributes.push(LinkAttribute::IfAlias(String::new()));
    message.attributes.extend(mac.map(|mac| LinkAttribute::Address(mac.0.to_vec())));
    message.attributes.extend(mtu.map(LinkAttribute::Mtu));
    if was == Was::Up {
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_remembers_name_and_state() {
        for was in [Was::Up, Was::Down] {
            let nic: IfName = "fifteencharsaaa".parse().unwrap();
            assert_eq!(home(&alias(&nic, was)), Some((nic, was)));
        }
        for foreign in ["", "nicety:", "uplink", "nicety:a/b", "nicety::up"] {
            assert_eq!(home(foreign), None, "{foreign}");
        }
    }
}
