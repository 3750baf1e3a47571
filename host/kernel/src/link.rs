//! The links that we make: one file per kind. Nothing here talks to the kernel; these are the requests.

pub mod host_device;
pub mod ipvlan;
pub mod macvlan;
pub mod port;
pub mod veth;

use std::os::fd::RawFd;

use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use nicety_core::ids::IfName;

/// What all new links have in common. Created from the host's namespace directly in the pod's, under its final name.
///
/// The index is ours to choose, for two reasons. A kernel before 6.15 looks the new link's *name* up in the namespace that the
/// request comes from, and would refuse `eth0` for a pod because the host has one; a request with an index is looked up by the
/// index instead, on every kernel. And the requests that give the link its addresses can be written before it exists.
#[derive(Debug)]
pub struct New<'a> {
    pub netns: RawFd,
    pub index: u32,
    pub ifname: &'a IfName,
    pub mtu: Option<u32>,
    pub group: u32,
}

impl New<'_> {
    fn message(&self) -> LinkMessage {
        let mut message = LinkMessage::default();
        message.header.index = self.index;
        message.attributes = vec![
            LinkAttribute::IfName(self.ifname.to_string()),
            LinkAttribute::NetNsFd(self.netns),
            LinkAttribute::Group(self.group),
        ];
        message.attributes.extend(self.mtu.map(LinkAttribute::Mtu));
        message
    }
}

/// The lowest index that we give: above what a kernel, which counts up from 1, reaches in practice.
const FIRST_INDEX: u32 = 1 << 20;

/// Index of the `number`th link of a group, between 2^20 and 2^26 + 2^20: links of one attachment never share one, and those of
/// two attachments of the same pod do so once in a million.
pub fn index(group: u32, number: u32) -> u32 {
    FIRST_INDEX + ((group & 0x000f_ffff) << 6).wrapping_add(number) % (1 << 26)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_is_positive_for_the_kernel_and_differs_within_a_group() {
        for group in [0, 1, 0x7fff_ffff, u32::MAX] {
            let mut indices: Vec<u32> = (0..64).map(|number| index(group, number)).collect();
            assert!(indices.iter().all(|i| *i >= FIRST_INDEX && i32::try_from(*i).is_ok()));
            indices.dedup();
            assert_eq!(indices.len(), 64);
        }
    }
}
