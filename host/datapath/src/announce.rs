//! Tells a link whose hardware address answers for an address that has just come here: gratuitous ARP and unsolicited neighbour
//! advertisements. The kernel sends these only when a whole device comes up, not when an address does; so two frames are written here.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use nicety_core::address::Mac;
use nicety_kernel::tunnels::Seen;
use rustix::net::{
    AddressFamily, SendFlags, SocketType,
    addr::{SocketAddrArg, SocketAddrLen, SocketAddrOpaque},
    sendto, socket,
};

const BROADCAST: Mac = Mac([0xff; 6]);
/// What carries neighbour advertisements to all nodes: `33:33:` and the end of ff02::1.
const ALL_NODES: Mac = Mac([0x33, 0x33, 0, 0, 0, 1]);

const ETH_P_ARP: u16 = 0x0806;
const ETH_P_IPV6: u16 = 0x86dd;

/// Of each pair: the index of a link, and an address on it. What cannot be told is a fault, no error, for neighbours ask again by themselves
/// when they have forgotten; it is returned, so that it is told later.
pub fn all(addresses: &BTreeSet<(u32, IpAddr)>, seen: &Seen, faults: &mut Vec<String>) -> BTreeSet<(u32, IpAddr)> {
    let mut left = BTreeSet::new();
    for (index, address) in addresses {
        let link = seen.links.iter().find(|link| link.index == *index);
        let Some(mac) = link.and_then(|link| link.mac).filter(|mac| mac.is_unicast()) else { continue };
        if let Err(error) = announce(*index, *address, mac) {
            let hint = match error.kind() {
                io::ErrorKind::PermissionDenied => "; hint: that takes CAP_NET_RAW",
                _ => "",
            };
            faults.push(format!("cannot announce address {address} to its link, and will try again: {error}{hint}"));
            left.insert((*index, *address));
        }
    }
    left
}

fn announce(index: u32, address: IpAddr, mac: Mac) -> io::Result<()> {
    let (to, protocol, payload) = match address {
        IpAddr::V4(v4) => (BROADCAST, ETH_P_ARP, arp(v4, mac)),
        IpAddr::V6(v6) => (ALL_NODES, ETH_P_IPV6, advertisement(v6, mac)),
    };
    // The kernel writes the Ethernet header. Protocol 0: nothing is received.
    let socket = socket(AddressFamily::PACKET, SocketType::DGRAM, None)?;
    let to = LinkAddress::new(index, protocol, to);
    sendto(&socket, &payload, SendFlags::empty(), &to)?;
    Ok(())
}

/// An announcement of RFC 5227: a request by the address for itself.
fn arp(address: Ipv4Addr, mac: Mac) -> Vec<u8> {
    // Ethernet, IPv4, their lengths, a request.
    let header = [0, 1, 8, 0, 6, 4, 0, 1];
    [header.as_slice(), &mac.0, &address.octets(), &[0; 6], &address.octets()].concat()
}

/// RFC 4861, 4.4: unsolicited, overriding, with the target's hardware address.
fn advertisement(address: Ipv6Addr, mac: Mac) -> Vec<u8> {
    const ICMPV6: u8 = 58;
    const OVERRIDE: u8 = 0x20;
    let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let body = |checksum: u16| {
        let [high, low] = checksum.to_be_bytes();
        [[136, 0, high, low, OVERRIDE, 0, 0, 0].as_slice(), &address.octets(), &[2, 1], &mac.0].concat()
    };
    let blank = body(0);
    let length = u16::try_from(blank.len()).unwrap_or_default();
    let ends = [address.octets(), all_nodes.octets()].concat();
    let pseudo = [ends.as_slice(), &u32::from(length).to_be_bytes(), &[0, 0, 0, ICMPV6], &blank].concat();
    let [high, low] = length.to_be_bytes();
    [[0x60, 0, 0, 0, high, low, ICMPV6, 255].as_slice(), &ends, &body(checksum(&pseudo))].concat()
}

/// Of the internet: the ones' complement of the ones' complement sum. The length is even.
fn checksum(bytes: &[u8]) -> u16 {
    let (pairs, _) = bytes.as_chunks::<2>();
    let mut sum: u32 = pairs.iter().map(|pair| u32::from(u16::from_be_bytes(*pair))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

/// `struct sockaddr_ll` of linux/if_packet.h.
#[repr(C)]
struct LinkAddress {
    family: u16,
    /// In network order.
    protocol: u16,
    index: i32,
    hardware: u16,
    kind: u8,
    length: u8,
    address: [u8; 8],
}

impl LinkAddress {
    fn new(index: u32, protocol: u16, to: Mac) -> LinkAddress {
        let [a, b, c, d, e, f] = to.0;
        LinkAddress {
            family: AddressFamily::PACKET.as_raw(),
            protocol: protocol.to_be(),
            index: index.cast_signed(),
            hardware: 0,
            kind: 0,
            length: 6,
            address: [a, b, c, d, e, f, 0, 0],
        }
    }
}

// SAFETY: the pointer is to a whole `sockaddr_ll`, initialised and alive during the call, and the length is its own.
// JUSTIFICATION: rustix knows no addresses of packet sockets, and the kernel announces an address by no other means.
#[expect(unsafe_code, reason = "rustix has packet sockets but not their addresses")]
unsafe impl SocketAddrArg for LinkAddress {
    unsafe fn with_sockaddr<R>(&self, call: impl FnOnce(*const SocketAddrOpaque, SocketAddrLen) -> R) -> R {
        call(std::ptr::from_ref(self).cast(), size_of::<LinkAddress>() as SocketAddrLen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_announcement_asks_for_itself() {
        let frame = arp("192.0.2.7".parse().unwrap(), Mac([2, 0, 0, 0, 0, 9]));
        assert_eq!(frame.len(), 28);
        assert_eq!(frame[14..18], frame[24..28]);
    }

    #[test]
    fn an_advertisement_carries_a_checksum_that_sums_to_nothing() {
        let address: Ipv6Addr = "2001:db8::7".parse().unwrap();
        let packet = advertisement(address, Mac([2, 0, 0, 0, 0, 9]));
        assert_eq!(packet.len(), 40 + 32);
        let pseudo = [&packet[8..40], &[0, 0, 0, 32, 0, 0, 0, 58], &packet[40..]].concat();
        assert_eq!(checksum(&pseudo), 0);
    }
}
