use std::net::Ipv4Addr;

use nicety_core::egress::health::Thresholds;
use tokio::net::TcpListener;

use super::*;
use crate::{Responder, settings::Kind};

const SOON: Duration = Duration::from_secs(5);

fn settings(kind: Kind) -> Settings {
    let interval = crate::SHORTEST_INTERVAL;
    let thresholds = Thresholds { failures: 2, successes: 2, ..Thresholds::default() };
    Settings { kind, interval, timeout: interval, thresholds }
}

fn here() -> (NodeName, IpAddr) {
    ("here".parse().unwrap(), Ipv4Addr::LOCALHOST.into())
}

async fn becomes(observed: &mut watch::Receiver<Observed>, verdict: Verdict) {
    let node = here().0;
    let is = |observed: &Observed| observed.nodes.get(&node).is_some_and(|seen| seen.verdict == verdict);
    let outcome = tokio::time::timeout(SOON, observed.wait_for(is)).await.map(|waited| waited.is_ok());
    assert!(matches!(outcome, Ok(true)), "not {verdict} in {SOON:?}: {:?}", *observed.borrow());
}

#[tokio::test]
async fn a_port_that_accepts_is_healthy_until_it_is_closed() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let prober = Prober::start(settings(Kind::Tcp(listener.local_addr().unwrap().port())));
    let mut observed = prober.observed();
    prober.ask([here()].into());
    becomes(&mut observed, Verdict::Healthy).await;
    drop(listener);
    becomes(&mut observed, Verdict::Unhealthy).await;
}

#[tokio::test]
async fn a_responder_is_healthy_while_it_knows_who_asks() {
    let port = std::net::UdpSocket::bind("[::]:0").unwrap().local_addr().unwrap().port();
    let responder = Responder::start(port).unwrap();
    responder.know([here().1].into());
    let prober = Prober::start(settings(Kind::Udp(port)));
    let mut observed = prober.observed();
    prober.ask([here()].into());
    becomes(&mut observed, Verdict::Healthy).await;
    responder.know([].into());
    becomes(&mut observed, Verdict::Unhealthy).await;
}

#[tokio::test]
async fn this_machine_answers_its_own_echo() {
    let prober = Prober::start(settings(Kind::Icmp));
    let mut observed = prober.observed();
    prober.ask([here()].into());
    becomes(&mut observed, Verdict::Healthy).await;
}

#[tokio::test]
async fn who_is_not_asked_any_more_is_not_known_any_more() {
    let prober = Prober::start(settings(Kind::Icmp));
    let mut observed = prober.observed();
    prober.ask([here()].into());
    becomes(&mut observed, Verdict::Healthy).await;
    prober.ask(BTreeMap::new());
    let gone = tokio::time::timeout(SOON, observed.wait_for(|observed| observed.nodes.is_empty())).await;
    assert!(gone.is_ok());
}
