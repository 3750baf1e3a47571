//! The cluster's own addresses, to which no egress policy applies: what is configured, and what nodes show that is not in it.

use std::collections::BTreeSet;

use ipnet::IpNet;
use nicety_egress::Word;

/// The type of the condition in a policy's status.
pub const CONDITION: &str = "ClusterRanges";

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

impl Ranges {
    /// What to tell who has configured some: what he has left out. None: nothing.
    pub fn finding(&self, configured: &[IpNet]) -> Option<String> {
        if configured.is_empty() || self.learnt.is_empty() {
            return None;
        }
        let shown = list(&self.learnt);
        Some(format!(
            "nodes and pods have addresses in {shown}, which no --cluster-cidr covers: they count all the same"
        ))
    }

    /// What to tell of a policy with these destinations: whether they are outside of the cluster, and whether the cluster is as configured.
    pub fn word(&self, configured: &[IpNet], destinations: &[IpNet]) -> Word {
        let own = |net: &&IpNet| self.all.iter().any(|wide| wide.contains(*net));
        let never: Vec<IpNet> = destinations.iter().filter(own).copied().collect();
        let (holds, reason, message) = if !never.is_empty() {
            let message = format!(
                "{} of `destinationCIDRs` {} within the cluster's own ranges, to which no policy applies: no packet there is captured",
                list(&never),
                if never.len() == 1 { "is" } else { "are" },
            );
            (false, "DestinationInCluster", message)
        } else if let Some(finding) = self.finding(configured) {
            (false, "NotConfigured", finding)
        } else if configured.is_empty() {
            let message = "no --cluster-cidr is configured: addresses and pod ranges of nodes are the cluster's own, and no others";
            (true, "FromNodes", message.to_owned())
        } else {
            (true, "AsConfigured", "every node's addresses and pod ranges are in a --cluster-cidr".to_owned())
        };
        Word { holds, reason, message }
    }
}

fn list(nets: &[IpNet]) -> String {
    let shown: Vec<String> = nets.iter().take(EXAMPLES).map(|net| format!("`{net}`")).collect();
    let more = match nets.len() {
        all if all > EXAMPLES => format!(" and {} more", all - EXAMPLES),
        _ => String::new(),
    };
    format!("{}{more}", shown.join(", "))
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

    #[test]
    fn a_policy_is_told_what_of_it_never_applies_before_what_is_not_configured() {
        let configured = nets(&["10.0.0.0/8"]);
        let found = ranges(&configured, nets(&["192.168.0.4/32"]));
        let word = |destinations: &[&str]| {
            let word = found.word(&configured, &nets(destinations));
            (word.holds, word.reason, word.message)
        };
        let (holds, reason, message) = word(&["10.20.0.0/16", "198.51.100.0/24"]);
        assert_eq!((holds, reason), (false, "DestinationInCluster"));
        assert!(message.starts_with("`10.20.0.0/16` of `destinationCIDRs` is within"), "{message}");
        assert_eq!(word(&["192.168.0.4/32"]).1, "DestinationInCluster", "what nodes show is the cluster's too");
        let (holds, reason, message) = word(&["0.0.0.0/0"]);
        assert_eq!((holds, reason, message.contains("`192.168.0.4/32`")), (false, "NotConfigured", true));
    }

    #[test]
    fn all_is_well_where_nodes_are_as_configured_and_where_nothing_is() {
        let (configured, shown) = (nets(&["10.0.0.0/8"]), nets(&["10.1.0.0/24"]));
        let reason = |configured: &[IpNet]| {
            let word = ranges(configured, shown.clone()).word(configured, &nets(&["0.0.0.0/0"]));
            (word.holds, word.reason)
        };
        assert_eq!((reason(&configured), reason(&[])), ((true, "AsConfigured"), (true, "FromNodes")));
    }
}
