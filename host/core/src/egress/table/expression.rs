//! What rules are made of: the few expressions of nf_tables that we need. Registers are those of 32 bits, counted from 0.

use crate::address::Family;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expression {
    Load {
        field: Field,
        to: u8,
    },
    /// The register as it was, less the bits outside `mask`, with those of `xor` turned.
    Bits {
        register: u8,
        mask: u32,
        xor: u32,
    },
    Is {
        register: u8,
        value: Vec<u8>,
    },
    IsNot {
        register: u8,
        value: Vec<u8>,
    },
    /// Goes on only where the register is in the set.
    In {
        set: String,
        register: u8,
    },
    NotIn {
        set: String,
        register: u8,
    },
    /// The value that the map has for the register; goes on only where it has one.
    Map {
        set: String,
        register: u8,
        to: u8,
    },
    /// To where the map leads.
    Follow {
        set: String,
        register: u8,
    },
    SetMark {
        register: u8,
    },
    SetFlowMark {
        register: u8,
    },
    Snat {
        family: Family,
        register: u8,
    },
    Count {
        counter: String,
    },
    Goto {
        chain: String,
    },
    Accept,
    Drop,
    /// The greatest segment of TCP becomes what the route carries, if that is less.
    ClampSegment,
}

/// Where a register is loaded from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Mark,
    FlowMark,
    /// 1: this packet goes the other way than the flow's first.
    FlowDirection,
    /// The group of the link that the packet comes in on, or leaves by: a number, where a name would be sixteen bytes.
    InGroup,
    OutGroup,
    /// 2: IPv4, 10: IPv6.
    NetworkProtocol,
    TransportProtocol,
    Source(Family),
    Destination(Family),
    DestinationPort,
    TcpFlags,
    /// `RTN_LOCAL` (2): an address of this host.
    DestinationType,
}

/// `NFPROTO_IPV4` and `NFPROTO_IPV6` of linux/netfilter.h.
pub fn protocol(family: Family) -> u8 {
    match family {
        Family::V4 => 2,
        Family::V6 => 10,
    }
}
