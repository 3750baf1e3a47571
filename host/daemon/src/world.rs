//! What is in force: objects, strategies and overlay of one generation. A decision runs wholly under one.

use std::collections::BTreeMap;

use nicety_core::{
    finding::Finding,
    hash,
    ids::{IfName, NodeName},
    ipam::Pool,
};
use nicety_deciding::{Built, Policies};
use nicety_objects::{IpBlock, Network, Overlay, Set, network::NoPools};
use nicety_strategies::{StrategySet, set::Strategy};

use crate::{
    config::Config,
    source::{Found, Source},
};

#[derive(Debug)]
pub struct World {
    /// Ascending from 1; never goes back.
    pub generation: u64,
    pub objects: Set,
    node: NodeName,
    /// This node's blocks: with routes between nodes the set has those of all, and each ADD looks at its own many times.
    own: Vec<IpBlock>,
    pub overlay: Overlay,
    pub strategies: StrategySet,
    pub origin: Origin,
    /// The generation with which these strategies came.
    pub strategies_since: u64,
    /// Why nothing can be decided yet: what it would be made of is not known.
    pub unready: Option<String>,
}

/// Strategies that may be in force, and where they are from.
#[derive(Debug, Clone)]
pub struct Taken {
    pub set: StrategySet,
    pub origin: Origin,
}

/// Where strategies are from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Digests of their modules.
    pub modules: Vec<String>,
    /// `metadata.resourceVersion` of the ConfigMap. Empty: a folder's, or the defaults.
    pub version: String,
    /// Of all strategies: equal digests decide alike.
    pub digest: String,
    stand_in: StandIn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StandIn {
    /// The defaults, so that there is something: nothing is decided by them.
    Yes,
    No,
}

/// A world, and what is written but not in it.
#[derive(Debug)]
pub struct Loaded {
    pub world: World,
    pub refused: Vec<Finding>,
}

impl World {
    /// Everything that the source and the overlay say, or everything that is wrong with them.
    pub fn load(
        config: &Config,
        source: &Source,
        policies: &Policies,
        before: Option<&World>,
    ) -> Result<Loaded, Vec<Finding>> {
        let overlay = config.overlay.as_deref().map_or(Ok(Overlay::default()), Overlay::load);
        let (found, overlay) = match (source.read(policies, before), overlay) {
            (Ok(found), Ok(overlay)) => (found, overlay),
            (found, overlay) => {
                let findings = found.err().into_iter().chain(overlay.err()).flatten();
                return Err(findings.collect());
            }
        };
        let Found { objects, taken, refused, unready } = found;
        let Taken { set: strategies, origin } = taken;
        policies.keep_only(&origin.modules);
        let node = config.node.clone();
        let own = objects.blocks.values().filter(|block| block.node == node).cloned().collect();
        let generation = before.map_or(1, |before| before.generation.saturating_add(1));
        let same = before.filter(|before| before.origin.digest == origin.digest);
        let strategies_since = same.map_or(generation, |before| before.strategies_since);
        let world = World { generation, objects, node, own, overlay, strategies, origin, strategies_since, unready };
        Ok(Loaded { world, refused })
    }

    /// Made of the same: nothing would be decided in another way.
    pub fn says_the_same_as(&self, other: &World) -> bool {
        self.origin == other.origin
            && self.unready == other.unready
            && self.overlay == other.overlay
            && self.objects == other.objects
    }

    /// What this node may hand out for `network` on `nic`.
    pub fn pools(&self, network: &Network, nic: Option<&IfName>) -> Result<Vec<Pool>, NoPools> {
        network.pools(&self.own, &self.node, nic)
    }
}

impl Taken {
    pub fn of(Built { set, modules }: Built, version: String) -> Taken {
        let origin = Origin { modules, version, digest: digest(&set), stand_in: StandIn::No };
        Taken { set, origin }
    }

    pub fn stand_in(built: Built) -> Taken {
        let Taken { set, origin } = Taken::of(built, String::new());
        Taken { set, origin: Origin { stand_in: StandIn::Yes, ..origin } }
    }
}

impl Origin {
    pub fn is_stand_in(&self) -> bool {
        self.stand_in == StandIn::Yes
    }
}

/// Of who decides where, and by what.
fn digest(set: &StrategySet) -> String {
    let StrategySet { attach, nic_selection, gateway_distribution, strategies } = set;
    let of: BTreeMap<&str, String> =
        strategies.iter().map(|(name, strategy)| (name.as_str(), identity(strategy))).collect();
    let extensions = [attach, nic_selection, gateway_distribution].map(|extension| {
        let overrides: Vec<(&str, &str)> =
            extension.overrides.iter().map(|(of, strategy)| (of.as_str(), strategy.name.as_str())).collect();
        format!("{} {overrides:?}", extension.default.name)
    });
    hash::hex(&[&format!("{of:?}"), &extensions.join("; ")])
}

/// With those that are asked beside it.
fn identity(strategy: &Strategy) -> String {
    let shadow: Vec<&str> = strategy.shadow.iter().map(|one| one.name.as_str()).collect();
    let canary = strategy.canary.as_ref().map(|canary| (canary.strategy.name.as_str(), canary.terms));
    format!("{} {shadow:?} {canary:?}", strategy.identity())
}
