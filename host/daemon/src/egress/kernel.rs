//! The kernel's side: opened when there is something to do, and with other settings when the node's addresses change.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    net::IpAddr,
};

use nicety_core::egress::{
    hold::Hold,
    program::{Policy, Program, Settings, Wanted},
};
use nicety_datapath::{Datapath, Kept, Outcome};

use super::{Look, want};
use crate::{config::Egress, node::Node};
use nicety_deciding::chain;

/// The row of the store in which is what a daemon that starts again must know. Empty: nothing is left in the kernel.
const ROW: &str = "datapath";

#[derive(Debug, Default)]
pub struct Kernel {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    settings: Settings,
    datapath: Datapath,
    /// What it was last told with success.
    wanted: Option<Wanted>,
    outcome: Outcome,
}

/// What came of it, in words where it went wrong.
#[derive(Debug, Default)]
pub struct Done {
    pub program: Program,
    pub outcome: Outcome,
    pub faults: Vec<String>,
    pub changed: bool,
}

impl Kernel {
    /// Whether this node's daemon has something of egress in the kernel.
    pub fn left_something(&self, node: &Node) -> bool {
        self.open.is_some() || node.store.egress(ROW).is_some_and(|text| !text.is_empty())
    }

    pub fn reconcile(&mut self, node: &Node, config: &Egress, wanted: &Wanted, why: Look) -> Done {
        let open = match self.opened(node, settings(node, config)) {
            Ok(open) => open,
            Err(fault) => return Done { faults: vec![fault], ..Done::default() },
        };
        if why == Look::Change && open.wanted.as_ref() == Some(wanted) {
            return open.done(Vec::new(), 0);
        }
        open.wanted = None;
        let put = open.datapath.put(wanted.clone(), &mut |kept| keep(node, kept));
        match put {
            Ok(outcome) => {
                let changes = outcome.changes;
                open.wanted = Some(wanted.clone());
                open.outcome = outcome;
                open.done(Vec::new(), changes)
            }
            Err(error) => open.done(vec![chain(&error)], 0),
        }
    }

    /// Whether the kernel's side knows whom it captures: before, nobody can be held beside them.
    pub fn is_told(&mut self, node: &Node, config: &Egress) -> bool {
        self.opened(node, settings(node, config)).is_ok_and(|open| open.datapath.is_told())
    }

    /// Whether anybody else may have changed our rules. What cannot be known is no reason: the next look reads them.
    pub fn is_touched(&mut self) -> bool {
        self.open.as_mut().is_some_and(|open| open.datapath.is_touched().unwrap_or_default())
    }

    /// The packet filter alone. Returns the program that the kernel has then.
    pub fn hold(
        &mut self,
        node: &Node,
        config: &Egress,
        (held, policies): (Vec<Hold>, BTreeMap<String, Policy>),
        new: &BTreeSet<IpAddr>,
    ) -> Result<Program, String> {
        let open = self.opened(node, settings(node, config))?;
        // What was last put is not all any more.
        open.wanted = None;
        open.datapath.hold(held, policies, new).map_err(|error| chain(&error))?;
        Ok(open.datapath.program().clone())
    }

    /// Nothing of ours is left in the kernel after this.
    pub fn take_back(&mut self, node: &Node, config: Option<&Egress>) -> Result<(), String> {
        let settings = config.map_or_else(|| settings(node, &Egress::default()), |config| settings(node, config));
        let open = self.opened(node, settings)?;
        open.datapath.remove(&mut |kept| keep(node, kept)).map_err(|error| chain(&error))?;
        node.store.keep_egress(ROW, String::new()).map_err(|error| chain(&error))?;
        self.open = None;
        Ok(())
    }

    fn opened(&mut self, node: &Node, settings: Settings) -> Result<&mut Open, String> {
        let open = match self.open.take() {
            Some(open) if open.settings == settings => open,
            _ => {
                let text = node.store.egress(ROW).filter(|text| !text.is_empty());
                let kept = text.map(|text| serde_json::from_str::<Kept>(&text)).transpose();
                let kept =
                    kept.map_err(|error| format!("what was written down about egress cannot be read: {error}"))?;
                let kept = kept.unwrap_or_default();
                keep(node, &kept).map_err(|error| error.to_string())?;
                let datapath = Datapath::open(settings.clone(), kept).map_err(|error| chain(&error))?;
                Open { settings, datapath, wanted: None, outcome: Outcome::default() }
            }
        };
        Ok(self.open.insert(open))
    }

    /// By policy: packets that were dropped because there was no gateway; and those that were stopped for another reason.
    pub fn counters(&mut self) -> Counters {
        let Some(open) = &mut self.open else { return Counters::default() };
        // What cannot be read now is read at the next look.
        Counters {
            dropped: open.datapath.dropped().unwrap_or_default(),
            stopped: open.datapath.stopped().unwrap_or_default(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    pub dropped: BTreeMap<String, u64>,
    pub stopped: BTreeMap<String, u64>,
}

impl Open {
    fn done(&self, mut faults: Vec<String>, changes: usize) -> Done {
        faults.extend(self.outcome.faults.iter().cloned());
        let program = self.datapath.program().clone();
        Done { program, outcome: self.outcome.clone(), faults, changed: changes > 0 }
    }
}

fn keep(node: &Node, kept: &Kept) -> Result<(), Box<dyn Error + Send + Sync>> {
    let text = serde_json::to_string(kept)?;
    node.store.keep_egress(ROW, text)?;
    Ok(())
}

fn settings(node: &Node, config: &Egress) -> Settings {
    Settings {
        node: node.config.node.clone(),
        addresses: want::addresses(node, &config.addresses),
        mask: config.mask,
        port: config.port,
        tables: config.tables,
    }
}
