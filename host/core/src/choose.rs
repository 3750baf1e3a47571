//! From a reviewed selection to the NICs that are taken: what no strategy decides. Groups first, then the number.

use std::collections::BTreeMap;

use crate::{
    address::PciAddress,
    decision::{Choice, Denial, Selection},
    facts::{Group, Request, nic_selection::Nic},
};

/// How many dropped NICs a refusal names before it counts the rest.
const NAMED: usize = 16;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum GroupValue {
    Number(u32),
    Pci(PciAddress),
}

/// The NICs of one attachment, in order. `selection` is what the whole chain left, over these candidates.
pub fn choose(request: &Request, candidates: &[Nic], selection: &Selection) -> Result<Vec<Choice>, Denial> {
    let mut taken: BTreeMap<GroupValue, &str> = BTreeMap::new();
    let mut left = Vec::new();
    let mut grouped = Vec::new();
    for choice in &selection.chosen {
        let Some(nic) = candidates.get(choice.candidate as usize) else { continue };
        let value = request.distinct.and_then(|group| value_of(group, nic));
        match value.and_then(|value| taken.get(&value)) {
            Some(other) => grouped.push(format!("`{}` shares its {} with `{other}`", nic.name, group_name(request))),
            None => {
                taken.extend(value.map(|value| (value, nic.name.as_str())));
                left.push(choice.clone());
            }
        }
    }
    let most = if request.primary { Some(1) } else { request.nics_max };
    left.truncate(most.map_or(usize::MAX, |most| most as usize));
    let least = request.nics_min.max(1) as usize;
    if left.len() >= least {
        return Ok(left);
    }
    let dropped = selection.dropped.iter().map(|verdict| {
        let name = candidates.get(verdict.candidate as usize).map_or("", |nic| nic.name.as_str());
        format!("`{name}`: {}", verdict.reason)
    });
    Err(too_few(request, candidates.len(), left.len(), least, dropped.chain(grouped).collect()))
}

fn too_few(request: &Request, candidates: usize, left: usize, least: usize, why: Vec<String>) -> Denial {
    let mut message = format!("{left} of {candidates} NICs are left and {least} are needed");
    if !request.reason.is_empty() {
        message.push_str(&format!(", for {}", request.reason));
    }
    let named: Vec<&str> = why.iter().take(NAMED).map(String::as_str).collect();
    if !named.is_empty() {
        message.push_str(&format!("; {}", named.join("; ")));
    }
    if why.len() > NAMED {
        message.push_str(&format!("; and {} more", why.len() - NAMED));
    }
    Denial { code: "too-few-nics".to_owned(), message, ..Denial::default() }
}

/// None: the NIC does not say, and is a group of its own.
fn value_of(group: Group, nic: &Nic) -> Option<GroupValue> {
    match group {
        Group::Card => nic.card.map(GroupValue::Number),
        Group::NumaNode => nic.numa.map(GroupValue::Number),
        Group::Upstream => nic.upstream.map(GroupValue::Pci),
    }
}

fn group_name(request: &Request) -> &'static str {
    match request.distinct {
        Some(Group::Card) => "network card",
        Some(Group::NumaNode) => "NUMA node",
        Some(Group::Upstream) | None => "upstream switch",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decision::Verdict;

    /// NICs `eth0`, ... on these cards.
    fn nics(cards: &[Option<u32>]) -> Vec<Nic> {
        let nic = |(n, card): (usize, &Option<u32>)| Nic { name: format!("eth{n}"), card: *card, ..Nic::default() };
        cards.iter().enumerate().map(nic).collect()
    }

    fn selection(chosen: &[u32], dropped: &[u32]) -> Selection {
        let choice = |n: &u32| Choice { candidate: *n, reason: "fits".into(), reserve: None };
        let verdict = |n: &u32| Verdict { candidate: *n, reason: "wrong make".into() };
        Selection {
            chosen: chosen.iter().map(choice).collect(),
            dropped: dropped.iter().map(verdict).collect(),
            attributes: vec![],
        }
    }

    fn indexes(choices: Result<Vec<Choice>, Denial>) -> Vec<u32> {
        choices.unwrap().iter().map(|choice| choice.candidate).collect()
    }

    #[test]
    fn the_requested_number_is_taken_from_the_front() {
        let (nics, all) = (nics(&[None, None, None]), selection(&[2, 0, 1], &[]));
        let take = |nics_max| indexes(choose(&Request { nics_max, ..Request::default() }, &nics, &all));
        assert_eq!((take(None), take(Some(2)), take(Some(9))), (vec![2, 0, 1], vec![2, 0], vec![2, 0, 1]));
        let primary = Request { primary: true, ..Request::default() };
        assert_eq!(indexes(choose(&primary, &nics, &all)), [2]);
    }

    #[test]
    fn groups_are_thinned_before_the_number_is_taken() {
        let nics = nics(&[Some(0), Some(0), Some(1), None, None]);
        let request = Request { distinct: Some(Group::Card), nics_max: Some(4), ..Request::default() };
        assert_eq!(indexes(choose(&request, &nics, &selection(&[1, 0, 2, 3, 4], &[]))), [1, 2, 3, 4]);
        assert_eq!(
            indexes(choose(&Request { nics_max: Some(2), ..request }, &nics, &selection(&[1, 0, 2, 3, 4], &[]))),
            [1, 2]
        );
    }

    #[test]
    fn numa_nodes_and_upstream_switches_are_groups_too() {
        let mut nics = nics(&[None, None]);
        for nic in &mut nics {
            nic.numa = Some(1);
            nic.upstream = Some("0000:0c:00.0".parse().unwrap());
        }
        for group in [Group::NumaNode, Group::Upstream] {
            let request = Request { distinct: Some(group), ..Request::default() };
            assert_eq!(indexes(choose(&request, &nics, &selection(&[1, 0], &[]))), [1]);
        }
    }

    #[test]
    fn too_few_nics_are_denied_with_what_became_of_each() {
        let request = Request {
            nics_min: 3,
            distinct: Some(Group::Card),
            reason: "annotation element 1".into(),
            ..Request::default()
        };
        let denial = choose(&request, &nics(&[Some(0), Some(0), Some(1)]), &selection(&[0, 1], &[2])).unwrap_err();
        assert_eq!(denial.code, "too-few-nics");
        assert_eq!(
            denial.message,
            "1 of 3 NICs are left and 3 are needed, for annotation element 1; `eth2`: wrong make; \
             `eth1` shares its network card with `eth0`"
        );
    }

    #[test]
    fn nothing_chosen_is_denied_even_where_zero_would_do() {
        let denial = choose(&Request::default(), &nics(&[None]), &selection(&[], &[0])).unwrap_err();
        assert_eq!(denial.message, "0 of 1 NICs are left and 1 are needed; `eth0`: wrong make");
    }
}
