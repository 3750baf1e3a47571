//! Everything that is to be done to the kernel for all networks at once, in order: routes, then the rules that lead to them; then the
//! rules that lead nowhere any more, and the routes that nobody wants.

use std::collections::{BTreeMap, BTreeSet};

use ipnet::IpNet;

use super::{Change, Owner, Routes, Row, diff};
use crate::cluster::tables::TableRange;

/// Traffic from `from` looks into `table` before the main one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    pub from: IpNet,
    pub table: u32,
}

/// What the kernel should have for one network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Network {
    pub table: u32,
    /// One per family.
    pub subnets: Vec<IpNet>,
    pub routes: Routes,
}

/// What the kernel has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The rows of every table but the kernel's own three, others' rows too.
    pub tables: BTreeMap<u32, Vec<Row>>,
    /// Ours.
    pub rules: BTreeSet<Rule>,
    /// Tables that rules of others lead to, or that have a name.
    pub named: BTreeSet<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    Route { table: u32, change: Change },
    AddRule(Rule),
    DeleteRule(Rule),
}

/// A destination that another program's row has in one of our tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    pub table: u32,
    pub to: IpNet,
    pub protocol: u8,
}

impl Seen {
    /// Tables that others use.
    pub fn of_others(&self) -> BTreeSet<u32> {
        let foreign = |rows: &Vec<Row>| rows.iter().any(|row| row.owner != Owner::Us);
        let rows = self.tables.iter().filter(|(_, rows)| foreign(rows)).map(|(table, _)| *table);
        rows.chain(self.named.iter().copied()).collect()
    }
}

/// Tables that no network has are cleared of our rows when they are in `range`, where an earlier daemon may have left them, or `known`
/// to have been ours.
pub fn acts(networks: &[Network], seen: &Seen, range: TableRange, known: &BTreeSet<u32>) -> (Vec<Act>, Vec<Taken>) {
    let (mut first, mut last, mut taken) = (Vec::new(), Vec::new(), Vec::new());
    let mut rules = BTreeSet::new();
    let nothing = Routes::new();
    let wanted: BTreeMap<u32, &Network> = networks.iter().map(|network| (network.table, network)).collect();
    let ours = |table: &u32| range.contains(*table) || known.contains(table);
    let left = seen.tables.keys().filter(|table| ours(table) && !wanted.contains_key(table));
    let tables = wanted.iter().map(|(table, network)| (*table, &network.routes));
    for (table, routes) in tables.chain(left.map(|table| (*table, &nothing))) {
        let present = seen.tables.get(&table).map(Vec::as_slice).unwrap_or_default();
        let (changes, others) = diff(routes, present);
        for change in changes {
            let late = matches!(change, Change::Delete { .. });
            if late { &mut last } else { &mut first }.push(Act::Route { table, change });
        }
        taken.extend(others.into_iter().map(|(to, protocol)| Taken { table, to, protocol }));
    }
    for network in networks {
        rules.extend(network.subnets.iter().map(|subnet| Rule { from: subnet.trunc(), table: network.table }));
    }
    first.extend(rules.difference(&seen.rules).copied().map(Act::AddRule));
    first.extend(seen.rules.difference(&rules).copied().map(Act::DeleteRule));
    first.append(&mut last);
    (first, taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::routes::Hop;

    fn hops(via: &str) -> BTreeSet<Hop> {
        BTreeSet::from([Hop { link: 3, via: via.parse().unwrap() }])
    }

    fn network(table: u32, subnet: &str, routes: &[(&str, &str)]) -> Network {
        let routes = routes.iter().map(|(to, via)| (to.parse().unwrap(), hops(via))).collect();
        Network { table, subnets: vec![subnet.parse().unwrap()], routes }
    }

    fn ours(to: &str, via: &str) -> Row {
        Row { to: to.parse().unwrap(), hops: hops(via), owner: Owner::Us }
    }

    fn told(acts: &[Act]) -> Vec<String> {
        let told = |act: &Act| match act {
            Act::Route { table, change: Change::Add { to, .. } } => format!("add {to} to {table}"),
            Act::Route { table, change: Change::Replace { to, .. } } => format!("replace {to} in {table}"),
            Act::Route { table, change: Change::Delete { to } } => format!("delete {to} from {table}"),
            Act::AddRule(Rule { from, table }) => format!("add rule {from} {table}"),
            Act::DeleteRule(Rule { from, table }) => format!("delete rule {from} {table}"),
        };
        acts.iter().map(told).collect()
    }

    #[test]
    fn what_is_new_comes_before_what_goes_and_routes_before_their_rule() {
        let networks = [network(11_001, "192.168.0.0/16", &[("192.168.1.0/26", "10.0.1.2")])];
        let rule = Rule { from: "172.16.0.0/16".parse().unwrap(), table: 11_002 };
        let seen = Seen {
            tables: BTreeMap::from([(11_002, vec![ours("172.16.1.0/26", "10.0.1.2")])]),
            rules: BTreeSet::from([rule]),
            named: BTreeSet::new(),
        };
        let (acts, taken) = acts(&networks, &seen, TableRange::default(), &BTreeSet::new());
        let expected = [
            "add 192.168.1.0/26 to 11001",
            "add rule 192.168.0.0/16 11001",
            "delete rule 172.16.0.0/16 11002",
            "delete 172.16.1.0/26 from 11002",
        ];
        assert_eq!((told(&acts), taken), (expected.map(str::to_owned).to_vec(), vec![]));
    }

    #[test]
    fn tables_outside_of_the_range_are_cleared_only_when_they_were_ours() {
        let seen = Seen { tables: BTreeMap::from([(77, vec![ours("172.16.1.0/26", "10.0.1.2")])]), ..Seen::default() };
        assert_eq!(acts(&[], &seen, TableRange::default(), &BTreeSet::new()).0, []);
        assert_eq!(acts(&[], &seen, TableRange::default(), &BTreeSet::from([77])).0.len(), 1);
    }

    #[test]
    fn a_table_with_rows_or_rules_of_others_is_theirs() {
        let other = Row { owner: Owner::Another { protocol: 3 }, ..ours("172.16.1.0/26", "10.0.1.2") };
        let seen = Seen {
            tables: BTreeMap::from([(11_005, vec![other]), (11_006, vec![ours("172.16.2.0/26", "10.0.1.2")])]),
            rules: BTreeSet::new(),
            named: BTreeSet::from([11_007]),
        };
        assert_eq!(seen.of_others(), BTreeSet::from([11_005, 11_007]));
    }
}
