//! What is taken for a pod's network namespace, and what is not.

use std::{path::Path, thread};

use nicety_core::plan::MacvlanMode;
use nicety_kernel::{Netns, apply};

use crate::{
    lab::{self, Pod, deadline, ip, macvlan, nic},
    tests,
};

tests![
    a_namespace_is_known_by_its_inode,
    what_is_no_namespace_or_the_hosts_own_is_refused_with_a_hint,
    the_callers_thread_stays_where_it_was,
    requests_of_many_threads_do_not_mix,
];

fn a_namespace_is_known_by_its_inode() {
    let (a, b) = (Pod::new(), Pod::new());
    assert_eq!(a.netns().id().inode, a.inode());
    assert_eq!(a.netns().id(), a.netns().id());
    assert_ne!(a.netns().id(), b.netns().id());
}

fn what_is_no_namespace_or_the_hosts_own_is_refused_with_a_hint() {
    for (path, refusal) in [
        ("/etc/passwd", "`/etc/passwd` is not a network namespace; hint: CNI_NETNS must name one"),
        ("/proc/self/ns/mnt", "`/proc/self/ns/mnt` is not a network namespace"),
        ("/proc/thread-self/ns/net", "is the host's own network namespace; hint: a pod with `hostNetwork: true`"),
        ("/run/netns/nowhere", "cannot open network namespace `/run/netns/nowhere`"),
    ] {
        let error = Netns::open(Path::new(path)).unwrap_err().to_string();
        assert!(error.contains(refusal), "{error}");
    }
}

fn the_callers_thread_stays_where_it_was() {
    let (pod, master) = (Pod::new(), nic("fabric"));
    let before = lab::state();
    apply(&pod.netns(), &macvlan("net1", &master, MacvlanMode::Bridge, 1), deadline()).unwrap();
    lab::unchanged("the host", &before, &lab::state());
    assert_eq!(pod.ip("link").as_array().unwrap().len(), 2);
}

/// Twenty pods at once, each with two links, some of them on the same master.
fn requests_of_many_threads_do_not_mix() {
    let (masters, pods) = ([nic("rail0"), nic("rail1")], Vec::from_iter((0..20).map(|_| Pod::new())));
    let (host, masters) = (lab::here(), &masters);
    thread::scope(|scope| {
        for (number, pod) in (1..).zip(&pods) {
            let host = &host;
            scope.spawn(move || {
                host.inside(|| {
                    let mut steps = macvlan("net1", &masters[0], MacvlanMode::Bridge, number);
                    steps.extend(macvlan("net2", &masters[1], MacvlanMode::Bridge, number + 100));
                    apply(&pod.netns(), &steps, deadline()).unwrap();
                });
            });
        }
    });
    for (number, pod) in (1..).zip(&pods) {
        for (name, last) in [("net1", number), ("net2", number + 100)] {
            let link = &pod.ip(&format!("addr show {name}"))[0];
            assert_eq!(link["address"], lab::mac(last).to_string());
            assert!(link["addr_info"].to_string().contains(&format!("\"10.1.0.{last}\"")), "{link}");
        }
    }
    assert_eq!(ip("link").as_array().unwrap().len(), 5);
}
