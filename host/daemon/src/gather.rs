//! The one place where Facts are made: from the world in force, the inventory, the store's counts and the call. Pure.

use std::{collections::BTreeMap, sync::Arc};

use nicety_core::{
    facts::{
        Attribute, Label, Node as NodeFacts, Pod, Request, Value,
        attach::{self, Offer},
        nic_selection::{self, Nic},
    },
    ids::{NetworkName, NodeName},
    inventory,
    plan::{HostNic, Link},
};
use nicety_kernel::{capability::Capabilities, inventory::Discovered};
use nicety_objects::{Network, network::NicPool, overlay};
use nicety_store::Usage;
use serde_json::{Map, Value as Json};

use crate::{intend::Intent, world::World};

/// Everything that a decision may look at, as it stands at one moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub world: Arc<World>,
    pub node: NodeName,
    /// None: not known.
    pub node_labels: Option<nicety_k8s::mirror::Labels>,
    pub nics: Arc<Vec<Discovered>>,
    pub usage: Usage,
    pub capabilities: Capabilities,
}

/// A NIC that may serve a request, with its present use.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub host: HostNic,
    pub nic: Nic,
}

impl Snapshot {
    pub fn attach(&self, intent: &Intent) -> attach::Facts {
        let offer = |(name, network): (&str, &Network)| {
            let unready = self.unready(network);
            let attributes =
                unready.clone().map(|why| Attribute { name: "unready-reason".to_owned(), value: Value::Text(why) });
            Offer {
                name: name.to_owned(),
                default: intent.network.as_ref().is_some_and(|own| own.as_str() == name),
                ready: unready.is_none(),
                attributes: attributes.into_iter().collect(),
            }
        };
        attach::Facts {
            pod: intent.pod.clone(),
            node: self.node_facts(),
            call: intent.call.clone(),
            networks: self.offered(intent).map(offer).collect(),
            attributes: Vec::new(),
        }
    }

    /// What the pod may ask for, by each name that it may use: the networks that serve its namespace, then the definitions of its
    /// namespace that stand for one of them.
    pub fn offered<'a>(&'a self, intent: &'a Intent) -> impl Iterator<Item = (&'a str, &'a Network)> {
        let networks = &self.world.objects.networks;
        let serves = |network: &&Network| serves(network, &intent.pod);
        let own = networks.values().filter(serves).map(|network| (network.name.as_str(), network));
        let taken = move |name: &str| networks.values().any(|network| network.name.as_str() == name);
        let aliases = intent.aliases.iter().filter(move |(name, _)| !taken(name));
        own.chain(aliases.filter_map(move |(name, network)| {
            networks.get(network).filter(serves).map(|network| (name.as_str(), network))
        }))
    }

    /// `taken`: names of the NICs that earlier requests of this attachment got.
    pub fn selection(
        &self,
        intent: &Intent,
        request: &Request,
        candidates: &[Candidate],
        taken: &[String],
    ) -> nic_selection::Facts {
        let nics: Vec<Nic> = candidates.iter().map(|candidate| candidate.nic.clone()).collect();
        let taken = (0u32..).zip(&nics).filter(|(_, nic)| taken.contains(&nic.name)).map(|(index, _)| index).collect();
        let classes =
            self.world.objects.classes.values().map(|class| (class.name.clone(), |nic: &Nic| class.contains(nic)));
        nic_selection::Facts {
            pod: intent.pod.clone(),
            node: self.node_facts(),
            request: request.clone(),
            taken,
            devices: overlay::devices_of(&self.world.overlay, &intent.pod.namespace, &intent.pod.name),
            classes: inventory::device_classes(classes, &nics),
            candidates: nics,
            attributes: Vec::new(),
        }
    }

    /// The network's pool on this node, in its order, with what uses each NIC now.
    pub fn candidates(&self, network: &Network) -> Vec<Candidate> {
        let mut nics: Vec<Nic> = self.nics.iter().map(|one| one.nic.clone()).collect();
        inventory::sort(&mut nics);
        if network.nics == NicPool::All {
            // The NIC that carries the node's own traffic is given away by name only.
            let carriers = self.nics.iter().filter(|one| one.default_route).map(|one| one.nic.name.as_str());
            nics = inventory::beside_default_route(&nics, &carriers.collect::<Vec<_>>());
        }
        let pool = network.pool(&nics).into_iter().filter_map(|place| nics.get(place).cloned());
        pool.filter_map(|nic| self.candidate(nic)).collect()
    }

    fn candidate(&self, mut nic: Nic) -> Option<Candidate> {
        let one = self.nics.iter().find(|one| one.nic.name == nic.name)?;
        // A name that the kernel has is one that it takes.
        let name = nic.name.parse().ok()?;
        if let Some(used) = self.usage.get(&name) {
            nic.users = used.users();
            nic.promised = used.promised;
            nic.master_of = nic.master_of.or_else(|| used.links.keys().next().map(|link| Link::name(*link).to_owned()));
        }
        Some(Candidate { host: HostNic { name, index: one.index }, nic })
    }

    /// Why the network cannot be used on this node now.
    pub fn unready(&self, network: &Network) -> Option<String> {
        if let Some(missing) = self.capabilities.missing(network.link) {
            return Some(missing);
        }
        if network.nics == NicPool::Without {
            return self.world.pools(network, None).err().map(|error| error.to_string());
        }
        let candidates = self.candidates(network);
        if candidates.is_empty() {
            return Some(format!("no NIC of this node belongs to network `{}`", network.name));
        }
        let pools = candidates.iter().map(|one| self.world.pools(network, Some(&one.host.name)));
        let mut refused: Vec<_> = pools.filter_map(Result::err).collect();
        (refused.len() == candidates.len()).then(|| refused.swap_remove(0).to_string())
    }

    pub fn network(&self, name: &NetworkName) -> Option<&Network> {
        self.world.objects.networks.get(name)
    }

    fn node_facts(&self) -> NodeFacts {
        let labels = self.node_labels.as_ref().map(|labels| crate::pod::labels(&labels.0));
        NodeFacts { name: self.node.to_string(), labels, ..NodeFacts::default() }
    }
}

/// Whether pods of the pod's namespace may be attached to the network.
pub fn serves(network: &Network, pod: &Pod) -> bool {
    let labels = pod.namespace_labels.iter().flatten();
    network.serves_labelled(&pod.namespace, &labels.map(|Label { key, value }| (key.clone(), value.clone())).collect())
}

/// What a meta plugin or a person wrote under `args.cni`, as attributes of the call (registered in wit/attributes.md).
pub fn call_attributes(args: &Map<String, Json>) -> Vec<Attribute> {
    let value = |json: &Json| match json {
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Number(number) => number.as_i64().map(Value::Number),
        Json::Bool(flag) => Some(Value::Flag(*flag)),
        Json::Array(items) => {
            items.iter().map(|item| item.as_str().map(str::to_owned)).collect::<Option<_>>().map(Value::Texts)
        }
        Json::Null | Json::Object(_) => None,
    };
    let known = ["class", "masters", "nics", "target"];
    let sorted: BTreeMap<_, _> = known.iter().filter_map(|name| Some((*name, value(args.get(*name)?)?))).collect();
    sorted.into_iter().map(|(name, value)| Attribute { name: name.to_owned(), value }).collect()
}
