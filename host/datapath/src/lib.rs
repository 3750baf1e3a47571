//! Programs one node's part of egress into the kernel: nf_tables (here, by netlink), tunnels and policy routes (by `nicety-kernel`), the
//! few settings that they need. Synchronous, for threads that may block; acts in the network namespace of the calling thread.
//!
//! Everything is made by difference to what the kernel shows, so that a daemon that starts again, or that finds something gone, repairs
//! just that. Nothing of others is touched: only our table, our devices, rows of our protocol number, and the settings of `settings`,
//! whose values of before come back to the caller and are restored.

mod acts;
mod announce;
mod filter;
mod floats;
mod links;
mod look;
mod nft;
mod others;
mod settings;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error as StdError,
    net::IpAddr,
    time::{Duration, Instant},
};

pub use nft::{NftError, Watch};
use nicety_core::egress::{
    hold::Hold,
    mark::Marks,
    program::{GateKind, Policy, Program, Settings, Wanted, Ways},
    share::GatewayId,
    table::{Shown, change::Change, counter, policy_of},
};
use nicety_kernel::{
    ConversationError, forwarding,
    tunnels::{self, Act},
};
pub use others::Doubt;
use serde::{Deserialize, Serialize};

const PATIENCE: Duration = Duration::from_secs(10);

/// What must survive a restart, for the caller to write down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    pub marks: Marks,
    /// Numbers that have another gateway than before, while flows and routes of the one before may still be there.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reused: BTreeSet<u32>,
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
    /// What may keep packets from going where they are led, though the kernel is as it should be.
    pub doubts: Vec<Doubt>,
}

type AnyError = Box<dyn StdError + Send + Sync>;

/// Nothing was changed, or not all of it; the next `put` goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot talk to the kernel about routes")]
    Routes(#[from] ConversationError),
    #[error("cannot program the packet filter")]
    Filter(#[from] NftError),
    #[error("what this node captures was not told yet; hint: it is once a `put` has succeeded")]
    Untold,
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
    /// Floating addresses, each with the index of its link, that came here and whose link does not know yet.
    unannounced: BTreeSet<(u32, IpAddr)>,
    /// Whether `wanted` is what the kernel has, and neither the nothing of the beginning nor what was before a `put` that failed.
    told: bool,
    /// Our table as it was left, and the generation of rules after that.
    left: Option<(Shown, Option<u32>)>,
    /// Others' chains that drop, as of when somebody else last changed rules.
    refusing: Option<Vec<nft::Refusing>>,
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
            unannounced: BTreeSet::new(),
            told: false,
            left: None,
            refusing: None,
        })
    }

    /// The last one.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// Whether the last `put` has succeeded: before, nobody can be held.
    pub fn is_told(&self) -> bool {
        self.told
    }

    pub fn kept(&self) -> &Kept {
        &self.kept
    }

    /// Makes the kernel as wanted. What leads packets somewhere is there before they are led there.
    pub fn put(&mut self, wanted: Wanted, keep: Keep<'_>) -> Result<Outcome, Error> {
        let deadline = Instant::now() + PATIENCE;
        // Of one that fails it is not known how far it came.
        let told = std::mem::take(&mut self.told);
        let mut seen = tunnels::read(deadline)?;
        let mut outcome = Outcome { doubts: others::bypass(&seen).into_iter().collect(), ..Outcome::default() };
        outcome.faults.extend(others::marks(self.settings.mask, &seen));
        let taken = self.float(&wanted, &mut seen, &mut outcome, deadline)?;

        let mut kept = self.kept.clone();
        let look::Found { ways, wrong, floating } = look::find(&self.settings, &wanted.share, &seen);
        let program = Program::of(&self.settings, &wanted, &ways, &mut kept.marks);
        kept.reused.extend(&program.reused);
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
        let reused = self.kept.reused.clone();
        if !reused.is_empty() {
            // Nobody is led by these numbers while they get another meaning.
            let before = if told { &self.program } else { &program };
            outcome.changes += self.filter(&before.clone().without(&reused), deadline)?;
        }
        self.act(&come, &program, &mut outcome, deadline)?;
        for number in &reused {
            let (mark, mask) = (self.settings.mask.mark(*number), self.settings.mask.bits());
            self.nft.forget(nft::Which::Marked { mark, mask }, deadline)?;
        }
        outcome.changes += self.filter(&program, deadline)?;
        self.act(&gone, &program, &mut outcome, deadline)?;
        self.unfloat(&floating, &seen, &program, &mut outcome, deadline)?;
        // One that could not be told before is told now; one that has gone on since is another node's to tell.
        let is_here = |(_, address): &(u32, IpAddr)| seen.addresses.iter().any(|row| row.net.addr() == *address);
        self.unannounced.retain(|one| floating.contains(one) && is_here(one));
        self.unannounced = announce::all(&self.unannounced, &seen, &mut outcome.faults);
        outcome.taken = taken.into_iter().map(|(_, address)| address).collect();
        // Last: with many rules of others it takes a while.
        self.look_for_refusing(deadline);
        let refusing = self.refusing.as_deref().unwrap_or_default();
        outcome.doubts.extend(others::refusals(&self.settings, &program, refusing));
        (self.wanted, self.ways, self.program, self.told) = (wanted, ways, program, true);
        if !reused.is_empty() {
            self.kept.reused.clear();
            keep(&self.kept).map_err(Error::Keep)?;
        }
        Ok(outcome)
    }

    /// Before a pod exists: whatever it sends to a destination of these policies is dropped until a `put` brings its assignment. `held`:
    /// all who are; `policies`: what theirs claim now, which may be newer than the last `put`. `new`: addresses of whoever is new among
    /// them; what others of these addresses have left behind is forgotten. Only the packet filter changes, and nothing before a `put` has
    /// succeeded: all others would be let go.
    pub fn hold(
        &mut self,
        held: Vec<Hold>,
        policies: BTreeMap<String, Policy>,
        new: &BTreeSet<IpAddr>,
    ) -> Result<(), Error> {
        if !self.told {
            return Err(Error::Untold);
        }
        let deadline = Instant::now() + PATIENCE;
        let mut wanted = Wanted { held, ..self.wanted.clone() };
        wanted.policies.extend(policies);
        let program = Program::of(&self.settings, &wanted, &self.ways, &mut self.kept.marks.clone());
        self.filter(&program, deadline)?;
        for address in new {
            self.nft.forget(nft::Which::From(*address), deadline)?;
        }
        (self.wanted, self.program) = (wanted, program);
        Ok(())
    }

    /// Whether anybody has changed rules since our table was left, ours or others: what there is of ours is known after the next `put`.
    pub fn is_touched(&mut self) -> Result<bool, Error> {
        let now = self.nft.generation(Instant::now() + PATIENCE)?;
        let left = self.left.as_ref().and_then(|(_, left)| *left);
        Ok(self.told && (left.is_none() || left != now))
    }

    /// Packets that were dropped because their policy had no gateway, by policy, since our table was made.
    pub fn dropped(&mut self) -> Result<BTreeMap<String, u64>, Error> {
        let counters = self.nft.counters(Instant::now() + PATIENCE)?;
        let whole: BTreeMap<String, &String> =
            self.program.policies.keys().map(|policy| (counter(policy), policy)).collect();
        let policy = |name: &str| Some(whole.get(name).map_or(policy_of(name)?, |policy| policy.as_str()).to_owned());
        Ok(counters.iter().filter_map(|(name, packets)| Some((policy(name)?, *packets))).collect())
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
