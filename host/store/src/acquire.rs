//! Leases for all interfaces of an attachment, or none.

use std::{mem, net::IpAddr, sync::Arc};

use nicety_core::{
    ids::{AttachmentKey, IfName, NetworkName},
    ipam::{Claim, Lease},
    millis::Millis,
    plan::{Plan, Unbound},
    record::{Record, State},
};

use crate::{
    error::AcquireError,
    memory::{Attachment, Memory},
    network::{Holder, Unserved},
    rows::Change,
    usage,
};

/// An interface and the addresses that it wants.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    pub ifname: &'a IfName,
    pub claims: &'a [Claim],
}

impl<'a> Wanted<'a> {
    /// The claims of a plan, interface by interface.
    pub fn of(plan: &'a Plan<Unbound>) -> Vec<Wanted<'a>> {
        let claims = plan.state.claims.iter().map(Vec::as_slice).chain(std::iter::repeat(&[] as &[Claim]));
        let wanted = plan.interfaces.iter().zip(claims);
        wanted.map(|(interface, claims)| Wanted { ifname: &interface.ifname, claims }).collect()
    }
}

pub(crate) fn acquire<E>(
    memory: &mut Memory,
    changes: &mut Vec<Change>,
    key: &AttachmentKey,
    wanted: &[Wanted<'_>],
    now: Millis,
    make: impl FnOnce(&[Vec<Lease>]) -> Result<Record, E>,
) -> Result<Vec<Vec<Lease>>, AcquireError<E>> {
    if let Some(known) = memory.attachments.get(key) {
        return Err(AcquireError::Known { key: key.clone(), state: known.record.state });
    }
    let now = memory.time(now);
    memory.sweep(now, changes);
    let mut holds = Holds { memory, held: Vec::new() };
    let leases: Vec<Vec<Lease>> =
        wanted.iter().map(|interface| holds.interface(key, interface)).collect::<Result<_, _>>()?;
    let made = make(&leases).map_err(AcquireError::Make)?;
    let held = mem::take(&mut holds.held);
    drop(holds);

    let record = Arc::new(Record { key: key.clone(), state: State::Applying, ..made });
    for hold in &held {
        let Hold { network, address, holder, rested_since } = hold;
        if rested_since.is_some() {
            changes.push(Change::RemoveCooling(network.clone(), *address));
        }
        changes.push(Change::PutLease(network.clone(), *address, holder.clone()));
    }
    changes.push(Change::PutRecord(Arc::clone(&record)));
    usage::add(&mut memory.usage, &record);
    memory.decisions.keep(record.decision);
    let leased = held.into_iter().map(|hold| (hold.network, hold.address)).collect();
    memory.attachments.insert(key.clone(), Attachment { record, leases: leased });
    Ok(leases)
}

struct Hold {
    network: NetworkName,
    address: IpAddr,
    holder: Holder,
    rested_since: Option<Millis>,
}

/// Addresses that are held on trial, so that the next claim does not get them. What is still here when this goes away, by an error
/// or a panic of the caller's, is given back as it was.
struct Holds<'a> {
    memory: &'a mut Memory,
    held: Vec<Hold>,
}

impl Holds<'_> {
    fn interface<E>(&mut self, key: &AttachmentKey, wanted: &Wanted<'_>) -> Result<Vec<Lease>, AcquireError<E>> {
        wanted.claims.iter().map(|claim| self.claim(key, wanted.ifname, claim)).collect()
    }

    fn claim<E>(&mut self, key: &AttachmentKey, ifname: &IfName, claim: &Claim) -> Result<Lease, AcquireError<E>> {
        let network = self.memory.networks.entry(claim.network.clone()).or_default();
        let address = network.choose(claim).map_err(|unserved| refused(unserved, ifname, claim))?;
        let holder = Holder { key: key.clone(), ifname: ifname.clone(), prefix: address.prefix_len() };
        let rested_since = network.hold(address.addr(), holder.clone());
        self.held.push(Hold { network: claim.network.clone(), address: address.addr(), holder, rested_since });
        Ok(Lease { network: claim.network.clone(), ifname: ifname.clone(), address })
    }
}

impl Drop for Holds<'_> {
    fn drop(&mut self) {
        for Hold { network, address, rested_since, .. } in self.held.drain(..) {
            let Some(network) = self.memory.networks.get_mut(&network) else { continue };
            network.take_back(address);
            if let Some(since) = rested_since {
                network.cool(address, since);
            }
        }
    }
}

fn refused<E>(unserved: Unserved, ifname: &IfName, claim: &Claim) -> AcquireError<E> {
    let (ifname, network) = (ifname.clone(), claim.network.clone());
    match unserved {
        Unserved::Exhausted { held } => AcquireError::Exhausted { ifname, network, family: claim.family, held },
        Unserved::Held { address, holder } => AcquireError::Held { ifname, network, address, holder: Box::new(holder) },
        Unserved::Outside { address } => AcquireError::Outside { ifname, network, address },
    }
}
