//! Flows that the kernel remembers and that mean somebody else now: they are forgotten, by what they came from or by our mark.

use std::{net::IpAddr, time::Instant};

use rustix::io::Errno;

use super::{
    Nft, NftError,
    attributes::{Attributes, Message, of_message},
    numbers::{NLM_F_ACK, NLM_F_DUMP},
};

/// `NFNL_SUBSYS_CTNETLINK`, of linux/netfilter/nfnetlink.h; what follows is of linux/netfilter/nfnetlink_conntrack.h.
const CONNTRACK: u16 = 1;
const GET: u16 = CONNTRACK << 8 | 1;
const DELETE: u16 = CONNTRACK << 8 | 2;
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_IP: u16 = 1;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V6_SRC: u16 = 3;
const CTA_MARK: u16 = 8;
const CTA_ID: u16 = 12;
const CTA_ZONE: u16 = 18;
const CTA_MARK_MASK: u16 = 21;
const CTA_FILTER: u16 = 25;
const CTA_FILTER_ORIG_FLAGS: u16 = 1;
/// The first of them: the source.
const BY_SOURCE: u32 = 1;

const AF_UNSPEC: u8 = 0;
const AF_INET: u8 = 2;
const AF_INET6: u8 = 10;

#[derive(Debug, Clone, Copy)]
pub enum Which {
    /// Flows that an address began: an earlier pod's.
    From(IpAddr),
    /// Flows with these bits in their mark: an earlier gateway's.
    Marked { mark: u32, mask: u32 },
}

/// A kernel that tracks no flows has none to forget.
pub fn forget(nft: &mut Nft, which: Which, deadline: Instant) -> Result<(), NftError> {
    let message = |kind, flags| Message::new(kind, flags, which.family()).with(|out| which.put(out));
    match nft.ask(&message(DELETE, NLM_F_ACK), deadline, |_| {}, || {}) {
        Ok(_) => return Ok(()),
        Err(NftError::Refused { errno, .. }) if is_without(errno) => {}
        Err(error) => return Err(error),
    }
    // Before Linux 6.10 flows are deleted by their source only one by one.
    let mut found: Vec<Vec<(u16, Vec<u8>)>> = Vec::new();
    let names = |payload: &[u8]| {
        let kept = of_message(payload).filter(|(kind, _)| matches!(*kind, CTA_TUPLE_ORIG | CTA_ID | CTA_ZONE));
        found.push(kept.map(|(kind, value)| (kind, value.to_vec())).collect());
    };
    match nft.ask(&message(GET, NLM_F_DUMP), deadline, names, || {}) {
        Ok(_) => {}
        Err(NftError::Refused { errno, .. }) if is_without(errno) => return Ok(()),
        Err(error) => return Err(error),
    }
    for flow in found {
        let one = Message::new(DELETE, NLM_F_ACK, which.family()).with(|out| {
            for (kind, value) in &flow {
                match *kind {
                    CTA_TUPLE_ORIG => out.nest(CTA_TUPLE_ORIG, |inside| inside.raw(value)).end(),
                    kind => out.put(kind, value).end(),
                }
            }
        });
        nft.ask(&one, deadline, |_| {}, || {})?;
    }
    Ok(())
}

fn is_without(errno: Errno) -> bool {
    matches!(errno, Errno::OPNOTSUPP | Errno::INVAL)
}

impl Which {
    fn family(self) -> u8 {
        match self {
            Which::From(IpAddr::V4(_)) => AF_INET,
            Which::From(IpAddr::V6(_)) => AF_INET6,
            Which::Marked { .. } => AF_UNSPEC,
        }
    }

    fn put(self, out: &mut Attributes) {
        match self {
            Which::From(address) => {
                out.nest(CTA_TUPLE_ORIG, |tuple| {
                    tuple.nest(CTA_TUPLE_IP, |ip| match address {
                        IpAddr::V4(v4) => ip.put(CTA_IP_V4_SRC, &v4.octets()).end(),
                        IpAddr::V6(v6) => ip.put(CTA_IP_V6_SRC, &v6.octets()).end(),
                    });
                });
                out.nest(CTA_FILTER, |filter| filter.put(CTA_FILTER_ORIG_FLAGS, &BY_SOURCE.to_ne_bytes()).end());
            }
            Which::Marked { mark, mask } => out.number(CTA_MARK, mark).number(CTA_MARK_MASK, mask).end(),
        }
    }
}
