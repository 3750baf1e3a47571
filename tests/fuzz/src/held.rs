//! What must hold of an answer that has passed review (invariant I4), each looked at in another way than review does.

mod plan;

use std::collections::BTreeSet;

use nicety_core::{
    choose,
    decision::{Assignment, Choice, Decision, Selection},
    facts::{
        Facts, Group, Request, attach,
        gateways::{self, Health, NONE},
        nic_selection,
    },
    finding::Finding,
    naming,
    review::{self, REASON_MAX},
};

/// Most findings of one review.
const FINDINGS: usize = 21;

/// However much is wrong, an error that says so can be sent and shown.
pub fn bounded(findings: &[Finding]) {
    told(findings, FINDINGS);
}

/// At most `most` findings, each of bounded length.
pub fn told(findings: &[Finding], most: usize) {
    assert!(findings.len() <= most, "{} findings", findings.len());
    for Finding { path, message } in findings {
        assert!(!message.is_empty(), "a finding at `{path}` says nothing");
        assert!(path.len() + message.len() <= 3 << 10, "a finding of {} bytes at `{path}`", message.len());
    }
}

pub fn promises(facts: &Facts, decision: &Decision) {
    match (facts, decision) {
        (Facts::Attach(facts), Decision::Requests(requests)) => of_requests(facts, requests),
        (Facts::NicSelection(facts), Decision::Selection(selection)) => of_selection(facts, selection),
        (Facts::GatewayFilter(facts), Decision::Allowed(allowed)) => of_filter(facts, allowed),
        (Facts::GatewayDistribution(facts), Decision::Assignment(assignment)) => of_assignment(facts, assignment),
        (facts, decision) => panic!("{decision:?} passed as an answer to {}", facts.kind().name()),
    }
}

fn of_requests(facts: &attach::Facts, requests: &[Request]) {
    assert!(requests.len() <= review::REQUESTS_MAX);
    let primary = requests.iter().filter(|request| request.primary).count();
    match facts.call.mode {
        attach::Mode::Chained => assert_eq!(primary, 0),
        attach::Mode::OwnNetwork => assert_eq!(primary, 1),
        attach::Mode::Delegated => assert_eq!((primary, requests.len()), (1, 1)),
    }
    for request in requests {
        let offer = &facts.networks[request.network as usize];
        assert!(offer.ready && (offer.default || !request.primary), "{offer:?}");
        assert!(request.reason.len() <= REASON_MAX && !request.reason.contains('\n'));
    }
    // Whatever numbers of NICs are chosen within what each request allows, the names fit and differ.
    let least: Vec<usize> = requests.iter().map(|request| request.nics_min.max(1) as usize).collect();
    // More than a node has NICs; a plan is compared with itself, which takes its square.
    if least.iter().sum::<usize>() > 512 {
        return;
    }
    let some = requests.iter().zip(&least).map(|(request, least)| match request.nics_max {
        _ if request.primary => 1,
        Some(most) => (most as usize).min(*least + 3),
        None => least + 3,
    });
    for counts in [least.clone(), some.collect()] {
        match naming::names(&facts.call.ifname, requests, &counts) {
            Ok(names) => {
                let all: Vec<_> = names.iter().flatten().collect();
                assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len(), "{all:?}");
                plan::made(requests, &names);
            }
            // More NICs than the least may want a longer name than there is; that is told when the number is known.
            Err(findings) => {
                assert_ne!(counts, least, "{findings:?}");
                assert!(
                    findings.iter().all(|finding| finding.message.contains("longer than 15 bytes")),
                    "{findings:?}"
                );
            }
        }
    }
}

fn of_selection(facts: &nic_selection::Facts, selection: &Selection) {
    let chosen = selection.chosen.iter().map(|choice| (choice.candidate, &choice.reason));
    let dropped = selection.dropped.iter().map(|verdict| (verdict.candidate, &verdict.reason));
    let mut answered: Vec<u32> = Vec::new();
    for (candidate, reason) in chosen.chain(dropped) {
        assert!(!reason.trim().is_empty() && reason.len() <= REASON_MAX && !reason.contains('\n'));
        answered.push(candidate);
    }
    answered.sort_unstable();
    assert!(answered.iter().copied().eq(0..facts.candidates.len() as u32), "{answered:?}");

    let narrowed = facts.narrowed(selection);
    assert_eq!(narrowed.candidates.len(), selection.chosen.len());
    let kept =
        (0..selection.chosen.len() as u32).map(|candidate| Choice { candidate, reason: "kept".into(), reserve: None });
    let both = selection.then(&Selection { chosen: kept.collect(), ..Selection::default() });
    assert_eq!(review::selection(facts, &both).iter().filter(|found| !found.path.ends_with("reason")).count(), 0);

    match choose(&facts.request, &facts.candidates, selection) {
        Ok(choices) => of_choice(&facts.request, &facts.candidates, &choices, selection),
        Err(denial) => {
            assert!(!denial.code.is_empty() && denial.message.len() <= 128 << 10, "{}", denial.message.len())
        }
    }
}

fn of_choice(request: &Request, candidates: &[nic_selection::Nic], choices: &[Choice], selection: &Selection) {
    assert!(choices.len() >= request.nics_min.max(1) as usize);
    assert!(
        choices.len() <= if request.primary { 1 } else { request.nics_max.map_or(usize::MAX, |most| most as usize) }
    );
    let mut order = selection.chosen.iter();
    assert!(choices.iter().all(|choice| order.any(|other| other == choice)), "the policy's order is kept");
    let groups: Vec<String> = choices
        .iter()
        .filter_map(|choice| {
            let nic = &candidates[choice.candidate as usize];
            match request.distinct? {
                Group::Card => nic.card.map(|card| card.to_string()),
                Group::NumaNode => nic.numa.map(|node| node.to_string()),
                Group::Upstream => nic.upstream.map(|upstream| upstream.to_string()),
            }
        })
        .collect();
    assert_eq!(groups.iter().collect::<BTreeSet<_>>().len(), groups.len(), "one of each group: {groups:?}");
}

/// Whether a bit of a row-major bit matrix is set.
fn bit(matrix: &[u64], words: usize, endpoint: usize, gateway: usize) -> bool {
    matrix.get(endpoint * words + gateway / 64).is_some_and(|word| word & 1 << (gateway % 64) != 0)
}

fn may(facts: &gateways::Facts, endpoint: usize, gateway: usize) -> bool {
    facts.allowed.is_empty() || bit(&facts.allowed, facts.gateways.len().div_ceil(64), endpoint, gateway)
}

fn of_filter(facts: &gateways::Facts, allowed: &[u64]) {
    let words = facts.gateways.len().div_ceil(64);
    for endpoint in 0..facts.endpoints.identity.len() {
        for gateway in 0..words * 64 {
            let narrowed = gateway < facts.gateways.len() && may(facts, endpoint, gateway);
            assert!(narrowed || !bit(allowed, words, endpoint, gateway), "endpoint {endpoint}, gateway {gateway}");
        }
    }
}

fn of_assignment(facts: &gateways::Facts, assignment: &Assignment) {
    let count = facts.endpoints.identity.len();
    assert_eq!((assignment.primary.len(), assignment.standby.len(), assignment.reason.len()), (count, count, count));
    for endpoint in 0..count {
        let (primary, standby) = (assignment.primary[endpoint], assignment.standby[endpoint]);
        assert!(!assignment.reasons[usize::from(assignment.reason[endpoint])].trim().is_empty());
        assert!(primary == NONE && standby == NONE || primary != standby, "endpoint {endpoint}");
        for index in [primary, standby].into_iter().filter(|index| *index != NONE) {
            let gateway = &facts.gateways[index as usize];
            assert!(gateway.weight > 0 && may(facts, endpoint, index as usize), "endpoint {endpoint}, {gateway:?}");
            assert!(!gateway.draining || facts.endpoints.previous.get(endpoint) == Some(&index), "{gateway:?}");
            assert!(gateway.health != Health::Unhealthy || index != primary, "{gateway:?}");
        }
    }
}
