use super::*;
use crate::{
    decision::{Assignment, Choice, Selection, Verdict},
    evaluate::Failure,
    facts::{Attribute, Request, Value, attach, gateways, nic_selection},
};

fn nics(names: &[&str]) -> Facts {
    let nic = |name: &&str| nic_selection::Nic { name: (*name).to_owned(), ..Default::default() };
    Facts::NicSelection(nic_selection::Facts { candidates: names.iter().map(nic).collect(), ..Default::default() })
}

/// `chosen` in order of preference; all other candidates up to `of` are dropped.
fn selection(of: u32, chosen: &[u32], reason: &str) -> Decision {
    let reason = reason.to_owned();
    let choice = |candidate: &u32| Choice { candidate: *candidate, reserve: None, reason: reason.clone() };
    let dropped = (0..of).filter(|candidate| !chosen.contains(candidate));
    Decision::Selection(Selection {
        chosen: chosen.iter().map(choice).collect(),
        dropped: dropped.map(|candidate| Verdict { candidate, reason: reason.clone() }).collect(),
        ..Selection::default()
    })
}

fn denial(code: &str, message: &str) -> Denial {
    Denial { code: code.into(), message: message.into(), ..Denial::default() }
}

fn both(facts: &Facts, before: &Decision, after: &Decision) -> Comparison {
    compare(facts, &Said::Decided(before), &Said::Decided(after))
}

fn lines(comparison: &Comparison) -> Vec<String> {
    let line = |Difference { object, before, after }: &Difference| format!("{object}: {before} -> {after}");
    comparison.differences.iter().map(line).collect()
}

#[test]
fn equal_decisions_are_the_same() {
    let decision = selection(2, &[1], "free");
    let found = both(&nics(&["eth0", "eth1"]), &decision, &decision.clone());
    assert_eq!(found, Comparison { agreement: Agreement::Same, differences: Vec::new() });
}

#[test]
fn other_words_alone_are_other_reasons_and_both_are_shown() {
    let found = both(&nics(&["eth0"]), &selection(1, &[0], "free"), &selection(1, &[0], "idle"));
    assert_eq!(found.agreement, Agreement::OtherReasons);
    assert_eq!(lines(&found), ["eth0: chosen as number 1: free -> chosen as number 1: idle"]);
}

#[test]
fn another_nic_is_different_and_each_nic_that_changed_is_named_with_both_reasons() {
    let facts = nics(&["eth0", "eth1", "eth2"]);
    let found = both(&facts, &selection(3, &[0], "first"), &selection(3, &[1], "idle"));
    assert_eq!(found.agreement, Agreement::Different);
    assert_eq!(
        lines(&found),
        [
            "eth0: chosen as number 1: first -> dropped: idle",
            "eth1: dropped: first -> chosen as number 1: idle",
            "eth2: dropped: first -> dropped: idle",
        ]
    );
}

#[test]
fn another_order_or_another_promise_of_bandwidth_is_different() {
    let facts = nics(&["eth0", "eth1"]);
    let found = both(&facts, &selection(2, &[0, 1], "free"), &selection(2, &[1, 0], "free"));
    assert_eq!(found.agreement, Agreement::Different);
    let choice = |reserve| Choice { candidate: 0, reserve, reason: "free".into() };
    let promise = |reserve| Decision::Selection(Selection { chosen: vec![choice(reserve)], ..Selection::default() });
    let found = both(&facts, &promise(None), &promise(Some(1_000_000)));
    assert_eq!(found.agreement, Agreement::Different);
    assert!(lines(&found)[0].ends_with("1000000 bit/s reserved: free"), "{found:?}");
}

#[test]
fn the_order_in_which_candidates_are_dropped_means_nothing() {
    let dropped = |order: [u32; 2]| {
        let dropped = order.map(|candidate| Verdict { candidate, reason: "down".into() }).to_vec();
        Decision::Selection(Selection { dropped, ..Selection::default() })
    };
    let found = both(&nics(&["eth0", "eth1"]), &dropped([0, 1]), &dropped([1, 0]));
    assert_eq!(found.agreement, Agreement::Same);
}

#[test]
fn a_no_where_there_was_a_decision_is_now_denied_with_its_code() {
    let (decision, no) = (selection(1, &[0], "free"), denial("no-nic", "all are down"));
    let found = compare(&nics(&["eth0"]), &Said::Decided(&decision), &Said::Denied(&no));
    assert_eq!(found.agreement, Agreement::NowDenied);
    assert_eq!(lines(&found), ["decision: chose 1 NIC and dropped 0 -> denied (no-nic): all are down"]);
    let back = compare(&nics(&["eth0"]), &Said::Denied(&no), &Said::Decided(&decision));
    assert_eq!(back.agreement, Agreement::NowDecided);
}

#[test]
fn two_denials_differ_by_what_the_caller_acts_on_and_otherwise_only_in_words() {
    let agreement =
        |one: &Denial, other: &Denial| compare(&nics(&[]), &Said::Denied(one), &Said::Denied(other)).agreement;
    let no = denial("no-nic", "all are down");
    assert_eq!(agreement(&no, &no.clone()), Agreement::Same);
    assert_eq!(agreement(&no, &denial("no-nic", "none is up")), Agreement::OtherReasons);
    assert_eq!(agreement(&no, &denial("no-room", "all are down")), Agreement::Different);
    assert_eq!(agreement(&no, &Denial { retryable: true, ..no.clone() }), Agreement::Different);
}

#[test]
fn a_decision_that_review_refused_counts_as_failed() {
    let decision = selection(1, &[0], "free");
    let findings = [Finding::new("chosen[0]", "is not a candidate")];
    let refused = Said::reviewed(Ok(&decision), &findings);
    assert_eq!(refused, Said::Failed("refused in review: chosen[0]: is not a candidate".into()));
    let found = compare(&nics(&["eth0"]), &Said::Decided(&decision), &refused);
    assert_eq!(found.agreement, Agreement::NowFailed);
    let trapped = Refusal::Failed(Failure::Stack);
    let found = compare(&nics(&["eth0"]), &refused, &Said::reviewed(Err(&trapped), &[]));
    assert_eq!(found.agreement, Agreement::OtherReasons, "failed both times");
}

#[test]
fn requests_are_compared_place_by_place_in_the_words_of_the_offer() {
    let offer = |name: &str| attach::Offer { name: name.into(), ..Default::default() };
    let facts = Facts::Attach(attach::Facts { networks: vec![offer("front"), offer("rails")], ..Default::default() });
    let request = |network, reason: &str| Request {
        network,
        ifname: Some(format!("net{network}")),
        nics_min: 1,
        nics_max: Some(1),
        reason: reason.into(),
        ..Request::default()
    };
    let before = Decision::Requests(vec![request(0, "default")]);
    let after = Decision::Requests(vec![request(0, "always"), Request { nics_max: Some(4), ..request(1, "asked") }]);
    let found = both(&facts, &before, &after);
    assert_eq!(found.agreement, Agreement::Different);
    assert_eq!(
        lines(&found),
        [
            "requests[0]: network `front`, as net0, NICs 1: default -> network `front`, as net0, NICs 1: always",
            "requests[1]: not asked for -> network `rails`, as net1, NICs 1-4: asked",
        ]
    );
    assert_eq!(both(&facts, &after, &after.clone()).agreement, Agreement::Same);
}

fn gateways(endpoints: usize, gateways: &[&str]) -> gateways::Facts {
    let gateway = |id: &&str| gateways::Gateway {
        id: (*id).to_owned(),
        node: gateways::NONE,
        zone: gateways::NONE,
        addresses: Vec::new(),
        weight: 1,
        health: gateways::Health::Healthy,
        draining: false,
        since: None,
        attributes: Vec::new(),
    };
    let identity = (0..endpoints).map(|endpoint| format!("pod-{endpoint}")).collect();
    gateways::Facts {
        gateways: gateways.iter().map(gateway).collect(),
        endpoints: gateways::Endpoints { identity, ..Default::default() },
        ..Default::default()
    }
}

fn assignment(primary: Vec<u32>) -> Assignment {
    let endpoints = primary.len();
    Assignment {
        primary,
        standby: vec![gateways::NONE; endpoints],
        reason: vec![0; endpoints],
        reasons: vec!["hash".into()],
        ..Assignment::default()
    }
}

#[test]
fn a_hundred_thousand_moved_endpoints_are_a_few_lines_that_count_them() {
    let ids: Vec<String> = (0..64).map(|gateway| format!("gw-{gateway}")).collect();
    let facts = gateways(100_000, &ids.iter().map(String::as_str).collect::<Vec<_>>());
    let before: Vec<u32> = (0..100_000).map(|endpoint| endpoint % 64).collect();
    let after: Vec<u32> = before.iter().map(|gateway| (gateway + 1) % 64).collect();
    let found = both(
        &Facts::GatewayDistribution(facts),
        &Decision::Assignment(assignment(before)),
        &Decision::Assignment(assignment(after)),
    );
    assert_eq!((found.agreement, found.differences.len()), (Agreement::Different, 9));
    assert_eq!(lines(&found)[0], "primary of 1563 endpoints, `pod-0` first: gateway `gw-0` -> gateway `gw-1`");
    assert_eq!(found.differences[8].object, format!("primary of {} endpoints more", 100_000 - 8 * 1563));
}

#[test]
fn an_endpoint_that_loses_its_gateway_is_named() {
    let facts = Facts::GatewayDistribution(gateways(2, &["a", "b"]));
    let before = Decision::Assignment(assignment(vec![0, 1]));
    let after = Decision::Assignment(assignment(vec![0, gateways::NONE]));
    assert_eq!(lines(&both(&facts, &before, &after)), ["primary of `pod-1`: gateway `b` -> no gateway"]);
}

#[test]
fn reasons_of_gateways_are_compared_as_texts_and_not_as_numbers() {
    let facts = Facts::GatewayDistribution(gateways(2, &["a"]));
    let of = |reason: [u8; 2], reasons: &[&str]| {
        let reasons = reasons.iter().map(|reason| (*reason).to_owned()).collect();
        Decision::Assignment(Assignment { reason: reason.to_vec(), reasons, ..assignment(vec![0, 0]) })
    };
    let before = of([0, 1], &["hash", "kept"]);
    assert_eq!(both(&facts, &before, &of([1, 0], &["kept", "hash"])).agreement, Agreement::Same);
    let found = both(&facts, &before, &of([0, 0], &["hash"]));
    assert_eq!(
        (found.agreement, lines(&found)),
        (Agreement::OtherReasons, vec!["reason of `pod-1`: kept -> hash".into()])
    );
}

#[test]
fn filters_are_compared_gateway_by_gateway() {
    let facts = Facts::GatewayFilter(gateways(3, &["a", "b"]));
    let found = both(&facts, &Decision::Allowed(vec![3, 3, 3]), &Decision::Allowed(vec![1, 1, 3]));
    assert_eq!(found.agreement, Agreement::Different);
    assert_eq!(lines(&found), ["gateway `b`: allowed to 3 endpoints -> allowed to 1 endpoint: 0 more, 2 no longer"]);
}

#[test]
fn attributes_of_an_answer_change_no_effect() {
    let with = |attributes| Decision::Selection(Selection { attributes, ..Selection::default() });
    let note = Attribute { name: "note".into(), value: Value::Flag(true) };
    let found = both(&nics(&[]), &with(Vec::new()), &with(vec![note]));
    assert_eq!(found.agreement, Agreement::OtherReasons);
}

#[test]
fn agreements_stand_in_the_order_of_what_they_do_and_have_one_name_everywhere() {
    assert!(Agreement::ALL.is_sorted());
    for agreement in Agreement::ALL {
        assert_eq!(serde_json::to_value(agreement).unwrap(), agreement.name());
    }
    assert_eq!(format!("{:>13}|", Agreement::OtherReasons), "other reasons|");
}
