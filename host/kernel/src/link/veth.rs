//! veth: one end in the pod, the other on the host.

use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkInfo, LinkMessage};
use nicety_core::{address::Mac, ids::IfName};

use super::New;

/// The request's own link is the pod's end, so that it can be told its index; the peer is born on the host, where the request is
/// sent. Both carry the group: deleting it in the pod takes the host's end along, and an audit of the host finds it.
pub fn create(new: &New<'_>, mac: Mac, host: &IfName, host_mac: Mac) -> LinkMessage {
    let mut peer = LinkMessage::default();
    peer.attributes.push(LinkAttribute::IfName(host.to_string()));
    peer.attributes.push(LinkAttribute::Address(host_mac.0.to_vec()));
    peer.attributes.push(LinkAttribute::Group(new.group));
    peer.attributes.extend(new.mtu.map(LinkAttribute::Mtu));
    let mut message = new.message();
    message.attributes.push(LinkAttribute::Address(mac.0.to_vec()));
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
    ]));
    message
}
