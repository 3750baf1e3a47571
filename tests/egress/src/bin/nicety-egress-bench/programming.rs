//! What it costs to make the kernel's table, and to change it.

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use nicety_core::egress::{
    mark::Marks,
    program::{Program, Wanted, Ways},
    share::{Endpoint, Exit, GatewayId},
    table::Table,
};
use nicety_datapath::{Datapath, Kept};

use crate::{
    cluster::{Plan, addresses, key, net, nft, settings},
    lab::ip,
    median, row,
};

const ELEMENTS: usize = 16_384;
const ROUNDS: usize = 7;
/// Of which a third leaves by the gateway that dies.
const PODS: u32 = 10_000;

/// Pods until the table has so many elements; 64 destinations. The pod of `moved` leaves by another gateway than it would.
fn wanted(pods: u32, moved: Option<u32>) -> Wanted {
    let mut plan = Plan::default();
    let destinations: Vec<String> = (0..64).map(|at| format!("198.18.{}.0/24", at * 2)).collect();
    plan.policy("bench", 0, &destinations.iter().map(String::as_str).collect::<Vec<_>>(), &[]);
    let gateways: Vec<GatewayId> =
        ["g1", "g2", "g3"].map(|node| plan.gateway(node, addresses(["192.0.2.23", "2001:db8::23"]))).into();
    let mut wanted = Wanted { policies: plan.policies, cluster: vec![net("10.0.0.0/8")], ..Wanted::default() };
    wanted.share.gateways = plan.gateways;
    for at in 0..pods {
        let gateway = &gateways[(at as usize + usize::from(moved == Some(at))) % 3];
        let standby = &gateways[(at as usize + 1 + usize::from(moved == Some(at))) % 3];
        let exit = Exit { primary: Some(gateway.clone()), standby: Some(standby.clone()), ..Exit::default() };
        let endpoint = Endpoint {
            addresses: [IpAddr::from((0x0a40_0000 + at).to_be_bytes())].into(),
            exits: [("bench".to_owned(), exit)].into(),
        };
        wanted.share.endpoints.insert(key(&format!("pod-{at}")), endpoint);
    }
    wanted
}

fn elements(pods: u32) -> usize {
    let program = Program::of(&settings("s1", 1), &wanted(pods, None), &Ways::new(), &mut Marks::default());
    Table::of(&settings("s1", 1), &program).elements()
}

pub fn measure() -> bool {
    ip("link add eth0 type veth peer name far");
    ip("addr add 10.0.0.1/24 dev eth0");
    ip("link set eth0 up");
    // Elements grow by the same number with each pod.
    let (none, some) = (elements(1), elements(101));
    let pods = u32::try_from((ELEMENTS - none) * 100 / (some - none) + 1).unwrap();
    let count = elements(pods);
    let (all, moves): (Wanted, Vec<Wanted>) =
        (wanted(pods, None), (0..20).map(|at| wanted(pods, Some(at * 7))).collect());
    let mut anew = Vec::new();
    let mut datapath = None;
    for _ in 0..ROUNDS {
        let mut fresh = Datapath::open(settings("s1", 1), Kept::default()).expect("a datapath");
        fresh.remove(&mut |_| Ok(())).expect("a removal");
        let begun = Instant::now();
        fresh.put(all.clone(), &mut |_| Ok(())).expect("a put");
        anew.push(begun.elapsed().as_secs_f64() * 1000.0);
        datapath = Some(fresh);
    }
    let mut datapath = datapath.expect("rounds");
    let mut changes = Vec::new();
    for wanted in moves {
        let begun = Instant::now();
        datapath.put(wanted, &mut |_| Ok(())).expect("a put");
        changes.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    // The same table by `nft`, as it shows it itself.
    let mut table: serde_json::Value = serde_json::from_str(&nft("-j list table inet nicety_egress")).unwrap();
    // What is referred to comes first when it is read, and not when it is shown.
    let place = |row: &serde_json::Value| {
        ["metainfo", "table", "chain", "counter", "set", "map", "rule"].iter().position(|kind| row.get(kind).is_some())
    };
    table["nftables"].as_array_mut().unwrap().sort_by_key(place);
    let folder = std::env::temp_dir().join(format!("nicety-egress-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (whole, one) = (folder.join("whole.json"), folder.join("one.json"));
    std::fs::write(&whole, table.to_string()).unwrap();
    let timed = |file: &std::path::Path| {
        let begun = Instant::now();
        nft(&format!("-j -f {}", file.display()));
        begun.elapsed().as_secs_f64() * 1000.0
    };
    let mut by_nft = Vec::new();
    for _ in 0..ROUNDS {
        nft("delete table inet nicety_egress");
        by_nft.push(timed(&whole));
    }
    let set = |verb: &str, set: &str| {
        format!(
            r#"{{"{verb}":{{"element":{{"family":"inet","table":"nicety_egress","name":"{set}","elem":["10.64.0.3"]}}}}}}"#
        )
    };
    let mut one_by_nft = Vec::new();
    for round in 0..20 {
        let (from, to) = if round % 2 == 0 { (1, 2) } else { (2, 1) };
        let name = |number: u32| format!("exits4-{number}-bench");
        let text = format!(r#"{{"nftables":[{},{}]}}"#, set("delete", &name(from)), set("add", &name(to)));
        std::fs::write(&one, text).unwrap();
        one_by_nft.push(timed(&one));
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let (anew, change) = (median(anew), median(changes));
    let first = format!("{count} elements from nothing ({pods} pods)");
    let first = row(&first, anew, Some(("nft -j -f", median(by_nft))), "ms", "<= 1000 ms", anew <= 1000.0);
    let second =
        row("one pod moves", change, Some(("nft -j -f", median(one_by_nft))), "ms", "<= 20 ms", change <= 20.0);
    let third = failing_over();
    first && second && third
}

/// All pods of a gateway that dies take their standby.
fn failing_over() -> bool {
    let all = wanted(PODS, None);
    let lost = Wanted { dead: BTreeSet::from(["g1".parse().unwrap()]), ..all.clone() };
    let mut datapath = Datapath::open(settings("s1", 1), Kept::default()).expect("a datapath");
    let mut samples = Vec::new();
    for _ in 0..ROUNDS {
        datapath.put(all.clone(), &mut |_| Ok(())).expect("a put");
        let lost = lost.clone();
        let begun = Instant::now();
        datapath.put(lost, &mut |_| Ok(())).expect("a put");
        samples.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    let moved = nft("list set inet nicety_egress exits4-2-bench").matches("10.").count();
    assert!(moved > PODS as usize / 2, "{moved} pods leave by the second gateway");
    let took = median(samples);
    row(&format!("a gateway of {PODS} pods dies, of three"), took, None, "ms", "<= 100 ms", took <= 100.0)
}
