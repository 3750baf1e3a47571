//! Whatever fails, and wherever it stops: the undo of a plan leaves the pod and the host as they were.

use nicety_core::plan::{HostNic, MacvlanMode, Step, Undo};
use nicety_kernel::{apply, undo};

use crate::{
    lab::{self, GROUP, Pod, State, deadline, host_nic, ip, macvlan, nic},
    tests, veth_routed,
};

tests![a_step_refused_at_any_place_leaves_nothing, a_stop_after_any_step_leaves_nothing];

/// A pod and a host that have links, addresses and routes of their own already.
struct Scene {
    pod: Pod,
    steps: Vec<Step>,
    undo: Vec<Undo>,
    before: (State, State),
}

/// Two macvlans, a routed veth and a whole NIC, in the order in which a plan has them: links, then the pod's part, then the host's.
fn scene() -> Scene {
    let (fabric, rail, pod) = (nic("fabric"), nic("rail0"), Pod::new());
    ip("link add uplink type bridge");
    ip("link set uplink up");
    ip("route add 192.0.2.0/24 dev uplink");
    pod.ip("link add own type bridge");
    pod.ip("link set own up");
    pod.ip("addr add 198.51.100.1/24 dev own");
    let steps = [
        macvlan("net1", &fabric, MacvlanMode::Bridge, 1),
        macvlan("net2", &fabric, MacvlanMode::Bridge, 2),
        veth_routed::steps("eth0", "nic00000000001", 3),
        vec![
            Step::MoveIn {
                nic: rail.clone(),
                ifname: "rdma0".parse().unwrap(),
                mac: Some(lab::mac(9)),
                mtu: Some(1400),
            },
            Step::AddAddress { ifname: "rdma0".parse().unwrap(), address: "10.3.0.9/16".parse().unwrap() },
            Step::SetUp { ifname: "rdma0".parse().unwrap() },
        ],
    ];
    let mut steps = steps.concat();
    steps.sort_by_key(phase);
    let own = ip("link show rail0")[0]["address"].as_str().unwrap().parse().unwrap();
    let undo = vec![
        Undo::DeleteGroup { group: GROUP, ifnames: ["net1", "net2", "eth0"].map(|n| n.parse().unwrap()).to_vec() },
        Undo::DeleteHostLink { host: "nic00000000001".parse().unwrap() },
        Undo::MoveBack { ifname: "rdma0".parse().unwrap(), nic: rail, mac: Some(own), mtu: Some(1500) },
    ];
    let before = (lab::state(), pod.state());
    Scene { pod, steps, undo, before }
}

fn phase(step: &Step) -> u8 {
    match step {
        Step::CreateMacvlan { .. } | Step::CreateIpvlan { .. } | Step::CreateVeth { .. } | Step::MoveIn { .. } => 0,
        Step::AddAddress { .. } | Step::SetUp { .. } | Step::AddNeighbor { .. } | Step::AddRoute { .. } => 1,
        Step::HostSetUp { .. }
        | Step::HostJoin { .. }
        | Step::HostPort { .. }
        | Step::HostSysctl { .. }
        | Step::HostAddNeighbor { .. }
        | Step::HostAddRoute { .. } => 2,
    }
}

/// A step that the kernel truly refuses, of the same phase as its neighbours.
fn poison(phase: u8) -> Step {
    match phase {
        0 => Step::CreateMacvlan {
            ifname: "bad".parse().unwrap(),
            master: HostNic { name: "gone".parse().unwrap(), index: 4711 },
            mode: MacvlanMode::Bridge,
            mac: lab::mac(66),
            mtu: None,
            group: GROUP,
        },
        1 => Step::AddRoute {
            ifname: "net1".parse().unwrap(),
            to: "203.0.113.0/24".parse().unwrap(),
            via: Some("8.8.8.8".parse().unwrap()),
        },
        _ => Step::HostAddRoute { host: "nic00000000001".parse().unwrap(), to: "192.0.2.0/24".parse().unwrap() },
    }
}

fn a_step_refused_at_any_place_leaves_nothing() {
    let mut scene = scene();
    for position in 0..=scene.steps.len() {
        for phase in 0..=2 {
            let mut steps = scene.steps.clone();
            steps.insert(position, poison(phase));
            let error = apply(&scene.pod.netns(), &steps, deadline()).unwrap_err().to_string();
            assert!(error.contains(&format!("step {} of {}", position + 1, steps.len())), "{error}");
            take_back(&mut scene, &format!("{error} at {position}"));
        }
    }
}

fn a_stop_after_any_step_leaves_nothing() {
    let mut scene = scene();
    for length in 0..=scene.steps.len() {
        apply(&scene.pod.netns(), &scene.steps[..length], deadline()).unwrap();
        take_back(&mut scene, &format!("{length} steps"));
    }
}

/// Undoes twice, and looks. The NIC gets a new index by its way through the pod only if somebody took its own; nobody did here.
fn take_back(scene: &mut Scene, after: &str) {
    for _ in 0..2 {
        let errors = undo(Some(&scene.pod.netns()), &scene.undo, deadline());
        assert!(errors.is_empty(), "after {after}: {errors:?}");
        lab::unchanged(&format!("the host after {after}"), &scene.before.0, &lab::state());
        lab::unchanged(&format!("the pod after {after}"), &scene.before.1, &scene.pod.state());
    }
    assert!(ip("link show rail0")[0]["flags"].to_string().contains("\"UP\""), "after {after}");
    assert_eq!(host_nic("rail0").name.as_str(), "rail0");
}
