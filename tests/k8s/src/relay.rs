//! Passes bytes on, between a machine's network and our loopback: for programs that show who they are only over TLS.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[derive(Debug)]
pub struct Relay {
    pub address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Relay {
    /// From `address` to `port` of our loopback.
    pub async fn start(address: &str, port: u16) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let accepting = tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                tokio::spawn(async move {
                    if let Ok(mut to) = TcpStream::connect(("127.0.0.1", port)).await {
                        let _ended = copy_bidirectional(&mut from, &mut to).await;
                    }
                });
            }
        });
        Ok(Self { address, accepting })
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}
