//! Whether others change our table: the kernel tells every change of every table, to whoever may read it. Of each message only whose table it
//! is about is read; what was changed is found by reading the table.

use std::{
    io,
    time::{Duration, Instant},
};

use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use nicety_core::egress::table::NAME;
use rustix::{io::Errno, net::RecvFlags};

use super::{
    Answer, NftError,
    attributes::of_message,
    messages,
    numbers::{NFNL_SUBSYS_NFTABLES, NFPROTO_INET, NFTA_TABLE_NAME},
    wait,
};

/// `NFNLGRP_NFTABLES`, of linux/netfilter/nfnetlink.h.
const GROUP: u32 = 7;
/// Bytes that wait in the kernel while nobody reads. A large change says more: then it is known that something was missed, and no more need
/// be.
const ROOM: i32 = 64 * 1024;
/// Of one message: the beginning says whose it is.
const BEGINNING: usize = 4096;
/// Messages that are read at once; whoever has so many has something of everybody's.
const AT_ONCE: usize = 1024;

/// Long enough for nobody to notice.
const HOUR: Duration = Duration::from_secs(3600);

/// In the network namespace of the thread that opens it.
#[derive(Debug)]
pub struct Watch {
    socket: Socket,
    received: Vec<u8>,
}

impl Watch {
    pub fn open() -> Result<Watch, NftError> {
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(NftError::Open)?;
        socket.bind_auto().map_err(NftError::Open)?;
        socket.set_rx_buf_sz(ROOM).map_err(NftError::Open)?;
        socket.add_membership(GROUP).map_err(NftError::Open)?;
        Ok(Watch { socket, received: vec![0; BEGINNING] })
    }

    /// Blocks until [`Watch::is_touched`] is true.
    pub fn wait(&mut self) -> Result<(), NftError> {
        while !self.is_touched()? {
            match wait(&self.socket, Instant::now() + HOUR) {
                Ok(()) | Err(NftError::Deadline) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether anybody, we ourselves too, may have changed our table since this was last asked.
    pub fn is_touched(&mut self) -> Result<bool, NftError> {
        let mut touched = false;
        for _ in 0..AT_ONCE {
            let flags = RecvFlags::DONTWAIT.bits().cast_signed();
            match self.socket.recv(&mut self.received.as_mut_slice(), flags) {
                Ok(length) => messages(self.received.get(..length).unwrap_or_default(), |one| touched |= is_ours(&one)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(touched),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // The kernel had no room for all of it.
                Err(error) if error.raw_os_error() == Some(Errno::NOBUFS.raw_os_error()) => touched = true,
                Err(error) => return Err(NftError::Receive(error)),
            }
        }
        Ok(true)
    }
}

fn is_ours(one: &Answer<'_>) -> bool {
    // The same attribute everywhere: a table's name, or that of the table that something is in.
    let named =
        |(kind, value): (u16, &[u8])| kind == NFTA_TABLE_NAME && value.strip_suffix(&[0]) == Some(NAME.as_bytes());
    one.kind >> 8 == NFNL_SUBSYS_NFTABLES
        && one.payload.first() == Some(&NFPROTO_INET)
        && of_message(one.payload).any(named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nft::{
        attributes::Message,
        numbers::{DELRULE, NEWTABLE, NFPROTO_UNSPEC},
    };

    fn told(bytes: &[u8]) -> bool {
        let mut ours = false;
        messages(bytes, |one| ours |= is_ours(&one));
        ours
    }

    #[test]
    fn a_message_is_ours_when_it_names_our_table_in_our_family() {
        let about = |kind, family, table: &str| {
            Message::new(kind, 0, family).with(|out| out.text(NFTA_TABLE_NAME, table).end()).bytes(1)
        };
        let [ours, another] = [NAME, "nicety_egress_not"].map(|table| about(DELRULE, NFPROTO_INET, table));
        assert!(told(&ours));
        assert!(told(&[another.clone(), ours.clone()].concat()));
        assert!(!told(&another));
        assert!(!told(&about(NEWTABLE, NFPROTO_UNSPEC, NAME)));
        // Of flows, which have an attribute of this number too.
        assert!(!told(&about(1 << 8, NFPROTO_INET, NAME)));
        for end in 0..ours.len() {
            assert!(!told(&ours[..end.min(ours.len() - 4)]), "{end}");
        }
        assert!(!told(&[0xff; 64]));
    }
}
