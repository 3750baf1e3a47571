//! The cluster's own addresses, to which no egress policy applies: what is configured, and what nodes show that is not in it.

use std::{collections::BTreeSet, net::IpAddr};

use ipnet::IpNet;

/// Examples in a message.
const EXAMPLES: usize = 5;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    /// Nothing is in two of them.
    pub all: Vec<IpNet>,
    /// Those that nodes show and the configuration leaves out.
    pub learnt: Vec<IpNet>,
}

/// `shown`: pod ranges of nodes, and their internal addresses as networks of one.
pub fn ranges(configured: &[IpNet], shown: impl IntoIterator<Item = IpNet>) -> Ranges {
    let configured = IpNet::aggregate(&configured.iter().map(IpNet::trunc).collect());
    let inside = |net: &IpNet| configured.iter().any(|wide| wide.contains(net));
    let learnt: BTreeSet<IpNet> = shown.into_iter().map(|net| net.trunc()).filter(|net| !inside(net)).collect();
    let learnt = IpNet::aggregate(&learnt.into_iter().collect());
    let all = IpNet::aggregate(&configured.iter().chain(&learnt).copied().collect());
    Ranges { all, learnt }
}

pub fn alone(address: IpAddr) -> IpNet {
    IpNet::from(address)
}

impl Ranges {
    /// What to tell who has configured some: what he has left out. None: nothing.
    pub fn finding(&self, configured: &[IpNet]) -> Option<String> {
        if configured.is_empty() || self.learnt.is_empty() {
            return None;
        }
        let shown: Vec<String> = self.learnt.iter().take(EXAMPLES).map(|net| format!("`{net}`")).collect();
        let more = match self.learnt.len() {
            all if all > EXAMPLES => format!(" and {} more", all - EXAMPLES),
            _ => String::new(),
        };
        let shown = shown.join(", ");
        Some(format!(
            "nodes and pods have addresses in {shown}{more}, which no --cluster-cidr covers: they count all the same"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nets(texts: &[&str]) -> Vec<IpNet> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn what_nodes_show_counts_whether_it_is_configured_or_not() {
        let configured = nets(&["10.0.0.0/8", "fd00::/16"]);
        let shown = nets(&["10.1.0.0/24", "10.1.1.0/24", "192.168.0.4/32", "192.168.0.5/32", "fd00:1::/64"]);
        let found = ranges(&configured, shown);
        assert_eq!(found.learnt, nets(&["192.168.0.4/31"]));
        assert_eq!(found.all, nets(&["10.0.0.0/8", "192.168.0.4/31", "fd00::/16"]));
        assert!(found.finding(&configured).unwrap().contains("`192.168.0.4/31`"));
    }

    #[test]
    fn who_configures_nothing_is_told_nothing() {
        let found = ranges(&[], nets(&["10.1.0.0/24"]));
        assert_eq!((found.all, found.learnt.len()), (nets(&["10.1.0.0/24"]), 1));
        assert_eq!(ranges(&[], nets(&["10.1.0.0/24"])).finding(&[]), None);
        let all = nets(&["0.0.0.0/0"]);
        assert_eq!(ranges(&all, nets(&["10.1.0.0/24"])).finding(&all), None);
    }
}
