//! A host end as a port of a bridge.

use netlink_packet_route::link::{InfoBridgePort, InfoPortData, InfoPortKind, LinkAttribute, LinkInfo, LinkMessage};
use nicety_core::plan::Port;

pub fn join(index: u32, bridge: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes.push(LinkAttribute::Controller(bridge));
    message
}

/// Of a link that is a port already.
pub fn set(index: u32, port: Port) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    let settings = vec![InfoBridgePort::HairpinMode(port.hairpin), InfoBridgePort::Isolated(port.isolated)];
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::PortKind(InfoPortKind::Bridge),
        LinkInfo::PortData(InfoPortData::BridgePort(settings)),
    ]));
    message
}
