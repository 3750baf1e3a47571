//! Rows N18 to N27 of the reference's selection, and what we add: the PCI switch.

use nicety_policy_sdk::{Attribute, Group, Value, facts};

use super::*;

fn nic(name: &str, numa: u32) -> Nic {
    Nic { numa: Some(numa), ..facts::nic(name) }
}

/// Two NICs on NUMA nodes 0 and 1, and a request for one NIC by a pod with these GPUs.
fn asked(gpus: &[Device]) -> Facts {
    let mut facts = facts::selection([nic("eth1", 0), nic("eth2", 1)]);
    facts.request.nics_max = Some(1);
    facts.devices = gpus.to_vec();
    facts
}

fn order(facts: &Facts) -> Vec<&str> {
    let selection = decide(&Config {}, facts).unwrap();
    assert_eq!(selection.dropped, []);
    selection.chosen.iter().map(|choice| facts.candidates[choice.candidate as usize].name.as_str()).collect()
}

fn first_reason(facts: &Facts) -> String {
    decide(&Config {}, facts).unwrap().chosen[0].reason.clone()
}

#[test]
fn the_nic_on_the_gpus_numa_node_is_first() {
    assert_eq!(order(&asked(&[facts::gpu(1)])), ["eth2", "eth1"]);
    assert_eq!(order(&asked(&[facts::gpu(0)])), ["eth1", "eth2"]);
    assert_eq!(first_reason(&asked(&[facts::gpu(1)])), "1 of the pod's 1 GPUs on its NUMA node 1");
}

#[test]
fn more_gpus_weigh_more() {
    assert_eq!(order(&asked(&[facts::gpu(0), facts::gpu(1), facts::gpu(1)])), ["eth2", "eth1"]);
}

#[test]
fn a_tie_keeps_the_order_of_the_candidates() {
    assert_eq!(order(&asked(&[facts::gpu(0), facts::gpu(1)])), ["eth1", "eth2"]);
}

#[test]
fn a_request_for_every_candidate_keeps_their_order() {
    for nics_max in [None, Some(2), Some(9)] {
        let mut facts = asked(&[facts::gpu(1)]);
        facts.request.nics_max = nics_max;
        assert_eq!(order(&facts), ["eth1", "eth2"]);
        assert!(first_reason(&facts).contains("every candidate is asked for"));
    }
}

#[test]
fn of_nics_that_count_once_together_the_nearest_is_wanted_whatever_their_number() {
    let mut facts = asked(&[facts::gpu(1)]);
    (facts.request.nics_max, facts.request.distinct) = (None, Some(Group::Card));
    assert_eq!(order(&facts), ["eth2", "eth1"]);
}

#[test]
fn without_a_gpu_the_order_stays_and_the_reason_says_so() {
    assert_eq!(order(&asked(&[])), ["eth1", "eth2"]);
    assert!(first_reason(&asked(&[])).contains("no GPU"));
    let elsewhere = Device { kind: "fpga".into(), ..facts::gpu(1) };
    assert!(first_reason(&asked(&[elsewhere])).contains("no GPU"), "another device is no GPU");
}

#[test]
fn with_a_candidate_of_unknown_numa_node_the_order_stays_and_the_reason_names_it() {
    let mut facts = asked(&[facts::gpu(1)]);
    facts.candidates.push(facts::nic("eth3"));
    assert_eq!(order(&facts), ["eth1", "eth2", "eth3"]);
    assert!(first_reason(&facts).contains("`eth3`"));
}

#[test]
fn masters_do_not_matter() {
    let mut facts = asked(&[facts::gpu(1)]);
    facts.request.masters = vec!["eth1".into()];
    assert_eq!(order(&facts), ["eth2", "eth1"]);
}

#[test]
fn a_nic_behind_the_gpus_switch_comes_before_one_on_its_numa_node() {
    let upstream = |bus| Some(facts::pci(bus, 0));
    let mut facts = asked(&[]);
    facts.candidates = vec![
        Nic { upstream: upstream(8), ..nic("eth1", 0) },
        Nic { upstream: upstream(9), ..nic("eth2", 0) },
        nic("eth3", 1),
    ];
    let value = Value::Text("00000000:09:00.0".into());
    let attributes = vec![Attribute { name: UPSTREAM.into(), value }];
    facts.devices = vec![Device { attributes, ..facts::gpu(0) }, facts::gpu(1), facts::gpu(1)];
    assert_eq!(order(&facts), ["eth2", "eth3", "eth1"]);
    assert_eq!(first_reason(&facts), "1 behind its PCI switch, 1 of the pod's 3 GPUs on its NUMA node 0");
}
