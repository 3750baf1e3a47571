//! From what the author wrote to a Network, or every rule that it breaks.

use std::net::IpAddr;

use ipnet::IpNet;
use nicety_core::{
    address::{Family, number},
    finding::Finding,
    ids::NetworkName,
    ipam::Blocks,
    plan::{IpvlanMode, Link, MacvlanMode, Route},
};

use super::{
    Ipam, Network, NicPool, Range, default_of, is_link_local,
    links::resource,
    spec::{IpamKind, IpamSpec, LinkKind, LinkMode, LinkSpec, NetworkSpec, RangeSpec, RouteSpec},
};

/// Least MTU of a link with IPv6, in bytes (RFC 8200, 5).
const IPV6_MIN_MTU: u32 = 1280;

impl Network {
    /// Paths of findings are those of the manifest: `spec.link.mode`.
    pub fn new(name: NetworkName, spec: NetworkSpec) -> Result<Network, Vec<Finding>> {
        let mut findings = Findings::default();
        let NetworkSpec {
            subnets,
            master_nets,
            nics,
            link,
            ipam,
            routes,
            gateway4,
            gateway6,
            strategy,
            namespaces,
            namespace_selector,
            routing,
        } = spec;
        findings.subnets(&subnets, ipam.kind);
        findings.canonical("spec.masterNets", &master_nets);
        if !master_nets.is_empty() && !nics.is_empty() {
            findings
                .add("spec.nics", "stands beside `spec.masterNets`; hint: describe the NIC pool one way or the other");
        }
        findings.mtu(link.mtu, &subnets);
        let kind = findings.link(&link);
        findings.routing(routing, &link, ipam.kind);
        findings.namespaces(&namespaces, namespace_selector.as_ref());
        findings.devices(&link);
        let bridge = findings.bridge(&name, &link, ipam.kind, &master_nets, &nics);
        let ipam = findings.ipam(ipam, &subnets);
        let gateways = gateway4.map(IpAddr::V4).into_iter().chain(gateway6.map(IpAddr::V6)).collect::<Vec<_>>();
        findings.routes(&routes, &subnets, &gateways);
        for gateway in gateways {
            let field = if gateway.is_ipv4() { "spec.gateway4" } else { "spec.gateway6" };
            findings.gateway(field, gateway, &subnets, kind);
        }
        let nic_selection = strategy.nic_selection.and_then(|name| name.parse().ok());
        let pool = match (master_nets.is_empty(), nics.is_empty(), kind) {
            (false, _, _) => NicPool::MasterNets(master_nets),
            (true, false, _) => NicPool::Selectors(nics),
            (true, true, Some(Link::VethRouted | Link::Bridge)) => NicPool::Without,
            (true, true, _) => NicPool::All,
        };
        if subnets.is_empty() && pool == NicPool::Without && matches!(ipam, Some(Ipam::Blocks { .. })) {
            let message = "is missing, and the network has no NICs whose own networks could be cut; hint: name at least one prefix";
            findings.add("spec.subnets", message);
        }
        let mut subnets = subnets;
        subnets.sort_by_key(|subnet| Family::of(subnet.addr()));
        let routes = routes.into_iter().map(|RouteSpec { to, via }| Route { to, via }).collect();
        match (findings.list.is_empty(), kind, ipam) {
            (true, Some(kind), Some(ipam)) => Ok(Network {
                subnets,
                nics: pool,
                link: kind,
                mtu: link.mtu,
                ipam,
                routes,
                gateway4,
                gateway6,
                nic_selection,
                namespaces,
                namespace_selector,
                routing,
                bridge,
                resource: resource(&name, link.resource_name, link.sriov.as_ref()),
                sriov: link.sriov,
                name,
            }),
            _ => Err(findings.list),
        }
    }
}

#[derive(Default)]
pub(super) struct Findings {
    pub(super) list: Vec<Finding>,
}

impl Findings {
    pub(super) fn add(&mut self, path: impl Into<String>, message: impl Into<String>) {
        self.list.push(Finding::new(path, message));
    }

    fn canonical(&mut self, path: &str, nets: &[IpNet]) {
        for (index, net) in nets.iter().enumerate().filter(|(_, net)| **net != net.trunc()) {
            self.add(format!("{path}[{index}]"), format!("`{net}` has host bits set; hint: write `{}`", net.trunc()));
        }
        for (index, net) in nets.iter().enumerate() {
            if nets.iter().take(index).any(|before| before.trunc() == net.trunc()) {
                self.add(format!("{path}[{index}]"), format!("`{net}` is named twice"));
            }
        }
    }

    fn subnets(&mut self, subnets: &[IpNet], ipam: IpamKind) {
        self.canonical("spec.subnets", subnets);
        if let [first, second] = subnets
            && Family::of(first.addr()) == Family::of(second.addr())
        {
            self.add("spec.subnets[1]", "is of the same address family as the first; hint: make a Network of each");
        }
        if subnets.is_empty() && ipam == IpamKind::Ranges {
            self.add("spec.subnets", "is missing; hint: name at least one prefix");
        }
        for (index, subnet) in subnets.iter().enumerate() {
            let address = subnet.addr();
            if address.is_multicast() || address.is_loopback() || is_link_local(address) {
                self.add(
                    format!("spec.subnets[{index}]"),
                    format!("`{subnet}` is not a prefix that pods can have addresses in"),
                );
            }
        }
    }

    fn mtu(&mut self, mtu: Option<u32>, subnets: &[IpNet]) {
        let six = subnets.iter().any(|subnet| Family::of(subnet.addr()) == Family::V6);
        if let Some(mtu) = mtu.filter(|mtu| six && *mtu < IPV6_MIN_MTU) {
            self.add("spec.link.mtu", format!("`{mtu}` is less than the {IPV6_MIN_MTU} bytes that IPv6 needs"));
        }
    }

    fn link(&mut self, link: &LinkSpec) -> Option<Link> {
        let LinkSpec { kind, mode, mtu: _, bridge: _, resource_name: _, sriov: _ } = link;
        let legal = match (kind, mode) {
            (LinkKind::Macvlan, None | Some(LinkMode::Bridge)) => Ok(Link::Macvlan { mode: MacvlanMode::Bridge }),
            (LinkKind::Macvlan, Some(LinkMode::Private)) => Ok(Link::Macvlan { mode: MacvlanMode::Private }),
            (LinkKind::Macvlan, Some(LinkMode::Vepa)) => Ok(Link::Macvlan { mode: MacvlanMode::Vepa }),
            (LinkKind::Macvlan, Some(LinkMode::Passthru)) => Ok(Link::Macvlan { mode: MacvlanMode::Passthru }),
            (LinkKind::Macvlan, Some(LinkMode::Source)) => Ok(Link::Macvlan { mode: MacvlanMode::Source }),
            (LinkKind::Macvlan, Some(LinkMode::L2 | LinkMode::L3 | LinkMode::L3s)) => {
                Err("is a mode of ipvlan; hint: macvlan has `bridge`, `private`, `vepa`, `passthru` and `source`")
            }
            (LinkKind::Ipvlan, None | Some(LinkMode::L2)) => Ok(Link::Ipvlan { mode: IpvlanMode::L2 }),
            (LinkKind::Ipvlan, Some(LinkMode::L3)) => Ok(Link::Ipvlan { mode: IpvlanMode::L3 }),
            (LinkKind::Ipvlan, Some(LinkMode::L3s)) => Ok(Link::Ipvlan { mode: IpvlanMode::L3s }),
            (LinkKind::Ipvlan, Some(_)) => Err("is a mode of macvlan; hint: ipvlan has `l2`, `l3` and `l3s`"),
            (LinkKind::VethRouted, None) => Ok(Link::VethRouted),
            (LinkKind::HostDevice, None) => Ok(Link::HostDevice),
            (LinkKind::Bridge, None) => Ok(Link::Bridge),
            (LinkKind::VethRouted | LinkKind::Bridge | LinkKind::HostDevice, Some(_)) => {
                Err("has no meaning for this kind; hint: only macvlan and ipvlan have modes")
            }
        };
        legal.map_err(|message| self.add("spec.link.mode", message)).ok()
    }

    fn ipam(&mut self, ipam: IpamSpec, subnets: &[IpNet]) -> Option<Ipam> {
        let IpamSpec { kind, interface_block, host_block, exclude_cidrs: excludes, ranges } = ipam;
        let blocks = [("interfaceBlock", interface_block), ("hostBlock", host_block)];
        if kind != IpamKind::Blocks {
            for (field, _) in blocks.iter().filter(|(_, bits)| bits.is_some()) {
                self.add(format!("spec.ipam.{field}"), "belongs to `type: blocks` alone");
            }
        }
        if kind != IpamKind::Ranges && !ranges.is_empty() {
            self.add("spec.ipam.ranges", "belongs to `type: ranges` alone");
        }
        if kind == IpamKind::None && !excludes.is_empty() {
            self.add("spec.ipam.excludeCIDRs", "has no meaning without addresses");
        }
        self.excludes(&excludes, subnets);
        match kind {
            IpamKind::None => Some(Ipam::None),
            IpamKind::Ranges => self.ranges(ranges, subnets).map(|ranges| Ipam::Ranges { ranges, excludes }),
            IpamKind::Blocks => {
                if subnets.is_empty() && interface_block.is_some() {
                    let message =
                        "has no meaning without `subnets`: each NIC's own network is cut by `hostBlock` alone";
                    self.add("spec.ipam.interfaceBlock", message);
                }
                let interface_bits = interface_block.unwrap_or(0);
                let Some(host_bits) = host_block else {
                    self.add("spec.ipam.hostBlock", "is missing; hint: 8 bits make 256 nodes");
                    return None;
                };
                // A subnet that is not canonical is reported where it stands.
                for subnet in subnets.iter().map(IpNet::trunc) {
                    let scheme = Blocks { subnet, interface_bits, host_bits };
                    self.list.extend(scheme.validate().into_iter().map(|finding| finding.within("spec.ipam")));
                }
                Some(Ipam::Blocks { interface_bits, host_bits, excludes })
            }
        }
    }

    fn excludes(&mut self, excludes: &[IpNet], subnets: &[IpNet]) {
        self.canonical("spec.ipam.excludeCIDRs", excludes);
        for (index, exclude) in excludes.iter().enumerate() {
            let touches = |subnet: &IpNet| subnet.contains(exclude) || exclude.contains(subnet);
            if !subnets.is_empty() && !subnets.iter().any(touches) {
                let message = format!("`{exclude}` lies in no subnet of the network");
                self.add(format!("spec.ipam.excludeCIDRs[{index}]"), message);
            } else if let Some(subnet) = subnets.iter().find(|subnet| exclude.contains(*subnet)) {
                let message = format!("`{exclude}` takes all of subnet `{subnet}` away");
                self.add(format!("spec.ipam.excludeCIDRs[{index}]"), message);
            }
        }
    }

    fn ranges(&mut self, specs: Vec<RangeSpec>, subnets: &[IpNet]) -> Option<Vec<Range>> {
        if specs.is_empty() {
            self.add("spec.ipam.ranges", "is missing; hint: give each node a range");
        }
        let ranges: Vec<Option<Range>> = specs
            .iter()
            .enumerate()
            .map(|(index, spec)| self.range(&format!("spec.ipam.ranges[{index}]"), spec, subnets))
            .collect();
        for (index, range) in ranges.iter().enumerate() {
            let others = ranges.iter().take(index).enumerate().filter_map(|(at, other)| Some((at, other.as_ref()?)));
            let same = |other: &Range, range: &Range| other.first <= range.last && range.first <= other.last;
            let overlap =
                others.filter_map(|(at, other)| range.as_ref().filter(|range| same(other, range)).map(|_| (at, other)));
            for (at, other) in overlap.collect::<Vec<_>>() {
                let message =
                    format!("overlaps `ranges[{at}]`, `{}` to `{}` of node `{}`", other.first, other.last, other.node);
                self.add(format!("spec.ipam.ranges[{index}]"), message);
            }
        }
        ranges.into_iter().collect()
    }

    fn range(&mut self, path: &str, spec: &RangeSpec, subnets: &[IpNet]) -> Option<Range> {
        let (first, last) = match (spec.first, spec.last, spec.cidr) {
            (Some(first), Some(last), None) => (first, last),
            (None, None, Some(cidr)) if cidr == cidr.trunc() => (cidr.network(), cidr.broadcast()),
            (None, None, Some(cidr)) => {
                self.add(format!("{path}.cidr"), format!("`{cidr}` has host bits set; hint: write `{}`", cidr.trunc()));
                return None;
            }
            _ => {
                self.add(path, "needs either `first` and `last`, or `cidr`");
                return None;
            }
        };
        let (at_first, at_last) = if spec.cidr.is_some() { ("cidr", "cidr") } else { ("first", "last") };
        if Family::of(first) != Family::of(last) {
            self.add(format!("{path}.last"), format!("`{last}` is of another address family than `{first}`"));
            return None;
        }
        if number(first) > number(last) {
            self.add(format!("{path}.last"), format!("`{last}` is before `{first}`"));
            return None;
        }
        let Some(subnet) = subnets.iter().find(|subnet| subnet.contains(&first)) else {
            self.add(format!("{path}.{at_first}"), format!("`{first}` lies in no subnet of the network"));
            return None;
        };
        if !subnet.contains(&last) {
            self.add(format!("{path}.{at_last}"), format!("`{last}` lies outside of the subnet `{subnet}`"));
            return None;
        }
        // The schema has checked the name.
        Some(Range { node: spec.node.parse().ok()?, first, last })
    }

    fn routes(&mut self, routes: &[RouteSpec], subnets: &[IpNet], gateways: &[IpAddr]) {
        for (index, RouteSpec { to, via }) in routes.iter().enumerate() {
            let path = format!("spec.routes[{index}]");
            if *to != to.trunc() {
                self.add(format!("{path}.to"), format!("`{to}` has host bits set; hint: write `{}`", to.trunc()));
            }
            if routes.iter().take(index).any(|before| before.to == *to && before.via == *via) {
                self.add(path.as_str(), "is named twice");
            }
            if gateways.iter().any(|gateway| default_of(*gateway) == *to) {
                let gateway = if to.addr().is_ipv4() { "gateway4" } else { "gateway6" };
                self.add(
                    format!("{path}.to"),
                    format!("is the default route that `spec.{gateway}` makes; hint: leave one out"),
                );
            }
            match via {
                Some(via) if Family::of(*via) != Family::of(to.addr()) => {
                    self.add(format!("{path}.via"), format!("`{via}` is of another address family than `{to}`"));
                }
                Some(via) => self.next_hop(&format!("{path}.via"), *via, subnets),
                None => (),
            }
        }
    }

    fn gateway(&mut self, path: &str, gateway: IpAddr, subnets: &[IpNet], kind: Option<Link>) {
        if kind == Some(Link::VethRouted) {
            self.add(path, "has no meaning for `veth-routed`, where the host is the pod's gateway; hint: leave it out");
        } else {
            self.next_hop(path, gateway, subnets);
        }
    }

    fn next_hop(&mut self, path: &str, hop: IpAddr, subnets: &[IpNet]) {
        if hop.is_unspecified() || hop.is_multicast() || hop.is_loopback() {
            self.add(path, format!("`{hop}` is not an address of a router"));
        } else if !subnets.is_empty() && !is_link_local(hop) && !subnets.iter().any(|subnet| subnet.contains(&hop)) {
            self.add(path, format!("`{hop}` lies in no subnet of the network"));
        }
    }
}
