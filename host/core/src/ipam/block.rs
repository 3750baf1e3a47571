//! The block scheme: a subnet is cut into one block per NIC (interface block) and each of these into one block per node (host
//! block). `subnet /S | interface bits | host bits | pod bits`.

use ipnet::IpNet;

use crate::{
    address::{Family, number},
    finding::Finding,
};

/// Why a block cannot be cut.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BlockError {
    #[error("subnet `{base}` has host bits set; hint: write `{}`", .base.trunc())]
    NotCanonical { base: IpNet },
    #[error(
        "a block of {bits} bits does not fit into `{base}`: its prefix would be /{}, longer than {} bits; \
         hint: use a shorter block or a larger subnet",
        u16::from(.base.prefix_len()) + u16::from(*.bits), .base.max_prefix_len()
    )]
    PastWidth { base: IpNet, bits: u8 },
    #[error("block {index} of `{base}` does not exist: {bits} bits number the blocks 0 to {}", last_index(*.bits))]
    NoSuchIndex { base: IpNet, index: u128, bits: u8 },
}

/// A network's subnet and how it is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    pub subnet: IpNet,
    /// Bits that number the NICs: 2 bits make 4 interface blocks.
    pub interface_bits: u8,
    /// Bits that number the nodes inside an interface block.
    pub host_bits: u8,
}

/// Block `index` of the `2^bits` equal blocks of `base`.
pub fn block(base: IpNet, index: u128, bits: u8) -> Result<IpNet, BlockError> {
    let length = child_length(base, bits)?;
    if index > last_index(bits) {
        return Err(BlockError::NoSuchIndex { base, index, bits });
    }
    let family = Family::of(base.addr());
    // A shift by the whole width happens only for the one block of no bits in a subnet of length 0, whose index is 0.
    let offset = index.checked_shl(u32::from(family.width() - length)).unwrap_or(0);
    let address = family.address(number(base.addr()) | offset);
    address.and_then(|address| IpNet::new(address, length).ok()).ok_or(BlockError::NoSuchIndex { base, index, bits })
}

/// The greatest index that `bits` bits number.
pub fn last_index(bits: u8) -> u128 {
    1_u128.checked_shl(u32::from(bits)).map_or(u128::MAX, |count| count - 1)
}

/// Length of the prefix of a block of `base`; refuses what no block can be cut from.
pub(super) fn child_length(base: IpNet, bits: u8) -> Result<u8, BlockError> {
    if base != base.trunc() {
        return Err(BlockError::NotCanonical { base });
    }
    match base.prefix_len().checked_add(bits) {
        Some(length) if length <= base.max_prefix_len() => Ok(length),
        _ => Err(BlockError::PastWidth { base, bits }),
    }
}

impl Blocks {
    /// All that is wrong with the scheme, by the field names of the Network object's `ipam`. Empty: every block can be cut.
    pub fn validate(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        let Blocks { subnet, interface_bits, host_bits } = *self;
        if subnet != subnet.trunc() {
            findings.push(Finding::new("subnet", BlockError::NotCanonical { base: subnet }.to_string()));
        }
        let width = u16::from(subnet.max_prefix_len());
        let interface = u16::from(subnet.prefix_len()) + u16::from(interface_bits);
        let host = interface + u16::from(host_bits);
        if interface > width {
            let message = format!(
                "{interface_bits} bits after the /{} of `{subnet}` make a prefix of /{interface}, longer than {width} bits; \
                 hint: use fewer bits or a larger subnet",
                subnet.prefix_len()
            );
            findings.push(Finding::new("interfaceBlock", message));
        } else if host > width {
            let message = format!(
                "{host_bits} bits after the interface block's /{interface} make a prefix of /{host}, longer than {width} bits; \
                 hint: use fewer bits or a larger subnet"
            );
            findings.push(Finding::new("hostBlock", message));
        }
        findings
    }

    /// The block of NIC `interface` on all nodes: what is on link for a pod there.
    pub fn interface_block(&self, interface: u128) -> Result<IpNet, BlockError> {
        block(self.subnet, interface, self.interface_bits)
    }

    /// The addresses of node `host` on NIC `interface`.
    pub fn host_block(&self, interface: u128, host: u128) -> Result<IpNet, BlockError> {
        block(self.interface_block(interface)?, host, self.host_bits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn net(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn the_whole_address_space_is_its_only_block_of_no_bits() {
        assert_eq!(block(net("::/0"), 0, 0), Ok(net("::/0")));
        assert_eq!(block(net("::/0"), u128::MAX, 128), Ok(net("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128")));
        assert!(matches!(block(net("::/0"), 0, 129), Err(BlockError::PastWidth { .. })));
        assert!(matches!(block(net("0.0.0.0/0"), 0, 255), Err(BlockError::PastWidth { .. })));
    }

    #[test]
    fn a_scheme_names_each_field_that_is_wrong() {
        let paths = |subnet: &str, interface_bits, host_bits| -> Vec<String> {
            let blocks = Blocks { subnet: net(subnet), interface_bits, host_bits };
            blocks.validate().into_iter().map(|finding| finding.path).collect()
        };
        assert_eq!(paths("192.168.0.0/16", 2, 8), [] as [&str; 0]);
        assert_eq!(paths("192.168.0.1/16", 17, 0), ["subnet", "interfaceBlock"]);
        assert_eq!(paths("192.168.0.0/16", 8, 9), ["hostBlock"]);
        assert_eq!(paths("fd00::/48", 200, 200), ["interfaceBlock"]);
    }

    proptest! {
        #[test]
        fn blocks_of_one_base_lie_inside_it_and_apart(bits in 0..12_u8, i in 0..4096_u128, j in 0..4096_u128, six: bool) {
            let base = net(if six { "fd00:1:2::/48" } else { "10.0.0.0/8" });
            let (i, j) = (i & last_index(bits), j & last_index(bits));
            let (a, b) = (block(base, i, bits).unwrap(), block(base, j, bits).unwrap());
            prop_assert!(base.contains(&a) && base.contains(&b));
            prop_assert_eq!(a == b, i == j);
            prop_assert!(i == j || !(a.contains(&b) || b.contains(&a)));
        }

        #[test]
        fn a_valid_scheme_cuts_every_block(subnet_length in 0..=32_u8, interface_bits in 0..40_u8, host_bits in 0..40_u8) {
            let subnet = IpNet::new("0.0.0.0".parse().unwrap(), subnet_length).unwrap();
            let blocks = Blocks { subnet, interface_bits, host_bits };
            let last = blocks.host_block(last_index(interface_bits), last_index(host_bits));
            prop_assert_eq!(blocks.validate().is_empty(), last.is_ok());
        }
    }
}
