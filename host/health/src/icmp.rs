//! Echo requests: one socket per family. The kernel's own kind of socket for them needs no capability where the system lets this
//! process's group have it; a raw one needs CAP_NET_RAW.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use nicety_core::address::Family;
use rustix::{
    io::Errno,
    net::{AddressFamily, SocketFlags, SocketType, ipproto, socket_with},
};
use tokio::{net::UdpSocket, task::AbortHandle};

use crate::{
    packet::{self, Head, Ticket},
    pending::Pending,
};

/// More than any answer of ours with any header before it.
const READ: usize = 128;

/// Its reader ends with it.
#[derive(Debug)]
pub struct Icmp {
    /// The type is that of all sockets of datagrams with addresses; to the kernel it is one of ICMP.
    socket: Arc<UdpSocket>,
    family: Family,
    reader: AbortHandle,
}

impl Icmp {
    /// In a tokio runtime.
    pub fn open(family: Family, pending: Pending) -> io::Result<Icmp> {
        let (domain, protocol) = match family {
            Family::V4 => (AddressFamily::INET, ipproto::ICMP),
            Family::V6 => (AddressFamily::INET6, ipproto::ICMPV6),
        };
        let open = |kind| socket_with(domain, kind, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC, Some(protocol));
        let (socket, head) = match open(SocketType::DGRAM) {
            Ok(socket) => (socket, Head::None),
            Err(Errno::ACCESS | Errno::PERM) => {
                let head = if family == Family::V4 { Head::Ipv4 } else { Head::None };
                (open(SocketType::RAW)?, head)
            }
            Err(error) => return Err(error.into()),
        };
        let socket = Arc::new(UdpSocket::from_std(socket.into())?);
        let reader = tokio::spawn(read(socket.clone(), family, head, pending)).abort_handle();
        Ok(Icmp { socket, family, reader })
    }

    pub fn send(&self, to: IpAddr, ticket: Ticket) -> io::Result<()> {
        self.socket.try_send_to(&packet::echo(self.family, ticket), SocketAddr::new(to, 0))?;
        Ok(())
    }
}

impl Drop for Icmp {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

async fn read(socket: Arc<UdpSocket>, family: Family, head: Head, pending: Pending) {
    let mut bytes = [0; READ];
    loop {
        // What the network says of an earlier packet of ours is no answer, and no reason to end.
        if let Ok((length, _)) = socket.recv_from(&mut bytes).await
            && let Some(ticket) = bytes.get(..length).and_then(|bytes| packet::echoed(family, head, bytes))
        {
            pending.arrived(ticket);
        }
    }
}
