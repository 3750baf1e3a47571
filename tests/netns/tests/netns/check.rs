//! CHECK finds every kind of drift, and only drift.

use nicety_core::{
    plan::{HostNic, Link, MacvlanMode, Route, Step},
    record::Attached,
};
use nicety_kernel::{apply, check, exists};

use crate::{
    lab::{self, Pod, deadline, macvlan, nic},
    tests,
};

tests![
    an_interface_as_it_was_made_does_not_drift,
    every_kind_of_drift_is_found_and_named,
    what_the_pod_adds_for_itself_is_no_drift,
    names_that_exist_are_told,
];

fn attached(master: &HostNic) -> Attached {
    Attached {
        ifname: "net1".parse().unwrap(),
        network: "fabric".parse().unwrap(),
        link: Link::Macvlan { mode: MacvlanMode::Bridge },
        nic: Some(master.clone()),
        mac: lab::mac(1),
        mtu: Some(1500),
        addresses: vec!["10.1.0.1/16".parse().unwrap()],
        routes: vec![Route { to: "10.2.0.0/16".parse().unwrap(), via: Some("10.1.255.1".parse().unwrap()) }],
        reserved: 0,
        reason: String::new(),
        strategy: String::new(),
    }
}

fn scene() -> (Pod, Attached) {
    let (pod, master) = (Pod::new(), nic("fabric"));
    let mut steps = macvlan("net1", &master, MacvlanMode::Bridge, 1);
    steps.push(Step::AddRoute {
        ifname: "net1".parse().unwrap(),
        to: "10.2.0.0/16".parse().unwrap(),
        via: Some("10.1.255.1".parse().unwrap()),
    });
    apply(&pod.netns(), &steps, deadline()).unwrap();
    (pod, attached(&master))
}

fn drift(pod: &Pod, attached: &Attached) -> Vec<String> {
    let drift = check(&pod.netns(), std::slice::from_ref(attached), deadline()).unwrap();
    drift.iter().map(ToString::to_string).collect()
}

fn an_interface_as_it_was_made_does_not_drift() {
    let (pod, attached) = scene();
    assert_eq!(drift(&pod, &attached), Vec::<String>::new());
}

fn every_kind_of_drift_is_found_and_named() {
    for (change, expected) in [
        ("link del net1", vec!["interface `net1` is gone from the pod"]),
        (
            "link set net1 down",
            vec!["interface `net1` is down", "interface `net1` has lost its route to `10.2.0.0/16` via `10.1.255.1`"],
        ),
        ("link set net1 mtu 1300", vec!["interface `net1` has MTU 1300, not 1500"]),
        (
            "link set net1 address 02:00:00:00:09:09",
            vec!["interface `net1` has the hardware address `02:00:00:00:09:09`, not `02:00:00:00:01:01`"],
        ),
        ("route del 10.2.0.0/16", vec!["interface `net1` has lost its route to `10.2.0.0/16` via `10.1.255.1`"]),
        (
            "addr del 10.1.0.1/16 dev net1",
            vec![
                "interface `net1` has lost its address `10.1.0.1/16`",
                "interface `net1` has lost its route to `10.2.0.0/16` via `10.1.255.1`",
            ],
        ),
        (
            "link set net1 type macvlan mode private",
            vec!["interface `net1` is `macvlan/private` and was made as `macvlan/bridge`"],
        ),
    ] {
        lab::in_new_netns(|| {
            let (pod, attached) = scene();
            pod.ip(change);
            assert_eq!(drift(&pod, &attached), expected, "after {change}");
        });
    }
    let (pod, mut attached) = scene();
    let index = attached.nic.as_ref().unwrap().index;
    attached.nic.as_mut().unwrap().index = 4711;
    assert_eq!(drift(&pod, &attached), [format!("interface `net1` has the master with index {index}, not 4711")]);
    pod.ip("link del net1");
    pod.ip("link add net1 type bridge");
    assert_eq!(drift(&pod, &attached), ["interface `net1` is `bridge` and was made as `macvlan/bridge`"]);
}

fn what_the_pod_adds_for_itself_is_no_drift() {
    let (pod, attached) = scene();
    pod.ip("addr add 10.77.0.1/24 dev net1");
    pod.ip("route add 10.78.0.0/16 via 10.77.0.2");
    pod.ip("link add own type bridge");
    assert_eq!(drift(&pod, &attached), Vec::<String>::new());
}

fn names_that_exist_are_told() {
    let (pod, _) = scene();
    let names = ["net0", "net1", "lo"].map(|name| name.parse().unwrap());
    let [_, taken, loopback] = names.clone();
    assert_eq!(exists(&pod.netns(), &names, deadline()).unwrap(), [taken, loopback]);
}
