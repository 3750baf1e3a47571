//! Which of a node's NICs belong to a network, in the order in which it prefers them.

use nicety_core::facts::nic_selection::Nic;

use super::{Network, NicPool, spec::NicSelector};

impl Network {
    /// Indexes into `nics`, each at most once. NICs that fit the same entry of the pool keep the order that they have.
    pub fn pool(&self, nics: &[Nic]) -> Vec<usize> {
        let all = || 0..nics.len();
        match &self.nics {
            NicPool::All => all().collect(),
            NicPool::Without => Vec::new(),
            NicPool::MasterNets(nets) => {
                in_order(nets, nics, |net, nic| nic.addresses.iter().any(|address| address.trunc() == *net))
            }
            NicPool::Selectors(selectors) => in_order(selectors, nics, NicSelector::fits),
        }
    }
}

fn in_order<Entry>(entries: &[Entry], nics: &[Nic], fits: impl Fn(&Entry, &Nic) -> bool) -> Vec<usize> {
    let mut pool = Vec::new();
    for entry in entries {
        for (index, nic) in nics.iter().enumerate() {
            if !pool.contains(&index) && fits(entry, nic) {
                pool.push(index);
            }
        }
    }
    pool
}

impl NicSelector {
    /// What is not known of a NIC does not fit.
    pub fn fits(&self, nic: &Nic) -> bool {
        let NicSelector { name, vendor, product, driver, pci, card, numa } = self;
        let named = |pattern: &String| match pattern.strip_suffix('*') {
            Some(stem) => nic.name.starts_with(stem),
            None => nic.name == *pattern,
        };
        name.as_ref().is_none_or(named)
            && vendor.is_none_or(|vendor| nic.vendor == Some(vendor))
            && product.is_none_or(|product| nic.product == Some(product))
            && driver.as_ref().is_none_or(|driver| nic.driver == *driver)
            && pci.is_none_or(|pci| nic.pci == Some(pci))
            && card.is_none_or(|card| nic.card == Some(card))
            && numa.is_none_or(|numa| nic.numa == Some(numa))
    }
}
