//! Answers UDP probes of other nodes, on a port that somebody named.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as Unready},
    time::Duration,
};

use tokio::{net::UdpSocket, sync::watch, task::JoinHandle, time::Instant};
use tracing::warn;

use crate::packet::{self, DATAGRAM};

/// Five observers ask five times a second each; this leaves room for a cluster whose nodes do not agree yet who they are.
const ANSWERS_A_SECOND: u32 = 500;
const SECOND: Duration = Duration::from_secs(1);
/// After an error that stays, the socket is not asked again at once.
const REST: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
#[error("cannot answer probes on UDP port {port}; hint: `--egress-answer` names another one")]
pub struct RespondError {
    port: u16,
    source: io::Error,
}

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Responder {
    known: watch::Sender<BTreeSet<IpAddr>>,
    task: JoinHandle<()>,
}

impl Responder {
    /// In a tokio runtime. Answers nobody before it is told who is known.
    pub fn start(port: u16) -> Result<Responder, RespondError> {
        let socket = bind(port).map_err(|source| RespondError { port, source })?;
        let (known, knowing) = watch::channel(BTreeSet::new());
        Ok(Responder { known, task: tokio::spawn(answer(socket, knowing)) })
    }

    /// Addresses that questions may come from: those of the cluster's nodes.
    pub fn know(&self, addresses: BTreeSet<IpAddr>) {
        self.known.send_replace(addresses);
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Of both families where the machine has both.
fn bind(port: u16) -> io::Result<UdpSocket> {
    let any = |address: IpAddr| Unready::bind(SocketAddr::new(address, port));
    let socket = any(Ipv6Addr::UNSPECIFIED.into()).or_else(|_| any(Ipv4Addr::UNSPECIFIED.into()))?;
    socket.set_nonblocking(true)?;
    UdpSocket::from_std(socket)
}

async fn answer(socket: UdpSocket, known: watch::Receiver<BTreeSet<IpAddr>>) {
    // One more than a question has, so that what is longer is seen to be.
    let mut bytes = [0; DATAGRAM + 1];
    let (mut since, mut answers) = (Instant::now(), 0);
    loop {
        let (length, from) = match socket.recv_from(&mut bytes).await {
            Ok(received) => received,
            Err(error) => {
                warn!(%error, "a probe could not be read");
                tokio::time::sleep(REST).await;
                continue;
            }
        };
        if since.elapsed() >= SECOND {
            (since, answers) = (Instant::now(), 0);
        }
        if answers >= ANSWERS_A_SECOND || !known.borrow().contains(&from.ip().to_canonical()) {
            continue;
        }
        if let Some(reply) = bytes.get(..length).and_then(packet::answer) {
            answers += 1;
            // Whoever asked asks again.
            drop(socket.send_to(&reply, from).await);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packet::Ticket;

    const QUICK: Duration = Duration::from_millis(200);

    async fn asked(socket: &UdpSocket, bytes: &[u8]) -> Option<Vec<u8>> {
        socket.send(bytes).await.unwrap();
        let mut reply = vec![0; 2048];
        let length = tokio::time::timeout(QUICK, socket.recv(&mut reply)).await.ok()?.unwrap();
        reply.truncate(length);
        Some(reply)
    }

    async fn towards(port: u16) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        socket.connect(("127.0.0.1", port)).await.unwrap();
        socket
    }

    fn free_port() -> u16 {
        Unready::bind("[::]:0").or_else(|_| Unready::bind("0.0.0.0:0")).unwrap().local_addr().unwrap().port()
    }

    #[tokio::test]
    async fn only_who_is_known_is_answered_and_only_questions_are() {
        let port = free_port();
        let responder = Responder::start(port).unwrap();
        let socket = towards(port).await;
        let question = packet::question(Ticket { process: 1, number: 2 });
        assert_eq!(asked(&socket, &question).await, None, "nobody is known yet");
        responder.know(["192.0.2.1".parse().unwrap()].into());
        assert_eq!(asked(&socket, &question).await, None, "another one is known");
        responder.know(["127.0.0.1".parse().unwrap()].into());
        let reply = asked(&socket, &question).await.unwrap();
        assert_eq!(packet::answered(&reply), Some(Ticket { process: 1, number: 2 }));
        for bytes in [&question[1..], &[], &[0; 1400], &reply, &[question.as_slice(), b"x"].concat()] {
            assert_eq!(asked(&socket, bytes).await, None);
        }
    }

    #[tokio::test]
    async fn a_flood_is_answered_so_many_times_a_second() {
        let port = free_port();
        let responder = Responder::start(port).unwrap();
        responder.know(["127.0.0.1".parse().unwrap()].into());
        let socket = towards(port).await;
        let question = packet::question(Ticket { process: 1, number: 2 });
        let began = Instant::now();
        for _ in 0..(10 * ANSWERS_A_SECOND) {
            drop(socket.try_send(&question));
            tokio::task::yield_now().await;
        }
        let mut answers = 0;
        while tokio::time::timeout(QUICK, socket.recv(&mut [0; 64])).await.is_ok() {
            answers += 1;
        }
        let seconds = u32::try_from(began.elapsed().as_secs()).unwrap() + 1;
        assert!(answers <= ANSWERS_A_SECOND * seconds, "{answers} in {seconds} s");
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_said_to_be() {
        let port = free_port();
        let _first = Responder::start(port).unwrap();
        let error = Responder::start(port).unwrap_err();
        assert!(error.to_string().contains(&port.to_string()), "{error}");
    }
}
