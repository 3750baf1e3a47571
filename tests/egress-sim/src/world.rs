//! The cluster: nodes in three zones, gateways in eight pools, teams with a namespace and an egress policy each.

use std::net::{IpAddr, Ipv4Addr};

use nicety_core::egress::health::{Health, Standing};
use nicety_core::{ids::NodeName, millis::Millis};
use nicety_egress::{Assembly, Change};
use nicety_objects::{
    EgressPolicy,
    egress_policy::{EgressHome, EgressSelector, EgressSource, GatewayGroup},
    listed::{Node, Owner, Pod},
    selector::{LabelSelector, Labels},
};
use std::collections::{BTreeMap, BTreeSet};

use crate::{arguments::Size, random::Random};

pub const TEAMS: u32 = 25;
const POOLS: u32 = 8;
const ZONES: u32 = 3;

#[derive(Debug)]
pub struct World {
    pub assembly: Assembly,
    size: Size,
    random: Random,
    /// Pods of each team.
    pods: Vec<Vec<Made>>,
    /// Pods that a team ever had: each has a name of its own.
    made: u32,
    dead: BTreeSet<NodeName>,
    lost: BTreeSet<u32>,
}

/// What tells a pod from others; the rest of it is with the assembly.
#[derive(Debug)]
struct Made {
    name: String,
    uid: String,
    node: u32,
}

impl World {
    pub fn new(size: &Size) -> World {
        let assembly = Assembly::default();
        let pods = (0..TEAMS).map(|_| Vec::new()).collect();
        let random = Random::new(size.seed);
        let mut world =
            World { assembly, size: *size, random, pods, made: 0, dead: BTreeSet::new(), lost: BTreeSet::new() };
        (0..size.nodes).for_each(|number| world.put_node(number, false));
        world.tell_health();
        (0..TEAMS).for_each(|team| world.assembly.take(Change::Policy(Box::new(policy(team)))));
        (0..size.endpoints).for_each(|number| world.comes(number % TEAMS));
        world
    }

    /// The first nodes are gateways.
    fn put_node(&mut self, number: u32, drains: bool) {
        let mut labels: Labels = [
            ("topology.kubernetes.io/zone", format!("zone-{}", number % ZONES)),
            ("topology.kubernetes.io/region", "one".to_owned()),
        ]
        .map(|(key, value)| (key.to_owned(), value))
        .into();
        if number < self.size.gateways {
            labels.insert("egress".to_owned(), format!("pool-{}", number % POOLS));
        }
        if drains {
            labels.insert("nicety.dev/egress".to_owned(), "draining".to_owned());
        }
        let Some(name) = node(number) else { return };
        let addresses = vec![IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number))];
        let (ready, pod_nets) = (Some(true), Vec::new());
        let node = Node { name, labels, addresses, pod_nets, ready, unschedulable: false, deleting: false };
        self.assembly.take(Change::Node(Box::new(node)));
    }

    fn tell_health(&mut self) {
        let of = |name: NodeName| {
            let health = if self.dead.contains(&name) { Health::Unhealthy } else { Health::Healthy };
            (name, Standing { health, since: Some(Millis(0)), agree: 5, reported: 5 })
        };
        let health: BTreeMap<NodeName, Standing> = (0..self.size.gateways).filter_map(node).map(of).collect();
        self.assembly.take(Change::Health(health));
    }

    /// A new pod of a team. Of every fifth team they are those of a StatefulSet.
    fn comes(&mut self, team: u32) {
        self.made += 1;
        let made = self.made;
        let name = if is_stateful(team) { format!("db-{made}") } else { format!("web-{:x}-{made}", team * 7919) };
        self.put_pod(team, name);
    }

    fn put_pod(&mut self, team: u32, name: String) {
        let namespace = self::team(team);
        let owner = if is_stateful(team) {
            Owner { kind: "StatefulSet".to_owned(), name: "db".to_owned() }
        } else {
            Owner { kind: "ReplicaSet".to_owned(), name: format!("web-{:x}", team * 7919) }
        };
        let on = loop {
            let number = self.size.gateways + self.random.below(self.size.nodes - self.size.gateways);
            if !self.lost.contains(&number) {
                break number;
            }
        };
        let pod = Pod {
            labels: [("team".to_owned(), namespace.clone())].into(),
            namespace,
            name,
            uid: self.random.uid(),
            node: node(on),
            addresses: [IpAddr::V4(Ipv4Addr::from_bits(0x6440_0000 + self.random.below(1 << 22)))].into(),
            host_network: false,
            owner: Some(owner),
            terminal: false,
        };
        let made = Made { name: pod.name.clone(), uid: pod.uid.clone(), node: on };
        self.assembly.take(Change::Pod(Box::new(pod)));
        if let Some(pods) = self.pods.get_mut(team as usize) {
            pods.push(made);
        }
    }

    fn goes(&mut self, team: u32, pod: &Made) {
        let (name, uid) = (pod.name.clone(), pod.uid.clone());
        self.assembly.take(Change::PodGone { namespace: self::team(team), name, uid });
    }

    /// Some leave, as many come.
    pub fn churn(&mut self, team: u32, count: u32) {
        for _ in 0..count {
            let Some(pods) = self.pods.get_mut(team as usize).filter(|pods| !pods.is_empty()) else { return };
            let place = self.random.below(pods.len() as u32) as usize;
            let pod = pods.swap_remove(place);
            self.goes(team, &pod);
            self.comes(team);
        }
    }

    /// A part of a team's pods is made anew: others of a Deployment, the same of a StatefulSet.
    pub fn roll(&mut self, team: u32, part: u32, of: u32) {
        let Some(pods) = self.pods.get_mut(team as usize) else { return };
        // The oldest stand first, and what is made anew goes to the end.
        let count = pods.len() / of.saturating_sub(part).max(1) as usize;
        let old: Vec<Made> = pods.drain(..count.min(pods.len())).collect();
        for pod in old {
            self.goes(team, &pod);
            if is_stateful(team) {
                self.put_pod(team, pod.name);
            } else {
                self.comes(team);
            }
        }
    }

    /// With its pods, which are made anew elsewhere.
    pub fn node_lost(&mut self) -> u32 {
        let number = self.size.gateways + self.random.below(self.size.nodes - self.size.gateways);
        self.lost.insert(number);
        let Some(name) = node(number) else { return number };
        self.assembly.take(Change::NodeGone(name));
        for team in 0..TEAMS {
            let Some(pods) = self.pods.get_mut(team as usize) else { continue };
            let (gone, stay): (Vec<Made>, Vec<Made>) =
                std::mem::take(pods).into_iter().partition(|pod| pod.node == number);
            *pods = stay;
            for pod in gone {
                self.goes(team, &pod);
                if is_stateful(team) { self.put_pod(team, pod.name) } else { self.comes(team) }
            }
        }
        number
    }

    pub fn node_back(&mut self, number: u32) {
        self.lost.remove(&number);
        self.put_node(number, false);
    }

    pub fn gateway_lost(&mut self) -> u32 {
        let number = self.random.below(self.size.gateways);
        self.dead.extend(node(number));
        self.tell_health();
        number
    }

    pub fn gateway_back(&mut self, number: u32) {
        if let Some(name) = node(number) {
            self.dead.remove(&name);
        }
        self.tell_health();
    }

    pub fn drain(&mut self, number: u32, drains: bool) {
        self.put_node(number, drains);
    }

    /// A gateway that is taken out of its pool for good.
    pub fn gateway_removed(&mut self, number: u32) {
        if let Some(name) = node(number) {
            self.assembly.take(Change::NodeGone(name));
        }
    }

    pub fn is_dead(&self, node: &NodeName) -> bool {
        self.dead.contains(node)
    }

    pub fn random(&mut self) -> &mut Random {
        &mut self.random
    }
}

fn is_stateful(team: u32) -> bool {
    team.is_multiple_of(5)
}

pub fn team(number: u32) -> String {
    format!("team-{number:02}")
}

pub fn node(number: u32) -> Option<NodeName> {
    format!("node-{number:05}").parse().ok()
}

fn policy(number: u32) -> EgressPolicy {
    let named = |key: &str, value: String| LabelSelector {
        match_labels: [(key.to_owned(), value)].into(),
        ..LabelSelector::default()
    };
    EgressPolicy {
        name: team(number),
        selectors: vec![EgressSelector {
            pod_selector: Some(named("team", team(number))),
            ..EgressSelector::default()
        }],
        destinations: "0.0.0.0/0".parse().into_iter().collect(),
        excluded: Vec::new(),
        gateways: vec![GatewayGroup {
            nodes: named("egress", format!("pool-{}", number % POOLS)),
            source: EgressSource::DefaultRoute,
            active: None,
            weight: 1,
            zone: None,
            home: EgressHome::Stays,
        }],
        strategy: None,
        priority: 0,
    }
}
