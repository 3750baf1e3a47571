use super::*;

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn nic(name: &str, index: u32, addresses: &[&str]) -> OwnNic {
    let addresses = addresses.iter().map(|text| net(text)).collect();
    OwnNic { name: name.parse().unwrap(), index, state: NicState::Up, addresses }
}

fn remote(node: &str, segment: Option<&str>, via: &[&str], nets: &[&str]) -> Remote {
    Remote {
        block: format!("rails-{node}"),
        node: node.parse().unwrap(),
        segment: segment.unwrap_or_default().parse().unwrap(),
        via: via.iter().map(|text| text.parse().unwrap()).collect(),
        nets: nets.iter().map(|text| net(text)).collect(),
    }
}

fn hop(link: u32, via: &str) -> Hop {
    Hop { link, via: via.parse().unwrap() }
}

/// `to via VIA dev INDEX`, one line each, then what is missing.
fn check(own: &[OwnNic], remotes: &[Remote], expected: &str) {
    let Wanted { routes, missing } = wanted(own, remotes);
    let mut lines = Vec::new();
    for (to, hops) in routes {
        let hops: Vec<String> = hops.iter().map(|hop| format!("via {} dev {}", hop.via, hop.link)).collect();
        lines.push(format!("{to} {}", hops.join(" + ")));
    }
    lines.extend(missing.iter().map(Missing::to_string));
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected);
}

#[test]
fn each_block_leaves_by_the_nic_of_its_segment_in_both_families() {
    let own = [nic("eth1", 3, &["10.0.1.1/24", "fd01::1/64"]), nic("eth2", 4, &["10.0.2.1/24", "fd02::1/64"])];
    let remotes = [
        remote("b", Some("10.0.1.0/24"), &["10.0.1.2", "fd01::2"], &["192.168.1.0/26", "fd00:1::/112"]),
        remote("c", Some("10.0.2.0/24"), &["10.0.2.3"], &["192.168.65.0/26"]),
    ];
    check(
        &own,
        &remotes,
        "192.168.1.0/26 via 10.0.1.2 dev 3
         192.168.65.0/26 via 10.0.2.3 dev 4
         fd00:1::/112 via fd01::2 dev 3",
    );
}

#[test]
fn two_nics_in_one_segment_share_the_traffic_and_one_that_is_down_does_not() {
    let mut own = [nic("eth1", 3, &["10.0.1.1/24"]), nic("eth2", 4, &["10.0.1.9/24"])];
    let remotes = [remote("b", Some("10.0.1.0/24"), &["10.0.1.2"], &["192.168.1.0/26"])];
    check(&own, &remotes, "192.168.1.0/26 via 10.0.1.2 dev 3 + via 10.0.1.2 dev 4");
    own[0].state = NicState::Down;
    check(&own, &remotes, "192.168.1.0/26 via 10.0.1.2 dev 4");
    own[1].state = NicState::Down;
    check(
        &own,
        &remotes,
        "no route to `192.168.1.0/26` of node `b` (IPBlock `rails-b`): `eth1`, `eth2`, which leads to `10.0.1.2`, is down",
    );
}

#[test]
fn a_missing_link_is_told_for_its_route_alone() {
    let own = [nic("eth1", 3, &["10.0.1.1/24"])];
    let remotes = [
        remote("b", Some("10.0.2.0/24"), &["10.0.2.2"], &["192.168.64.0/26"]),
        remote("c", Some("10.0.1.0/24"), &["10.0.1.3"], &["192.168.2.0/26", "fd00:2::/112"]),
    ];
    check(
        &own,
        &remotes,
        "192.168.2.0/26 via 10.0.1.3 dev 3
         no route to `192.168.64.0/26` of node `b` (IPBlock `rails-b`): no NIC of this node is on the link of `10.0.2.2` in segment `10.0.2.0/24`
         no route to `fd00:2::/112` of node `c` (IPBlock `rails-c`): the block names no next hop of its address family; hint: add it to `spec.via`",
    );
}

#[test]
fn a_link_local_next_hop_goes_by_its_segment_only() {
    let own = [nic("eth1", 3, &["10.0.1.1/24", "fe80::1/64"]), nic("eth2", 4, &["fe80::2/64"])];
    check(&own, &[remote("b", Some("eth2"), &["fe80::9"], &["fd00:1::/112"])], "fd00:1::/112 via fe80::9 dev 4");
    check(
        &own,
        &[remote("b", None, &["fe80::9"], &["fd00:1::/112"])],
        "no route to `fd00:1::/112` of node `b` (IPBlock `rails-b`): no NIC of this node is on the link of `fe80::9`",
    );
}

#[test]
fn a_block_with_our_own_address_and_one_that_is_there_twice_are_told() {
    let own = [nic("eth1", 3, &["10.0.1.1/24"])];
    let remotes = [
        remote("b", None, &["10.0.1.1"], &["192.168.1.0/26"]),
        remote("c", None, &["10.0.1.3"], &["192.168.2.0/26"]),
        remote("d", None, &["10.0.1.4"], &["192.168.2.0/26"]),
    ];
    check(
        &own,
        &remotes,
        "192.168.2.0/26 via 10.0.1.3 dev 3
         no route to `192.168.1.0/26` of node `b` (IPBlock `rails-b`): its next hop `10.0.1.1` is an address of this node
         no route to `192.168.2.0/26` of node `d` (IPBlock `rails-d`): IPBlock `rails-c` has it already",
    );
}

fn routes(list: &[(&str, Hop)]) -> Routes {
    list.iter().map(|(to, hop)| (net(to), BTreeSet::from([*hop]))).collect()
}

fn row(to: &str, one: Hop, owner: Owner) -> Row {
    Row { to: net(to), hops: BTreeSet::from([one]), owner }
}

#[test]
fn a_node_that_joins_and_one_that_leaves_touch_their_own_routes_alone() {
    let wanted = routes(&[("192.168.1.0/26", hop(3, "10.0.1.2")), ("192.168.2.0/26", hop(3, "10.0.1.3"))]);
    let present =
        [row("192.168.1.0/26", hop(3, "10.0.1.2"), Owner::Us), row("192.168.9.0/26", hop(3, "10.0.1.9"), Owner::Us)];
    let (changes, taken) = diff(&wanted, &present);
    let hops = BTreeSet::from([hop(3, "10.0.1.3")]);
    assert_eq!(
        changes,
        [Change::Add { to: net("192.168.2.0/26"), hops }, Change::Delete { to: net("192.168.9.0/26") }]
    );
    assert!(taken.is_empty());
}

#[test]
fn rows_of_others_are_neither_deleted_nor_written_over() {
    let wanted = routes(&[("192.168.1.0/26", hop(3, "10.0.1.2"))]);
    let other = Owner::Another { protocol: 3 };
    let present = [row("192.168.1.0/26", hop(9, "10.9.9.9"), other), row("192.168.9.0/26", hop(3, "10.0.1.9"), other)];
    assert_eq!(diff(&wanted, &present), (vec![], vec![(net("192.168.1.0/26"), 3)]));
}

#[test]
fn a_next_hop_that_moved_is_replaced_and_what_is_right_is_left() {
    let wanted = routes(&[("192.168.1.0/26", hop(3, "10.0.1.2"))]);
    let right = [row("192.168.1.0/26", hop(3, "10.0.1.2"), Owner::Us)];
    assert_eq!(diff(&wanted, &right).0, []);
    let moved = [row("192.168.1.0/26", hop(4, "10.0.2.2"), Owner::Us)];
    let hops = BTreeSet::from([hop(3, "10.0.1.2")]);
    assert_eq!(diff(&wanted, &moved).0, [Change::Replace { to: net("192.168.1.0/26"), hops }]);
}
