//! macvlan links: made as asked, in the pod and nowhere else, and taken back.

use nicety_core::plan::{MacvlanMode, Step, Undo};
use nicety_kernel::{apply, undo};

use crate::{
    lab::{self, GROUP, Pod, deadline, ip, macvlan, nic},
    tests,
};

tests![
    every_mode_is_made_as_asked,
    pods_on_one_master_reach_each_other,
    a_name_that_the_host_has_too_is_free_in_the_pod,
    a_name_that_the_pod_has_is_refused_and_the_link_untouched,
    the_group_takes_all_its_links_and_no_other,
    undo_runs_twice_and_without_a_namespace,
    a_master_that_is_gone_is_named,
    ipv6_switched_off_in_the_pod_is_said_so,
];

fn delete(names: &[&str]) -> [Undo; 1] {
    [Undo::DeleteGroup { group: GROUP, ifnames: names.iter().map(|n| n.parse().unwrap()).collect() }]
}

fn every_mode_is_made_as_asked() {
    for (mode, word) in [
        (MacvlanMode::Bridge, "bridge"),
        (MacvlanMode::Private, "private"),
        (MacvlanMode::Vepa, "vepa"),
        (MacvlanMode::Passthru, "passthru"),
        (MacvlanMode::Source, "source"),
    ] {
        let (pod, master) = (Pod::new(), nic(word));
        apply(&pod.netns(), &macvlan("net1", &master, mode, 7), deadline()).unwrap();
        let link = &pod.ip("addr show net1")[0];
        assert_eq!(link["linkinfo"]["info_kind"], "macvlan", "{link}");
        assert_eq!(link["linkinfo"]["info_data"]["mode"], word);
        assert_eq!(link["link_index"], master.index);
        assert_eq!(link["group"], GROUP.to_string());
        assert!(link["flags"].to_string().contains("\"UP\""), "{link}");
        assert!(link["addr_info"].to_string().contains("10.1.0.7"), "{link}");
        let expected = if mode == MacvlanMode::Passthru {
            ip(&format!("link show {word}"))[0]["address"].clone()
        } else {
            lab::mac(7).to_string().into()
        };
        assert_eq!(link["address"], expected);
        assert_eq!(undo(Some(&pod.netns()), &delete(&["net1"]), deadline()).len(), 0);
    }
}

fn pods_on_one_master_reach_each_other() {
    let (a, b, master) = (Pod::new(), Pod::new(), nic("fabric"));
    apply(&a.netns(), &macvlan("net1", &master, MacvlanMode::Bridge, 1), deadline()).unwrap();
    apply(&b.netns(), &macvlan("net1", &master, MacvlanMode::Bridge, 2), deadline()).unwrap();
    lab::eventually("a ping", || a.ping("10.1.0.2"));
}

fn a_name_that_the_host_has_too_is_free_in_the_pod() {
    let (pod, master) = (Pod::new(), nic("eth0"));
    apply(&pod.netns(), &macvlan("eth0", &master, MacvlanMode::Bridge, 1), deadline()).unwrap();
    assert_eq!(pod.ip("link show eth0")[0]["linkinfo"]["info_kind"], "macvlan");
    assert_eq!(ip("link show eth0")[0]["linkinfo"]["info_kind"], "veth");
}

fn a_name_that_the_pod_has_is_refused_and_the_link_untouched() {
    let (pod, master) = (Pod::new(), nic("fabric"));
    pod.ip("link add net1 type bridge");
    let before = pod.state();
    let error =
        apply(&pod.netns(), &macvlan("net1", &master, MacvlanMode::Bridge, 1), deadline()).unwrap_err().to_string();
    assert!(error.contains("step 1 of 3") && error.contains("hint: interface `net1` exists in the pod"), "{error}");
    lab::unchanged("the pod", &before, &pod.state());
}

fn the_group_takes_all_its_links_and_no_other() {
    let (pod, master) = (Pod::new(), nic("fabric"));
    pod.ip("link add other type bridge");
    pod.ip("link add other2 group 77 type bridge");
    let (before, host) = (pod.state(), lab::state());
    let steps: Vec<Step> = (1..5).flat_map(|n| macvlan(&format!("net{n}"), &master, MacvlanMode::Bridge, n)).collect();
    apply(&pod.netns(), &steps, deadline()).unwrap();
    assert!(pod.state() != before);
    lab::unchanged("the host", &host, &lab::state());
    assert_eq!(undo(Some(&pod.netns()), &delete(&["net1", "net2", "net3", "net4"]), deadline()).len(), 0);
    lab::unchanged("the pod", &before, &pod.state());
}

fn undo_runs_twice_and_without_a_namespace() {
    let (pod, master) = (Pod::new(), nic("fabric"));
    apply(&pod.netns(), &macvlan("net1", &master, MacvlanMode::Bridge, 1), deadline()).unwrap();
    for netns in [Some(&pod.netns()), Some(&pod.netns()), None] {
        let errors = undo(netns, &delete(&["net1"]), deadline());
        assert!(errors.is_empty(), "{errors:?}");
    }
    assert_eq!(pod.ip("link").as_array().unwrap().len(), 1);
}

fn a_master_that_is_gone_is_named() {
    let (pod, mut master) = (Pod::new(), nic("fabric"));
    master.index = 4711;
    let error =
        apply(&pod.netns(), &macvlan("net1", &master, MacvlanMode::Bridge, 1), deadline()).unwrap_err().to_string();
    assert!(error.contains("cannot create macvlan/bridge `net1` on `fabric`"), "{error}");
    assert!(error.contains("NIC `fabric` (index 4711) is gone from the host"), "{error}");
}

fn ipv6_switched_off_in_the_pod_is_said_so() {
    let (pod, master) = (Pod::new(), nic("fabric"));
    pod.inside(|| std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").unwrap());
    let mut steps = macvlan("net1", &master, MacvlanMode::Bridge, 1);
    steps.push(Step::AddAddress { ifname: "net1".parse().unwrap(), address: "fd00::1/64".parse().unwrap() });
    let error = apply(&pod.netns(), &steps, deadline()).unwrap_err().to_string();
    assert!(error.contains("add address `fd00::1/64`") && error.contains("disable_ipv6 is 1"), "{error}");
}
