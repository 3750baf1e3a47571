use std::net::{IpAddr, Ipv4Addr};

use nicety_core::egress::share::{Exit, Gateway, Way};
use proptest::prelude::*;

use super::*;

fn share(pods: impl Iterator<Item = u32>, gateways: u32, senders: u32) -> Share {
    let mut share = Share::default();
    for number in 0..gateways {
        let node: NodeName = format!("gw-{number}").parse().unwrap();
        let gateway = Gateway { node, underlay: Vec::new(), way: Way::Default, vni: number + 1 };
        share.gateways.insert(gateway.id(), gateway);
    }
    let ids: Vec<GatewayId> = share.gateways.keys().cloned().collect();
    for number in pods {
        let key = PodKey { namespace: "shop".to_owned(), name: format!("p-{number}"), uid: number.to_string() };
        let exit = |add: u32| ids.get(((number + add) % gateways.max(1)) as usize).cloned();
        let exit = Exit { primary: exit(0), standby: exit(1), reason: "because".to_owned() };
        let addresses = [IpAddr::V4(Ipv4Addr::from_bits(number))].into();
        share.endpoints.insert(key, Endpoint { addresses, exits: [("out".to_owned(), exit)].into() });
    }
    for number in 0..senders {
        share.senders.insert(format!("s-{number}").parse().unwrap(), ["10.0.0.1".parse().unwrap()].into());
    }
    share
}

fn node() -> NodeName {
    "node-1".parse().unwrap()
}

fn written(specs: &BTreeMap<String, EgressSliceSpec>) -> BTreeMap<String, EgressSlice> {
    let read = |(name, spec): (&String, &EgressSliceSpec)| {
        (name.clone(), EgressSlice::new(name.clone(), spec.clone()).unwrap())
    };
    specs.iter().map(read).collect()
}

fn changed(before: &BTreeMap<String, EgressSliceSpec>, after: &BTreeMap<String, EgressSliceSpec>) -> usize {
    let all: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|name| before.get(*name) != after.get(*name)).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn what_is_packed_is_what_is_unpacked(pods in 0..350_u32, gateways in 0..300_u32, senders in 0..1200_u32, gone in 0..50_u32) {
        let before = share(0..pods, gateways, senders);
        let first = pack(&node(), &before, &BTreeMap::new());
        prop_assert_eq!(unpack(written(&first).values()), before);
        let after = share(gone..pods + gone, gateways, senders / 2);
        let second = pack(&node(), &after, &written(&first));
        prop_assert_eq!(unpack(written(&second).values()), after);
        for spec in first.values().chain(second.values()) {
            prop_assert!(spec.endpoints.len() <= MAX_ENDPOINTS && spec.gateways.len() <= MAX_GATEWAYS && spec.senders.len() <= MAX_SENDERS);
        }
    }

    #[test]
    fn one_pod_s_change_rewrites_one_slice(pods in 1..350_u32, which: prop::sample::Index) {
        let before = share(0..pods, 8, 3);
        let first = pack(&node(), &before, &BTreeMap::new());
        let number = which.index(pods as usize) as u32;
        let mut moved = before.clone();
        let key = moved.endpoints.keys().find(|key| key.uid == number.to_string()).unwrap().clone();
        moved.endpoints.get_mut(&key).unwrap().exits.get_mut("out").unwrap().standby = None;
        prop_assert_eq!(changed(&first, &pack(&node(), &moved, &written(&first))), 1);
        let without = share((0..pods).filter(|one| *one != number), 8, 3);
        let second = pack(&node(), &without, &written(&first));
        prop_assert!(changed(&first, &second) <= 2, "of a pod alone in its slice the gateways may go elsewhere");
        prop_assert_eq!(changed(&second, &pack(&node(), &without, &written(&second))), 0);
    }
}

#[test]
fn nothing_to_do_is_no_slice() {
    let first = pack(&node(), &share(0..10, 2, 2), &BTreeMap::new());
    assert_eq!(first.keys().collect::<Vec<_>>(), ["node-1-0"]);
    assert!(pack(&node(), &Share::default(), &written(&first)).is_empty());
}
