use proptest::prelude::*;

use super::*;

/// Per node the last byte of each NIC's network, twice the same now and then.
fn nodes() -> impl Strategy<Value = BTreeMap<u8, Vec<u8>>> {
    proptest::collection::btree_map(0..12_u8, proptest::collection::vec(1..5_u8, 0..4), 0..10)
}

fn world(nodes: &BTreeMap<u8, Vec<u8>>, interface_bits: u8, host_bits: u8, excludes: &[u8]) -> World {
    let mut world = World::new(&["10.128.0.0/12", "fd00:9::/64"], interface_bits, host_bits);
    world.scheme.excludes =
        excludes.iter().map(|third| format!("10.128.{third}.0/20").parse::<IpNet>().unwrap().trunc()).collect();
    for (node, nets) in nodes {
        join(&mut world, *node, nets);
    }
    world
}

fn join(world: &mut World, node: u8, nets: &[u8]) {
    let nics: Vec<(String, String)> =
        nets.iter().enumerate().map(|(at, net)| (format!("eth{at}"), format!("10.0.{net}.{}/24", node + 1))).collect();
    let addresses: Vec<[&str; 1]> = nics.iter().map(|(_, address)| [address.as_str()]).collect();
    let nics: Vec<(&str, &[&str])> =
        nics.iter().zip(&addresses).map(|((name, _), address)| (name.as_str(), &address[..])).collect();
    world.join(&format!("n{node:02}"), &nics);
}

fn owners(world: &World) -> BTreeMap<(u32, u32), Vec<String>> {
    let mut owners: BTreeMap<(u32, u32), Vec<String>> = BTreeMap::new();
    for block in &world.blocks {
        owners.entry((block.interface_index, block.host_index)).or_default().push(block.name.clone());
    }
    owners
}

proptest! {
    #[test]
    fn the_order_of_what_is_given_does_not_matter(
        nodes in nodes(), later in nodes(), bits in 0..4_u8, seed in proptest::collection::vec(any::<u32>(), 120),
    ) {
        let mut one = world(&nodes, 2, bits, &[]);
        one.settle();
        for (node, nets) in &later {
            join(&mut one, *node, nets);
        }
        let mut other = one.clone();
        let mut keys = seed.into_iter().cycle();
        other.claimants.sort_by_cached_key(|_| keys.next());
        other.blocks.sort_by_cached_key(|_| keys.next());
        prop_assert_eq!(one.plan(), other.plan());
    }

    #[test]
    fn what_was_carried_out_leaves_nothing_to_do(
        nodes in nodes(), later in nodes(), gone in proptest::collection::vec(0..12_u8, 0..4), excludes in proptest::collection::vec(0..64_u8, 0..3),
    ) {
        let mut world = world(&nodes, 2, 3, &excludes);
        world.settle();
        prop_assert!(world.plan().is_empty());
        for (node, nets) in &later {
            join(&mut world, *node, nets);
        }
        for node in gone {
            world.leave(&format!("n{node:02}"));
        }
        for _ in 0..3 {
            world.settle();
        }
        let plan = world.plan();
        prop_assert!(plan.is_empty(), "{plan:?}");
        // No pair of indexes is given twice, and each NIC has a block or is named.
        prop_assert!(owners(&world).values().all(|names| names.len() == 1));
        prop_assert_eq!(plan.served + plan.shortages.len(), world.claimants.len());
        let standing = world.blocks.iter().filter(|block| block.state == State::Standing).count();
        prop_assert_eq!(plan.served, standing);
    }

    #[test]
    fn a_node_that_joins_or_leaves_touches_its_own_blocks_alone(nodes in nodes(), nets in proptest::collection::vec(1..5_u8, 1..4)) {
        let mut world = world(&nodes, 3, 4, &[]);
        world.settle();
        let before = world.given();
        join(&mut world, 99, &nets);
        let plan = world.settle();
        prop_assert!(plan.delete.is_empty() && plan.update.is_empty() && plan.release.is_empty());
        prop_assert!(plan.create.iter().all(|block| block.node.as_str() == "n99"));
        prop_assert_eq!(plan.create.len(), nets.len());
        world.leave("n99");
        let plan = world.settle();
        prop_assert!(plan.create.is_empty() && plan.update.is_empty() && plan.delete.iter().all(|one| one.node.as_str() == "n99"));
        world.settle();
        prop_assert_eq!(world.given(), before);
    }

    #[test]
    fn claims_of_anyone_end_in_one_block_for_each_nic(
        nodes in nodes(),
        foreign in proptest::collection::vec((0..12_u8, 0..4_u8, 0..5_u32, 0..10_u32, 0..6_u8, 0..3_i64), 0..12),
    ) {
        let mut world = world(&nodes, 2, 3, &[]);
        for (at, (node, nic, interface_index, host_index, net, born)) in foreign.into_iter().enumerate() {
            world.blocks.push(Block {
                name: format!("foreign-{at}"),
                node: format!("n{node:02}").parse().unwrap(),
                interface: Some(format!("eth{nic}").parse().unwrap()),
                interface_index,
                host_index,
                segment: (net > 0).then(|| format!("10.0.{net}.0/24").parse().unwrap()),
                via: Vec::new(),
                reserved: Vec::new(),
                guarded: net > 2,
                born,
                state: if born == 2 { State::Leaving } else { State::Standing },
            });
        }
        for _ in 0..4 {
            let plan = world.plan();
            world.apply(&plan);
            let all: BTreeSet<String> = world.blocks.iter().map(|block| block.name.clone()).collect();
            world.nodes.values_mut().for_each(|node| node.released = all.clone());
        }
        prop_assert!(world.plan().is_empty(), "{:?}", world.plan());
        prop_assert!(owners(&world).values().all(|names| names.len() == 1));
        let mut keys = BTreeSet::new();
        prop_assert!(world.blocks.iter().all(|block| keys.insert((block.node.clone(), block.interface.clone()))));
        let mut segments = BTreeMap::new();
        for block in &world.blocks {
            let first = segments.entry(block.interface_index).or_insert(block.segment.clone());
            prop_assert!(block.segment.is_none() || *first == block.segment || first.is_none());
        }
    }
}
