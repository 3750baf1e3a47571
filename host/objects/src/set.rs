//! All objects of one source together, and what must hold between them. A set is plain data: it is built whole or not at all, and
//! replaced whole.

mod assemble;
mod egress_change;

use std::{collections::BTreeMap, path::Path};

pub use assemble::Refused;
pub use egress_change::EgressChange;
use nicety_core::{
    finding::Finding,
    ids::{NetworkName, NodeName},
};

use crate::{
    DeviceClass, EgressGateway, EgressHealth, EgressPolicy, EgressSlice, HostInterface, IpBlock, Network, PodNetwork,
    PodNetworkAttachment, Strategies, listed,
    manifest::{self, Bare, Identity, Object},
    yaml,
};

/// What the daemon serves from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Set {
    pub networks: BTreeMap<NetworkName, Network>,
    /// By name.
    pub blocks: BTreeMap<String, IpBlock>,
    pub classes: BTreeMap<String, DeviceClass>,
    /// NICs of nodes, by the node's name.
    pub hosts: BTreeMap<NodeName, HostInterface>,
    pub egress_policies: BTreeMap<String, EgressPolicy>,
    pub egress_gateways: BTreeMap<String, EgressGateway>,
    /// By name. A machine alone computes its own and has none of them here.
    pub egress_slices: BTreeMap<String, EgressSlice>,
    pub egress_healths: BTreeMap<NodeName, EgressHealth>,
    pub pod_networks: BTreeMap<String, PodNetwork>,
    /// By namespace and name.
    pub pod_network_attachments: BTreeMap<(String, String), PodNetworkAttachment>,
    /// Machines, pods and namespaces that are listed in a folder.
    pub nodes: BTreeMap<NodeName, listed::Node>,
    /// By namespace and name.
    pub pods: BTreeMap<(String, String), listed::Pod>,
    pub namespaces: BTreeMap<String, listed::Namespace>,
    /// Those of the file or ConfigMap, else the defaults; with the networks' and egress policies' own overrides.
    pub strategies: Strategies,
}

/// The text of one file. `name` is what findings call it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    pub name: String,
    pub text: String,
}

impl Set {
    /// Files are taken in the order given; findings are in that order, those between objects last.
    pub fn parse(files: &[File]) -> Result<Set, Vec<Finding>> {
        let mut assembly = Assembly::default();
        for file in files {
            assembly.file(file);
        }
        assembly.between();
        let Assembly { set, findings, .. } = assembly;
        if findings.is_empty() { Ok(set) } else { Err(findings) }
    }
}

#[derive(Default)]
struct Assembly {
    set: Set,
    findings: Vec<Finding>,
    /// Where each object stands, the broken ones too: nobody is told that a network is missing which is only broken.
    origins: BTreeMap<Identity, Origin>,
    strategies_at: Option<String>,
}

struct Origin {
    /// `networks.yaml: Network storage`.
    at: String,
    file: String,
}

/// One document of a file.
struct Document {
    /// As findings call it: `networks.yaml: Network storage`.
    at: String,
    identity: Identity,
    object: Result<Object, Vec<Finding>>,
}

fn documents(file: &File) -> Result<Vec<Document>, Finding> {
    let documents = yaml::documents(&file.text).map_err(|error| Finding::new(file.name.as_str(), error.to_string()))?;
    // Whoever asks about a change names files by their paths.
    let is_strategies = Path::new(&file.name).file_stem().is_some_and(|stem| stem == "strategies");
    let bare = if is_strategies { Bare::Strategies } else { Bare::Nothing };
    let document = |(index, document)| {
        let (identity, object) = manifest::parse(document, bare);
        let at = match (&object, identity.name.is_empty()) {
            (Ok(Object::Strategies(_)), true) => file.name.clone(),
            (_, true) if bare == Bare::Strategies && identity.kind.is_empty() => file.name.clone(),
            (_, true) => format!("{}: document {}", file.name, index + 1),
            (_, false) => format!("{}: {identity}", file.name),
        };
        Document { at, identity, object }
    };
    Ok(documents.into_iter().enumerate().map(document).collect())
}

impl Assembly {
    fn file(&mut self, file: &File) {
        match documents(file) {
            Ok(documents) => {
                documents.into_iter().for_each(|one| self.document(file, one.at, one.identity, one.object))
            }
            Err(finding) => self.findings.push(finding),
        }
    }

    fn document(&mut self, file: &File, at: String, identity: Identity, object: Result<Object, Vec<Finding>>) {
        if !identity.name.is_empty() {
            if let Some(first) = self.origins.get(&identity) {
                let message = format!("is there twice; the first stands in `{}`", first.file);
                return self.findings.push(Finding::new(at, message));
            }
            self.origins.insert(identity, Origin { at: at.clone(), file: file.name.clone() });
        }
        match object {
            Err(findings) => self.findings.extend(findings.into_iter().map(|finding| below(&at, finding))),
            Ok(Object::Network(network)) => {
                self.set.networks.insert(network.name.clone(), network);
            }
            Ok(Object::IpBlock(block)) => {
                self.set.blocks.insert(block.name.clone(), block);
            }
            Ok(Object::HostInterface(host)) => {
                self.set.hosts.insert(host.node.clone(), host);
            }
            Ok(Object::EgressPolicy(policy)) => {
                self.set.egress_policies.insert(policy.name.clone(), policy);
            }
            Ok(Object::EgressGateway(gateway)) => {
                self.set.egress_gateways.insert(gateway.name.clone(), gateway);
            }
            Ok(Object::EgressSlice(slice)) => {
                self.set.egress_slices.insert(slice.name.clone(), slice);
            }
            Ok(Object::EgressHealth(health)) => {
                self.set.egress_healths.insert(health.observer.clone(), health);
            }
            Ok(Object::Node(node)) => {
                self.set.nodes.insert(node.name.clone(), node);
            }
            Ok(Object::Pod(pod)) => {
                self.set.pods.insert((pod.namespace.clone(), pod.name.clone()), pod);
            }
            Ok(Object::Namespace(namespace)) => {
                self.set.namespaces.insert(namespace.name.clone(), namespace);
            }
            Ok(Object::PodNetwork(network)) => {
                self.set.pod_networks.insert(network.name.clone(), network);
            }
            Ok(Object::PodNetworkAttachment(one)) => {
                self.set.pod_network_attachments.insert((one.namespace.clone(), one.name.clone()), one);
            }
            Ok(Object::DeviceClass(class)) => {
                self.set.classes.insert(class.name.clone(), class);
            }
            Ok(Object::Strategies(strategies)) => match &self.strategies_at {
                Some(first) => {
                    let message = format!("the strategies are there twice; the first stand in `{first}`");
                    self.findings.push(Finding::new(at, message));
                }
                None => {
                    self.set.strategies = strategies;
                    self.strategies_at = Some(at);
                }
            },
        }
    }

    /// Rules between objects.
    fn between(&mut self) {
        let mut findings = overlaps(&self.set, |network| self.at("Network", network.as_str()));
        for block in self.set.blocks.values() {
            let at = self.at("IPBlock", &block.name);
            match self.set.networks.get(&block.network) {
                Some(network) => findings.extend(block.check(network).into_iter().map(|finding| below(&at, finding))),
                None if self.knows("Network", block.network.as_str()) => (),
                None => findings
                    .push(below(&at, Finding::new("spec.network", format!("there is no Network `{}`", block.network)))),
            }
        }
        findings
            .extend(twice(&self.set).into_iter().map(|(block, finding)| below(&self.at("IPBlock", block), finding)));
        findings.extend(self.strategies());
        self.findings.extend(findings);
    }

    /// Each network's own choice joins the overrides; two that differ are two answers to one question.
    fn strategies(&mut self) -> Vec<Finding> {
        let at = self.strategies_at.clone().unwrap_or_default();
        let mut findings = Vec::new();
        let assigned = [("attach", &self.set.strategies.attach), ("nicSelection", &self.set.strategies.nic_selection)];
        for (point, assigned) in assigned {
            let unknown = assigned.overrides.keys().filter(|network| !self.knows("Network", network));
            findings.extend(unknown.map(|network| {
                below(&at, Finding::new(format!("{point}.networks.{network}"), "there is no Network of this name"))
            }));
        }
        for network in self.set.networks.values() {
            let Some(own) = &network.nic_selection else { continue };
            // One that is not there is found when the strategies are built.
            self.set.strategies.provide(own);
            let overrides = &mut self.set.strategies.nic_selection.overrides;
            let chosen = overrides.entry(network.name.to_string()).or_insert_with(|| own.clone());
            if chosen != own {
                let message =
                    format!("is `{own}`, but `{at}` says `{chosen}` under `nicSelection.networks`; hint: say it once");
                let origin = self.origins.get(&Identity::new("Network", network.name.as_str()));
                let origin = origin.map_or("", |origin| origin.at.as_str());
                findings.push(below(origin, Finding::new("spec.strategy.nicSelection", message)));
            }
        }
        findings.extend(self.egress_strategies(&at));
        findings
    }

    /// As of networks; and what an egress policy names must be there.
    fn egress_strategies(&mut self, at: &str) -> Vec<Finding> {
        let assigned = &self.set.strategies.gateway_distribution;
        let unknown = assigned.overrides.keys().filter(|policy| !self.knows("EgressPolicy", policy));
        let mut findings: Vec<Finding> = unknown
            .map(|policy| {
                let path = format!("gatewayDistribution.egressPolicies.{policy}");
                below(at, Finding::new(path, "there is no EgressPolicy of this name"))
            })
            .collect();
        for policy in self.set.egress_policies.values() {
            let Some(own) = &policy.strategy else { continue };
            let there = self.set.strategies.provide(own);
            let Strategies { gateway_distribution, strategies, .. } = &mut self.set.strategies;
            let chosen = gateway_distribution.overrides.entry(policy.name.clone()).or_insert_with(|| own.clone());
            let message = match (there, chosen == own) {
                (_, false) => format!(
                    "is `{own}`, but `{at}` says `{chosen}` under `gatewayDistribution.egressPolicies`; hint: say it once"
                ),
                (false, true) => crate::strategies::unknown(own, strategies),
                (true, true) => continue,
            };
            let origin = self.origins.get(&Identity::new("EgressPolicy", &policy.name));
            let origin = origin.map_or("", |origin| origin.at.as_str());
            findings.push(below(origin, Finding::new("spec.strategy", message)));
        }
        findings
    }

    fn at(&self, kind: &str, name: &str) -> String {
        self.origins
            .get(&Identity::new(kind, name))
            .map_or_else(|| format!("{kind} {name}"), |origin| origin.at.clone())
    }

    fn knows(&self, kind: &str, name: &str) -> bool {
        self.origins.contains_key(&Identity::new(kind, name))
    }
}

/// Each network against those before it.
fn overlaps(set: &Set, at: impl Fn(&NetworkName) -> String) -> Vec<Finding> {
    let networks = set.networks.values().enumerate();
    let found = networks.flat_map(|(place, network)| {
        let before = set.networks.values().take(place);
        network.overlaps(before).into_iter().map(|finding| (&network.name, finding))
    });
    found.map(|(name, finding)| below(&at(name), finding)).collect()
}

/// Blocks that are given away twice, and NICs that have two of one network. With the name of the later one.
fn twice(set: &Set) -> Vec<(&str, Finding)> {
    let (mut by_index, mut by_nic) = (BTreeMap::new(), BTreeMap::new());
    let mut findings = Vec::new();
    for block in set.blocks.values() {
        let IpBlock { name, network, node, interface, interface_index, host_index, segment: _, via: _, reserved: _ } =
            block;
        if let Some(first) = by_index.insert((network, interface_index, host_index), name) {
            let message = format!(
                "interfaceIndex {interface_index} with hostIndex {host_index} of network `{network}` is IPBlock `{first}` already"
            );
            findings.push((name.as_str(), Finding::new("spec", message)));
        } else if let Some(first) = by_nic.insert((network, node, interface), name) {
            let nic = interface.as_ref().map(|nic| format!("NIC `{nic}` of ")).unwrap_or_default();
            let message = format!("{nic}node `{node}` has IPBlock `{first}` of network `{network}` already");
            findings.push((name.as_str(), Finding::new("spec", message)));
        }
    }
    findings
}

/// `networks.yaml: Network storage: spec.link.mode`.
fn below(at: &str, finding: Finding) -> Finding {
    let path = match (at.is_empty(), finding.path.is_empty()) {
        (true, _) => finding.path,
        (false, true) => at.to_owned(),
        (false, false) => format!("{at}: {}", finding.path),
    };
    Finding { path, ..finding }
}

#[cfg(test)]
mod tests;
