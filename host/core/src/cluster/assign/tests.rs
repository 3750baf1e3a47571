mod cases;
mod laws;

use super::*;
use crate::cluster::{
    Scheme,
    blocks::{Interfaces, Update},
};

/// A cluster of one network that carries out what is planned for it.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub scheme: Scheme,
    pub nodes: BTreeMap<NodeName, Node>,
    pub claimants: Vec<Claimant>,
    pub blocks: Vec<Block>,
}

impl World {
    pub fn new(subnets: &[&str], interface_bits: u8, host_bits: u8) -> World {
        let scheme = Scheme {
            network: "net".parse().unwrap(),
            subnets: subnets.iter().map(|net| net.parse().unwrap()).collect(),
            interface_bits,
            host_bits,
            excludes: Vec::new(),
            order: Vec::new(),
        };
        World { scheme, nodes: BTreeMap::new(), claimants: Vec::new(), blocks: Vec::new() }
    }

    /// `nics`: name and addresses.
    pub fn join(&mut self, node: &str, nics: &[(&str, &[&str])]) {
        let name: NodeName = node.parse().unwrap();
        self.nodes.insert(name.clone(), Node { interfaces: Interfaces::Named, ..Node::default() });
        self.claimants.retain(|claimant| claimant.node != name);
        for (rank, (nic, addresses)) in nics.iter().enumerate() {
            let interface: IfName = nic.parse().unwrap();
            let addresses: Vec<IpNet> = addresses.iter().map(|net| net.parse().unwrap()).collect();
            let segments = Segment::of(&interface, &addresses);
            let interface = Some(interface);
            self.claimants.push(Claimant { node: name.clone(), interface, rank, segments, addresses });
        }
    }

    pub fn leave(&mut self, node: &str) {
        self.nodes.remove(&node.parse::<NodeName>().unwrap());
        self.claimants.retain(|claimant| claimant.node.as_str() != node);
    }

    pub fn plan(&self) -> Plan {
        let World { scheme, nodes, claimants, blocks } = self;
        assign(View { scheme, nodes, claimants, blocks })
    }

    /// What the server would hold after the writes. Deleted blocks stay until they are released.
    pub fn apply(&mut self, plan: &Plan) {
        for block in &plan.create {
            assert!(self.blocks.iter().all(|other| other.name != block.name()), "{} is there", block.name());
            self.blocks.push(block.standing(100));
        }
        for Update { name, via, reserved } in &plan.update {
            for block in self.blocks.iter_mut().filter(|block| block.name == *name) {
                (block.via, block.reserved, block.guarded) = (via.clone(), reserved.clone(), true);
            }
        }
        for change in &plan.delete {
            self.blocks.iter_mut().filter(|block| block.name == change.name).for_each(|b| b.state = State::Leaving);
        }
        self.blocks.retain(|block| plan.release.iter().all(|change| change.name != block.name));
    }

    pub fn settle(&mut self) -> Plan {
        let plan = self.plan();
        self.apply(&plan);
        plan
    }

    /// `node nic index-index segment` of all blocks that stand.
    pub fn given(&self) -> Vec<String> {
        let standing = self.blocks.iter().filter(|block| block.state == State::Standing);
        let mut given: Vec<String> = standing
            .map(|block| {
                let nic = block.interface.as_ref().map(ToString::to_string).unwrap_or_default();
                let segment = block.segment.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{} {nic} {}-{} {segment}", block.node, block.interface_index, block.host_index)
            })
            .collect();
        given.sort();
        given
    }
}
