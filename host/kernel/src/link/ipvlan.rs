//! ipvlan: a link that shares its master's hardware address.

use netlink_packet_route::link::{InfoData, InfoIpVlan, InfoKind, IpVlanMode, LinkAttribute, LinkInfo, LinkMessage};
use nicety_core::plan::IpvlanMode;

use super::New;

pub fn create(new: &New<'_>, master: u32, mode: IpvlanMode) -> LinkMessage {
    let mode = match mode {
        IpvlanMode::L2 => IpVlanMode::L2,
        IpvlanMode::L3 => IpVlanMode::L3,
        IpvlanMode::L3s => IpVlanMode::L3S,
    };
    let mut message = new.message();
    message.attributes.push(LinkAttribute::Link(master));
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::IpVlan),
        LinkInfo::Data(InfoData::IpVlan(vec![InfoIpVlan::Mode(mode)])),
    ]));
    message
}
