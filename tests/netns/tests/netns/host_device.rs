//! A whole NIC, into the pod and home again.

use nicety_core::plan::{HostNic, Step, Undo};
use nicety_kernel::{apply, bring_home, undo};

use crate::{
    lab::{self, Pod, deadline, host_nic, ip, nic},
    tests,
};

tests![
    a_nic_moves_in_under_its_new_name_and_comes_home_as_it_was,
    a_nic_that_the_kernel_returned_is_found_by_its_alias,
    a_nic_that_the_kernel_returned_late_is_brought_home,
    a_nic_whose_new_name_is_taken_comes_home,
    a_nic_that_never_left_stays_as_it_is,
];

fn move_in(nic: &HostNic) -> Vec<Step> {
    let ifname = || "net1".parse().unwrap();
    vec![
        Step::MoveIn { nic: nic.clone(), ifname: ifname(), mac: Some(lab::mac(9)), mtu: Some(1400) },
        Step::AddAddress { ifname: ifname(), address: "10.1.0.9/16".parse().unwrap() },
        Step::SetUp { ifname: ifname() },
    ]
}

fn move_back(nic: &HostNic) -> [Undo; 1] {
    let mac = ip(&format!("link show {}", nic.name))[0]["address"].as_str().unwrap().parse().unwrap();
    [Undo::MoveBack { ifname: "net1".parse().unwrap(), nic: nic.clone(), mac: Some(mac), mtu: Some(1500) }]
}

fn a_nic_moves_in_under_its_new_name_and_comes_home_as_it_was() {
    let (pod, nic) = (Pod::new(), nic("rail0"));
    let (before, back) = (lab::state(), move_back(&nic));
    apply(&pod.netns(), &move_in(&nic), deadline()).unwrap();
    let link = &pod.ip("addr show net1")[0];
    assert_eq!((&link["address"], &link["mtu"]), (&lab::mac(9).to_string().into(), &1400.into()));
    assert!(
        link["flags"].to_string().contains("\"UP\"") && link["addr_info"].to_string().contains("10.1.0.9"),
        "{link}"
    );
    assert_eq!(ip("link").as_array().unwrap().len(), 2);
    for netns in [Some(&pod.netns()), Some(&pod.netns()), None] {
        let errors = undo(netns, &back, deadline());
        assert!(errors.is_empty(), "{errors:?}");
        lab::unchanged("the host", &before, &lab::state());
        assert!(ip("link show rail0")[0]["flags"].to_string().contains("\"UP\""));
    }
}

fn a_nic_that_the_kernel_returned_is_found_by_its_alias() {
    let nic = nic("rail0");
    let (before, back) = (lab::state(), move_back(&nic));
    // As the kernel leaves it when a pod's namespace dies with the NIC in it: down, and renamed where the name is taken.
    ip("link set rail0 down");
    ip("link set rail0 alias nicety:rail0:up mtu 1400 name dev7");
    let errors = undo(None, &back, deadline());
    assert!(errors.is_empty(), "{errors:?}");
    lab::unchanged("the host", &before, &lab::state());
}

fn a_nic_that_the_kernel_returned_late_is_brought_home() {
    nic("rail0");
    ip("link set rail0p alias uplink");
    let before = lab::state();
    ip("link set rail0 down");
    ip("link set rail0 alias nicety:rail0:up name dev7");
    for _ in 0..2 {
        let errors = bring_home(deadline());
        assert!(errors.is_empty(), "{errors:?}");
        lab::unchanged("the host", &before, &lab::state());
    }
}

fn a_nic_whose_new_name_is_taken_comes_home() {
    let (pod, nic) = (Pod::new(), nic("rail0"));
    pod.ip("link add net1 type bridge");
    let (before, inside, back) = (lab::state(), pod.state(), move_back(&nic));
    let error = apply(&pod.netns(), &move_in(&nic), deadline()).unwrap_err().to_string();
    assert!(error.contains("move NIC `rail0`") && error.contains("interface `net1` exists in the pod"), "{error}");
    assert_eq!(undo(Some(&pod.netns()), &back, deadline()).len(), 0);
    lab::unchanged("the host", &before, &lab::state());
    lab::unchanged("the pod", &inside, &pod.state());
}

fn a_nic_that_never_left_stays_as_it_is() {
    let (pod, nic) = (Pod::new(), nic("rail0"));
    ip("link set rail0 alias uplink");
    let (before, back) = (lab::state(), move_back(&nic));
    assert_eq!(undo(Some(&pod.netns()), &back, deadline()).len(), 0);
    lab::unchanged("the host", &before, &lab::state());
    assert_eq!(host_nic("rail0"), nic);
}
