use nicety_core::{
    decision::{Choice, Decision, Denial, Selection, Verdict},
    evaluate::Refusal,
    facts::{Facts, Request, nic_selection},
    finding::Finding,
    ids::AttachmentKey,
    millis::Millis,
    record::{
        PodRef,
        decision::{Outcome, Role},
    },
};

use super::*;

fn nic(name: &str, gigabits: u64, numa: u32) -> nic_selection::Nic {
    nic_selection::Nic {
        name: name.into(),
        mtu: 9000,
        speed: Some(gigabits * 1_000_000_000),
        state: nic_selection::LinkState::Up,
        numa: Some(numa),
        ..Default::default()
    }
}

fn decision() -> DecisionRecord {
    let request = Request { nics_min: 1, nics_max: Some(1), class: Some("fast".into()), ..Request::default() };
    let candidates = vec![nic("eth1", 100, 0), nic("eth2", 10, 0), nic("eth3", 100, 0)];
    let chosen = vec![
        Choice { candidate: 2, reserve: Some(2_500_000_000), reason: "is of the class".into() },
        Choice { candidate: 0, reserve: None, reason: "is of the class".into() },
    ];
    let dropped = vec![Verdict { candidate: 1, reason: "is not of class `fast`".into() }];
    DecisionRecord {
        id: 7,
        step: 1,
        time: Millis(1_764_000_000_000),
        key: Some(AttachmentKey {
            netconf: "multi".parse().unwrap(),
            container: "c1".parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        }),
        pod: PodRef { namespace: "default".into(), name: "web".into(), uid: String::new() },
        asked: "NICs of network `rails` for `net1`".into(),
        role: Role::Live,
        generation: 3,
        strategy: "fast".parse().unwrap(),
        policy: "device-class".into(),
        digest: "0123456789abcdef".into(),
        config: "{}".into(),
        config_hash: "00".into(),
        facts: Facts::NicSelection(nic_selection::Facts { request, candidates, ..Default::default() }),
        outcome: Outcome::Decided(Decision::Selection(Selection { chosen, dropped, ..Selection::default() })),
        findings: Vec::new(),
        duration_us: 12,
        fuel: 345,
        log: Vec::new(),
    }
}

fn told(decisions: Vec<DecisionRecord>) -> String {
    add(&Explained { decisions, record: None }, "nothing of it is attached now")
}

#[test]
fn a_selection_is_told_with_the_facts_in_which_candidates_differ_and_no_others() {
    let expected = "\
pod default/web
  ADD 7 at 2025-11-24 16:00:00 UTC, container c1, eth0 of `multi`; strategies of generation 3

  NICs of network `rails` for `net1`
    wanted: NICs 1, class fast, among 3 candidates
    strategy `fast` (policy device-class, module 0123456789ab, 12 us, 345 fuel)
      kept 1   eth3  100 Gbit/s  is of the class; 2.5 Gbit/s reserved
      kept 2   eth1  100 Gbit/s  is of the class
      dropped  eth2  10 Gbit/s   is not of class `fast`

  nothing of it is attached now";
    assert_eq!(told(vec![decision()]), expected);
}

#[test]
fn the_policies_of_a_chain_stand_under_their_one_question_with_their_roles() {
    let denied = Refusal::Denied(Denial {
        code: "no-nic".into(),
        message: "none is free".into(),
        retryable: true,
        ..Denial::default()
    });
    let fallback = DecisionRecord { role: Role::Fallback, outcome: Outcome::Refused(denied), ..decision() };
    let refused = DecisionRecord { findings: vec![Finding::new("chosen[0]", "is not a candidate")], ..decision() };
    let text = told(vec![refused, fallback]);
    assert_eq!(text.matches("NICs of network `rails`").count(), 1, "{text}");
    assert!(text.contains("      refused in review: chosen[0]: is not a candidate\n"), "{text}");
    assert!(text.contains("strategy `fast`, as the fallback ("), "{text}");
    assert!(text.contains("      denied (no-nic): none is free; the runtime may try again\n"), "{text}");
}

#[test]
fn rates_are_as_short_as_they_can_be_said() {
    for (bits, text) in [
        (100_000_000_000, "100 Gbit/s"),
        (2_500_000_000, "2.5 Gbit/s"),
        (1_234_567, "1234567 bit/s"),
        (64_000, "64 kbit/s"),
        (0, "0 bit/s"),
    ] {
        assert_eq!(said::rate(bits), text);
    }
}
