//! A server outside of the cluster that writes down whose packets come from where, and pods that talk to it without end. It is asked
//! when our own status is not to be believed.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// From one packet of a pod to its next.
const EVERY: Duration = Duration::from_millis(5);
const PORT: u16 = 9000;

/// One packet: which pod says it sent it, with which source it came, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    pub pod: String,
    pub source: IpAddr,
    pub at: Instant,
}

/// Listens in a network namespace of the name `space`, until it is dropped.
#[derive(Debug)]
pub struct Outside {
    address: Ipv4Addr,
    log: Arc<Mutex<Vec<Heard>>>,
    over: Arc<AtomicBool>,
}

/// A pod that says its name to the server, each time from a new socket: a connection that goes on may stay where it is.
#[derive(Debug)]
pub struct Talker(Arc<AtomicBool>);

impl Outside {
    pub fn listen(space: &str, address: Ipv4Addr) -> anyhow::Result<Outside> {
        let (ready, told) = mpsc::channel();
        let outside = Outside { address, log: Arc::default(), over: Arc::default() };
        let (log, over) = (outside.log.clone(), outside.over.clone());
        within(space, move || {
            let socket = match listener(address) {
                Ok(socket) => socket,
                Err(error) => return drop(ready.send(Err(error))),
            };
            let _listener_waits = ready.send(Ok(()));
            let mut name = [0; 256];
            while !over.load(Ordering::Relaxed) {
                let Ok((length, peer)) = socket.recv_from(&mut name) else { continue };
                let pod = String::from_utf8_lossy(name.get(..length).unwrap_or_default()).into_owned();
                lock(&log).push(Heard { pod, source: peer.ip(), at: Instant::now() });
            }
        })?;
        told.recv().context("the server ended before it listened")??;
        Ok(outside)
    }

    /// Who came since.
    pub fn since(&self, start: Instant) -> Vec<Heard> {
        lock(&self.log).iter().filter(|heard| heard.at >= start).cloned().collect()
    }

    /// With which sources each pod came since.
    pub fn sources(&self, start: Instant) -> BTreeMap<String, BTreeSet<IpAddr>> {
        let mut sources: BTreeMap<String, BTreeSet<IpAddr>> = BTreeMap::new();
        for heard in self.since(start) {
            sources.entry(heard.pod).or_default().insert(heard.source);
        }
        sources
    }

    /// When a pod's first packet since came with this source.
    pub fn first(&self, pod: &str, source: IpAddr, start: Instant) -> Option<Instant> {
        let log = lock(&self.log);
        log.iter().find(|heard| heard.at >= start && heard.pod == pod && heard.source == source).map(|heard| heard.at)
    }

    /// The namespace has the pod's name; it need not have a link yet.
    pub fn talk(&self, pod: &str) -> anyhow::Result<Talker> {
        let (over, to, name) = (Arc::new(AtomicBool::new(false)), self.address, pod.to_owned());
        let ended = over.clone();
        within(pod, move || {
            // One after the other: a port that comes again while the kernel remembers its last packet is a flow that goes on.
            for port in (1024..=u16::MAX).cycle().take_while(|_| !ended.load(Ordering::Relaxed)) {
                // While there is no way out, nothing is sent: that is no failure here.
                let _unsent = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port))
                    .and_then(|socket| socket.send_to(name.as_bytes(), (to, PORT)));
                thread::sleep(EVERY);
            }
        })?;
        Ok(Talker(over))
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Drop for Talker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn listener(address: Ipv4Addr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind((address, PORT))?;
    socket.set_read_timeout(Some(Duration::from_millis(200)))?;
    Ok(socket)
}

fn lock(log: &Mutex<Vec<Heard>>) -> MutexGuard<'_, Vec<Heard>> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// On a thread of its own, which lives as long as `run`.
fn within(space: &str, run: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    let path = format!("/run/netns/{space}");
    let file = File::open(&path).with_context(|| path.clone())?;
    let (entered, told) = mpsc::channel();
    thread::spawn(move || {
        let entry = move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network));
        drop(file);
        let is_in = entry.is_ok();
        let _caller_waits = entered.send(entry);
        if is_in {
            run();
        }
    });
    told.recv()?.with_context(|| format!("cannot enter {path}"))
}
