use nicety_core::{
    facts::nic_selection::Nic,
    finding::Finding,
    plan::{IpvlanMode, Link, MacvlanMode},
};
use serde_json::{Value, json};

use super::*;
use crate::{
    block::IpBlock,
    manifest::{Bare, Object, parse},
};

fn manifest(spec: Value) -> Result<Network, Vec<Finding>> {
    let document =
        json!({"apiVersion": "nicety.dev/v1alpha1", "kind": "Network", "metadata": {"name": "net1"}, "spec": spec});
    match parse(document, Bare::Nothing).1? {
        Object::Network(network) => Ok(network),
        other => panic!("not a network: {other:?}"),
    }
}

/// A good network with some fields replaced (`null`: left out).
fn spec(changes: Value) -> Value {
    let mut spec = json!({
        "subnets": ["192.168.0.0/16"],
        "link": {"kind": "macvlan"},
        "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 8},
    });
    for (field, value) in changes.as_object().unwrap() {
        spec[field] = value.clone();
    }
    spec.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    spec
}

fn good(changes: Value) -> Network {
    manifest(spec(changes)).unwrap_or_else(|findings| panic!("{findings:?}"))
}

fn refused(changes: Value) -> Vec<String> {
    manifest(spec(changes)).unwrap_err().iter().map(Finding::to_string).collect()
}

fn block(interface: Option<&str>, interface_index: u32, host_index: u32) -> IpBlock {
    IpBlock {
        name: format!("net1-{interface_index}-{host_index}"),
        network: "net1".parse().unwrap(),
        node: "node-1".parse().unwrap(),
        interface: interface.map(|name| name.parse().unwrap()),
        interface_index,
        host_index,
        segment: String::new(),
        via: Vec::new(),
        reserved: Vec::new(),
    }
}

#[test]
fn a_subnet_that_is_not_canonical_is_refused_with_its_canonical_form() {
    assert_eq!(
        refused(json!({"subnets": ["192.168.77.0/16"]})),
        ["spec.subnets[0]: `192.168.77.0/16` has host bits set; hint: write `192.168.0.0/16`"]
    );
}

#[test]
fn everything_wrong_is_said_at_once() {
    assert_eq!(
        refused(json!({
            "subnets": ["192.168.77.0/16", "fd00::/48"],
            "link": {"kind": "macvlan", "mode": "l3", "mtu": 1000},
            "masterNet": ["10.0.0.0/8"],
            "routes": [{"to": "10.0.0.1/8", "via": "fd00::1"}],
        })),
        [
            "spec.masterNet: is not a known field; hint: did you mean `masterNets`?",
            "spec.subnets[0]: `192.168.77.0/16` has host bits set; hint: write `192.168.0.0/16`",
            "spec.link.mtu: `1000` is less than the 1280 bytes that IPv6 needs",
            "spec.link.mode: is a mode of ipvlan; hint: macvlan has `bridge`, `private`, `vepa`, `passthru` and `source`",
            "spec.routes[0].to: `10.0.0.1/8` has host bits set; hint: write `10.0.0.0/8`",
            "spec.routes[0].via: `fd00::1` is of another address family than `10.0.0.1/8`",
        ]
    );
}

#[test]
fn a_malformed_value_is_named_where_it_stands() {
    assert_eq!(
        refused(json!({"subnets": ["10.0.0.0/33"], "gateway4": "fd00::1", "nics": [{"vendor": 1234}, {}]})),
        [
            "spec.gateway4: `fd00::1` is not an IPv4 address",
            "spec.nics[0].vendor: is `1234`, but must be of type string; hint: put it in quotes",
            "spec.nics[1]: has fewer fields than 1",
            "spec.subnets[0]: `10.0.0.0/33` is not a prefix like `192.168.0.0/16` or `fd00::/48`",
        ]
    );
    assert_eq!(
        refused(json!({"link": {"kind": "tin-can", "mtu": 65536}})),
        [
            "spec.link.kind: `tin-can` is none of `macvlan`, `ipvlan`, `veth-routed`, `bridge`, `host-device`",
            "spec.link.mtu: `65536` is more than 65535",
        ]
    );
    assert_eq!(refused(json!({"link": {"kind": "macvlan", "mtu": 67}})), ["spec.link.mtu: `67` is less than 68"]);
    assert_eq!(refused(json!({"ipam": null})), ["spec.ipam: is missing"]);
}

#[test]
fn subnets_are_one_of_each_family_and_fit_for_pods() {
    assert_eq!(good(json!({"subnets": ["fd00::/48", "192.168.0.0/16"]})).subnets[0], "192.168.0.0/16".parse().unwrap());
    assert_eq!(
        refused(json!({"subnets": ["10.1.0.0/16", "10.2.0.0/16"]})),
        ["spec.subnets[1]: is of the same address family as the first; hint: make a Network of each"]
    );
    assert_eq!(
        refused(json!({"subnets": []})),
        [
            "spec.ipam.interfaceBlock: has no meaning without `subnets`: each NIC's own network is cut by `hostBlock` alone"
        ]
    );
    assert_eq!(
        refused(json!({"subnets": ["10.0.0.0/8", "fd00::/48", "10.1.0.0/16"]}))[0],
        "spec.subnets: has more entries than 2"
    );
    for unfit in ["224.0.0.0/8", "127.0.0.0/8", "fe80::/10", "ff00::/8"] {
        assert!(
            refused(json!({"subnets": [unfit]}))[0].contains("is not a prefix that pods can have addresses in"),
            "{unfit}"
        );
    }
}

#[test]
fn blocks_past_the_address_width_are_refused() {
    let ipam = |interface, host| json!({"subnets": ["192.168.1.0/24"], "ipam": {"type": "blocks", "interfaceBlock": interface, "hostBlock": host}});
    assert_eq!(
        refused(ipam(0, 9)),
        ["spec.ipam.hostBlock: 9 bits after the interface block's /24 make a prefix of /33, longer than 32 bits; \
          hint: use fewer bits or a larger subnet"]
    );
    assert!(refused(ipam(9, 0))[0].starts_with("spec.ipam.interfaceBlock: "));
    assert_eq!(good(ipam(4, 4)).schemes().count(), 1);
    assert!(refused(ipam(0, 33))[0].starts_with("spec.ipam.hostBlock: `33` is more than 32"));
    // The same bits cut both families: what is too much for one is too much.
    let dual = json!({"subnets": ["192.168.1.0/24", "fd00::/48"], "ipam": {"type": "blocks", "hostBlock": 9}});
    assert_eq!(refused(dual).len(), 1);
}

#[test]
fn the_fields_of_one_ipam_type_are_refused_at_another() {
    assert_eq!(
        refused(
            json!({"ipam": {"type": "none", "hostBlock": 8, "ranges": [{"node": "a", "cidr": "192.168.1.0/24"}], "excludeCIDRs": ["192.168.1.1"]}})
        ),
        [
            "spec.ipam.hostBlock: belongs to `type: blocks` alone",
            "spec.ipam.ranges: belongs to `type: ranges` alone",
            "spec.ipam.excludeCIDRs: has no meaning without addresses",
        ]
    );
    assert_eq!(
        refused(json!({"ipam": {"type": "blocks"}})),
        ["spec.ipam.hostBlock: is missing; hint: 8 bits make 256 nodes"]
    );
    assert_eq!(
        refused(json!({"ipam": {"type": "ranges"}})),
        ["spec.ipam.ranges: is missing; hint: give each node a range"]
    );
}

#[test]
fn excludes_are_canonical_and_inside() {
    let excludes = |excludes: &[&str]| json!({"ipam": {"type": "blocks", "hostBlock": 8, "excludeCIDRs": excludes}});
    let network = good(excludes(&["192.168.1.0/28", "192.168.9.9"]));
    assert_eq!(
        network.ipam.excludes(),
        ["192.168.1.0/28".parse::<IpNet>().unwrap(), "192.168.9.9/32".parse().unwrap()]
    );
    assert_eq!(
        refused(excludes(&["192.168.1.1/28", "10.0.0.0/8", "192.0.0.0/8"])),
        [
            "spec.ipam.excludeCIDRs[0]: `192.168.1.1/28` has host bits set; hint: write `192.168.1.0/28`",
            "spec.ipam.excludeCIDRs[1]: `10.0.0.0/8` lies in no subnet of the network",
            "spec.ipam.excludeCIDRs[2]: `192.0.0.0/8` takes all of subnet `192.168.0.0/16` away",
        ]
    );
}

#[test]
fn ranges_lie_inside_the_subnet_apart_from_each_other() {
    let ranges = |ranges: Value| json!({"ipam": {"type": "ranges", "ranges": ranges}});
    assert_eq!(
        refused(ranges(json!([
            {"node": "a", "cidr": "192.168.1.0/24"},
            {"node": "b", "first": "192.168.1.200", "last": "192.168.2.10"},
            {"node": "c", "first": "192.169.0.1", "last": "192.169.0.2"},
            {"node": "d", "first": "192.168.3.9", "last": "192.168.3.1"},
            {"node": "e", "first": "192.168.255.0", "last": "192.169.0.0"},
            {"node": "f", "cidr": "192.168.4.1/24"},
            {"node": "g", "first": "192.168.5.1"},
            {"node": "h", "first": "192.168.6.1", "last": "fd00::1"},
        ]))),
        [
            "spec.ipam.ranges[2].first: `192.169.0.1` lies in no subnet of the network",
            "spec.ipam.ranges[3].last: `192.168.3.1` is before `192.168.3.9`",
            "spec.ipam.ranges[4].last: `192.169.0.0` lies outside of the subnet `192.168.0.0/16`",
            "spec.ipam.ranges[5].cidr: `192.168.4.1/24` has host bits set; hint: write `192.168.4.0/24`",
            "spec.ipam.ranges[6]: needs either `first` and `last`, or `cidr`",
            "spec.ipam.ranges[7].last: `fd00::1` is of another address family than `192.168.6.1`",
            "spec.ipam.ranges[1]: overlaps `ranges[0]`, `192.168.1.0` to `192.168.1.255` of node `a`",
        ]
    );
}

#[test]
fn each_link_kind_has_its_own_modes() {
    let link =
        |kind: &str, mode: Option<&str>| good(json!({"link": {"kind": kind, "mode": mode.unwrap_or("bridge")}})).link;
    assert_eq!(link("macvlan", Some("vepa")), Link::Macvlan { mode: MacvlanMode::Vepa });
    assert_eq!(link("ipvlan", Some("l3s")), Link::Ipvlan { mode: IpvlanMode::L3s });
    assert_eq!(good(json!({"link": {"kind": "ipvlan"}})).link, Link::Ipvlan { mode: IpvlanMode::L2 });
    assert_eq!(good(json!({"link": {"kind": "host-device"}})).link, Link::HostDevice);
    assert_eq!(
        refused(json!({"link": {"kind": "veth-routed", "mode": "l2"}})),
        ["spec.link.mode: has no meaning for this kind; hint: only macvlan and ipvlan have modes"]
    );
    assert_eq!(
        refused(json!({"link": {"kind": "ipvlan", "mode": "bridge"}})),
        ["spec.link.mode: is a mode of macvlan; hint: ipvlan has `l2`, `l3` and `l3s`"]
    );
}

#[test]
fn a_gateway_is_on_the_network_and_said_once() {
    assert_eq!(
        refused(json!({"gateway4": "10.0.0.1", "gateway6": "::"})),
        [
            "spec.gateway4: `10.0.0.1` lies in no subnet of the network",
            "spec.gateway6: `::` is not an address of a router",
        ]
    );
    assert_eq!(
        refused(json!({"gateway4": "192.168.0.1", "routes": [{"to": "0.0.0.0/0", "via": "192.168.0.2"}]})),
        ["spec.routes[0].to: is the default route that `spec.gateway4` makes; hint: leave one out"]
    );
    assert_eq!(
        refused(json!({"link": {"kind": "veth-routed"}, "gateway4": "192.168.0.1"})),
        ["spec.gateway4: has no meaning for `veth-routed`, where the host is the pod's gateway; hint: leave it out"]
    );
}

#[test]
fn an_interface_has_the_routes_whose_next_hop_is_on_its_link() {
    let network = good(json!({
        "subnets": ["192.168.0.0/16", "fd00::/48"],
        "gateway4": "192.168.0.1", "gateway6": "fe80::1",
        "routes": [{"to": "10.0.0.0/8", "via": "192.168.64.1"}, {"to": "10.9.0.0/16"}],
    }));
    let routes = |addresses: &[&str]| -> Vec<String> {
        let addresses: Vec<IpNet> = addresses.iter().map(|text| text.parse().unwrap()).collect();
        let line = |route: &Route| route.via.map_or(route.to.to_string(), |via| format!("{} via {via}", route.to));
        network.routes_of(&addresses, Whose::Pods).iter().map(line).collect()
    };
    assert_eq!(
        routes(&["192.168.0.5/18", "fd00::5/50"]),
        ["10.9.0.0/16", "0.0.0.0/0 via 192.168.0.1", "::/0 via fe80::1"]
    );
    assert_eq!(routes(&["192.168.64.5/18"]), ["10.0.0.0/8 via 192.168.64.1", "10.9.0.0/16"]);
}

#[test]
fn the_pool_of_nics_has_the_order_of_its_description() {
    let nic = |name: &str, address: &str, product: u16| Nic {
        name: name.into(),
        addresses: vec![address.parse().unwrap()],
        vendor: Some(0x15b3),
        product: Some(product),
        ..Nic::default()
    };
    let nics = [nic("eth1", "10.0.1.5/24", 1), nic("eth2", "10.0.2.5/24", 2), nic("ens3", "10.0.1.6/24", 2)];
    let pool = |changes: Value| -> Vec<&str> {
        good(changes).pool(&nics).into_iter().map(|at| nics[at].name.as_str()).collect()
    };
    assert_eq!(pool(json!({})), ["eth1", "eth2", "ens3"]);
    assert_eq!(pool(json!({"masterNets": ["10.0.2.0/24", "10.0.1.0/24"]})), ["eth2", "eth1", "ens3"]);
    assert_eq!(
        pool(json!({"nics": [{"vendor": "15b3", "product": "0x2"}, {"name": "eth*"}]})),
        ["eth2", "ens3", "eth1"]
    );
    assert_eq!(pool(json!({"nics": [{"name": "eth1", "driver": "mlx5_core"}]})), [] as [&str; 0]);
    assert_eq!(pool(json!({"link": {"kind": "veth-routed"}})), [] as [&str; 0]);
    assert_eq!(
        refused(json!({"masterNets": ["10.0.0.0/8"], "nics": [{"name": "eth1"}]})),
        ["spec.nics: stands beside `spec.masterNets`; hint: describe the NIC pool one way or the other"]
    );
}

#[test]
fn without_subnets_a_block_is_cut_from_the_nics_own_network_beside_the_nodes_addresses() {
    let network = good(json!({"subnets": null, "ipam": {"type": "blocks", "hostBlock": 2}}));
    let own = IpBlock {
        segment: "10.0.1.0/24".to_owned(),
        reserved: vec!["10.0.1.65".parse().unwrap()],
        ..block(Some("eth1"), 7, 1)
    };
    assert_eq!(own.check(&network), []);
    let nic = "eth1".parse().unwrap();
    let pools = network.pools([&own], &"node-1".parse().unwrap(), Some(&nic)).unwrap();
    assert_eq!((pools[0].first, pools[0].on_link), ("10.0.1.65".parse().unwrap(), 24));
    assert!(!pools[0].contains("10.0.1.65".parse().unwrap()) && pools[0].contains("10.0.1.66".parse().unwrap()));
    let routed = json!({"subnets": null, "link": {"kind": "veth-routed"}, "ipam": {"type": "blocks", "hostBlock": 2}});
    assert!(refused(routed)[0].starts_with("spec.subnets: is missing, and the network has no NICs"));
}

#[test]
fn the_pools_of_a_node_are_its_blocks_on_the_link_of_the_interface_block() {
    let network = good(json!({
        "subnets": ["192.168.0.0/16", "fd00::/48"],
        "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 6, "excludeCIDRs": ["192.168.65.128/25", "192.168.0.0/28"]},
    }));
    let blocks = [block(Some("eth1"), 0, 1), block(Some("eth2"), 1, 1)];
    let node = "node-1".parse().unwrap();
    let pools = |nic: &str| network.pools(&blocks, &node, Some(&nic.parse().unwrap()));
    let got = pools("eth2").unwrap();
    let line = |pool: &nicety_core::ipam::Pool| {
        format!("{} to {} on /{}, less {:?}", pool.first, pool.last, pool.on_link, pool.excludes)
    };
    assert_eq!(
        got.iter().map(line).collect::<Vec<_>>(),
        [
            "192.168.65.1 to 192.168.65.254 on /18, less [192.168.65.128/25]",
            "fd00:0:0:4100::1 to fd00::41ff:ffff:ffff:ffff:ffff on /50, less []"
        ]
    );
    assert_eq!(
        pools("eth3").unwrap_err().to_string(),
        "network `net1` has no IPBlock for NIC `eth3` of node `node-1`; hint: add an IPBlock with network, node, interface and its indexes"
    );
    assert!(matches!(
        network.pools(&blocks, &"node-2".parse().unwrap(), None),
        Err(NoPools::NoBlock { nic: None, .. })
    ));
}

#[test]
fn addresses_of_a_point_to_point_link_are_of_one_host() {
    let blocks = good(json!({"link": {"kind": "veth-routed"}, "subnets": ["192.168.0.0/16", "fd00::/48"]}));
    let pools = blocks.pools(&[block(None, 0, 3)], &"node-1".parse().unwrap(), None).unwrap();
    assert_eq!(pools.iter().map(|pool| pool.on_link).collect::<Vec<_>>(), [32, 128]);
    assert_eq!(pools[0].usable(), 62);
}

#[test]
fn the_pools_of_plain_ranges_are_those_of_the_node() {
    let ranges = json!([{"node": "node-1", "cidr": "192.168.0.0/24"}, {"node": "node-1", "first": "192.168.9.1", "last": "192.168.9.5"}]);
    let network = good(json!({"ipam": {"type": "ranges", "ranges": ranges}}));
    let pools = network.pools(&[], &"node-1".parse().unwrap(), Some(&"eth1".parse().unwrap())).unwrap();
    let line = |pool: &nicety_core::ipam::Pool| format!("{} to {} on /{}", pool.first, pool.last, pool.on_link);
    assert_eq!(
        pools.iter().map(line).collect::<Vec<_>>(),
        ["192.168.0.1 to 192.168.0.255 on /16", "192.168.9.1 to 192.168.9.5 on /16"]
    );
    assert_eq!(
        network.pools(&[], &"node-2".parse().unwrap(), None).unwrap_err().to_string(),
        "network `net1` has no range for node `node-2`; hint: add one under `spec.ipam.ranges`"
    );
    assert_eq!(
        good(json!({"ipam": {"type": "none"}, "subnets": null})).pools(&[], &"x".parse().unwrap(), None),
        Ok(vec![])
    );
}

#[test]
fn a_block_is_one_that_its_network_has() {
    let network = good(
        json!({"ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 8, "excludeCIDRs": ["192.168.1.0/24", "192.168.2.64/28"]}}),
    );
    let lines = |block: IpBlock| block.check(&network).iter().map(Finding::to_string).collect::<Vec<_>>();
    assert_eq!(lines(block(Some("eth1"), 3, 255)), [] as [&str; 0]);
    assert_eq!(
        lines(block(None, 4, 256)),
        [
            "spec.interface: is missing; hint: name the NIC that the block is for",
            "spec.interfaceIndex: `4` is past the last index 3: the network has 2 bits for it",
            "spec.hostIndex: `256` is past the last index 255: the network has 8 bits for it",
        ]
    );
    assert_eq!(
        lines(block(Some("eth1"), 0, 4)),
        ["spec.hostIndex: the block `192.168.1.0/26` is taken away by `excludeCIDRs` of network `net1`"]
    );
    // An exclude narrower than the block only thins it out.
    assert_eq!(lines(block(Some("eth1"), 0, 9)), [] as [&str; 0]);
    let routed = good(json!({"link": {"kind": "veth-routed"}}));
    assert_eq!(
        block(Some("eth1"), 0, 0).check(&routed)[0].to_string(),
        "spec.interface: network `net1` has no NICs; hint: leave the field out"
    );
}

#[test]
fn routes_between_nodes_need_a_node_that_routes_and_blocks() {
    let routed = json!({"routing": "l3", "link": {"kind": "veth-routed"}, "masterNets": null});
    assert_eq!(good(routed).routing, Routing::L3);
    assert_eq!(good(json!({"routing": "l3", "link": {"kind": "ipvlan", "mode": "l3s"}})).routing, Routing::L3);
    let found = refused(json!({"routing": "l3", "link": {"kind": "ipvlan"}, "ipam": {"type": "none"}}));
    assert!(found.len() == 2 && found.iter().all(|line| line.starts_with("spec.routing: `l3` ")), "{found:?}");
    assert_eq!(refused(json!({"routing": "l2"})), ["spec.routing: `l2` is none of `none`, `l3`"]);
}

#[test]
fn namespaces_are_selected_by_name_or_by_label() {
    let labels = |name: &str, tier: &str| [(name.to_owned(), tier.to_owned())].into();
    let network = good(json!({"namespaceSelector": {"matchLabels": {"tier": "gold"}}}));
    assert!(
        network.serves_labelled("a", &labels("tier", "gold")) && !network.serves_labelled("a", &labels("tier", "tin"))
    );
    assert!(!network.serves("a"));
    let named =
        json!({"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a"]}]});
    let network = good(json!({"namespaceSelector": named}));
    assert!(network.serves("a") && !network.serves("b"));
    let both = refused(json!({"namespaces": ["a"], "namespaceSelector": {"matchLabels": {"-": "b"}}}));
    assert!(both[0].starts_with("spec.namespaceSelector: stands beside"), "{both:?}");
    assert!(both[1].starts_with("spec.namespaceSelector.matchLabels[\"-\"]: "), "{both:?}");
}

#[test]
fn devices_belong_to_host_device_networks() {
    let link = |rest: Value| {
        let mut link = json!({"kind": "host-device"});
        link.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({"link": link})
    };
    assert_eq!(good(link(json!({}))).resource, None);
    assert_eq!(good(link(json!({"resourceName": "example.com/nic"}))).resource.as_deref(), Some("example.com/nic"));
    assert_eq!(good(link(json!({"sriov": {"numVfs": 8}}))).resource.as_deref(), Some("openshift.io/net1"));
    assert_eq!(
        refused(link(json!({"sriov": {"minTxRate": 100, "maxTxRate": 10, "vlanQoS": 3}}))),
        [
            "spec.link.sriov.minTxRate: `100` is more than `maxTxRate`, `10`",
            "spec.link.sriov.vlanQoS: has no meaning without a VLAN; hint: set `vlan`",
        ]
    );
    assert_eq!(
        refused(json!({"link": {"kind": "macvlan", "resourceName": "example.com/nic", "bridge": {}}})),
        [
            "spec.link.resourceName: belongs to `kind: host-device` alone",
            "spec.link.bridge: belongs to `kind: bridge` alone",
        ]
    );
}

#[test]
fn a_bridge_has_the_first_address_of_the_block_or_the_gateway_that_lies_in_it() {
    let bridged = |rest: Value| {
        let mut spec = json!({"link": {"kind": "bridge"}, "masterNets": null, "gateway4": null, "routes": null,
            "subnets": ["10.8.0.0/16", "fd00:8::/48"], "ipam": {"type": "blocks", "hostBlock": 8}});
        spec.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        good(spec)
    };
    let firsts = ["10.8.3.1/24", "fd00:8:0:300::1/56"].map(|text| text.parse().unwrap());
    let shown = |network: &Network, whose: Whose| {
        let line = |route: Route| format!("{} via {}", route.to, route.via.unwrap());
        network.routes_of(&firsts, whose).into_iter().map(line).collect::<Vec<_>>()
    };
    let plain = bridged(json!({}));
    assert_eq!(plain.on_bridge(&firsts), firsts);
    assert_eq!(plain.bridge_at(&firsts).unwrap().name.as_str(), "br-net1");
    let own = ["10.8.0.0/16 via 10.8.3.1", "fd00:8::/48 via fd00:8:0:300::1"];
    assert_eq!(shown(&plain, Whose::Extra), own);
    assert_eq!(shown(&plain, Whose::Pods), [own[0], own[1], "0.0.0.0/0 via 10.8.3.1", "::/0 via fd00:8:0:300::1"]);
    let named = bridged(json!({"gateway4": "10.8.3.254"}));
    assert_eq!(named.on_bridge(&firsts)[0].to_string(), "10.8.3.254/24");
    let elsewhere = bridged(json!({"gateway4": "10.8.9.254"}));
    assert_eq!(elsewhere.on_bridge(&firsts), firsts);
    let mute = bridged(json!({"link": {"kind": "bridge", "bridge": {"gateway": "none"}}}));
    assert!(mute.on_bridge(&firsts).is_empty() && shown(&mute, Whose::Pods).is_empty());
}

#[test]
fn no_pod_gets_what_the_bridge_has_and_nothing_of_another_node_is_on_its_link() {
    let network = good(json!({"link": {"kind": "bridge"}, "masterNets": null, "gateway4": null, "routes": null,
        "subnets": ["10.8.0.0/16"], "ipam": {"type": "blocks", "hostBlock": 8}}));
    let spec = json!({"network": "net1", "node": "a", "interfaceIndex": 0, "hostIndex": 3});
    let block = crate::IpBlock::new("net1-0-3".to_owned(), serde_json::from_value(spec).unwrap()).unwrap();
    let pools = network.pools([&block], &"a".parse().unwrap(), None).unwrap();
    assert_eq!((pools[0].on_link, pools[0].first.to_string()), (24, "10.8.3.1".to_owned()));
    assert!(!pools[0].contains("10.8.3.1".parse().unwrap()) && pools[0].contains("10.8.3.2".parse().unwrap()));
}

#[test]
fn masquerading_is_refused_as_long_as_nobody_does_it() {
    let link = json!({"kind": "bridge", "bridge": {"masquerade": "outside"}});
    let found = refused(json!({"link": link, "masterNets": null}));
    assert!(found[0].starts_with("spec.link.bridge.masquerade: `outside` is not done"), "{found:?}");
}
