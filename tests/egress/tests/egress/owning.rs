//! What is ours: it is repaired wherever somebody took something, also after a daemon died in the middle, and all of it goes.

use std::{
    env,
    process::{Command, ExitCode},
    thread,
    time::{Duration, Instant},
};

use nicety_core::egress::share::Way;
use nicety_datapath::{Datapath, Kept, Watch};

use crate::{
    cluster::{ANY, Cluster, FAR, NODES, Plan, addresses, nft, settings},
    lab::{ip, run, state, unchanged},
    outside::tcp,
    tests,
};

tests![
    what_somebody_took_away_comes_back_and_nothing_is_done_twice,
    the_kernel_tells_of_what_others_do_to_our_table_and_to_no_other,
    another_daemon_takes_over_and_changes_nothing,
    a_daemon_that_is_killed_leaves_nothing_that_the_next_does_not_repair,
    nothing_is_left,
];

/// The argument of the process that is killed.
pub const CHILD: &str = "--put-forever";

fn plan() -> Plan {
    let mut plan = Plan::default();
    plan.policy("all", 0, &ANY, &[]);
    let one = plan.gateway("g1", addresses(["192.0.2.23", "2001:db8::23"]));
    let two = plan.gateway("g3", Way::Interface("eth2".parse().unwrap()));
    plan.exit("a", "all", &one, Some(&two));
    plan.exit("b", "all", &two, Some(&one));
    plan.exit("e", "all", &one, Some(&two));
    plan
}

fn works(cluster: &Cluster) {
    assert_eq!(tcp(cluster.pod("a"), FAR[0]).as_deref(), Some("192.0.2.23"));
    assert_eq!(tcp(cluster.pod("b"), FAR[0]).as_deref(), Some("172.16.5.15"));
    assert_eq!(tcp(cluster.pod("e"), FAR[1]).as_deref(), Some("2001:db8::23"));
}

fn what_somebody_took_away_comes_back_and_nothing_is_done_twice() {
    let cluster = Cluster::new();
    let plan = plan();
    cluster.follow(&plan);
    let table = |node: &str| cluster.nodes[node].host.inside(|| nft("list table inet nicety_egress"));
    let whole = |node: &str| {
        let lines = table(node);
        lines.lines().filter(|line| !line.contains("packets ")).map(str::to_owned).collect::<Vec<_>>()
    };
    let again = |node: &str| cluster.put(node, cluster.wanted(node, &plan)).changes;
    for node in NODES {
        assert_eq!(again(node), 0, "{node}");
    }
    let before = whole("s1");
    for damage in [
        "delete table inet nicety_egress",
        "flush table inet nicety_egress",
        "flush chain inet nicety_egress steer",
        "flush set inet nicety_egress captured4",
        "add element inet nicety_egress nodes4 { 203.0.113.77 }",
        "add chain inet nicety_egress foreign-chain",
        "add rule inet nicety_egress guard accept",
    ] {
        cluster.nodes["s1"].host.inside(|| nft(damage));
        assert!(again("s1") > 0, "{damage}");
        assert_eq!(whole("s1"), before, "{damage}");
        assert_eq!(again("s1"), 0, "{damage}");
    }
    for damage in [
        "link del nicety-egress",
        "link set nicety-egress down",
        "route flush table 12001",
        "rule del pref 111",
        "-6 rule del pref 111",
        "neigh flush dev nicety-egress nud permanent",
        "link set nicety-egress mtu 1300",
        "link set nicety-egress group 7",
    ] {
        cluster.nodes["s1"].host.inside(|| ip(damage));
        assert!(again("s1") > 0, "{damage}");
        assert_eq!(again("s1"), 0, "{damage}");
    }
    works(&cluster);
}

fn the_kernel_tells_of_what_others_do_to_our_table_and_to_no_other() {
    let cluster = Cluster::new();
    let plan = plan();
    cluster.follow(&plan);
    let node = &cluster.nodes["s1"];
    let mut watch = node.host.inside(Watch::open).expect("a watch");
    let is_touched = || node.host.inside(|| node.datapath.lock().unwrap().is_touched()).unwrap();
    assert!(!watch.is_touched().unwrap() && !is_touched());
    node.host.inside(|| nft("add table inet nicety_egress_not"));
    assert!(!watch.is_touched().unwrap(), "another's table");
    for damage in ["flush ruleset", "flush chain inet nicety_egress steer", "flush set inet nicety_egress captured4"] {
        node.host.inside(|| nft(damage));
        assert!(watch.is_touched().unwrap() && is_touched(), "{damage}");
        assert!(cluster.put("s1", cluster.wanted("s1", &plan)).changes > 0, "{damage}");
        // What we did ourselves is told as well, and known.
        assert!(watch.is_touched().unwrap() && !is_touched(), "{damage}");
        assert!(!watch.is_touched().unwrap());
    }
    // Whoever waits is woken.
    let waiting = thread::spawn(move || {
        watch.wait().unwrap();
        watch
    });
    thread::sleep(Duration::from_millis(50));
    assert!(!waiting.is_finished());
    node.host.inside(|| nft("flush ruleset"));
    let mut watch = waiting.join().unwrap();
    assert!(cluster.put("s1", cluster.wanted("s1", &plan)).changes > 0);
    // More than the kernel keeps for a reader.
    for _ in 0..300 {
        node.host.inside(|| nft("add table inet nicety_egress_not; delete table inet nicety_egress_not"));
    }
    assert!(watch.is_touched().unwrap());
    works(&cluster);
}

fn another_daemon_takes_over_and_changes_nothing() {
    let cluster = Cluster::new();
    let plan = plan();
    cluster.follow(&plan);
    for name in NODES {
        let node = &cluster.nodes[name];
        let kept = node.kept.lock().unwrap().clone();
        *node.datapath.lock().unwrap() =
            node.host.inside(|| Datapath::open(settings(name, node.number), kept)).expect("a datapath");
        assert_eq!(cluster.put(name, cluster.wanted(name, &plan)).changes, 0, "{name}");
    }
    works(&cluster);
}

/// What the killed process does: between two plans, as fast as it can, with an element more each time.
pub fn child() -> ExitCode {
    let mut datapath = Datapath::open(settings("s1", 1), Kept::default()).expect("a datapath");
    for round in 0u32.. {
        let mut wanted = nicety_core::egress::program::Wanted::default();
        let mut plan = plan();
        let odd = round % 2 == 1;
        if odd {
            plan.policy("more", 5, &["198.51.100.0/24"], &[]);
        }
        wanted.policies = plan.policies;
        wanted.share.gateways = plan.gateways;
        for last in 1..=if odd { 200u32 } else { 20 } {
            let pod = crate::cluster::key(&format!("pod-{last}"));
            let address = format!("10.1.1.{last}").parse().unwrap();
            let policies = wanted.policies.keys().cloned().collect();
            wanted.held.push(nicety_core::egress::hold::Hold {
                pod,
                addresses: [address].into(),
                beside: Default::default(),
                policies,
            });
        }
        datapath.put(wanted, &mut |_| Ok(())).expect("a put");
    }
    ExitCode::SUCCESS
}

fn a_daemon_that_is_killed_leaves_nothing_that_the_next_does_not_repair() {
    let cluster = Cluster::new();
    let plan = plan();
    cluster.follow(&plan);
    let program = env::current_exe().unwrap();
    let node = &cluster.nodes["s1"];
    for round in 0..20 {
        let mut child = node.host.inside(|| Command::new(&program).arg(CHILD).spawn()).expect("a child");
        // At another place each time; the first moments are those of its start.
        let until = Instant::now() + Duration::from_millis(25 + 7 * round);
        while Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if round % 5 == 4 {
            let kept = node.kept.lock().unwrap().clone();
            *node.datapath.lock().unwrap() =
                node.host.inside(|| Datapath::open(settings("s1", 1), kept)).expect("a datapath");
            cluster.follow(&plan);
            assert_eq!(cluster.put("s1", cluster.wanted("s1", &plan)).changes, 0);
            works(&cluster);
        }
    }
}

fn nothing_is_left() {
    let cluster = Cluster::new();
    let settings = |node: &str| {
        cluster.nodes[node]
            .host
            .inside(|| run("sysctl", "-a --pattern (eth|cni|all|default).*(rp_filter|forwarding)").1)
    };
    let rules = |node: &str| cluster.nodes[node].host.inside(|| [run("ip", "rule").1, run("ip", "-6 rule").1]);
    let before: Vec<_> =
        NODES.iter().map(|node| (cluster.nodes[node].host.inside(state), settings(node), rules(node))).collect();
    let mut plan = plan();
    let floats = Way::Addresses { addresses: ["192.0.2.99".parse().unwrap()].into(), floats: true };
    plan.gateway("g2", floats);
    cluster.follow(&plan);
    works(&cluster);
    assert_ne!(settings("g3"), before[4].1, "the second uplink of g3 is loose and forwards");
    for (name, (state_before, settings_before, rules_before)) in NODES.iter().zip(&before) {
        let node = &cluster.nodes[name];
        let outcome = node.host.inside(|| {
            node.datapath.lock().unwrap().remove(&mut |kept| {
                *node.kept.lock().unwrap() = kept.clone();
                Ok(())
            })
        });
        let outcome = outcome.expect("a removal");
        assert_eq!((outcome.wrong.len(), outcome.faults), (0, Vec::new()), "{name}");
        unchanged(name, state_before, &node.host.inside(state));
        assert_eq!(settings(name), *settings_before, "{name}");
        assert_eq!(rules(name), *rules_before, "{name}");
        assert_eq!(node.host.inside(|| nft("list tables")), "", "{name}");
        assert!(node.kept.lock().unwrap().settings.is_empty(), "{name}");
    }
}
