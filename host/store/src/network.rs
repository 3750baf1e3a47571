//! The addresses of one network on this node: who holds which, and which were released so recently that another pod should not
//! get them yet.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    time::Duration,
};

use ipnet::IpNet;
use nicety_core::{
    ids::{AttachmentKey, IfName, NetworkName},
    ipam::{Claim, Lease, Occupied},
    millis::Millis,
};

/// How long a released address rests: peers may still have its old neighbour entry, connections and DNS answers.
pub const COOLDOWN: Duration = Duration::from_secs(60);

/// A lease without its network and address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Holder {
    pub key: AttachmentKey,
    pub ifname: IfName,
    /// Length of the on-link prefix.
    pub prefix: u8,
}

/// Why a claim is not served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unserved {
    Exhausted { held: u128 },
    Held { address: IpAddr, holder: AttachmentKey },
    Outside { address: IpAddr },
}

#[derive(Debug, Default)]
pub(crate) struct Network {
    held: BTreeMap<IpAddr, Holder>,
    /// The keys of `held`, as intervals.
    occupied: Occupied,
    released: BTreeMap<IpAddr, Millis>,
    /// `released` in the order of time: the longest free first.
    queue: BTreeSet<(Millis, IpAddr)>,
    /// The keys of `released`, as intervals.
    cooling: Occupied,
}

impl Network {
    /// An address for the claim. One that is cooling is taken only when every pool is without another, and then the one that is
    /// free for longest; a static one may be cooling, its pod comes back to it.
    pub fn choose(&self, claim: &Claim) -> Result<IpNet, Unserved> {
        if let Some(address) = claim.want {
            return self.choose_static(claim, address);
        }
        for pool in &claim.pools {
            if let Some(address) = pool.allocate_avoiding(&self.occupied, &self.cooling, 1)
                && !self.cooling.contains(address)
            {
                return Ok(pool.with_prefix(address));
            }
        }
        let rested = self.queue.iter().find_map(|(_, address)| {
            claim.pools.iter().find(|pool| pool.contains(*address)).map(|pool| pool.with_prefix(*address))
        });
        rested.ok_or(Unserved::Exhausted { held: self.occupied.of(claim.family).len() })
    }

    fn choose_static(&self, claim: &Claim, address: IpAddr) -> Result<IpNet, Unserved> {
        let pool = claim.pools.iter().find(|pool| pool.contains(address)).ok_or(Unserved::Outside { address })?;
        match self.held.get(&address) {
            None => Ok(pool.with_prefix(address)),
            Some(holder) => Err(Unserved::Held { address, holder: holder.key.clone() }),
        }
    }

    /// Since when the address was cooling, if it was.
    pub fn hold(&mut self, address: IpAddr, holder: Holder) -> Option<Millis> {
        self.held.insert(address, holder);
        self.occupied.insert(address);
        self.forget(address)
    }

    /// The address is free at once: it was never used.
    pub fn take_back(&mut self, address: IpAddr) {
        self.held.remove(&address);
        self.occupied.remove(address);
    }

    /// The address is free, and rests.
    pub fn cool(&mut self, address: IpAddr, since: Millis) {
        self.take_back(address);
        self.forget(address);
        self.released.insert(address, since);
        self.queue.insert((since, address));
        self.cooling.insert(address);
    }

    /// Ends the cooling of at most `limit` addresses whose time is over, and names them.
    pub fn expire(&mut self, now: Millis, limit: usize) -> Vec<IpAddr> {
        let over = self.queue.iter().take_while(|(since, _)| now.since(*since) >= COOLDOWN).take(limit);
        let over: Vec<IpAddr> = over.map(|(_, address)| *address).collect();
        for address in &over {
            self.forget(*address);
        }
        over
    }

    /// After the clock was set back: an address released in the future was released now.
    pub fn clamp(&mut self, now: Millis) {
        while let Some((since, address)) = self.queue.last().copied()
            && since > now
        {
            self.cool(address, now);
        }
    }

    pub fn leases(&self, network: &NetworkName) -> impl Iterator<Item = (&AttachmentKey, Lease)> {
        self.held.iter().map(move |(address, holder)| (&holder.key, holder.lease(network, *address)))
    }

    pub fn is_held(&self, address: IpAddr) -> bool {
        self.held.contains_key(&address)
    }

    fn forget(&mut self, address: IpAddr) -> Option<Millis> {
        let since = self.released.remove(&address)?;
        self.queue.remove(&(since, address));
        self.cooling.remove(address);
        Some(since)
    }
}

impl Holder {
    pub fn lease(&self, network: &NetworkName, address: IpAddr) -> Lease {
        let with_prefix = IpNet::new(address, self.prefix).unwrap_or_else(|_| IpNet::from(address));
        Lease { network: network.clone(), ifname: self.ifname.clone(), address: with_prefix }
    }
}
