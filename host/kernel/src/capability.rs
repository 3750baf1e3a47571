//! Which kinds of link this kernel can make, asked once at start.
//!
//! Each kind is asked for in a way that cannot succeed: macvlan and ipvlan without a master, veth and bridge with a hardware address of zeros. A
//! kernel that knows the kind (or has just loaded its module) objects to that; one that does not know it says so. Nothing is
//! created, not for a moment.

use std::time::{Duration, Instant};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    RouteNetlinkMessage,
    link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage},
};
use nicety_core::plan::Link;
use rustix::io::Errno;

use crate::conversation::{Conversation, ConversationError, Request};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    pub macvlan: bool,
    pub ipvlan: bool,
    pub veth: bool,
    pub bridge: bool,
}

/// Loading a module takes its time.
const PATIENCE: Duration = Duration::from_secs(10);

/// Asks the kernel; needs CAP_NET_ADMIN.
pub fn probe() -> Result<Capabilities, ConversationError> {
    let requests = [InfoKind::MacVlan, InfoKind::IpVlan, InfoKind::Veth, InfoKind::Bridge].map(|kind| {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::Address(vec![0; 6]));
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)]));
        Request { flags: NLM_F_CREATE | NLM_F_EXCL, message: RouteNetlinkMessage::NewLink(message) }
    });
    let answers = Conversation::open()?.batch(&requests, Instant::now() + PATIENCE)?;
    let known = |position| !answers.refused.iter().any(|(at, r)| *at == position && r.errno == Errno::OPNOTSUPP);
    Ok(Capabilities { macvlan: known(0), ipvlan: known(1), veth: known(2), bridge: known(3) })
}

impl Capabilities {
    /// Why a link of this kind cannot be made here, in words for an operator; None when it can.
    pub fn missing(self, link: Link) -> Option<String> {
        let (able, kind) = match link {
            Link::Macvlan { .. } => (self.macvlan, "macvlan"),
            Link::Ipvlan { .. } => (self.ipvlan, "ipvlan"),
            Link::VethRouted => (self.veth, "veth"),
            Link::Bridge if self.bridge => (self.veth, "veth"),
            Link::Bridge => (false, "bridge"),
            Link::HostDevice => return None,
        };
        (!able).then(|| {
            format!(
                "this kernel has no {kind}, and there is no module of that name to load; hint: use a kernel with \
                 CONFIG_{}, or another link kind for the network",
                kind.to_uppercase()
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use nicety_core::plan::IpvlanMode;

    use super::*;

    #[test]
    fn what_is_missing_is_told_with_a_way_out() {
        let here = Capabilities { macvlan: true, ipvlan: false, veth: true, bridge: true };
        let message = here.missing(Link::Ipvlan { mode: IpvlanMode::L3 }).unwrap();
        assert!(message.starts_with("this kernel has no ipvlan") && message.contains("CONFIG_IPVLAN"), "{message}");
        assert_eq!(here.missing(Link::VethRouted), None);
        assert_eq!(here.missing(Link::Bridge), None);
        let bare = Capabilities { bridge: false, ..here };
        assert!(bare.missing(Link::Bridge).unwrap().starts_with("this kernel has no bridge"));
        assert_eq!(here.missing(Link::HostDevice), None);
    }
}
