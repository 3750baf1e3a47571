//! Rules of a Network that concern its link kind's own arguments, its namespaces and the routes between nodes.

use ipnet::IpNet;
use nicety_core::{
    hash,
    ids::{IFNAME_MAX, IfName, NetworkName},
};

use super::{
    Bridge,
    spec::{
        BridgeGateway, BridgeSpec, IpamKind, LinkKind, LinkMode, LinkSpec, Masquerade, NicSelector, Routing, SriovSpec,
    },
    validate::Findings,
};
use crate::selector::LabelSelector;

/// Resources of the SR-IOV operator, where nothing else is said.
const SRIOV_PREFIX: &str = "openshift.io";

impl Findings {
    pub(super) fn routing(&mut self, routing: Routing, link: &LinkSpec, ipam: IpamKind) {
        if routing == Routing::None {
            return;
        }
        let routed = match (link.kind, link.mode) {
            (LinkKind::VethRouted | LinkKind::Bridge, _) => true,
            (LinkKind::Ipvlan, mode) => matches!(mode, Some(LinkMode::L3 | LinkMode::L3s)),
            (LinkKind::Macvlan | LinkKind::HostDevice, _) => false,
        };
        if !routed {
            let message = "`l3` needs a link whose packets the node routes; hint: use `veth-routed`, `bridge`, or `ipvlan` in mode `l3` or `l3s`";
            self.add("spec.routing", message);
        }
        if ipam != IpamKind::Blocks {
            self.add("spec.routing", "`l3` makes routes to IPBlocks; hint: set `ipam.type: blocks`");
        }
    }

    pub(super) fn namespaces(&mut self, names: &[String], selector: Option<&LabelSelector>) {
        let Some(selector) = selector else { return };
        if !names.is_empty() {
            self.add(
                "spec.namespaceSelector",
                "stands beside `spec.namespaces`; hint: select namespaces one way or the other",
            );
        }
        self.list.extend(selector.validate().into_iter().map(|finding| finding.within("spec.namespaceSelector")));
    }

    pub(super) fn devices(&mut self, link: &LinkSpec) {
        if link.kind != LinkKind::HostDevice {
            if link.resource_name.is_some() {
                self.add("spec.link.resourceName", "belongs to `kind: host-device` alone");
            }
            if link.sriov.is_some() {
                self.add("spec.link.sriov", "belongs to `kind: host-device` alone");
            }
        }
        let Some(SriovSpec { min_tx_rate, max_tx_rate, vlan, vlan_qos, .. }) = &link.sriov else { return };
        if let (Some(min), Some(max @ 1..)) = (min_tx_rate, max_tx_rate)
            && min > max
        {
            self.add("spec.link.sriov.minTxRate", format!("`{min}` is more than `maxTxRate`, `{max}`"));
        }
        if vlan_qos.is_some_and(|priority| priority > 0) && vlan.unwrap_or(0) == 0 {
            self.add("spec.link.sriov.vlanQoS", "has no meaning without a VLAN; hint: set `vlan`");
        }
    }

    pub(super) fn bridge(
        &mut self,
        network: &NetworkName,
        link: &LinkSpec,
        ipam: IpamKind,
        master_nets: &[IpNet],
        nics: &[NicSelector],
    ) -> Option<Bridge> {
        if link.kind != LinkKind::Bridge {
            if link.bridge.is_some() {
                self.add("spec.link.bridge", "belongs to `kind: bridge` alone");
            }
            return None;
        }
        let no_nics = "has no meaning for `bridge`, which has no NIC; hint: leave it out";
        if !master_nets.is_empty() {
            self.add("spec.masterNets", no_nics);
        }
        if !nics.is_empty() {
            self.add("spec.nics", no_nics);
        }
        let BridgeSpec { name, gateway, masquerade, hairpin, isolated } = link.bridge.clone().unwrap_or_default();
        if ipam == IpamKind::None && gateway == BridgeGateway::Host && link.bridge.is_some() {
            self.add("spec.link.bridge.gateway", "needs addresses, and `ipam.type` is `none`; hint: set it to `none`");
        }
        let gateway = if ipam == IpamKind::None { BridgeGateway::None } else { gateway };
        if masquerade == Masquerade::Outside && gateway == BridgeGateway::None {
            self.add("spec.link.bridge.masquerade", "needs a node that routes; hint: set `gateway: host`");
        }
        if masquerade == Masquerade::Outside && gateway == BridgeGateway::Host {
            let message =
                "`outside` is not done by this version; hint: let a masquerading agent or rules of your own do it";
            self.add("spec.link.bridge.masquerade", message);
        }
        // The schema has checked the name.
        let name = name.and_then(|name| name.parse().ok()).or_else(|| bridge_name(network))?;
        Some(Bridge { name, gateway, masquerade, hairpin, isolated })
    }
}

/// What pods ask for.
pub(super) fn resource(network: &NetworkName, given: Option<String>, sriov: Option<&SriovSpec>) -> Option<String> {
    let named = || {
        let name: String = network.as_str().chars().filter(char::is_ascii_alphanumeric).collect();
        format!("{SRIOV_PREFIX}/{name}")
    };
    given.or_else(|| sriov.map(|_| named()))
}

/// The network's own name where the kernel takes it.
fn bridge_name(network: &NetworkName) -> Option<IfName> {
    let plain = format!("br-{network}");
    let name = if plain.len() <= IFNAME_MAX { plain } else { format!("br-{}", hash::hex(&[network.as_str()])) };
    name.get(..name.len().min(IFNAME_MAX))?.parse().ok()
}
