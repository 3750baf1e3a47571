//! Questions by UDP: one socket per family.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
};

use nicety_core::address::Family;
use tokio::{net::UdpSocket, task::AbortHandle};

use crate::{
    packet::{self, DATAGRAM, Ticket},
    pending::Pending,
};

/// Its reader ends with it.
#[derive(Debug)]
pub struct Udp {
    socket: Arc<UdpSocket>,
    reader: AbortHandle,
}

impl Udp {
    /// In a tokio runtime.
    pub fn open(family: Family, pending: Pending) -> io::Result<Udp> {
        let any: IpAddr = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        let socket = std::net::UdpSocket::bind(SocketAddr::new(any, 0))?;
        socket.set_nonblocking(true)?;
        let socket = Arc::new(UdpSocket::from_std(socket)?);
        let reader = tokio::spawn(read(socket.clone(), pending)).abort_handle();
        Ok(Udp { socket, reader })
    }

    pub fn send(&self, to: SocketAddr, ticket: Ticket) -> io::Result<()> {
        self.socket.try_send_to(&packet::question(ticket), to)?;
        Ok(())
    }
}

impl Drop for Udp {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// A node may answer from another of its addresses: the ticket says whose answer it is.
async fn read(socket: Arc<UdpSocket>, pending: Pending) {
    // One more than an answer has, so that what is longer is seen to be.
    let mut bytes = [0; DATAGRAM + 1];
    loop {
        // What the network says of an earlier packet of ours is no answer, and no reason to end.
        if let Ok((length, _)) = socket.recv_from(&mut bytes).await
            && let Some(ticket) = bytes.get(..length).and_then(packet::answered)
        {
            pending.arrived(ticket);
        }
    }
}
