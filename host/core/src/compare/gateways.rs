//! Two answers about gateways, summed up: a hundred thousand endpoints make a few lines.

use std::collections::BTreeMap;

use super::{Agreement, Comparison, Difference, counted};
use crate::{
    decision::Assignment,
    facts::gateways::{Facts, NONE},
};

/// Lines per aspect; what is left over is summed up in one more.
const LINES: usize = 8;

/// Endpoints that changed alike.
#[derive(Debug)]
struct Group<'a> {
    count: usize,
    /// Identity of the first of them.
    first: &'a str,
}

pub(super) fn assignments(facts: &Facts, before: &Assignment, after: &Assignment) -> Comparison {
    let mut differences = moved(facts, "primary", &before.primary, &after.primary);
    differences.extend(moved(facts, "standby", &before.standby, &after.standby));
    if !differences.is_empty() {
        return Comparison { agreement: Agreement::Different, differences };
    }
    let pairs = (0..facts.endpoints.len()).map(|endpoint| (reason(before, endpoint), reason(after, endpoint)));
    differences = summed_up(facts, "reason", pairs);
    if before.attributes != after.attributes {
        let told = |of: &Assignment| counted(of.attributes.len(), "attribute");
        differences.push(Difference { object: "attributes".to_owned(), before: told(before), after: told(after) });
    }
    // Reasons may be numbered otherwise and say the same.
    let agreement = if differences.is_empty() { Agreement::Same } else { Agreement::OtherReasons };
    Comparison { agreement, differences }
}

fn reason(of: &Assignment, endpoint: usize) -> &str {
    let index = of.reason.get(endpoint).copied().map(usize::from);
    index.and_then(|index| of.reasons.get(index)).map_or("no reason", String::as_str)
}

fn moved(facts: &Facts, what: &str, before: &[u32], after: &[u32]) -> Vec<Difference> {
    let at = |of: &[u32], endpoint: usize| of.get(endpoint).copied().unwrap_or(NONE);
    summed_up(facts, what, (0..facts.endpoints.len()).map(|endpoint| (at(before, endpoint), at(after, endpoint))))
}

/// One line per pair of values that differ, the most frequent first.
fn summed_up<V: Ord + Told>(facts: &Facts, what: &str, pairs: impl Iterator<Item = (V, V)>) -> Vec<Difference> {
    let mut groups: BTreeMap<(V, V), Group<'_>> = BTreeMap::new();
    for (pair, first) in pairs.zip(&facts.endpoints.identity) {
        if pair.0 != pair.1 {
            groups.entry(pair).or_insert(Group { count: 0, first }).count += 1;
        }
    }
    let mut groups: Vec<_> = groups.into_iter().collect();
    groups.sort_by(|(_, one), (_, other)| other.count.cmp(&one.count));
    let rest = groups.split_off(groups.len().min(LINES));
    let line = |((before, after), Group { count, first }): ((V, V), Group<'_>)| Difference {
        object: match count {
            1 => format!("{what} of `{first}`"),
            _ => format!("{what} of {count} endpoints, `{first}` first"),
        },
        before: before.told(facts),
        after: after.told(facts),
    };
    let mut lines: Vec<Difference> = groups.into_iter().map(line).collect();
    if !rest.is_empty() {
        lines.push(Difference {
            object: format!("{what} of {} more", counted(rest.iter().map(|(_, group)| group.count).sum(), "endpoint")),
            before: "various".to_owned(),
            after: "various".to_owned(),
        });
    }
    lines
}

/// A value in words.
trait Told {
    fn told(&self, facts: &Facts) -> String;
}

impl Told for u32 {
    fn told(&self, facts: &Facts) -> String {
        match facts.gateways.get(*self as usize) {
            Some(gateway) => format!("gateway `{}`", gateway.id),
            None => "no gateway".to_owned(),
        }
    }
}

impl Told for &str {
    fn told(&self, _: &Facts) -> String {
        (*self).to_owned()
    }
}

/// Gateway by gateway: how many endpoints may use it.
pub(super) fn filters(facts: &Facts, before: &[u64], after: &[u64]) -> Comparison {
    let words = facts.words_per_endpoint();
    let allowed = |bits: &[u64], endpoint: usize, gateway: usize| {
        let word = bits.get(endpoint * words + gateway / 64);
        word.is_some_and(|word| word >> (gateway % 64) & 1 == 1)
    };
    let mut changed = Vec::new();
    for (place, gateway) in facts.gateways.iter().enumerate() {
        let (mut were, mut are, mut lost, mut gained) = (0, 0, 0, 0);
        for endpoint in 0..facts.endpoints.len() {
            let (was, is) = (allowed(before, endpoint, place), allowed(after, endpoint, place));
            were += usize::from(was);
            are += usize::from(is);
            lost += usize::from(was && !is);
            gained += usize::from(is && !was);
        }
        if lost + gained > 0 {
            let difference = Difference {
                object: format!("gateway `{}`", gateway.id),
                before: format!("allowed to {}", counted(were, "endpoint")),
                after: format!("allowed to {}: {gained} more, {lost} no longer", counted(are, "endpoint")),
            };
            changed.push((lost + gained, difference));
        }
    }
    changed.sort_by(|(one, _), (other, _)| other.cmp(one));
    let rest = changed.split_off(changed.len().min(LINES));
    let mut differences: Vec<Difference> = changed.into_iter().map(|(_, difference)| difference).collect();
    if !rest.is_empty() {
        differences.push(Difference {
            object: counted(rest.len(), "more gateway"),
            before: "various".to_owned(),
            after: "various".to_owned(),
        });
    }
    let agreement = if differences.is_empty() { Agreement::Same } else { Agreement::Different };
    Comparison { agreement, differences }
}
