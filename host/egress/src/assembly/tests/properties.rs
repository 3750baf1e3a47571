//! What holds on any instance.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

const STRATEGIES: [&str; 9] = [
    "round-robin",
    "hash-mod",
    "jump",
    "rendezvous",
    "least-loaded",
    "sticky-identity",
    "zone/localOnlyFirst",
    "zone/localOnly",
    "zone/disabled",
];

fn lab(strategy: &str, gateways: u32, pods: u32) -> Lab {
    let mut lab = Lab::new(strategy);
    (1..=gateways).for_each(|number| lab.node(number, zone(number)));
    lab.policy("out", json!({}));
    (1..=pods)
        .for_each(|number| lab.pod(number, json!({"spec": {"nodeName": format!("k8s{}", number % gateways + 1)}})));
    lab.recompute();
    lab
}

fn zone(number: u32) -> Value {
    json!({"metadata": {"labels": {"topology.kubernetes.io/zone": format!("zone-{}", number % 3)}}})
}

fn loads(lab: &Lab) -> BTreeMap<String, usize> {
    let mut loads = BTreeMap::new();
    lab.exits("out").into_values().for_each(|id| *loads.entry(id).or_default() += 1);
    loads
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn the_order_of_changes_does_not_matter(strategy in 0..STRATEGIES.len(), gateways in 1..9_u32, pods in 0..60_u32, seed: u64) {
        let one = lab(STRATEGIES[strategy], gateways, pods);
        let mut other = Lab::new(STRATEGIES[strategy]);
        let mut order: Vec<(u64, u32)> = (1..=pods).map(|number| (u64::from(number).wrapping_mul(seed | 1), number)).collect();
        order.sort_unstable();
        order.iter().for_each(|(_, number)| other.pod(*number, json!({"spec": {"nodeName": format!("k8s{}", number % gateways + 1)}})));
        other.policy("out", json!({}));
        (1..=gateways).rev().for_each(|number| other.node(number, zone(number)));
        other.recompute();
        prop_assert_eq!(one.exits("out"), other.exits("out"));
        for number in 1..=gateways {
            prop_assert_eq!(one.assembly.share(&name(number)), other.assembly.share(&name(number)));
        }
    }

    #[test]
    fn every_endpoint_is_answered_and_nobody_is_sent_to_the_dead(strategy in 0..STRATEGIES.len(), gateways in 1..9_u32, pods in 0..60_u32, dead: u16) {
        let mut lab = lab(STRATEGIES[strategy], gateways, pods);
        let dead: Vec<u32> = (1..=gateways).filter(|number| dead >> number & 1 == 1).collect();
        lab.dead(&dead);
        lab.recompute();
        let exits = lab.exits("out");
        prop_assert_eq!(exits.len(), pods as usize);
        for number in dead {
            let id = format!("k8s{number}/default");
            let shares = (1..=gateways).map(|node| lab.assembly.share(&name(node)));
            let all: Vec<Exit> = shares.flat_map(|share| share.endpoints.into_values()).flat_map(|one| one.exits.into_values()).collect();
            prop_assert!(all.iter().flat_map(|exit| exit.primary.iter().chain(&exit.standby)).all(|one| one.as_str() != id));
        }
    }

    #[test]
    fn who_leaves_moves_its_own_and_who_joins_no_more_than_its_share(strategy in 3..6_usize, gateways in 2..9_u32, pods in 1..120_u32) {
        let strategy = STRATEGIES[strategy];
        let mut lab = lab(strategy, gateways, pods);
        let before = lab.exits("out");
        lab.dead(&[1]);
        let moved: Vec<Move> = lab.recompute().moves;
        prop_assert!(moved.iter().all(|one| before[&one.pod.name] == "k8s1/default"), "{}: {:?}", strategy, moved);
        lab.dead(&[]);
        let back = lab.recompute().moves.len();
        let fair = pods.div_ceil(gateways) as usize;
        prop_assert!(back <= fair + fair.div_ceil(4), "{}: {} of {}", strategy, back, fair);
    }

    #[test]
    fn a_full_gateway_has_a_quarter_more_than_its_share(gateways in 1..12_u32, pods in 1..200_u32) {
        let lab = lab("rendezvous", gateways, pods);
        let most = (pods as usize * 125).div_ceil(gateways as usize * 100);
        prop_assert!(loads(&lab).values().all(|load| *load <= most));
    }

    #[test]
    fn one_that_drains_keeps_its_own_and_gets_nobody(strategy in 0..STRATEGIES.len(), gateways in 2..7_u32, pods in 1..40_u32) {
        let mut lab = lab(STRATEGIES[strategy], gateways, pods);
        let before = lab.exits("out");
        let mut drains = zone(1);
        drains["metadata"]["labels"]["nicety.dev/egress"] = json!("draining");
        lab.node(1, drains);
        (pods + 1..=pods + 20).for_each(|number| lab.pod(number, json!({"spec": {"nodeName": "k8s2"}})));
        lab.recompute();
        for (pod, id) in lab.exits("out") {
            let had = before.get(&pod).is_some_and(|id| id == "k8s1/default");
            prop_assert_eq!(had, id == "k8s1/default", "{}: {}", STRATEGIES[strategy], pod);
        }
    }
}

#[test]
fn weights_are_kept_within_a_twentieth() {
    let mut lab = Lab::new("rendezvous");
    let weights = [1, 2, 5];
    for number in 1..=3_u32 {
        lab.node(number, json!({"metadata": {"labels": {"number": number.to_string()}}}));
    }
    let groups: Vec<Value> = (1..=3)
        .map(|number| json!({"nodeSelector": {"matchLabels": {"number": number.to_string()}}, "weight": weights[number - 1]}))
        .collect();
    lab.policy("out", json!({"egressGateways": groups}));
    (1..=10_000).for_each(|number| lab.pod(number, json!({})));
    lab.recompute();
    let loads = loads(&lab);
    for (number, weight) in (1..).zip(weights) {
        let load = loads[&format!("k8s{number}/default")] as f64;
        let wanted = 10_000.0 * f64::from(weight) / 8.0;
        assert!((load - wanted).abs() <= wanted * 0.05, "{number}: {load} for {wanted}");
    }
}

#[test]
fn zones_decide_as_their_modes_say() {
    let of_zone = |lab: &Lab, strict: bool| {
        let zones = |number: u32| number % 3;
        for (pod, primary, ..) in lab.assembly.assigned("out") {
            let node: u32 = pod.node.as_ref().unwrap().as_str().trim_start_matches("k8s").parse().unwrap();
            match primary {
                None => assert!(strict && zones(node) == 1, "{}", pod.name),
                Some(id) => {
                    let of: u32 = id.as_str().trim_start_matches("k8s").split('/').next().unwrap().parse().unwrap();
                    assert!(zones(of) == zones(node) || (!strict && zones(node) == 1), "{}: {id}", pod.name);
                }
            }
        }
    };
    for (strategy, strict) in [("zone/localOnly", true), ("zone/localOnlyFirst", false)] {
        let mut lab = lab(strategy, 6, 60);
        lab.dead(&[1, 4]);
        lab.recompute();
        of_zone(&lab, strict);
    }
    let mut lab = Lab::new("zone/localOnly");
    lab.node(1, zone(1));
    lab.policy("out", json!({"egressGateways": [{"nodeSelector": {}, "zone": "zone-2"}]}));
    lab.pod(1, json!({}));
    assert_eq!(lab.of("out"), ["ep1 none"], "the group's zone is what counts");
}

#[test]
fn as_many_are_active_as_the_group_says_and_they_stay_so() {
    let mut lab = Lab::new("rendezvous");
    (1..=4).for_each(|number| lab.node(number, json!({})));
    lab.policy("out", json!({"egressGateways": [{"nodeSelector": {}, "maxGateways": 2}]}));
    (1..=20).for_each(|number| lab.pod(number, json!({})));
    let used = |lab: &Lab| loads(lab).into_keys().collect::<Vec<_>>();
    lab.recompute();
    assert_eq!(used(&lab), ["k8s1/default", "k8s2/default"]);
    lab.dead(&[1]);
    let moved = lab.recompute().moves;
    assert_eq!(used(&lab), ["k8s2/default", "k8s3/default"]);
    assert!(moved.iter().all(|one| one.from.as_ref().unwrap().as_str() == "k8s1/default"));
    lab.dead(&[]);
    assert!(lab.recompute().moves.is_empty(), "who comes back stands by");
    let told = lab.assembly.status("out").unwrap();
    let roles: Vec<String> = told.gateways.iter().map(|one| format!("{} {:?}", one.node, one.role)).collect();
    assert_eq!(roles, ["k8s2 Active", "k8s3 Active", "k8s1 Standby", "k8s4 Standby"]);
}

#[test]
fn floating_addresses_stay_until_their_node_dies() {
    let mut lab = Lab::new("rendezvous");
    (1..=3).for_each(|number| lab.node(number, json!({})));
    let addresses = json!(["192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::1", "2001:db8::2", "2001:db8::3"]);
    let group = json!([{"nodeSelector": {}, "egressIPs": addresses, "float": true}]);
    lab.policy("out", json!({"egressGateways": group, "destinationCIDRs": ["0.0.0.0/0", "::/0"]}));
    (1..=30).for_each(|number| lab.pod(number, json!({})));
    lab.recompute();
    let ways = |lab: &Lab| -> BTreeMap<String, String> {
        let members =
            lab.assembly.members("out").iter().filter_map(|member| {
                member.gateway.as_ref().map(|(_, way)| (way.to_string(), member.node.to_string()))
            });
        members.collect()
    };
    let before = ways(&lab);
    assert_eq!((before.len(), before.values().collect::<BTreeSet<_>>().len()), (3, 3), "{before:?}");
    assert!(before.contains_key("192.0.2.2+2001:db8::2"));
    lab.dead(&[2]);
    lab.recompute();
    let after = ways(&lab);
    assert_eq!(after.len(), 3);
    assert!(before.iter().filter(|(_, node)| *node != "k8s2").all(|(way, node)| after[way] == *node));
    assert!(after.values().all(|node| node != "k8s2"));
    lab.dead(&[]);
    lab.recompute();
    assert_eq!(ways(&lab), after, "nothing goes back without need");
    // Another policy that wants one of them has it where it is.
    lab.policy("zwei", json!({"egressGateways": [{"nodeSelector": {}, "egressIPs": ["192.0.2.1"], "float": true}]}));
    lab.recompute();
    let other = lab.assembly.members("zwei").iter().find_map(|member| member.id()).unwrap().to_string();
    assert_eq!(other, format!("{}/192.0.2.1", after["192.0.2.1+2001:db8::1"]));
}

/// Floating addresses and the nodes that have them.
fn homes(lab: &Lab, policy: &str) -> BTreeMap<String, String> {
    let members = lab.assembly.members(policy).iter();
    members.filter_map(|member| Some((member.gateway.as_ref()?.1.to_string(), member.node.to_string()))).collect()
}

fn floating(count: u32) -> Lab {
    let mut lab = Lab::new("rendezvous");
    (1..=count).for_each(|number| lab.node(number, json!({})));
    let addresses: Vec<String> = (1..=count).map(|number| format!("192.0.2.{number}")).collect();
    lab.policy("out", json!({"egressGateways": [{"nodeSelector": {}, "egressIPs": addresses, "float": true}]}));
    lab
}

fn drain(lab: &mut Lab, number: u32) {
    lab.node(number, json!({"metadata": {"labels": {"nicety.dev/egress": "draining"}}}));
}

#[test]
fn a_floating_address_stays_on_a_node_that_drains_while_a_pod_leaves_with_it() {
    let mut lab = floating(3);
    (1..=30).for_each(|number| lab.pod(number, json!({})));
    lab.recompute();
    let (places, exits) = (homes(&lab, "out"), lab.exits("out"));
    drain(&mut lab, 2);
    lab.recompute();
    assert_eq!((homes(&lab, "out"), lab.exits("out")), (places.clone(), exits.clone()), "draining moves nobody");
    // One by one its pods go: while one is left, the address is where it was, also for a controller that starts anew.
    let own: Vec<u32> = (1..=30).filter(|number| exits[&format!("ep{number}")].starts_with("k8s2/")).collect();
    let (last, others) = own.split_last().unwrap();
    others.iter().for_each(|number| lab.pod_gone(*number));
    lab.recompute();
    assert_eq!(homes(&lab, "out"), places);
    let shares = lab.assembly.nodes().into_iter().map(|node| (node.clone(), lab.assembly.share(&node))).collect();
    let mut again = floating(3);
    drain(&mut again, 2);
    (1..=30).filter(|number| !others.contains(number)).for_each(|number| again.pod(number, json!({})));
    again.assembly.recall(&shares);
    again.recompute();
    assert_eq!((homes(&again, "out"), again.exits("out")), (places.clone(), lab.exits("out")));
    // With the last it goes to a node that takes pods, in the same turn.
    lab.pod_gone(*last);
    lab.recompute();
    let after = homes(&lab, "out");
    assert_eq!(after.len(), 3);
    for (way, node) in places {
        assert!(if node == "k8s2" { after[&way] != node } else { after[&way] == node }, "{way}: {after:?}");
    }
    // The node is back: nothing goes back without need.
    lab.node(2, json!({}));
    lab.recompute();
    assert_eq!(homes(&lab, "out"), after);
}

#[test]
fn a_floating_address_that_no_pod_uses_leaves_a_node_that_drains_at_once() {
    let mut lab = floating(3);
    lab.recompute();
    let before = homes(&lab, "out");
    assert!(before.values().any(|node| node == "k8s2"));
    drain(&mut lab, 2);
    lab.recompute();
    assert!(homes(&lab, "out").values().all(|node| node != "k8s2"));
    // Where all drain there is no better place.
    let before = homes(&lab, "out");
    [1, 3].into_iter().for_each(|number| drain(&mut lab, number));
    lab.recompute();
    assert_eq!(homes(&lab, "out"), before);
}

#[test]
fn a_floating_address_stays_for_another_policy_s_pods_too() {
    let mut lab = floating(2);
    let other = json!({
        "egressGateways": [{"nodeSelector": {}, "egressIPs": ["192.0.2.1", "2001:db8::1"], "float": true}],
        "destinationCIDRs": ["0.0.0.0/0", "::/0"],
        "selectors": [{"podSelector": {"matchLabels": {"app": "two"}}}],
    });
    lab.policy("zwei", other);
    lab.pod(1, json!({"metadata": {"labels": {"app": "two"}}}));
    lab.recompute();
    let home = homes(&lab, "out")["192.0.2.1"].clone();
    let number: u32 = home.trim_start_matches("k8s").parse().unwrap();
    drain(&mut lab, number);
    lab.recompute();
    assert_eq!(
        (homes(&lab, "out")["192.0.2.1"].clone(), lab.exits("zwei")["ep1"].split('/').next()),
        (home.clone(), Some(&*home))
    );
    lab.pod_gone(1);
    lab.recompute();
    assert_ne!(homes(&lab, "out")["192.0.2.1"], home);
}

#[test]
fn a_strategy_is_told_how_long_before_the_last_change_a_gateway_s_health_changed() {
    let mut lab = lab("rendezvous", 4, 2);
    let standing = |since: u64| Standing { health: Health::Healthy, since: Some(Millis(since)), agree: 2, reported: 2 };
    let health: BTreeMap<_, _> =
        [(name(1), standing(5_000)), (name(2), standing(9_000)), (name(4), standing(9_500))].into();
    let facts = |lab: &Lab| {
        let (view, none) = (lab.assembly.view(), |_: &crate::view::Name, _: &Pod| None);
        let facts = crate::facts::of("out", view, lab.assembly.members("out"), view.pods.iter(), none);
        facts.gateways.iter().map(|gateway| gateway.since).collect::<Vec<_>>()
    };
    lab.assembly.take(Change::Health(health.clone()));
    drain(&mut lab, 4);
    lab.recompute();
    // Nothing is known of the third, and since when the fourth drains nobody knows.
    assert_eq!(facts(&lab), [Some(4_000), Some(0), None, None]);
    // At any other time the same gateways are the same facts.
    let later =
        health.into_iter().map(|(node, one)| (node, Standing { since: one.since.map(|at| Millis(at.0 + 777)), ..one }));
    lab.assembly.take(Change::Health(later.collect()));
    lab.recompute();
    assert_eq!(facts(&lab), [Some(4_000), Some(0), None, None]);
}

#[test]
fn a_strategy_that_fails_leaves_the_last_assignment_without_the_dead() {
    let mut lab = lab("rendezvous", 3, 30);
    let before = lab.exits("out");
    let liar = Arc::new(Liar(nicety_native::get("rendezvous").unwrap()));
    let set = Set::default();
    let mut load = |_: &_, _: &_| Ok(liar.clone() as Arc<dyn Evaluator>);
    let mut failing = build_gateways(&set, &mut load);
    std::mem::swap(&mut lab.set, &mut failing);
    lab.dead(&[1]);
    lab.pod(31, json!({}));
    let told = lab.recompute().statuses["out"].clone();
    assert_eq!((told.degraded.reason, told.ready.holds), ("PolicyFailed", false), "{told:?}");
    let after = lab.exits("out");
    assert_eq!(after["ep31"], "none");
    for (pod, id) in before {
        assert!(if id == "k8s1/default" { after[&pod] != id } else { after[&pod] == id }, "{pod}");
        assert_ne!(after[&pod], "none");
    }
}

/// Sends everybody to a gateway that is not there.
struct Liar(Box<dyn Evaluator>);

impl Evaluator for Liar {
    fn kind(&self) -> Kind {
        Kind::GatewayDistribution
    }
    fn description(&self) -> &nicety_core::facts::Description {
        self.0.description()
    }
    fn digest(&self) -> &str {
        "liar"
    }
    fn validate_config(&self, _: &str) -> Result<Vec<String>, nicety_core::evaluate::Failure> {
        Ok(Vec::new())
    }
    fn evaluate(&self, _: &str, facts: &nicety_core::facts::Facts) -> nicety_core::evaluate::Evaluation {
        let nicety_core::facts::Facts::GatewayDistribution(facts) = facts else { panic!() };
        let count = facts.endpoints.len();
        let assignment = nicety_core::decision::Assignment {
            primary: vec![99; count],
            standby: vec![99; count],
            reason: vec![0; count],
            reasons: vec!["because".to_owned()],
            attributes: Vec::new(),
        };
        let outcome = Ok(nicety_core::decision::Decision::Assignment(assignment));
        nicety_core::evaluate::Evaluation { outcome, fuel: 0, log: Vec::new() }
    }
}

/// The distribution by one evaluator; the other points as they are.
fn build_gateways(set: &Set, liar: &mut dyn FnMut(&(), &()) -> Result<Arc<dyn Evaluator>, String>) -> StrategySet {
    let mut load = |module: &nicety_objects::strategies::ModuleRef, _: &nicety_objects::strategies::Limits| {
        let nicety_objects::strategies::PolicyRef::Builtin(name) = &module.policy else { panic!("{module:?}") };
        match name.as_str() {
            "rendezvous" => liar(&(), &()),
            name => Ok(Arc::from(nicety_native::get(name).unwrap()) as Arc<dyn Evaluator>),
        }
    };
    build(&set.strategies, &mut load, &Trials::default()).unwrap()
}

#[test]
fn what_was_written_before_a_restart_is_what_is_decided_after_it() {
    let mut before = lab("least-loaded", 5, 200);
    before.dead(&[3]);
    before.recompute();
    before.dead(&[]);
    before.recompute();
    let shares: BTreeMap<NodeName, Share> =
        before.assembly.nodes().into_iter().map(|node| (node.clone(), before.assembly.share(&node))).collect();
    let mut after = Lab::new("least-loaded");
    (1..=5).for_each(|number| after.node(number, zone(number)));
    after.policy("out", json!({}));
    (1..=200).for_each(|number| after.pod(number, json!({"spec": {"nodeName": format!("k8s{}", number % 5 + 1)}})));
    after.assembly.recall(&shares);
    let outcome = after.recompute();
    assert!(outcome.moves.is_empty(), "{:?}", outcome.moves.first());
    for (node, share) in shares {
        // Words of the strategy may be others now; nothing else.
        let exits = |share: Share| -> Vec<_> {
            let endpoints = share.endpoints.into_iter();
            endpoints
                .map(|(key, one)| (key, one.exits.into_values().map(|exit| exit.primary).collect::<Vec<_>>()))
                .collect()
        };
        let new = after.assembly.share(&node);
        assert_eq!((&new.gateways, &new.senders, &new.watches), (&share.gateways, &share.senders, &share.watches));
        assert_eq!(exits(new), exits(share));
    }
}

#[test]
fn nothing_is_asked_when_nothing_that_matters_has_changed() {
    let mut lab = lab("rendezvous", 3, 30);
    assert!(lab.recompute().runs.is_empty());
    lab.pod(1, json!({"metadata": {"labels": {"version": "2"}}, "spec": {"nodeName": "k8s2"}}));
    lab.node(9, json!({"metadata": {"labels": {"gateway": "no"}}}));
    lab.policy("out", json!({"egressGateways": [{"nodeSelector": {"matchLabels": {"gateway": "yes"}}}]}));
    lab.recompute();
    lab.pod(1, json!({"metadata": {"labels": {"version": "3"}}, "spec": {"nodeName": "k8s2"}}));
    let outcome = lab.recompute();
    assert!(outcome.runs.is_empty() && outcome.moves.is_empty());
    lab.set = strategies("jump", json!({}));
    assert_eq!(lab.recompute().runs.len(), 1);
}

#[test]
fn a_plan_says_what_would_move_and_moves_nothing() {
    let lab = lab("rendezvous", 4, 100);
    let before = lab.exits("out");
    let plan = crate::plan::plan(&lab.assembly, [Change::NodeGone(name(2))], &lab.set, &|| 0);
    let own = before.values().filter(|id| *id == "k8s2/default").count();
    assert_eq!((plan.policies["out"].moved, plan.policies["out"].lost), (own, 0));
    let text = plan.text(2);
    assert!(text.starts_with(&format!("out: of 100 pods {own} would move")), "{text}");
    assert!(text.contains("k8s2/default -> k8s") && text.contains("  and "), "{text}");
    assert_eq!(lab.exits("out"), before);
    let other = strategies("hash-mod", json!({}));
    assert!(crate::plan::plan(&lab.assembly, [], &other, &|| 0).policies["out"].moved > own);
    let picture = crate::picture::draw(&lab.assembly, "out").unwrap();
    assert!(picture.starts_with("<svg") && picture.matches("<circle").count() == 4);
}

#[test]
fn a_plan_counts_pods_that_would_be_captured_without_a_gateway() {
    let mut lab = lab("rendezvous", 2, 10);
    let narrower = |ips: Value| {
        let mut of = Lab::new("rendezvous");
        let group = json!({"nodeSelector": {"matchLabels": {"gateway": "yes"}}, "egressIPs": ips});
        of.policy("narrow", json!({"destinationCIDRs": ["1.1.1.7/32"], "egressGateways": [group]}));
        of.assembly.view().policies["narrow"].clone()
    };
    let nowhere = Change::Policy(Box::new((*narrower(json!(["203.0.113.9"]))).clone()));
    let plan = |lab: &Lab| crate::plan::plan(&lab.assembly, [nowhere.clone()], &lab.set, &|| 0);
    let planned = plan(&lab);
    let of = &planned.policies["narrow"];
    assert_eq!((of.endpoints, of.lost, of.without.before, of.without.then), (10, 0, 0, 10));
    assert!(of.without.grows() && !planned.policies["out"].without.grows());
    let text = planned.text(2);
    assert!(text.contains("policy `narrow` would have no gateway for 10 pods (now for 0): "), "{text}");
    // Once that is how it is, a plan that changes nothing makes nothing worse.
    lab.assembly.take(nowhere.clone());
    lab.recompute();
    let of = plan(&lab).policies["narrow"].without;
    assert_eq!((of.before, of.then, of.grows()), (10, 10, false));
}

#[test]
fn lines_of_the_audit_follow_from_what_moved() {
    let mut lab = lab("rendezvous", 2, 10);
    lab.dead(&[1]);
    let moves = lab.recompute().moves;
    let lines = lab.assembly.lines(&moves, Millis(7));
    assert_eq!(lines.len(), moves.len() * 2);
    let told = nicety_core::egress::held::holdings(&lines);
    assert!(told.iter().all(|one| one.gateway.as_str() == "k8s2/default" && one.from == Millis(7)));
}
