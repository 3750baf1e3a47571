//! macvlan: a link of its own hardware address on a master.

use netlink_packet_route::link::{InfoData, InfoKind, InfoMacVlan, LinkAttribute, LinkInfo, LinkMessage, MacVlanMode};
use nicety_core::{address::Mac, plan::MacvlanMode};

use super::New;

pub fn create(new: &New<'_>, master: u32, mode: MacvlanMode, mac: Mac) -> LinkMessage {
    let mode = match mode {
        MacvlanMode::Bridge => MacVlanMode::Bridge,
        MacvlanMode::Private => MacVlanMode::Private,
        MacvlanMode::Vepa => MacVlanMode::Vepa,
        MacvlanMode::Passthru => MacVlanMode::Passthrough,
        MacvlanMode::Source => MacVlanMode::Source,
    };
    let mut message = new.message();
    // A passthru link has its master's address and, given another one, would set it on the master.
    if mode != MacVlanMode::Passthrough {
        message.attributes.push(LinkAttribute::Address(mac.0.to_vec()));
    }
    message.attributes.push(LinkAttribute::Link(master));
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::MacVlan),
        LinkInfo::Data(InfoData::MacVlan(vec![InfoMacVlan::Mode(mode)])),
    ]));
    message
}
