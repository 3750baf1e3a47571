use super::*;

const A: &str = "10.0.1.5/24";
const B: &str = "10.0.2.5/24";

fn two_nodes() -> World {
    let mut world = World::new(&["192.168.0.0/16"], 2, 6);
    world.join("host1", &[("eth1", &[A]), ("eth2", &[B])]);
    world.join("host2", &[("eth1", &["10.0.1.6/24"]), ("eth2", &["10.0.2.6/24"])]);
    world
}

#[test]
fn nodes_and_segments_are_numbered_from_nothing_in_canonical_order() {
    let mut world = two_nodes();
    let plan = world.settle();
    let expected = [
        "host1 eth1 0-0 10.0.1.0/24",
        "host1 eth2 1-0 10.0.2.0/24",
        "host2 eth1 0-1 10.0.1.0/24",
        "host2 eth2 1-1 10.0.2.0/24",
    ];
    assert_eq!(world.given(), expected);
    assert_eq!(plan.create[0].via, ["10.0.1.5".parse::<IpAddr>().unwrap()]);
    let results: Vec<_> = plan.segments.iter().map(|one| (one.segment.to_string(), one.hosts, one.free)).collect();
    assert_eq!(results, [("10.0.1.0/24".to_owned(), 2, 62), ("10.0.2.0/24".to_owned(), 2, 62)]);
    assert!(world.plan().is_empty());
}

#[test]
fn the_listed_order_of_segments_numbers_them_also_while_nobody_is_there() {
    let mut world = two_nodes();
    world.scheme.order = ["10.0.9.0/24", "10.0.2.0/24", "10.0.1.0/24"].map(|net| net.parse().unwrap()).to_vec();
    world.settle();
    assert_eq!(world.given()[0], "host1 eth1 2-0 10.0.1.0/24");
    assert_eq!(world.given()[1], "host1 eth2 1-0 10.0.2.0/24");
}

#[test]
fn a_node_that_joins_takes_the_index_after_the_last_and_one_that_leaves_frees_its_own() {
    let mut world = two_nodes();
    world.settle();
    world.join("a-first-by-name", &[("eth1", &["10.0.1.7/24"])]);
    let plan = world.settle();
    assert_eq!(plan.create.len(), 1);
    assert_eq!(plan.create[0].name(), "net-0-2");
    world.leave("host1");
    let plan = world.settle();
    assert_eq!(plan.delete.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["net-0-0", "net-1-0"]);
    assert!(plan.delete.iter().all(|one| one.reason == Reason::NodeGone));
    let plan = world.settle();
    assert_eq!(plan.release.len(), 2);
    assert!(world.plan().is_empty());
}

#[test]
fn a_freed_index_is_taken_again_when_the_others_are_exhausted() {
    let mut world = World::new(&["192.168.0.0/24"], 0, 2);
    for node in ["n0", "n1", "n2"] {
        world.join(node, &[("eth1", &[A])]);
    }
    world.settle();
    world.leave("n0");
    (0..2).for_each(|_| drop(world.settle()));
    world.join("n3", &[("eth1", &[A])]);
    world.join("n4", &[("eth1", &[A])]);
    world.join("n5", &[("eth1", &[A])]);
    let plan = world.settle();
    assert_eq!(world.given()[2], "n3 eth1 0-3 10.0.1.0/24");
    assert_eq!(world.given()[3], "n4 eth1 0-0 10.0.1.0/24");
    assert_eq!(plan.shortages.len(), 1);
    assert!(plan.shortages[0].message.contains("`hostBlock: 2` numbers 4 blocks"), "{}", plan.shortages[0].message);
}

#[test]
fn a_block_of_a_living_daemon_waits_until_it_is_let_go() {
    let mut world = two_nodes();
    world.settle();
    world.claimants.retain(|one| one.interface.as_ref().is_none_or(|name| name.as_str() != "eth2"));
    let plan = world.settle();
    assert!(plan.delete.iter().all(|one| one.reason == Reason::NicGone) && plan.delete.len() == 2);
    let plan = world.settle();
    assert!(plan.is_empty() && plan.waiting.len() == 2);
    let node = world.nodes.get_mut(&"host1".parse::<NodeName>().unwrap()).unwrap();
    node.released.insert("net-1-0".to_owned());
    assert_eq!(world.settle().release[0].reason, Reason::Released);
    assert!(world.plan().is_empty());
}

#[test]
fn a_nic_that_comes_back_while_its_block_stands_has_it_still() {
    let mut world = two_nodes();
    world.settle();
    let before = world.given();
    let all = world.claimants.clone();
    world.claimants.pop();
    assert_eq!(world.plan().delete.len(), 1);
    world.claimants = all;
    assert!(world.plan().is_empty());
    assert_eq!(world.given(), before);
}

#[test]
fn a_nic_that_comes_back_while_its_block_drains_gets_another_of_the_same_segment() {
    let mut world = two_nodes();
    world.settle();
    let nic = world.claimants.pop().unwrap();
    world.settle();
    world.claimants.push(nic);
    let plan = world.settle();
    assert_eq!(plan.create[0].name(), "net-1-2");
}

#[test]
fn a_node_of_which_nothing_is_said_keeps_its_blocks() {
    let mut world = two_nodes();
    world.settle();
    for (interfaces, claimants) in [(Interfaces::Silent, vec![]), (Interfaces::Empty, vec![])] {
        world.nodes.values_mut().for_each(|node| node.interfaces = interfaces.clone());
        world.claimants = claimants;
        assert!(world.plan().is_empty());
    }
}

#[test]
fn a_nic_that_lost_its_addresses_keeps_its_block_and_one_with_others_moves() {
    let mut world = two_nodes();
    world.settle();
    world.join("host1", &[("eth1", &[]), ("eth2", &[B])]);
    assert!(world.plan().is_empty());
    world.join("host1", &[("eth1", &["10.0.3.5/24"]), ("eth2", &[B])]);
    let plan = world.settle();
    assert_eq!(plan.delete[0].reason, Reason::Moved);
    assert_eq!(plan.create[0].name(), "net-2-0");
}

#[test]
fn several_nics_of_one_node_in_one_segment_have_a_block_each() {
    let mut world = World::new(&["192.168.0.0/16"], 2, 6);
    world.join("host1", &[("eth1", &[A]), ("eth2", &["10.0.1.6/24"])]);
    world.settle();
    assert_eq!(world.given(), ["host1 eth1 0-0 10.0.1.0/24", "host1 eth2 0-1 10.0.1.0/24"]);
}

#[test]
fn without_host_bits_a_segment_is_one_nics_and_others_are_told_so() {
    let mut world = World::new(&["192.168.0.0/16"], 2, 0);
    world.join("host1", &[("eth1", &[A])]);
    world.join("host2", &[("eth1", &["10.0.1.6/24"]), ("eth2", &[B])]);
    let plan = world.settle();
    assert_eq!(world.given(), ["host1 eth1 0-0 10.0.1.0/24", "host2 eth2 1-0 10.0.2.0/24"]);
    assert!(plan.shortages[0].message.contains("gives the whole of segment `10.0.1.0/24`"));
}

#[test]
fn more_segments_than_interface_indexes_are_said_and_the_others_served() {
    let mut world = World::new(&["192.168.0.0/16"], 1, 6);
    world.join("host1", &[("eth1", &[A]), ("eth2", &[B]), ("eth3", &["10.0.3.5/24"])]);
    let plan = world.settle();
    assert_eq!((plan.create.len(), plan.served), (2, 2));
    assert!(plan.shortages[0].message.contains("numbers 2 segments"), "{}", plan.shortages[0].message);
}

#[test]
fn both_families_share_their_indexes_and_an_exclude_of_one_is_of_both() {
    let mut world = World::new(&["192.168.0.0/16", "fd00::/48"], 2, 6);
    world.scheme.excludes = vec!["192.168.0.0/18".parse().unwrap(), "fd00:0:0:4000:0::/56".parse().unwrap()];
    world.join("host1", &[("eth1", &[A, "fd01::5/64"])]);
    world.settle();
    assert_eq!(world.given(), ["host1 eth1 1-1 10.0.1.0/24"]);
    let hops: Vec<String> = world.blocks[0].via.iter().map(IpAddr::to_string).collect();
    assert_eq!(hops, ["10.0.1.5", "fd01::5"]);
}

#[test]
fn a_block_that_narrow_excludes_fill_is_passed_over() {
    let mut world = World::new(&["192.168.0.0/24"], 0, 6);
    world.scheme.excludes = vec!["192.168.0.1/32".parse().unwrap(), "192.168.0.2/32".parse().unwrap()];
    world.join("host1", &[("eth1", &[A])]);
    world.settle();
    assert_eq!(world.given(), ["host1 eth1 0-1 10.0.1.0/24"]);
}

#[test]
fn an_exclude_that_covers_a_given_block_moves_its_nic() {
    let mut world = two_nodes();
    world.settle();
    world.scheme.excludes = vec!["192.168.0.0/24".parse().unwrap()];
    let plan = world.settle();
    assert_eq!((plan.delete[0].name.as_str(), plan.delete[0].reason), ("net-0-0", Reason::Misplaced));
    assert_eq!(plan.create[0].name(), "net-0-2");
}

#[test]
fn of_two_blocks_of_one_nic_the_older_stays() {
    let mut world = two_nodes();
    world.settle();
    let mut second = world.blocks[0].clone();
    (second.name, second.host_index, second.born) = ("net-0-9".into(), 9, 50);
    world.blocks.push(second);
    let plan = world.settle();
    assert_eq!((plan.delete[0].name.as_str(), plan.delete[0].reason), ("net-0-0", Reason::Twice));
}

#[test]
fn an_interface_index_of_two_segments_stays_with_the_older() {
    let mut world = two_nodes();
    world.settle();
    for block in world.blocks.iter_mut().filter(|block| block.name == "net-1-1") {
        (block.name, block.interface_index, block.host_index, block.born) = ("net-0-7".into(), 0, 7, 200);
    }
    let plan = world.settle();
    assert_eq!((plan.delete[0].name.as_str(), plan.delete[0].reason), ("net-0-7", Reason::Misplaced));
    assert_eq!(plan.create[0].name(), "net-1-1");
}

#[test]
fn a_network_without_nics_gives_each_node_one_block() {
    let mut world = World::new(&["192.168.0.0/16"], 0, 8);
    for node in ["host2", "host1"] {
        world.join(node, &[]);
        world.claimants.push(Claimant {
            node: node.parse().unwrap(),
            interface: None,
            rank: 0,
            segments: vec![Segment::Whole],
            addresses: vec!["10.0.0.1/32".parse().unwrap()],
        });
    }
    world.settle();
    assert_eq!(world.given(), ["host1  0-0 ", "host2  0-1 "]);
    assert!(world.plan().is_empty());
}

#[test]
fn a_block_that_does_not_say_where_it_stands_stands_where_its_nic_does() {
    let mut world = two_nodes();
    world.settle();
    for block in &mut world.blocks {
        block.segment = None;
    }
    assert!(world.plan().is_empty());
}

mod without_subnets {
    use super::*;

    #[test]
    fn blocks_are_cut_from_the_nics_own_network_and_name_the_nodes_addresses_in_them() {
        let mut world = World::new(&[], 0, 2);
        world.join("host1", &[("eth1", &["10.0.1.5/24"])]);
        world.join("host2", &[("eth1", &["10.0.1.70/24"]), ("eth2", &["10.0.2.9/24"])]);
        world.settle();
        let expected = ["host1 eth1 0-0 10.0.1.0/24", "host2 eth1 0-1 10.0.1.0/24", "host2 eth2 1-0 10.0.2.0/24"];
        assert_eq!(world.given(), expected);
        let reserved: Vec<String> = world.blocks.iter().flat_map(|one| &one.reserved).map(IpAddr::to_string).collect();
        assert_eq!(reserved, ["10.0.1.5", "10.0.1.70", "10.0.2.9"]);
        world.join("host3", &[("eth1", &["10.0.1.71/24"])]);
        let plan = world.settle();
        assert_eq!((plan.update.len(), plan.update[0].name.as_str()), (1, "net-0-1"));
        assert_eq!(plan.update[0].reserved.len(), 2);
        assert!(world.plan().is_empty());
    }

    #[test]
    fn blocks_of_one_address_are_refused_with_a_hint() {
        let mut world = World::new(&[], 0, 8);
        world.join("host1", &[("eth1", &["10.0.1.5/24"]), ("eth2", &[]), ("eth3", &["10.0.3.0/28"])]);
        let plan = world.settle();
        let said: Vec<&str> = plan.shortages.iter().map(|one| one.message.as_str()).collect();
        assert!(said[0].contains("hold one address each; hint: lower `hostBlock`"), "{}", said[0]);
        assert!(said[1].contains("has no address"), "{}", said[1]);
        assert!(said[2].contains("does not fit"), "{}", said[2]);
        assert_eq!((plan.create.len(), plan.segments.len()), (0, 0));
    }

    #[test]
    fn a_block_full_of_nodes_is_passed_over() {
        let mut world = World::new(&[], 0, 6);
        world.join("host1", &[("eth1", &["10.0.1.1/24"])]);
        world.join("host2", &[("eth1", &["10.0.1.2/24"])]);
        world.settle();
        assert_eq!(world.given(), ["host1 eth1 0-1 10.0.1.0/24", "host2 eth1 0-2 10.0.1.0/24"]);
    }
}

#[test]
fn a_network_that_goes_takes_all_blocks_and_releases_as_daemons_let_go() {
    let mut world = two_nodes();
    world.settle();
    let plan = retire(&world.nodes, &world.blocks);
    assert_eq!(plan.delete.len(), 4);
    world.apply(&plan);
    let host2: NodeName = "host2".parse().unwrap();
    world.nodes.remove(&host2);
    let plan = retire(&world.nodes, &world.blocks);
    assert_eq!((plan.delete.len(), plan.release.len(), plan.waiting.len()), (0, 2, 1));
    world.nodes.values_mut().for_each(|node| node.interfaces = Interfaces::Silent);
    assert!(retire(&world.nodes, &world.blocks).release.iter().any(|one| one.reason == Reason::NodeSilent));
}
