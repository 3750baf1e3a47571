//! One probe.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use nicety_core::{address::Family, egress::health::Answer};
use tokio::time::{Instant, timeout};

use crate::{
    icmp::Icmp,
    pending::Pending,
    settings::{Kind, Settings},
    tcp,
    udp::Udp,
};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    Answer(Answer),
    /// Nothing was sent, or this process was asleep itself and an answer may have come that it did not see in time.
    Unclear,
    /// The fault is this machine's.
    Unable(String),
}

/// Opened when they are first needed, and anew after a failure.
#[derive(Debug)]
pub struct Sockets {
    settings: Settings,
    pending: Pending,
    v4: Mutex<Option<Socket>>,
    v6: Mutex<Option<Socket>>,
}

#[derive(Debug)]
enum Socket {
    Icmp(Icmp),
    Udp(Udp),
}

impl Sockets {
    pub fn new(settings: Settings) -> Sockets {
        Sockets { settings, pending: Pending::default(), v4: Mutex::default(), v6: Mutex::default() }
    }

    pub async fn ask(&self, address: IpAddr) -> Asked {
        let start = Instant::now();
        let came = match self.settings.kind {
            Kind::Tcp(port) => {
                let connected = timeout(self.settings.timeout, tcp::connect(SocketAddr::new(address, port))).await;
                connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
            }
            Kind::Icmp => self.by_packet(address, 0).await,
            Kind::Udp(port) => self.by_packet(address, port).await,
        };
        match came {
            Ok(()) => Asked::Answer(Answer::Came),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                let late = start.elapsed().saturating_sub(self.settings.timeout);
                if late > self.settings.interval / 2 { Asked::Unclear } else { Asked::Answer(Answer::Missed) }
            }
            // The socket is new, or its queue is full.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Asked::Unclear,
            Err(error) if of_the_way(&error) => Asked::Answer(Answer::Missed),
            Err(error) => Asked::Unable(self.hint(&error)),
        }
    }

    async fn by_packet(&self, address: IpAddr, port: u16) -> io::Result<()> {
        let mut waiting = self.pending.expect();
        self.send(SocketAddr::new(address, port), &waiting)?;
        let length: Duration = self.settings.timeout;
        timeout(length, waiting.answered()).await.map_err(|_| io::ErrorKind::TimedOut.into())
    }

    fn send(&self, to: SocketAddr, waiting: &crate::pending::Waiting) -> io::Result<()> {
        let family = Family::of(to.ip());
        let socket = match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        };
        let mut socket = socket.lock().unwrap_or_else(PoisonError::into_inner);
        let opened = match socket.take() {
            Some(opened) => opened,
            None => match self.settings.kind {
                Kind::Icmp => Socket::Icmp(Icmp::open(family, self.pending.clone())?),
                Kind::Tcp(_) | Kind::Udp(_) => Socket::Udp(Udp::open(family, self.pending.clone())?),
            },
        };
        let send = || match &opened {
            Socket::Icmp(icmp) => icmp.send(to.ip(), waiting.ticket),
            Socket::Udp(udp) => udp.send(to, waiting.ticket),
        };
        // An error may be that of an earlier packet, which a socket tells when it is next used.
        let sent = send().or_else(|_| send());
        *socket = Some(opened);
        sent
    }

    fn hint(&self, error: &io::Error) -> String {
        match (self.settings.kind, error.kind()) {
            (Kind::Icmp, io::ErrorKind::PermissionDenied) => format!(
                "no socket for ICMP may be opened: {error}; hint: CAP_NET_RAW, or a range of groups in \
                 `net.ipv4.ping_group_range` that has the daemon's, or `--egress-probe tcp:PORT`"
            ),
            (kind, _) => format!("`{kind}` cannot be sent: {error}"),
        }
    }
}

/// There is no way to the node, or it says no: that is no answer.
fn of_the_way(error: &io::Error) -> bool {
    use io::ErrorKind::{
        ConnectionAborted, ConnectionRefused, ConnectionReset, HostUnreachable, NetworkDown, NetworkUnreachable,
    };
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset | HostUnreachable | NetworkDown | NetworkUnreachable
    )
}
