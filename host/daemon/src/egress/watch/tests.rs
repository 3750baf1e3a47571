use nicety_core::{
    egress::share::{Gateway, Way},
    millis::Millis,
};

use super::*;

fn name(text: &str) -> NodeName {
    text.parse().unwrap()
}

/// What one node tells of one other.
fn health(observer: &str, of: &str, verdict: Verdict) -> EgressHealth {
    let observed = egress_health::Observed { verdict, since: Millis(1), message: String::new() };
    EgressHealth { observer: name(observer), observed: [(name(of), observed)].into() }
}

/// Of `w-1`, whose pods leave by these.
fn share(gateways: &[&str]) -> Share {
    let gateway = |node: &&str| {
        let gateway = Gateway { node: name(node), underlay: Vec::new(), way: Way::Default, vni: 1 };
        (format!("{node}/default").into(), gateway)
    };
    Share { gateways: gateways.iter().map(gateway).collect(), ..Share::default() }
}

/// What `w-1` makes of what others say of `gw-1`.
fn word(share: &Share, healths: &[EgressHealth], own: Option<Verdict>, before: &Standings) -> Health {
    let here = name("w-1");
    let own = own.map(|verdict| Seen { verdict, since: Millis(2) });
    let machines = able(&here, share, healths, before);
    together(healths, &here, own.as_ref(), &name("gw-1"), &Watchers::of(machines.iter().copied()))
}

#[test]
fn one_observer_of_five_that_has_reported_is_not_believed() {
    use Verdict::{Healthy, Unhealthy};
    let (share, nothing) = (share(&["gw-1"]), Standings::new());
    let others = ["w-2", "w-3", "w-4", "w-5"].map(|one| health(one, "gw-2", Healthy));
    let first = health("w-6", "gw-1", Unhealthy);
    let mut all: Vec<EgressHealth> = others.into_iter().chain([first.clone()]).collect();
    assert_eq!(word(&share, &all, None, &nothing), Health::Unknown);
    // Not even where this node is the one, or knows of nobody else but the one.
    assert_eq!(word(&share, &all[..4], Some(Unhealthy), &nothing), Health::Unknown);
    assert_eq!(word(&share, &[first], None, &nothing), Health::Unknown);
    all.push(health("w-7", "gw-1", Unhealthy));
    assert_eq!(word(&share, &all, None, &nothing), Health::Unhealthy);
}

#[test]
fn where_nobody_else_can_watch_one_is_enough() {
    let alone = share(&["gw-1"]);
    assert_eq!(word(&alone, &[], Some(Verdict::Unhealthy), &Standings::new()), Health::Unhealthy);
    // Another gateway is another that may watch, unless it is dead itself.
    let two = share(&["gw-1", "gw-2"]);
    assert_eq!(word(&two, &[], Some(Verdict::Unhealthy), &Standings::new()), Health::Unknown);
    let before = [(name("gw-2"), Health::Unhealthy)].into();
    assert_eq!(word(&two, &[], Some(Verdict::Unhealthy), &before), Health::Unhealthy);
}

#[test]
fn what_this_node_sees_now_counts_in_place_of_what_it_told() {
    let told = [health("w-1", "gw-1", Verdict::Healthy), health("w-2", "gw-1", Verdict::Unhealthy)];
    assert_eq!(word(&share(&["gw-1"]), &told, Some(Verdict::Unhealthy), &Standings::new()), Health::Unhealthy);
    assert_eq!(word(&share(&["gw-1"]), &told, None, &Standings::new()), Health::Unknown);
}

#[test]
fn what_a_dead_node_said_of_others_is_old() {
    let said = ["w-2", "w-3"].map(|observer| health(observer, "gw-1", Verdict::Healthy));
    let before = [(name("w-2"), Health::Unhealthy), (name("gw-1"), Health::Healthy)].into();
    let heard = heard(said.to_vec(), &before);
    assert_eq!(heard.iter().map(|one| one.observer.as_str()).collect::<Vec<_>>(), ["w-3"]);
}
