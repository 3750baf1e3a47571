//! What can be explained, and for how long.

use nicety_core::{
    decision::{Decision, Denial},
    evaluate::Refusal,
    facts::{Facts, nic_selection},
    ids::AttachmentKey,
    record::{
        PodRef,
        decision::{DecisionRecord, Outcome, Role},
    },
};
use nicety_store::{KEPT, Store, Wanted};

use crate::fixture::{START, fixture, key, record};

fn decision(id: u64, step: u32, key: &AttachmentKey, outcome: Outcome) -> DecisionRecord {
    DecisionRecord {
        id,
        step,
        time: START,
        key: Some(key.clone()),
        pod: PodRef { namespace: "default".into(), name: key.container.to_string(), uid: String::new() },
        asked: "NICs for net1".into(),
        role: Role::Live,
        strategy: "all".parse().unwrap(),
        generation: 1,
        policy: "spread".into(),
        config: "{}".into(),
        digest: "native".into(),
        config_hash: "0".into(),
        facts: Facts::NicSelection(nic_selection::Facts::default()),
        outcome,
        findings: Vec::new(),
        duration_us: 12,
        fuel: 0,
        log: Vec::new(),
    }
}

fn decided() -> Outcome {
    Outcome::Decided(Decision::Requests(Vec::new()))
}

fn denied() -> Outcome {
    Outcome::Refused(Refusal::Denied(Denial { code: "no".into(), message: "not today".into(), ..Denial::default() }))
}

/// An ADD of two decisions; returns its id.
fn attach(store: &Store, container: &str) -> u64 {
    let (id, key) = (store.next_decision(), key(container));
    store.remember(&[decision(id, 0, &key, decided()), decision(id, 1, &key, decided())]);
    let (ifname, claims) = ("net1".parse().unwrap(), []);
    let make = |leases: &[Vec<_>]| {
        Ok::<_, std::convert::Infallible>(nicety_core::record::Record { decision: id, ..record(&key, leases) })
    };
    store.acquire(&key, &[Wanted { ifname: &ifname, claims: &claims }], START, make).unwrap();
    id
}

fn deny(store: &Store, container: &str) -> u64 {
    let id = store.next_decision();
    store.remember(&[decision(id, 0, &key(container), denied())]);
    id
}

#[test]
fn the_decisions_of_an_attachment_are_read_back_in_their_order_after_a_restart() {
    let fixture = fixture();
    let id = attach(&fixture.store, "c1");
    let fixture = fixture.reopen();
    let found = fixture.store.decision(id).unwrap();
    assert_eq!(found, [decision(id, 0, &key("c1"), decided()), decision(id, 1, &key("c1"), decided())]);
    assert!(fixture.store.next_decision() > id);
}

#[test]
fn a_denied_add_can_be_explained_though_nothing_was_attached() {
    let fixture = fixture();
    let id = deny(&fixture.store, "c1");
    let found = fixture.store.decisions(|_, pod| pod.namespace == "default" && pod.name == "c1").unwrap();
    assert_eq!(found, [decision(id, 0, &key("c1"), denied())]);
    assert_eq!(fixture.reopen().store.decision(id).unwrap().len(), 1);
}

#[test]
fn a_decision_that_belongs_to_no_attachment_is_kept_among_those_of_attachments_that_are_gone() {
    let fixture = fixture();
    let id = fixture.store.next_decision();
    fixture.store.remember(&[DecisionRecord { key: None, ..decision(id, 0, &key("c1"), denied()) }]);
    let fixture = fixture.reopen();
    let found = fixture.store.decisions(|key, pod| key.is_none() && pod.name == "c1").unwrap();
    assert_eq!(found.len(), 1);
}

#[test]
fn the_newest_add_is_found_first() {
    let fixture = fixture();
    let ids = [deny(&fixture.store, "c1"), deny(&fixture.store, "c2"), deny(&fixture.store, "c1")];
    let found = fixture.store.decisions(|key, _| key.is_some_and(|key| key.container.as_str() == "c1")).unwrap();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [ids[2], ids[0]]);
}

#[test]
fn present_attachments_keep_their_decisions_and_others_only_the_last() {
    let fixture = fixture();
    let kept = attach(&fixture.store, "stays");
    let gone = attach(&fixture.store, "goes");
    let first = deny(&fixture.store, "denied");
    fixture.store.release(&key("goes"), START).unwrap();
    // What went last is kept longest, however old its id.
    for _ in 0..KEPT - 1 {
        deny(&fixture.store, "denied");
    }
    let present = |store: &Store, id| !store.decision(id).unwrap().is_empty();
    assert!(present(&fixture.store, kept) && present(&fixture.store, gone) && !present(&fixture.store, first));
    deny(&fixture.store, "denied");
    assert!(present(&fixture.store, kept) && !present(&fixture.store, gone));

    let fixture = fixture.reopen();
    assert!(present(&fixture.store, kept) && !present(&fixture.store, gone));
    assert_eq!(fixture.store.decisions(|_, _| true).unwrap().len(), KEPT + 2);
}

#[test]
fn decisions_that_come_after_their_attachment_are_kept_with_it() {
    let fixture = fixture();
    let id = attach(&fixture.store, "c1");
    fixture.store.remember(&[decision(id, 2, &key("c1"), decided())]);
    for _ in 0..=KEPT {
        deny(&fixture.store, "denied");
    }
    assert_eq!(fixture.store.decision(id).unwrap().len(), 3);
}

#[test]
fn large_decisions_are_bounded_by_their_bytes() {
    let fixture = fixture();
    for _ in 0..12 {
        let id = fixture.store.next_decision();
        let large = DecisionRecord { asked: "x".repeat(1 << 20), ..decision(id, 0, &key("c1"), denied()) };
        fixture.store.remember(&[large]);
    }
    assert_eq!(fixture.store.decisions(|_, _| true).unwrap().len(), 7);
}
