//! From the routes that are wanted and the rows that a table has to what is to be done: what is missing first, what is too much last,
//! so that a destination which moves is never without a route. Rows of others are left alone and never written over.

use std::collections::BTreeSet;

use ipnet::IpNet;

use super::{Hop, Routes};

/// A row of the network's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    pub to: IpNet,
    pub hops: BTreeSet<Hop>,
    pub owner: Owner,
}

/// By the row's protocol number and metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    Us,
    Another { protocol: u8 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    Add {
        to: IpNet,
        hops: BTreeSet<Hop>,
    },
    /// There is one of ours with other hops; the kernel changes it in one step.
    Replace {
        to: IpNet,
        hops: BTreeSet<Hop>,
    },
    Delete {
        to: IpNet,
    },
}

impl Change {
    pub fn to(&self) -> IpNet {
        match self {
            Change::Add { to, .. } | Change::Replace { to, .. } | Change::Delete { to } => *to,
        }
    }
}

/// In the order in which they are to be made. A destination that another program's row has is no change: it comes second in the
/// answer, with that row's protocol number.
pub fn diff(wanted: &Routes, present: &[Row]) -> (Vec<Change>, Vec<(IpNet, u8)>) {
    let (mut changes, mut taken) = (Vec::new(), Vec::new());
    for (to, hops) in wanted {
        let mut here = present.iter().filter(|row| row.to == *to);
        let change = |row: &Row| match row.owner {
            Owner::Us => (row.hops != *hops).then(|| Change::Replace { to: *to, hops: hops.clone() }),
            Owner::Another { .. } => None,
        };
        match here.clone().find(|row| row.owner == Owner::Us) {
            Some(ours) => changes.extend(change(ours)),
            None => match here.next().map(|row| row.owner) {
                Some(Owner::Another { protocol }) => taken.push((*to, protocol)),
                Some(Owner::Us) | None => changes.push(Change::Add { to: *to, hops: hops.clone() }),
            },
        }
    }
    let ours = present.iter().filter(|row| row.owner == Owner::Us);
    let gone: BTreeSet<IpNet> = ours.map(|row| row.to).filter(|to| !wanted.contains_key(to)).collect();
    changes.extend(gone.into_iter().map(|to| Change::Delete { to }));
    (changes, taken)
}
