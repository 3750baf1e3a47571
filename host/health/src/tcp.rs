//! Connections that are made to see whether they can be: one per probe, closed at once.

use std::{io, net::SocketAddr, time::Duration};

use tokio::net::TcpStream;

/// Closes by a reset: thousands of probes would leave thousands of ports waiting.
pub async fn connect(to: SocketAddr) -> io::Result<()> {
    let stream = TcpStream::connect(to).await?;
    rustix::net::sockopt::set_socket_linger(&stream, Some(Duration::ZERO))?;
    Ok(())
}
