//! Programs one node's part of egress into the kernel: nf_tables (here, by netlink), tunnels and policy routes (by `nicety-kernel`), the
//! few settings that they need. Synchronous, for threads that may block; acts in the network namespace of the calling thread.
//!
//! Everything is made by difference to what the kernel shows, so that a daemon that starts again, or that finds something gone, repairs
//! just that. Nothing of others is touched: only our table, our devices, rows of our protocol number, and the settings of `settings`,
//! whose values of before come back to the caller and are restored.

mod announce;
mod links;
mod look;
mod nft;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as StdError,
    net::IpAddr,
    time::{Duration, Instant},
};

pub use nft::NftError;
use nicety_core::egress::{
    hold::Hold,
    mark::Marks,
    program::{GateKind, Program, Settings, Wanted, Ways},
    share::GatewayId,
    table::{
        LINK_PREFIX, Shown, Table,
        change::{Change, between},
        policy_of,
    },
};
use nicety_kernel::{
    ConversationError, forwarding,
    tunnels::{self, Act, PROTOCOL, Seen},
};
use serde::{Deserialize, Serialize};

const PATIENCE: Duration = Duration::from_secs(10);

/// What must survive a restart, for the caller to write down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub marks: Marks,
    /// Settings of interfaces of others, by path below `/proc/sys`, with what stood there before us.
    pub settings: BTreeMap<String, String>,
}

/// What came of a `put`. What is wrong with one gateway holds back no other.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Gateways that do not work here, or not in both families, and why.
    pub wrong: BTreeMap<GatewayId, String>,
    /// What concerns no single gateway.
    pub faults: Vec<String>,
    /// What packets leave with, by gateway of this node.
    pub own: BTreeMap<GatewayId, BTreeSet<IpAddr>>,
    /// Floating addresses that were put on this node now.
    pub taken: BTreeSet<IpAddr>,
    /// Changes that were made to the kernel.
    pub changes: usize,
    /// The node's network may pass netfilter by, in words: nothing is captured then.
    pub bypass: Option<String>,
}

type AnyError = Box<dyn StdError + Send + Sync>;

/// Nothing was changed, or not all of it; the next `put` goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot talk to the kernel about routes")]
    Routes(#[from] ConversationError),
    #[error("cannot program the packet filter")]
    Filter(#[from] NftError),
    #[error("cannot write down what must be known again after a restart")]
    Keep(#[source] AnyError),
}

/// Writes down what must survive, before the kernel has it.
pub type Keep<'a> = &'a mut dyn FnMut(&Kept) -> Result<(), AnyError>;

/// One node's egress in the kernel.
#[derive(Debug)]
pub struct Datapath {
    settings: Settings,
    kept: Kept,
    nft: nft::Nft,
    wanted: Wanted,
    ways: Ways,
    program: Program,
    /// Our table as it was left, and the generation of rules after that.
    left: Option<(Shown, Option<u32>)>,
}

impl Datapath {
    /// Changes nothing. `kept`: what the last one asked to be written down.
    pub fn open(settings: Settings, kept: Kept) -> Result<Datapath, Error> {
        Ok(Datapath {
            settings,
            kept,
            nft: nft::Nft::open()?,
            wanted: Wanted::default(),
            ways: Ways::new(),
            program: Program::default(),
            left: None,
        })
    }

    /// The last one.
    pub fn program(&self) -> &Program {
        &self.program
    }

    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Makes the kernel as wanted. What leads packets somewhere is there before they are led there.
    pub fn put(&mut self, wanted: Wanted, keep: Keep<'_>) -> Result<Outcome, Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut seen = tunnels::read(deadline)?;
        let mut outcome = Outcome { bypass: bypass(&seen), ..Outcome::default() };
        let taken = self.float(&wanted, &mut seen, &mut outcome, deadline)?;

        let mut kept = self.kept.clone();
        let look::Found { ways, wrong, floating } = look::find(&self.settings, &wanted.share, &seen);
        let program = Program::of(&self.settings, &wanted, &ways, &mut kept.marks);
        outcome.wrong = program.wrong.clone();
        outcome.wrong.extend(wrong);
        for gate in program.gateways.values() {
            if let GateKind::Own(outs) = &gate.kind {
                outcome.own.insert(gate.id.clone(), outs.values().map(|out| out.address).collect());
            }
        }
        if !wanted.share.gateways.is_empty() && self.settings.addresses.is_empty() {
            outcome.faults.push("this node has no address of its own to send into tunnels from".to_owned());
        }
        if kept != self.kept {
            keep(&kept).map_err(Error::Keep)?;
            self.kept = kept;
        }
        self.write(&program, keep, &mut outcome)?;

        let devices = links::devices(&self.settings, &program, &seen);
        let acts = links::device_acts(&devices, &seen.links);
        let changed = !acts.is_empty();
        self.act(&acts, &program, &mut outcome, deadline)?;
        for device in &devices {
            for (path, value) in settings::of_device(&device.name) {
                if let Ok(Some(before)) = forwarding::present(&path)
                    && before != value
                    && let Err(error) = forwarding::set(&path, value)
                {
                    outcome.faults.push(chain(&error));
                }
            }
        }
        if changed {
            seen = tunnels::read(deadline)?;
        }
        let acts = links::acts(&links::wanted(&self.settings, &program, &seen.links), &seen);
        // What goes, goes once nobody is led there any more.
        let goes = |act: &Act| {
            matches!(act, Act::DeleteRule(_) | Act::DeleteRoute(_) | Act::DeleteNeighbor(_) | Act::DeleteEntry(_))
        };
        let (gone, come): (Vec<Act>, Vec<Act>) = acts.into_iter().partition(goes);
        self.act(&come, &program, &mut outcome, deadline)?;
        for number in &program.reused {
            let (mark, mask) = (self.settings.mask.mark(*number), self.settings.mask.bits());
            self.nft.forget(nft::Which::Marked { mark, mask }, deadline)?;
        }
        outcome.changes += self.filter(&program, deadline)?;
        self.act(&gone, &program, &mut outcome, deadline)?;
        self.unfloat(&floating, &seen, &program, &mut outcome, deadline)?;
        announce::all(&taken, &seen, &mut outcome.faults);
        outcome.taken = taken.into_iter().map(|(_, address)| address).collect();
        (self.wanted, self.ways, self.program) = (wanted, ways, program);
        Ok(outcome)
    }

    /// Before a pod exists: whatever it sends to a destination of these policies is dropped until a `put` brings its assignment. Only
    /// the packet filter changes. What another pod of the same address has left behind is forgotten.
    pub fn hold(&mut self, held: Hold) -> Result<(), Error> {
        let deadline = Instant::now() + PATIENCE;
        let mut wanted = self.wanted.clone();
        wanted.held.retain(|one| one.pod != held.pod);
        let addresses = held.addresses.clone();
        wanted.held.push(held);
        let program = Program::of(&self.settings, &wanted, &self.ways, &mut self.kept.marks.clone());
        self.filter(&program, deadline)?;
        for address in addresses {
            self.nft.forget(nft::Which::From(address), deadline)?;
        }
        (self.wanted, self.program) = (wanted, program);
        Ok(())
    }

    /// Packets that were dropped because their policy had no gateway, by policy, since our table was made.
    pub fn dropped(&mut self) -> Result<BTreeMap<String, u64>, Error> {
        let counters = self.nft.counters(Instant::now() + PATIENCE)?;
        Ok(counters.iter().filter_map(|(name, packets)| Some((policy_of(name)?.to_owned(), *packets))).collect())
    }

    /// Packets that were stopped because they would have left with another source or another way than they should: `strayed`; and
    /// packets to the tunnels' port that came from no node that we know: `foreign`.
    pub fn stopped(&mut self) -> Result<BTreeMap<String, u64>, Error> {
        let counters = self.nft.counters(Instant::now() + PATIENCE)?;
        Ok(counters.into_iter().filter(|(name, _)| policy_of(name).is_none()).collect())
    }

    /// Takes away everything of ours, and restores what stood in settings of others.
    pub fn remove(&mut self, keep: Keep<'_>) -> Result<Outcome, Error> {
        let deadline = Instant::now() + PATIENCE;
        let program = Program::default();
        let mut outcome = Outcome::default();
        let seen = tunnels::read(deadline)?;
        let acts = links::acts(&links::Wanted::default(), &seen);
        self.act(&acts, &program, &mut outcome, deadline)?;
        let acts = links::device_acts(&[], &seen.links);
        self.act(&acts, &program, &mut outcome, deadline)?;
        self.unfloat(&BTreeSet::new(), &seen, &program, &mut outcome, deadline)?;
        if self.nft.read(deadline)?.is_some() {
            self.nft.commit(&[Change::DeleteTable], deadline)?;
            outcome.changes += 1;
        }
        self.left = None;
        self.write(&program, keep, &mut outcome)?;
        (self.wanted, self.ways, self.program) = (Wanted::default(), Ways::new(), program);
        Ok(outcome)
    }

    /// Floating addresses that are wanted here and are not here.
    fn float(
        &self,
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
        self.act(&acts, &Program::default(), outcome, deadline)?;
        *seen = tunnels::read(deadline)?;
        Ok(missing)
    }

    /// Floating addresses of ours that are not wanted here any more.
    fn unfloat(
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

    /// Settings of interfaces of others: those that are needed are written, those that are not are restored.
    fn write(&mut self, program: &Program, keep: Keep<'_>, outcome: &mut Outcome) -> Result<(), Error> {
        let (wanted, errors) = settings::wanted(program, &self.kept.settings);
        outcome.faults.extend(errors.iter().map(|error| chain(error)));
        for (path, value) in &wanted {
            let before = match forwarding::present(path) {
                Ok(Some(before)) if before != *value => before,
                Ok(_) => continue,
                Err(error) => {
                    outcome.faults.push(chain(&error));
                    continue;
                }
            };
            if !self.kept.settings.contains_key(path) {
                self.kept.settings.insert(path.clone(), before);
                keep(&self.kept).map_err(Error::Keep)?;
            }
            match forwarding::set(path, value) {
                Ok(()) => outcome.changes += 1,
                Err(error) => outcome.faults.push(chain(&error)),
            }
        }
        let kept = self.kept.settings.clone();
        for (path, before) in kept.iter().filter(|(path, _)| !wanted.contains_key(*path)) {
            match forwarding::set(path, before) {
                Ok(()) => {
                    self.kept.settings.remove(path);
                    keep(&self.kept).map_err(Error::Keep)?;
                    outcome.changes += 1;
                }
                Err(error) => outcome.faults.push(chain(&error)),
            }
        }
        Ok(())
    }

    fn act(&self, acts: &[Act], program: &Program, outcome: &mut Outcome, deadline: Instant) -> Result<(), Error> {
        let refused = tunnels::apply(acts, deadline)?;
        outcome.changes += acts.len().saturating_sub(refused.len());
        for (at, refusal) in refused {
            let Some(act) = acts.get(at) else { continue };
            let why = format!("{}: {refusal}", what(act));
            match self.gateway_of(act, program) {
                Some(id) => drop(outcome.wrong.insert(id, why)),
                None => outcome.faults.push(why),
            }
        }
        Ok(())
    }

    /// Whose a refused act is.
    fn gateway_of(&self, act: &Act, program: &Program) -> Option<GatewayId> {
        let of = |found: &dyn Fn(u32, &GateKind, u32) -> bool| {
            let gates = program.gateways.iter();
            gates
                .into_iter()
                .find(|(number, gate)| found(**number, &gate.kind, gate.vni))
                .map(|(_, gate)| gate.id.clone())
        };
        match act {
            Act::AddDevice { vxlan, .. } => of(&|_, kind, vni| matches!(kind, GateKind::Own(_)) && vni == vxlan.vni),
            Act::PutEntry(entry) => of(&|_, kind, _| matches!(kind, GateKind::Remote(peer) if peer.mac == entry.mac)),
            Act::PutNeighbor(one) => of(&|_, kind, _| matches!(kind, GateKind::Remote(peer) if peer.hop == one.to)),
            Act::PutRoute(route) => of(&|number, _, _| self.settings.table(number) == route.table),
            Act::AddRule(rule) => of(&|number, _, _| self.settings.table(number) == rule.table),
            _ => None,
        }
    }

    /// By difference to what was left, or, if anybody has changed rules since, to what is there. Returns how much that was.
    fn filter(&mut self, program: &Program, deadline: Instant) -> Result<usize, Error> {
        let table = Table::of(&self.settings, program);
        let now = self.nft.generation(deadline)?;
        let known = self.left.take().filter(|(_, left)| left.is_some() && *left == now).map(|(shown, _)| shown);
        let fresh = known.is_none();
        let shown = match known {
            Some(shown) => Some(shown),
            None => self.nft.read(deadline)?,
        };
        let mut changes = between(shown.as_ref(), &table);
        match self.nft.commit(&changes, deadline) {
            Err(error) if error.is_stale() && !fresh => {
                let shown = self.nft.read(deadline)?;
                changes = between(shown.as_ref(), &table);
                self.nft.commit(&changes, deadline)?;
            }
            other => other?,
        }
        let generation = self.nft.generation(deadline)?;
        // Somebody else's transaction between ours and this look would go unseen: only a step of one is ours.
        let step = u32::from(!changes.is_empty());
        let alone = now.zip(generation).is_some_and(|(before, after)| after == before.wrapping_add(step));
        self.left = Some((table.shown(), generation.filter(|_| alone)));
        Ok(changes.len())
    }
}

/// Signs of a network that leads pods' packets past netfilter. Nothing tells for sure: an eBPF program on a pod's link may hand packets
/// on, or may not.
fn bypass(seen: &Seen) -> Option<String> {
    let has = |name: &str| seen.links.iter().any(|link| link.name == name);
    if has("cilium_host") {
        return Some(
            "Cilium is on this node (link `cilium_host`); with eBPF host routing packets of pods pass by netfilter and none is \
             captured; hint: `bpf.hostLegacyRouting=true`, and see `Host Routing` of `cilium-dbg status`"
                .to_owned(),
        );
    }
    has("bpfin.cali").then(|| {
        "Calico's eBPF dataplane is on this node (link `bpfin.cali`); packets of pods may pass by netfilter, and are then not captured"
            .to_owned()
    })
}

fn what(act: &Act) -> String {
    match act {
        Act::AddDevice { name, .. } => format!("cannot make tunnel `{name}`"),
        Act::DeleteLink { index } => format!("cannot delete tunnel {index}"),
        Act::SetUp { index, .. } => format!("cannot set tunnel {index} up"),
        Act::PutNeighbor(one) => format!("cannot set neighbor `{}`", one.to),
        Act::PutEntry(one) => format!("cannot lead tunnel to {}", one.remote),
        Act::PutRoute(route) => format!("cannot set route `{}` in table {}", route.to, route.table),
        Act::AddRule(rule) => {
            format!("cannot set rule `fwmark {:#x}/{:#x} lookup {}`", rule.mark, rule.mask, rule.table)
        }
        Act::AddAddress { address, .. } => format!("cannot put address {address} on this node"),
        Act::DeleteAddress { net, .. } => format!("cannot take address {net} off this node"),
        Act::DeleteNeighbor(_) | Act::DeleteEntry(_) | Act::DeleteRoute(_) | Act::DeleteRule(_) => {
            format!("cannot delete what is of no use any more (protocol {PROTOCOL}, links `{LINK_PREFIX}*`)")
        }
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    text
}
