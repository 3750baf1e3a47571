//! The inventory equals what iproute2 says of the host.

use std::{collections::BTreeMap, path::Path};

use nicety_core::facts::nic_selection::LinkState;
use nicety_core::plan::{IpvlanMode, Link, MacvlanMode};
use nicety_kernel::{
    apply, capability,
    inventory::{self, Discovered},
    watch,
};
use serde_json::Value;

use crate::{
    lab::{self, Pod, deadline, ip, macvlan, nic},
    tests, veth_routed,
};

tests![
    the_inventory_is_what_iproute2_lists,
    a_nic_in_a_pod_and_our_own_host_ends_are_not_on_offer,
    a_link_kind_that_the_kernel_has_is_told_from_one_that_it_has_not,
    a_change_of_links_is_noticed,
];

fn read() -> BTreeMap<String, Discovered> {
    let found = inventory::read(Path::new(inventory::SYSFS), deadline()).unwrap();
    found.into_iter().map(|one| (one.nic.name.clone(), one)).collect()
}

fn lay_out() {
    for name in ["rail0", "rail1", "port0", "below"] {
        nic(name);
    }
    ip("addr add 192.0.2.7/24 dev rail0");
    ip("addr add fd00:7::7/64 dev rail0 nodad");
    ip("addr add 192.0.2.8/24 dev rail0");
    ip("route add default via 192.0.2.1");
    ip("link set rail1 down");
    ip("link set rail1p mtu 9000");
    ip("link add br0 type bridge");
    ip("link set br0 mtu 1450");
    ip("link set port0 master br0");
    ip("link add link below name upper type macvlan mode vepa");
}

fn the_inventory_is_what_iproute2_lists() {
    lay_out();
    let down = || ip("link show rail0")[0]["operstate"] == "UP" && ip("link show below")[0]["operstate"] == "UP";
    lab::eventually("the links to come up", down);
    let found = read();
    let listed = ip("addr");
    let listed: Vec<&Value> = listed.as_array().unwrap().iter().filter(|link| link["ifname"] != "lo").collect();
    assert_eq!(found.len(), listed.len());
    for link in listed {
        let Discovered { nic, index, .. } = &found[link["ifname"].as_str().unwrap()];
        assert_eq!(u64::from(*index), link["ifindex"], "{link}");
        assert_eq!(u64::from(nic.mtu), link["mtu"], "{link}");
        let mac: nicety_core::address::Mac = link["address"].as_str().unwrap().parse().unwrap();
        assert_eq!(nic.mac, mac.to_u64(), "{link}");
        let state = if link["operstate"] == "UP" { LinkState::Up } else { LinkState::Down };
        assert_eq!(nic.state, state, "{link}");
        let texts: Vec<String> = link["addr_info"].as_array().unwrap().iter().map(address).collect();
        let ours: Vec<String> = nic.addresses.iter().map(ToString::to_string).collect();
        assert_eq!(ours, texts, "{link}");
    }
    let used = |name: &str| found[name].nic.master_of.clone();
    assert_eq!(
        (used("port0").as_deref(), used("below").as_deref(), used("rail0")),
        (Some("bridge"), Some("macvlan/vepa"), None)
    );
    let with_default: Vec<&String> = found.iter().filter(|(_, one)| one.default_route).map(|(name, _)| name).collect();
    assert_eq!(with_default, ["rail0"]);
}

fn address(info: &Value) -> String {
    format!("{}/{}", info["local"].as_str().unwrap(), info["prefixlen"])
}

fn a_nic_in_a_pod_and_our_own_host_ends_are_not_on_offer() {
    let (pod, fabric) = (Pod::new(), nic("fabric"));
    let mut steps = macvlan("net1", &fabric, MacvlanMode::Bridge, 1);
    steps.extend(veth_routed::steps("eth0", "nic00000000001", 3));
    apply(&pod.netns(), &steps, deadline()).unwrap();
    assert_eq!(read().keys().collect::<Vec<_>>(), ["fabric", "fabricp"]);
}

fn a_link_kind_that_the_kernel_has_is_told_from_one_that_it_has_not() {
    let before = lab::state();
    let able = capability::probe().unwrap();
    lab::unchanged("the host", &before, &lab::state());
    nic("fabric");
    for (able, kind) in [(able.macvlan, "macvlan"), (able.ipvlan, "ipvlan")] {
        let (made, _) = lab::run("ip", &format!("link add link fabric name try type {kind}"));
        assert_eq!(able, made, "{kind}");
        lab::run("ip", "link del try");
    }
    assert!(able.veth);
    assert_eq!(able.missing(Link::Ipvlan { mode: IpvlanMode::L2 }).is_none(), able.ipvlan);
}

fn a_change_of_links_is_noticed() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut changes = watch::watch().unwrap();
        for change in ["link add br0 type bridge", "link set br0 up", "addr add 192.0.2.1/24 dev br0", "link del br0"] {
            ip(change);
            let noticed = tokio::time::timeout_at(deadline().into(), changes.changed()).await;
            noticed.unwrap_or_else(|_| panic!("{change} was not noticed")).unwrap();
        }
    });
}
