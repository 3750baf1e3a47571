//! Which routing table a network gets. A table's number is the only name that the kernel knows for it, so it must be one that nobody
//! else uses, and the same one as long as the network lives.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use crate::{hash, ids::NetworkName};

/// The numbers that networks get tables from, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableRange {
    first: u32,
    last: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no range of routing tables: {why}; hint: write the first and the last, as in `20000-20255`")]
pub struct InvalidRange {
    text: String,
    why: &'static str,
}

/// Tables from 256 on have no meaning of their own for the kernel; 253 to 255 are its default, main and local.
const LEAST: u32 = 256;

impl Default for TableRange {
    /// No number that Calico (up to 250), kube-router (77-79), Cilium (2004, 2005), OVN-Kubernetes (1000 and an index) or WireGuard's
    /// tools (51820) take.
    fn default() -> TableRange {
        TableRange { first: 11_000, last: 11_999 }
    }
}

impl TableRange {
    /// Those of ways out of egress gateways, one for each number of a mark of eight bits.
    pub const EGRESS: TableRange = TableRange { first: 12_000, last: 12_255 };

    pub fn first(self) -> u32 {
        self.first
    }

    pub fn contains(self, table: u32) -> bool {
        (self.first..=self.last).contains(&table)
    }

    /// All numbers, from the preferred one of this name on, then round.
    fn from_preferred(self, network: &NetworkName) -> impl Iterator<Item = u32> {
        let size = u64::from(self.last - self.first) + 1;
        let preferred = hash::number(&["routing-table", network.as_str()]) % size;
        let place = move |step: u64| u32::try_from((preferred + step) % size).unwrap_or_default();
        (0..size).map(move |step| self.first + place(step))
    }
}

impl FromStr for TableRange {
    type Err = InvalidRange;

    fn from_str(text: &str) -> Result<TableRange, InvalidRange> {
        let wrong = |why| InvalidRange { text: text.to_owned(), why };
        let (first, last) = text.split_once('-').ok_or_else(|| wrong("it has two numbers"))?;
        let number = |text: &str| text.trim().parse::<u32>().map_err(|_| wrong("both ends are numbers below 2^32"));
        let (first, last) = (number(first)?, number(last)?);
        match (first, last) {
            _ if first < LEAST => Err(wrong("numbers below 256 are the kernel's and other programs'")),
            _ if last < first => Err(wrong("it ends before it begins")),
            (first, last) => Ok(TableRange { first, last }),
        }
    }
}

impl fmt::Display for TableRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// Each network's table, and the networks for which there was none left.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Assigned {
    pub tables: BTreeMap<NetworkName, u32>,
    pub without: BTreeSet<NetworkName>,
}

/// A network keeps the table that it has; a new one gets the first free number from its preferred one on. `taken` are the tables of
/// others: they are never given out, though one that is ours already stays ours, for whoever else came into it came second.
pub fn assign(
    range: TableRange,
    networks: &BTreeSet<NetworkName>,
    kept: &BTreeMap<NetworkName, u32>,
    taken: &BTreeSet<u32>,
) -> Assigned {
    let mut assigned = Assigned::default();
    let mut used = taken.clone();
    for (network, table) in kept.iter().filter(|(network, _)| networks.contains(*network)) {
        if assigned.tables.values().all(|other| other != table) {
            assigned.tables.insert(network.clone(), *table);
            used.insert(*table);
        }
    }
    for network in networks {
        if assigned.tables.contains_key(network) {
            continue;
        }
        match range.from_preferred(network).find(|table| !used.contains(table)) {
            Some(table) => {
                used.insert(table);
                assigned.tables.insert(network.clone(), table);
            }
            None => {
                assigned.without.insert(network.clone());
            }
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> BTreeSet<NetworkName> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn a_network_gets_the_same_table_whoever_else_is_there() {
        let range = TableRange::default();
        let alone = assign(range, &names(&["rails"]), &BTreeMap::new(), &BTreeSet::new());
        let among = assign(range, &names(&["a", "rails", "z"]), &BTreeMap::new(), &BTreeSet::new());
        let rails: NetworkName = "rails".parse().unwrap();
        assert_eq!(alone.tables[&rails], among.tables[&rails]);
        assert!(range.contains(alone.tables[&rails]));
    }

    #[test]
    fn two_networks_never_share_a_table_and_none_gets_anothers() {
        let range: TableRange = "300-303".parse().unwrap();
        let taken = BTreeSet::from([301, 7]);
        let assigned = assign(range, &names(&["a", "b", "c", "d"]), &BTreeMap::new(), &taken);
        let tables: BTreeSet<u32> = assigned.tables.values().copied().collect();
        assert_eq!(tables, BTreeSet::from([300, 302, 303]));
        assert_eq!(assigned.without.len(), 1);
    }

    #[test]
    fn what_is_kept_stays_even_when_others_came_into_the_table() {
        let range: TableRange = "300-310".parse().unwrap();
        let kept = BTreeMap::from([("a".parse().unwrap(), 305), ("gone".parse().unwrap(), 306)]);
        let assigned = assign(range, &names(&["a"]), &kept, &BTreeSet::from([305]));
        assert_eq!(assigned.tables, BTreeMap::from([("a".parse().unwrap(), 305)]));
    }

    #[test]
    fn a_range_says_what_is_wrong_with_it() {
        let error = |text: &str| text.parse::<TableRange>().unwrap_err().to_string();
        // Two options are read by this: neither is told to take the other's range.
        assert!([TableRange::default(), TableRange::EGRESS].iter().all(|own| !error("x").contains(&own.to_string())));
        assert!(error("100-200").contains("below 256"), "{}", error("100-200"));
        assert!(error("400-300").contains("ends before"), "{}", error("400-300"));
        assert!(error("400").contains("two numbers"), "{}", error("400"));
        assert_eq!("400-400".parse::<TableRange>().unwrap().to_string(), "400-400");
    }
}
