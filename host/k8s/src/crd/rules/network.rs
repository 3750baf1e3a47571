//! Rules of Network.

use super::{CANONICAL, HOST_BITS, Rule};

const fn rule(at: &'static str, cel: &'static str, message: &'static str, field: &'static str) -> Rule {
    Rule { kind: "Network", at, cel, message, field }
}

pub(super) const RULES: &[Rule] = &[
    rule("", "size(self.metadata.name) <= 63", "the name must have at most 63 characters", ""),
    rule("spec.subnets[]", CANONICAL, HOST_BITS, ""),
    rule("spec.masterNets[]", CANONICAL, HOST_BITS, ""),
    rule("spec.routes[].to", CANONICAL, HOST_BITS, ""),
    rule(
        "spec",
        "self.ipam.type != 'ranges' || (has(self.subnets) && size(self.subnets) > 0)",
        "is missing; hint: name at least one prefix",
        ".subnets",
    ),
    rule(
        "spec",
        "!has(self.ipam.interfaceBlock) || self.ipam.type != 'blocks' || (has(self.subnets) && size(self.subnets) > 0)",
        "has no meaning without `subnets`: each NIC's own network is cut by `hostBlock` alone",
        ".ipam.interfaceBlock",
    ),
    rule(
        "spec",
        "self.ipam.type != 'blocks' || !(self.link.kind in ['bridge', 'veth-routed']) || (has(self.subnets) && size(self.subnets) > 0) || (has(self.masterNets) && size(self.masterNets) > 0) || (has(self.nics) && size(self.nics) > 0)",
        "is missing, and the network has no NICs whose own networks could be cut; hint: name at least one prefix",
        ".subnets",
    ),
    rule(
        "spec",
        "!has(self.subnets) || size(self.subnets) < 2 || !isCIDR(self.subnets[0]) || !isCIDR(self.subnets[1]) || cidr(self.subnets[0]).ip().family() != cidr(self.subnets[1]).ip().family()",
        "two subnets must be of two address families; hint: make a Network of each",
        ".subnets",
    ),
    rule(
        "spec",
        "!has(self.masterNets) || size(self.masterNets) == 0 || !has(self.nics) || size(self.nics) == 0",
        "stands beside `masterNets`; hint: describe the NIC pool one way or the other",
        ".nics",
    ),
    rule(
        "spec",
        "!has(self.namespaceSelector) || !has(self.namespaces) || size(self.namespaces) == 0",
        "stands beside `namespaces`; hint: select namespaces one way or the other",
        ".namespaceSelector",
    ),
    rule(
        "spec",
        "self.ipam.type != 'blocks' || !has(self.subnets) || self.subnets.all(s, !isCIDR(s) || cidr(s).prefixLength() + (has(self.ipam.interfaceBlock) ? self.ipam.interfaceBlock : 0) + (has(self.ipam.hostBlock) ? self.ipam.hostBlock : 0) <= (cidr(s).ip().family() == 4 ? 32 : 128))",
        "the blocks' bits after a subnet's prefix make a prefix that is longer than an address; hint: use fewer bits or a larger subnet",
        ".ipam",
    ),
    rule(
        "spec",
        "!has(self.link.mtu) || self.link.mtu >= 1280 || !has(self.subnets) || self.subnets.all(s, !isCIDR(s) || cidr(s).ip().family() == 4)",
        "is less than the 1280 bytes that IPv6 needs",
        ".link.mtu",
    ),
    rule(
        "spec",
        "!has(self.routing) || self.routing == 'none' || self.link.kind in ['veth-routed', 'bridge'] || (self.link.kind == 'ipvlan' && has(self.link.mode) && self.link.mode in ['l3', 'l3s'])",
        "`l3` needs a link whose packets the node routes; hint: use `veth-routed`, `bridge`, or `ipvlan` in mode `l3` or `l3s`",
        ".routing",
    ),
    rule(
        "spec",
        "!has(self.routing) || self.routing == 'none' || self.ipam.type == 'blocks'",
        "`l3` makes routes to IPBlocks; hint: set `ipam.type: blocks`",
        ".routing",
    ),
    rule(
        "spec",
        "!has(self.gateway4) || self.link.kind != 'veth-routed'",
        "has no meaning for `veth-routed`, where the host is the pod's gateway; hint: leave it out",
        ".gateway4",
    ),
    rule(
        "spec",
        "!has(self.gateway6) || self.link.kind != 'veth-routed'",
        "has no meaning for `veth-routed`, where the host is the pod's gateway; hint: leave it out",
        ".gateway6",
    ),
    rule(
        "spec",
        "!has(self.gateway4) || !has(self.subnets) || size(self.subnets) == 0 || !isIP(self.gateway4) || self.subnets.exists(s, isCIDR(s) && cidr(s).containsIP(self.gateway4))",
        "lies in no subnet of the network",
        ".gateway4",
    ),
    rule(
        "spec",
        "self.link.kind != 'bridge' || ((!has(self.masterNets) || size(self.masterNets) == 0) && (!has(self.nics) || size(self.nics) == 0))",
        "a `bridge` has no NIC; hint: leave `masterNets` and `nics` out",
        ".link.kind",
    ),
    rule(
        "spec.link",
        "!has(self.mode) || (self.kind == 'macvlan' && self.mode in ['bridge', 'private', 'vepa', 'passthru', 'source']) || (self.kind == 'ipvlan' && self.mode in ['l2', 'l3', 'l3s'])",
        "is no mode of this kind; hint: macvlan has `bridge`, `private`, `vepa`, `passthru` and `source`, ipvlan has `l2`, `l3` and `l3s`",
        ".mode",
    ),
    rule("spec.link", "!has(self.bridge) || self.kind == 'bridge'", "belongs to `kind: bridge` alone", ".bridge"),
    rule(
        "spec.link",
        "!has(self.resourceName) || self.kind == 'host-device'",
        "belongs to `kind: host-device` alone",
        ".resourceName",
    ),
    rule(
        "spec.link",
        "!has(self.sriov) || self.kind == 'host-device'",
        "belongs to `kind: host-device` alone",
        ".sriov",
    ),
    rule(
        "spec.link.sriov",
        "!has(self.minTxRate) || !has(self.maxTxRate) || self.maxTxRate == 0 || self.minTxRate <= self.maxTxRate",
        "is more than `maxTxRate`",
        ".minTxRate",
    ),
    rule(
        "spec.link.sriov",
        "!has(self.vlanQoS) || self.vlanQoS == 0 || (has(self.vlan) && self.vlan > 0)",
        "has no meaning without a VLAN; hint: set `vlan`",
        ".vlanQoS",
    ),
    rule(
        "spec.ipam",
        "self.type != 'blocks' || has(self.hostBlock)",
        "is missing; hint: 8 bits make 256 nodes",
        ".hostBlock",
    ),
    rule("spec.ipam", "self.type == 'blocks' || !has(self.hostBlock)", "belongs to `type: blocks` alone", ".hostBlock"),
    rule(
        "spec.ipam",
        "self.type == 'blocks' || !has(self.interfaceBlock)",
        "belongs to `type: blocks` alone",
        ".interfaceBlock",
    ),
    rule(
        "spec.ipam",
        "self.type == 'ranges' || !has(self.ranges) || size(self.ranges) == 0",
        "belongs to `type: ranges` alone",
        ".ranges",
    ),
    rule(
        "spec.ipam",
        "self.type != 'ranges' || (has(self.ranges) && size(self.ranges) > 0)",
        "is missing; hint: give each node a range",
        ".ranges",
    ),
    rule(
        "spec.ipam",
        "self.type != 'none' || !has(self.excludeCIDRs) || size(self.excludeCIDRs) == 0",
        "has no meaning without addresses",
        ".excludeCIDRs",
    ),
    rule(
        "spec.ipam.ranges[]",
        "has(self.cidr) ? !has(self.first) && !has(self.last) : has(self.first) && has(self.last)",
        "needs either `first` and `last`, or `cidr`",
        "",
    ),
    rule("spec.ipam.ranges[].cidr", CANONICAL, HOST_BITS, ""),
];
