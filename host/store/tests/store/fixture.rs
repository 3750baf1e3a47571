//! A store in a directory of its own, and short ways to ask it.

use std::{convert::Infallible, net::IpAddr, path::Path};

use nicety_core::{
    address::Family,
    hash,
    ids::{AttachmentKey, IfName},
    ipam::{Claim, Lease, Pool},
    millis::Millis,
    plan::{HostNic, Link, MacvlanMode},
    record::{Attached, NetnsId, PodRef, Record, State, Timings},
};
use nicety_store::{AcquireError, OpenError, Store, Wanted};
use tempfile::TempDir;

pub const START: Millis = Millis(1_700_000_000_000);

pub struct Fixture {
    pub store: Store,
    pub dir: TempDir,
}

impl Fixture {
    /// What a restart of the daemon sees.
    pub fn reopen(self) -> Fixture {
        let Fixture { store, dir } = self;
        drop(store);
        Fixture { store: open(dir.path()), dir }
    }
}

pub fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    Fixture { store: open(dir.path()), dir }
}

/// A child that another test has just started has our files open, and with them the lock, until it is a program of its own.
pub fn open(dir: &Path) -> Store {
    for _ in 0..200 {
        match Store::open(dir) {
            Err(OpenError::InUse { .. }) => std::thread::sleep(std::time::Duration::from_millis(10)),
            opened => return opened.unwrap(),
        }
    }
    Store::open(dir).unwrap()
}

pub fn key(container: &str) -> AttachmentKey {
    AttachmentKey {
        netconf: "multi".parse().unwrap(),
        container: container.parse().unwrap(),
        ifname: "eth0".parse().unwrap(),
    }
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn pool(block: &str) -> Pool {
    let block: ipnet::IpNet = block.parse().unwrap();
    Pool::block(block, block.prefix_len(), Vec::new()).unwrap()
}

pub fn claim(network: &str, block: &str) -> Claim {
    let pool = pool(block);
    Claim { network: network.parse().unwrap(), family: Family::of(pool.first), pools: vec![pool], want: None }
}

pub fn claim_static(network: &str, block: &str, address: &str) -> Claim {
    Claim { want: Some(ip(address)), ..claim(network, block) }
}

/// One interface `net1-N` per list of claims, each a macvlan on NIC `ethN` with 1 Gbit/s promised, in namespace `default`.
pub fn record(key: &AttachmentKey, leases: &[Vec<Lease>]) -> Record {
    let interface = |(index, leases): (usize, &Vec<Lease>)| {
        let ifname: IfName = format!("net1-{index}").parse().unwrap();
        Attached {
            network: leases.first().map_or("none".parse().unwrap(), |lease| lease.network.clone()),
            link: Link::Macvlan { mode: MacvlanMode::Bridge },
            nic: Some(HostNic { name: format!("eth{index}").parse().unwrap(), index: index as u32 + 2 }),
            mac: hash::mac("pod", key, &ifname),
            ifname,
            mtu: None,
            addresses: leases.iter().map(|lease| lease.address).collect(),
            routes: Vec::new(),
            reserved: 1_000_000_000,
            reason: "first of the pool".into(),
            strategy: "all".into(),
        }
    };
    Record {
        key: key.clone(),
        state: State::Applying,
        pod: PodRef { namespace: "default".into(), name: key.container.to_string(), uid: String::new() },
        netns: NetnsId { device: 4, inode: 4_026_532_000, path: "/run/netns/pod".into() },
        request: "request".into(),
        interfaces: leases.iter().enumerate().map(interface).collect(),
        undo: Vec::new(),
        delegate: None,
        told: None,
        timings: Timings::default(),
        decision: 0,
        since: START.0,
    }
}

/// Each list of claims is an interface.
pub fn acquire(
    store: &Store,
    container: &str,
    interfaces: &[Vec<Claim>],
    now: Millis,
) -> Result<Vec<Vec<Lease>>, AcquireError<Infallible>> {
    let names: Vec<IfName> = (0..interfaces.len()).map(|index| format!("net1-{index}").parse().unwrap()).collect();
    let wanted: Vec<Wanted<'_>> =
        names.iter().zip(interfaces).map(|(ifname, claims)| Wanted { ifname, claims }).collect();
    let key = key(container);
    store.acquire(&key, &wanted, now, |leases| Ok(record(&key, leases)))
}

/// The address of an attachment of one interface.
pub fn lease_one(
    store: &Store,
    container: &str,
    claim: Claim,
    now: Millis,
) -> Result<IpAddr, AcquireError<Infallible>> {
    Ok(acquire(store, container, &[vec![claim]], now)?[0][0].ip())
}

/// Fails unless leases and records tell the same story.
pub fn assert_leases_match_records(store: &Store, networks: &[&str]) {
    let mut of_leases: Vec<(AttachmentKey, IpAddr)> = Vec::new();
    for network in networks {
        of_leases.extend(store.leases(&network.parse().unwrap()).into_iter().map(|(key, lease)| (key, lease.ip())));
    }
    let mut of_records: Vec<(AttachmentKey, IpAddr)> = Vec::new();
    for record in store.records() {
        let addresses = record.interfaces.iter().flat_map(|interface| &interface.addresses);
        of_records.extend(addresses.map(|address| (record.key.clone(), address.addr())));
    }
    of_leases.sort();
    of_records.sort();
    assert_eq!(of_leases, of_records);
}
