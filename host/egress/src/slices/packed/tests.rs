//! Whatever happens in whatever order, what was changed in place is what `pack` makes of the whole.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    assembly::tests::{Lab, name},
    slices::{pack, unpack},
};

const MACHINES: u32 = 6;
const PODS: u32 = 260;

/// Slices that changes are made in, beside those that are packed anew each time.
struct Twice {
    lab: Lab,
    kept: Slices,
    now: Duration,
    packed: BTreeMap<NodeName, BTreeMap<String, EgressSlice>>,
}

impl Twice {
    fn new(lab: Lab) -> Twice {
        Twice { lab, kept: Slices::default(), now: Duration::ZERO, packed: BTreeMap::new() }
    }

    /// How many slices were written.
    fn step(&mut self) -> usize {
        let outcome = self.lab.recompute();
        let before: BTreeMap<String, Arc<EgressSliceSpec>> =
            self.kept.all().map(|(name, spec)| (name, spec.clone())).collect();
        let told = self.kept.renew(&self.lab.assembly, &outcome.nodes);
        let after: BTreeMap<String, Arc<EgressSliceSpec>> =
            self.kept.all().map(|(name, spec)| (name, spec.clone())).collect();
        let mut expected = BTreeMap::new();
        // All nodes, touched or not: nothing may have changed unsaid.
        let nodes: BTreeSet<NodeName> =
            self.lab.assembly.nodes().into_iter().chain(self.packed.keys().cloned()).collect();
        for node in nodes {
            let share = self.lab.assembly.share(&node);
            let specs = pack(&node, &share, self.packed.get(&node).unwrap_or(&BTreeMap::new()));
            let read = |(name, spec): (&String, &EgressSliceSpec)| {
                (name.clone(), EgressSlice::new(name.clone(), spec.clone()).unwrap())
            };
            let slices: BTreeMap<String, EgressSlice> = specs.iter().map(read).collect();
            assert_eq!(unpack(slices.values()), share);
            expected.extend(specs);
            if slices.is_empty() {
                self.packed.remove(&node)
            } else {
                self.packed.insert(node, slices)
            };
        }
        let after: BTreeMap<String, EgressSliceSpec> =
            after.into_iter().map(|(name, spec)| (name, (*spec).clone())).collect();
        assert_eq!(after, expected);
        let others: BTreeSet<&String> = before
            .keys()
            .chain(after.keys())
            .filter(|name| before.get(*name).map(|spec| &**spec) != after.get(*name))
            .collect();
        assert_eq!(told.keys().collect::<BTreeSet<_>>(), others);
        assert!(told.iter().all(|(name, spec)| spec.as_deref() == after.get(name)));
        told.len()
    }

    fn happen(&mut self, what: u32, which: u32, where_to: u32) {
        let machine = 1 + which % MACHINES;
        match what {
            0..4 => self.lab.pod(which % PODS, pod(where_to)),
            4..6 => self.lab.pod_gone(which % PODS),
            6 => self.lab.dead(&[machine]),
            7 => self.lab.dead(&[]),
            8 => self.lab.node(machine, json!({"spec": {"unschedulable": where_to.is_multiple_of(2)}})),
            9 => self.lab.assembly.take(crate::Change::NodeGone(name(machine))),
            10 => {
                let address = format!("192.168.9.{}", where_to % 9 + 1);
                let addresses = json!([{"type": "InternalIP", "address": address}]);
                self.lab.node(machine, json!({"status": {"addresses": addresses}}));
            }
            11 => self.lab.node(
                machine,
                json!({"metadata": {"labels": {"gateway": if where_to.is_multiple_of(2) { "yes" } else { "no" }}}}),
            ),
            12 => self.lab.assembly.take(crate::Change::PolicyGone("b".to_owned())),
            13 => {
                let labels = if where_to.is_multiple_of(2) { json!({"odd": "yes"}) } else { json!({"gateway": "yes"}) };
                self.lab.policy("a", json!({"egressGateways": [{"nodeSelector": {"matchLabels": labels}}]}));
            }
            14 => {
                self.now += Duration::from_secs(u64::from(where_to % 400));
                self.lab.assembly.at(self.now);
            }
            // Made anew under the same name.
            _ => self.lab.pod(which % PODS, json!({"metadata": {"uid": format!("again-{where_to}")}})),
        }
    }
}

/// Most are of two machines, which so need several slices.
fn pod(number: u32) -> Value {
    let node = if number.is_multiple_of(7) { 1 + number % MACHINES } else { 1 + number % 2 };
    json!({"spec": {"nodeName": format!("k8s{node}")}})
}

fn lab(policy: &str) -> Lab {
    let mut lab = Lab::new(policy);
    for number in 1..=MACHINES {
        let odd = if number.is_multiple_of(2) { "no" } else { "yes" };
        lab.node(number, json!({"metadata": {"labels": {"odd": odd}}}));
    }
    lab.policy("a", json!({}));
    lab.policy("b", json!({"destinationCIDRs": ["2.2.2.0/24"]}));
    lab
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn slices_that_are_changed_are_those_that_are_packed_anew(
        by: prop::sample::Index,
        pods in 0..PODS,
        days in prop::collection::vec(prop::collection::vec((0..16_u32, any::<u32>(), any::<u32>()), 1..6), 1..12),
    ) {
        let mut twice = Twice::new(lab(["round-robin", "rendezvous", "least-loaded"][by.index(3)]));
        (0..pods).for_each(|number| twice.lab.pod(number, pod(number)));
        twice.step();
        for day in days {
            day.into_iter().for_each(|(what, which, where_to)| twice.happen(what, which, where_to));
            twice.step();
        }
    }
}

#[test]
fn more_gateways_than_a_slice_has_room_for_are_packed_anew() {
    let mut twice = Twice::new(Lab::new("round-robin"));
    (1..=400).for_each(|number| twice.lab.node(number, json!({})));
    let pods = |twice: &mut Twice, numbers: std::ops::Range<u32>| {
        numbers.for_each(|number| twice.lab.pod(number, json!({"spec": {"nodeName": "k8s1"}})));
    };
    for policy in ["a", "b", "c"] {
        twice.lab.policy(policy, json!({"destinationCIDRs": ["1.1.1.0/24"]}));
    }
    pods(&mut twice, 0..60);
    assert!(twice.step() > 0);
    pods(&mut twice, 60..200);
    assert!(twice.step() > 0);
    // Each policy's next endpoint leaves by another gateway: all exits are others, and not in each slice there is room for theirs.
    (1..4).for_each(|number| twice.lab.node(number, json!({"spec": {"unschedulable": true}})));
    assert!(twice.step() > 0);
    (0..200).step_by(3).for_each(|number| twice.lab.pod_gone(number));
    assert!(twice.step() > 0);
}

#[test]
fn one_pod_among_many_touches_its_own_slice_and_those_of_its_gateways() {
    let mut twice = Twice::new(lab("rendezvous"));
    (0..250).for_each(|number| twice.lab.pod(number, pod(number)));
    twice.step();
    twice.lab.pod(250, pod(2));
    assert_eq!(twice.step(), 1, "its node sends to all gateways already");
    twice.lab.pod_gone(250);
    assert_eq!(twice.step(), 1);
    assert_eq!(twice.step(), 0);
}

#[test]
fn slices_are_taken_up_as_they_were_written() {
    let mut twice = Twice::new(lab("rendezvous"));
    (0..250).for_each(|number| twice.lab.pod(number, pod(number)));
    twice.step();
    let written: Vec<(String, Arc<EgressSliceSpec>)> =
        twice.kept.all().map(|(name, spec)| (name, Arc::new((**spec).clone()))).collect();
    let mut again = Slices::of(written.iter().map(|(name, spec)| (name.as_str(), spec)));
    let all: BTreeMap<NodeName, Touched> =
        twice.lab.assembly.nodes().into_iter().map(|node| (node, Touched::all())).collect();
    assert!(again.renew(&twice.lab.assembly, &all).is_empty(), "nothing is to be written");
    twice.kept = again;
    twice.lab.pod(3, pod(2));
    assert!(twice.step() > 0);
}
