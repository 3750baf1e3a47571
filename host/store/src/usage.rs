//! What the attachments of this node use of each NIC: the inventory's `users` and `promised`, and the kinds of links, which may
//! exclude each other on one master.

use std::collections::BTreeMap;

use nicety_core::{facts::nic_selection::UseBy, ids::IfName, plan::Link, record::Record};

/// Per NIC of the host, by its name there.
pub type Usage = BTreeMap<IfName, NicUsage>;

/// Counts interfaces of every record, whatever its state: what is being made or taken back still uses the NIC.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NicUsage {
    /// Interfaces by the pod's namespace.
    pub namespaces: BTreeMap<String, u32>,
    /// Interfaces by kind and mode.
    pub links: BTreeMap<Link, u32>,
    /// Bits per second.
    pub promised: u64,
}

impl NicUsage {
    pub fn attachments(&self) -> u32 {
        self.links.values().sum()
    }

    /// As facts carry it. The store knows no tenants.
    pub fn users(&self) -> Vec<UseBy> {
        let user = |(namespace, attachments): (&String, &u32)| UseBy {
            namespace: namespace.clone(),
            tenant: None,
            attachments: *attachments,
        };
        self.namespaces.iter().map(user).collect()
    }
}

pub(crate) fn add(usage: &mut Usage, record: &Record) {
    for interface in &record.interfaces {
        let Some(nic) = &interface.nic else { continue };
        let used = usage.entry(nic.name.clone()).or_default();
        *used.namespaces.entry(record.pod.namespace.clone()).or_default() += 1;
        *used.links.entry(interface.link).or_default() += 1;
        used.promised = used.promised.saturating_add(interface.reserved);
    }
}

pub(crate) fn subtract(usage: &mut Usage, record: &Record) {
    for interface in &record.interfaces {
        let Some(nic) = &interface.nic else { continue };
        let Some(used) = usage.get_mut(&nic.name) else { continue };
        decrease(&mut used.namespaces, &record.pod.namespace);
        decrease(&mut used.links, &interface.link);
        used.promised = used.promised.saturating_sub(interface.reserved);
        if used.links.is_empty() {
            usage.remove(&nic.name);
        }
    }
}

fn decrease<K: Ord>(counts: &mut BTreeMap<K, u32>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
