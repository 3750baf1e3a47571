//! Addresses that float: put on this node where they are wanted, taken off where they are not. Only those of our protocol number go.

use std::{collections::BTreeSet, net::IpAddr, time::Instant};

use nicety_core::egress::program::{Program, Wanted};
use nicety_kernel::tunnels::{self, Act, Seen};

use crate::{Datapath, Error, Outcome, links, look};

impl Datapath {
    /// Floating addresses that are wanted here and are not here.
    pub(crate) fn float(
        &mut self,
        wanted: &Wanted,
        seen: &mut Seen,
        outcome: &mut Outcome,
        deadline: Instant,
    ) -> Result<BTreeSet<(u32, IpAddr)>, Error> {
        let found = look::find(&self.settings, &wanted.share, seen);
        let missing = |(_, address): &&(u32, IpAddr)| !seen.addresses.iter().any(|row| row.net.addr() == *address);
        let missing: BTreeSet<(u32, IpAddr)> = found.floating.iter().filter(missing).copied().collect();
        if missing.is_empty() {
            return Ok(missing);
        }
        let acts: Vec<Act> =
            missing.iter().map(|(link, address)| Act::AddAddress { link: *link, address: *address }).collect();
        // Before anything can fail: whatever of it comes about is to be announced.
        self.unannounced.extend(&missing);
        self.act(&acts, &Program::default(), outcome, deadline)?;
        *seen = tunnels::read(deadline)?;
        Ok(missing)
    }

    /// Floating addresses of ours that are not wanted here any more.
    pub(crate) fn unfloat(
        &self,
        floating: &BTreeSet<(u32, IpAddr)>,
        seen: &Seen,
        program: &Program,
        outcome: &mut Outcome,
        deadline: Instant,
    ) -> Result<(), Error> {
        let wanted: BTreeSet<IpAddr> = floating.iter().map(|(_, address)| *address).collect();
        let gone = links::floating(seen).filter(|row| !wanted.contains(&row.net.addr()));
        let acts: Vec<Act> = gone.map(|row| Act::DeleteAddress { link: row.link, net: row.net }).collect();
        self.act(&acts, program, outcome, deadline)
    }
}
