//! Lease and release pairs per second, each durable against a kill of the daemon before the next begins: ADD's `acquire` and
//! DEL's `release` of one interface. `cargo bench -p nicety-store -- [DIR] [PAIRS]`; DIR is a
//! tmpfs, `/dev/shm` unless said otherwise.

use std::{convert::Infallible, env, path::PathBuf, thread, time::Instant};

use nicety_core::{
    address::{Family, Mac},
    ids::{AttachmentKey, IfName},
    ipam::{Claim, Lease, Pool},
    millis::Millis,
    plan::{HostNic, Link, MacvlanMode},
    record::{Attached, NetnsId, PodRef, Record, State, Timings},
};
use nicety_store::{Store, Wanted};

/// What a full node holds already.
const PRESENT: usize = 1_000;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[expect(clippy::print_stdout, reason = "it is what a benchmark is for")]
fn main() -> Result<(), Failure> {
    let mut args = env::args().skip(1).filter(|arg| !arg.starts_with('-'));
    let parent = args.next().map_or("/dev/shm".into(), PathBuf::from);
    let count = args.next().map_or(Ok(40_000), |count| count.parse())?;
    for callers in [1, 2, 8, 32] {
        let dir = tempfile::tempdir_in(&parent)?;
        let store = Store::open(dir.path())?;
        for pod in 0..PRESENT {
            acquire(&store, &key(&format!("present{pod}"))?, START)?;
        }
        let began = Instant::now();
        thread::scope(|scope| {
            let work = |caller| {
                scope.spawn({
                    let store = &store;
                    move || pairs(store, caller, count / callers)
                })
            };
            (0..callers)
                .map(work)
                .collect::<Vec<_>>()
                .into_iter()
                .try_for_each(|caller| caller.join().map_err(|_| "a caller panicked")?)
        })?;
        let seconds = began.elapsed().as_secs_f64();
        println!("{callers:>3} callers: {:>7.0} pairs/s", count as f64 / seconds);
    }
    Ok(())
}

const START: Millis = Millis(1_700_000_000_000);

fn pairs(store: &Store, caller: usize, count: usize) -> Result<(), Failure> {
    for round in 0..count {
        let key = key(&format!("{caller}-{round}"))?;
        // 1,000 pods a second: about 60,000 addresses rest at any time, and each pair also ends the rest of one.
        let now = Millis(START.0 + round as u64 * 1_000 / count as u64);
        acquire(store, &key, now)?;
        store.release(&key, now)?;
    }
    Ok(())
}

fn key(container: &str) -> Result<AttachmentKey, Failure> {
    Ok(AttachmentKey { netconf: "multi".parse()?, container: container.parse()?, ifname: "eth0".parse()? })
}

fn acquire(store: &Store, key: &AttachmentKey, now: Millis) -> Result<(), Failure> {
    let block = "10.0.0.0/16".parse()?;
    let pools = vec![Pool::block(block, 16, Vec::new())?];
    let claim = Claim { network: "rail".parse()?, family: Family::V4, pools, want: None };
    let ifname: IfName = "net1".parse()?;
    let wanted = [Wanted { ifname: &ifname, claims: &[claim] }];
    let nic = HostNic { name: "eth1".parse()?, index: 3 };
    store.acquire(key, &wanted, now, |leases| Ok::<_, Infallible>(record(key, &ifname, nic, leases)))?;
    Ok(())
}

fn record(key: &AttachmentKey, ifname: &IfName, nic: HostNic, leases: &[Vec<Lease>]) -> Record {
    let lease = leases.iter().flatten().next();
    let attached = lease.map(|lease| Attached {
        ifname: ifname.clone(),
        network: lease.network.clone(),
        link: Link::Macvlan { mode: MacvlanMode::Bridge },
        nic: Some(nic),
        mac: Mac([2, 0, 0, 0, 0, 1]),
        mtu: Some(9_000),
        addresses: vec![lease.address],
        routes: Vec::new(),
        reserved: 0,
        reason: "fewest attachments".into(),
        strategy: "spread".into(),
    });
    Record {
        key: key.clone(),
        state: State::Applying,
        pod: PodRef { namespace: "default".into(), name: "web".into(), uid: "4f9c".into() },
        netns: NetnsId { device: 4, inode: 4_026_532_000, path: "/run/netns/cni-0".into() },
        request: "0".repeat(64),
        interfaces: attached.into_iter().collect(),
        undo: Vec::new(),
        delegate: None,
        told: None,
        timings: Timings::default(),
        decision: 0,
        since: START.0,
    }
}
