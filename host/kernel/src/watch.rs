//! Says that something changed about the host's links, addresses or routes; not what. Whoever wants to know reads the inventory.
//!
//! The only asynchronous part of the crate: rtnetlink's connection, as a task of the tokio runtime in which `watch` is called.

use std::io;

use rtnetlink::{MulticastGroup, new_multicast_connection};
use tokio::sync::watch::{Receiver, channel};

#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("cannot subscribe to the kernel's notifications")]
    Subscribe(#[source] io::Error),
    #[error("the kernel's notifications have ended")]
    Ended,
}

/// Changes since the last look. Any number of them are one: nothing piles up while nobody looks.
#[derive(Debug)]
pub struct Changes(Receiver<u64>);

impl Changes {
    /// Waits for a change that was not waited for yet. Cancel-safe: a wait that is dropped loses nothing.
    pub async fn changed(&mut self) -> Result<(), WatchError> {
        self.0.changed().await.map_err(|_| WatchError::Ended)
    }
}

/// Subscribes in the network namespace of the calling thread, so that every change after this call is seen.
pub fn watch() -> Result<Changes, WatchError> {
    let groups = [
        MulticastGroup::Link,
        MulticastGroup::Ipv4Ifaddr,
        MulticastGroup::Ipv6Ifaddr,
        MulticastGroup::Ipv4Route,
        MulticastGroup::Ipv6Route,
    ];
    let (connection, handle, mut messages) = new_multicast_connection(&groups).map_err(WatchError::Subscribe)?;
    let (sender, receiver) = channel(0);
    tokio::spawn(connection);
    tokio::spawn(async move {
        // The connection ends when nobody holds its handle.
        let _handle = handle;
        loop {
            // Both arms are cancel-safe: neither takes anything before it is chosen.
            tokio::select! {
                message = messages.recv() => match message {
                    Ok(_) => sender.send_modify(|count: &mut u64| *count = count.wrapping_add(1)),
                    Err(_) => break,
                },
                () = sender.closed() => break,
            }
        }
    });
    Ok(Changes(receiver))
}
