//! Probes across a link: a host that is cut off is dead in no more than so many intervals and one timeout, by each kind of probe.

use std::{
    net::{IpAddr, TcpListener},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use nicety_core::egress::health::{Thresholds, Verdict};
use nicety_health::{Kind, Observed, Prober, Responder, Settings};

use crate::{lab, lab::Pod, tests};

tests![
    a_host_that_is_cut_off_is_dead_in_three_intervals_and_a_timeout,
    a_flapping_host_stays_out_for_longer,
    ipv6_is_asked_as_ipv4_is,
    a_connection_and_a_datagram_are_probes_too,
    a_probe_is_a_few_bytes,
];

const INTERVAL: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_millis(100);
/// What a busy machine may add.
const SLACK: Duration = Duration::from_millis(250);
const PATIENCE: Duration = Duration::from_secs(20);

fn settings(kind: Kind) -> Settings {
    let thresholds = Thresholds { failures: 3, successes: 2, ..Thresholds::default() };
    Settings { kind, interval: INTERVAL, timeout: TIMEOUT, thresholds }
}

/// A host beside this one: 192.0.2.2 and 2001:db8::2 against .1 and ::1.
fn neighbour() -> Pod {
    let pod = Pod::new();
    lab::ip("link add near type veth peer name far");
    pod.take("far", "eth0");
    for (address, far) in [("192.0.2.1/24", "192.0.2.2/24"), ("2001:db8::1/64", "2001:db8::2/64")] {
        lab::ip(&format!("address add {address} dev near nodad"));
        pod.ip(&format!("address add {far} dev eth0 nodad"));
    }
    lab::ip("link set near up");
    pod.ip("link set eth0 up");
    pod
}

/// Runs on this thread alone: sockets are born in its namespace.
fn block_on<T>(run: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run)
}

async fn becomes(observed: &mut tokio::sync::watch::Receiver<Observed>, verdict: Verdict) -> Duration {
    let began = Instant::now();
    let is = |observed: &Observed| observed.nodes.values().any(|seen| seen.verdict == verdict);
    let ended = tokio::time::timeout(PATIENCE, observed.wait_for(is)).await.map(drop);
    assert!(ended.is_ok(), "not {verdict}: {:?}", *observed.borrow());
    began.elapsed()
}

/// Asks until it answers, cuts it off, says how long that took to be seen.
fn death(pod: &Pod, kind: Kind, address: &str) -> Duration {
    block_on(async {
        let prober = Prober::start(settings(kind));
        let mut observed = prober.observed();
        let address: IpAddr = address.parse().unwrap();
        prober.ask([("far".parse().unwrap(), address)].into());
        becomes(&mut observed, Verdict::Healthy).await;
        pod.ip("link set eth0 down");
        let took = becomes(&mut observed, Verdict::Unhealthy).await;
        pod.ip("link set eth0 up");
        took
    })
}

fn in_time(took: Duration) {
    assert!(took <= 3 * INTERVAL + TIMEOUT + SLACK, "dead after {took:?}");
    assert!(took >= INTERVAL, "dead after {took:?}, which is not three probes");
}

fn a_host_that_is_cut_off_is_dead_in_three_intervals_and_a_timeout() {
    let pod = neighbour();
    in_time(death(&pod, Kind::Icmp, "192.0.2.2"));
}

fn ipv6_is_asked_as_ipv4_is() {
    let pod = neighbour();
    in_time(death(&pod, Kind::Icmp, "2001:db8::2"));
}

fn a_flapping_host_stays_out_for_longer() {
    let pod = neighbour();
    block_on(async {
        let longest_wait = Duration::from_secs(4);
        let thresholds = Thresholds { longest_wait, ..settings(Kind::Icmp).thresholds };
        let prober = Prober::start(Settings { thresholds, ..settings(Kind::Icmp) });
        let mut observed = prober.observed();
        prober.ask([("far".parse().unwrap(), "192.0.2.2".parse().unwrap())].into());
        becomes(&mut observed, Verdict::Healthy).await;
        let mut back = Vec::new();
        for _ in 0..3 {
            pod.ip("link set eth0 down");
            becomes(&mut observed, Verdict::Unhealthy).await;
            pod.ip("link set eth0 up");
            back.push(becomes(&mut observed, Verdict::Healthy).await);
        }
        assert!(back[2] > back[0] + longest_wait / 4, "{back:?}");
        assert!(back.iter().all(|took| *took < longest_wait + 4 * INTERVAL), "{back:?}");
    });
}

fn a_connection_and_a_datagram_are_probes_too() {
    let pod = neighbour();
    let listener = pod.inside(|| TcpListener::bind("192.0.2.2:9443").unwrap());
    in_time(death(&pod, Kind::Tcp(9443), "192.0.2.2"));
    drop(listener);

    let (ended, end) = mpsc::channel::<()>();
    thread::scope(|scope| {
        let (ready, started) = mpsc::channel();
        let pod = &pod;
        scope.spawn(move || {
            pod.inside(move || {
                block_on(async {
                    let responder = Responder::start(4791).unwrap();
                    responder.know(["192.0.2.1".parse().unwrap()].into());
                    ready.send(()).unwrap();
                    while matches!(end.try_recv(), Err(mpsc::TryRecvError::Empty)) {
                        tokio::time::sleep(Duration::from_millis(20)).await;
                    }
                });
            });
        });
        started.recv().unwrap();
        let took = death(pod, Kind::Udp(4791), "192.0.2.2");
        drop(ended);
        in_time(took);
    });
}

/// By the counters of the link.
fn a_probe_is_a_few_bytes() {
    let pod = neighbour();
    let sent = || lab::ip("-s link show near")[0]["stats64"]["tx"].clone();
    block_on(async {
        let prober = Prober::start(settings(Kind::Icmp));
        let mut observed = prober.observed();
        prober.ask([("far".parse().unwrap(), "192.0.2.2".parse().unwrap())].into());
        becomes(&mut observed, Verdict::Healthy).await;
        let before = sent();
        tokio::time::sleep(5 * INTERVAL).await;
        let after = sent();
        let more = |what: &str| after[what].as_u64().unwrap() - before[what].as_u64().unwrap();
        assert!(more("packets") <= 9, "{before} {after}");
        assert!(more("bytes") <= more("packets") * 90, "{before} {after}");
    });
    drop(pod);
}
