//! Two selections, NIC by NIC.

use std::collections::BTreeMap;

use super::{Agreement, Comparison, Difference};
use crate::{
    decision::{Choice, Selection, Verdict},
    facts::nic_selection::Facts,
};

/// Where a candidate ended up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate<'a> {
    /// Place in the order of preference, from 0.
    Chosen {
        place: usize,
        reserve: Option<u64>,
        reason: &'a str,
    },
    Dropped {
        reason: &'a str,
    },
}

pub(super) fn compare(facts: &Facts, before: &Selection, after: &Selection) -> Comparison {
    let (was, is) = (fates(before), fates(after));
    let candidates = (0u32..).zip(&facts.candidates);
    let changed = candidates.filter_map(|(index, nic)| {
        let (was, is) = (was.get(&index).copied(), is.get(&index).copied());
        (was != is).then(|| (effect(was) == effect(is), difference(&nic.name, was, is)))
    });
    let (mut same_effect, mut differences) = (true, Vec::new());
    for (same, difference) in changed {
        same_effect &= same;
        differences.push(difference);
    }
    if before.attributes != after.attributes {
        let told = |selection: &Selection| super::counted(selection.attributes.len(), "attribute");
        differences.push(Difference { object: "attributes".to_owned(), before: told(before), after: told(after) });
    }
    let agreement = match (same_effect, differences.is_empty()) {
        (true, true) => Agreement::Same,
        (true, false) => Agreement::OtherReasons,
        (false, _) => Agreement::Different,
    };
    Comparison { agreement, differences }
}

fn fates(selection: &Selection) -> BTreeMap<u32, Fate<'_>> {
    let dropped = selection.dropped.iter().map(|Verdict { candidate, reason }| (*candidate, Fate::Dropped { reason }));
    let chosen = selection.chosen.iter().enumerate().map(|(place, Choice { candidate, reserve, reason })| {
        (*candidate, Fate::Chosen { place, reserve: *reserve, reason })
    });
    dropped.chain(chosen).collect()
}

/// All of it but the words; dropped and not mentioned are alike.
fn effect(fate: Option<Fate<'_>>) -> Option<(usize, Option<u64>)> {
    match fate {
        Some(Fate::Chosen { place, reserve, reason: _ }) => Some((place, reserve)),
        Some(Fate::Dropped { .. }) | None => None,
    }
}

fn difference(nic: &str, was: Option<Fate<'_>>, is: Option<Fate<'_>>) -> Difference {
    Difference { object: nic.to_owned(), before: told(was), after: told(is) }
}

fn told(fate: Option<Fate<'_>>) -> String {
    match fate {
        Some(Fate::Chosen { place, reserve, reason }) => {
            let reserve = reserve.map_or_else(String::new, |bits| format!(", {bits} bit/s reserved"));
            format!("chosen as number {}{reserve}: {reason}", place + 1)
        }
        Some(Fate::Dropped { reason }) => format!("dropped: {reason}"),
        None => "not mentioned".to_owned(),
    }
}
