//! A gateway that pods were moved off stays what it was for their connections.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// Two nodes with a label each, and a third with the pods.
fn lab(group: &str) -> Lab {
    let mut lab = Lab::new("rendezvous");
    for number in 1..=3_u32 {
        lab.node(number, json!({"metadata": {"labels": {"group": format!("g{number}")}}}));
    }
    lab.policy("out", groups(group));
    (1..=5).for_each(|number| lab.pod(number, json!({"spec": {"nodeName": "k8s3"}})));
    lab.recompute();
    lab
}

fn groups(group: &str) -> Value {
    json!({"egressGateways": [{"nodeSelector": {"matchLabels": {"group": group}}}]})
}

/// The node of the pods, and what is there of gateway 1: with its pods' node, by itself, and whom it has a way back to.
fn first(lab: &Lab) -> (bool, bool, bool) {
    let id: GatewayId = "k8s1/default".to_owned().into();
    let (node, gateway) = (lab.assembly.share(&name(3)), lab.assembly.share(&name(1)));
    (node.gateways.contains_key(&id), gateway.gateways.contains_key(&id), gateway.senders.contains_key(&name(3)))
}

const THERE: (bool, bool, bool) = (true, true, true);
const GONE: (bool, bool, bool) = (false, false, false);

#[test]
fn a_gateway_that_pods_were_moved_off_stays_for_ten_minutes_and_counts_as_nobody_s() {
    let mut lab = lab("g1");
    let before = lab.assembly.share(&name(3)).gateways;
    lab.assembly.at(MINUTE / 2);
    lab.policy("out", groups("g2"));
    assert_eq!(lab.recompute().moves.len(), 5);
    assert_eq!(first(&lab), THERE);
    assert!(before.iter().all(|(id, gateway)| lab.assembly.share(&name(3)).gateways.get(id) == Some(gateway)));
    let told = lab.assembly.status("out").unwrap();
    assert!(told.gateways.iter().all(|one| one.node == "k8s2"), "{:?}", told.gateways);
    let due = lab.assembly.wake().unwrap();
    assert_eq!(due, 11 * MINUTE);
    assert!(!lab.assembly.at(due - MINUTE / 60));
    lab.recompute();
    assert_eq!(first(&lab), THERE);
    assert!(lab.assembly.at(due));
    let touched: Vec<NodeName> = lab.recompute().nodes.into_keys().collect();
    assert_eq!((touched, first(&lab)), (vec![name(1), name(3)], GONE));
    assert_eq!((lab.assembly.wake(), lab.assembly.share(&name(1)).gateways.len()), (None, 0));
}

#[test]
fn a_pod_that_another_policy_takes_over_keeps_its_connections_and_one_that_none_captures_does_not() {
    for (taken_over, wanted) in [(true, THERE), (false, GONE)] {
        let mut lab = lab("g1");
        lab.assembly.take(Change::PolicyGone("out".to_owned()));
        if taken_over {
            lab.policy("then", groups("g2"));
        }
        lab.recompute();
        assert_eq!(first(&lab), wanted);
    }
}

#[test]
fn nothing_lingers_for_pods_that_are_gone_on_the_dead_or_without_a_node() {
    let moved = |lab: &mut Lab| {
        lab.policy("out", groups("g2"));
        lab.recompute();
    };
    let mut gone = lab("g1");
    (1..=5).for_each(|number| gone.pod_gone(number));
    moved(&mut gone);
    assert_eq!(first(&gone), GONE);
    let mut dead = lab("g1");
    moved(&mut dead);
    dead.dead(&[1]);
    dead.recompute();
    assert_eq!(first(&dead), GONE);
    let mut left = lab("g1");
    moved(&mut left);
    (1..=5).for_each(|number| left.pod_gone(number));
    left.recompute();
    left.assembly.take(Change::PolicyGone("out".to_owned()));
    left.recompute();
    assert_eq!(first(&left), GONE, "nobody is captured on the node any more");
    let mut node = lab("g1");
    moved(&mut node);
    node.assembly.take(Change::NodeGone(name(1)));
    node.recompute();
    assert_eq!(first(&node), GONE);
}

#[test]
fn a_floating_address_is_not_held_back() {
    let float = |group: &str| json!({"egressGateways": [{"nodeSelector": {"matchLabels": {"group": group}}, "egressIPs": ["192.0.2.1"], "float": true}]});
    let mut lab = lab("g1");
    lab.policy("out", float("g1"));
    lab.recompute();
    let has = |lab: &Lab, number: u32| {
        let id: GatewayId = format!("k8s{number}/192.0.2.1").into();
        let nodes = [1, 2, 3].map(|node| lab.assembly.share(&name(node)).gateways.contains_key(&id));
        (nodes[number as usize - 1], nodes[2])
    };
    lab.policy("out", groups("g2"));
    lab.recompute();
    assert_eq!(has(&lab, 1), (true, true), "nobody else wants it");
    lab.policy("out", float("g2"));
    lab.recompute();
    assert_eq!((has(&lab, 1), has(&lab, 2)), ((false, false), (true, true)));
}

#[test]
fn who_begins_anew_gives_what_nobody_uses_ten_minutes_more_and_no_longer() {
    let mut lab = lab("g1");
    lab.policy("out", groups("g2"));
    lab.recompute();
    let shares = |lab: &Lab| -> BTreeMap<NodeName, Share> {
        (1..=3).map(|number| (name(number), lab.assembly.share(&name(number)))).collect()
    };
    let old = std::mem::replace(&mut lab, self::lab("g2"));
    let mut again = self::lab("g2").assembly;
    lab.assembly.at(MINUTE);
    for assembly in [&mut lab.assembly, &mut again] {
        assembly.recall(&shares(&old));
    }
    lab.recompute();
    assert_eq!(shares(&lab), shares(&old));
    assert_eq!(lab.assembly.wake(), Some(11 * MINUTE));
    // Who was there before goes on counting.
    again.at(MINUTE);
    again.linger_as(&old.assembly);
    again.recompute(&lab.set, &|| 0);
    assert_eq!((again.wake(), again.share(&name(3))), (Some(10 * MINUTE), old.assembly.share(&name(3))));
    again.at(10 * MINUTE);
    again.recall(&shares(&old));
    again.recompute(&lab.set, &|| 0);
    assert!(again.share(&name(1)).gateways.is_empty());
}

#[test]
fn a_policy_that_went_while_nobody_looked_leaves_its_gateway_to_pods_of_another() {
    let mut lab = lab("g1");
    let shares: BTreeMap<NodeName, Share> =
        [1, 3].map(|number| (name(number), lab.assembly.share(&name(number)))).into();
    lab.assembly = Assembly::default();
    for number in 1..=3_u32 {
        lab.node(number, json!({"metadata": {"labels": {"group": format!("g{number}")}}}));
    }
    (1..=5).for_each(|number| lab.pod(number, json!({"spec": {"nodeName": "k8s3"}})));
    lab.policy("then", groups("g2"));
    lab.assembly.recall(&shares);
    lab.recompute();
    assert_eq!(first(&lab), THERE);
}
