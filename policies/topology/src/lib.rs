//! nic-selection: the NICs that are near the pod's GPUs first.

use std::cmp::Reverse;

use nicety_policy_sdk::{
    Attributes, Denial, Pci,
    nic_selection::{Device, Facts, Nic, Selection},
};
use serde::Deserialize;

/// The PCI bridge or switch port above a device.
const UPSTREAM: &str = "pci-upstream";

/// It takes no settings.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {}

nicety_policy_sdk::policy! {
    kind: nic-selection,
    name: "topology",
    summary: "the NICs that are near the pod's GPUs first: behind the same PCI switch, then on the same NUMA node",
    config: Config,
    wants: ["pci-upstream"],
    decide: decide,
}

/// Chooses all, in order of nearness; NICs that are equally near keep their order. The masters of the request do not matter here.
pub fn decide(_: &Config, facts: &Facts) -> Result<Selection, Denial> {
    let mut selection = Selection::default();
    let gpus: Vec<&Device> =
        facts.devices.iter().filter(|device| device.kind == "gpu" && device.numa.is_some()).collect();
    if let Some(why) = unsorted(facts, &gpus) {
        for (candidate, _) in facts.indexed() {
            selection.choose(candidate, why.as_str());
        }
        return Ok(selection);
    }
    let mut order: Vec<(Near, u32)> =
        facts.indexed().map(|(candidate, nic)| (Near::of(nic, &gpus), candidate)).collect();
    order.sort_by_key(|(near, _)| Reverse((near.switch, near.numa)));
    for (near, candidate) in order {
        selection.choose(candidate, near.reason(gpus.len()));
    }
    Ok(selection)
}

/// Why the order of the candidates stays as it is.
fn unsorted(facts: &Facts, gpus: &[&Device]) -> Option<String> {
    let whole = facts.request.nics_max.is_none_or(|most| most as usize >= facts.candidates.len());
    if let Some(nic) = facts.candidates.iter().find(|nic| nic.numa.is_none()) {
        Some(format!("in the order given: the NUMA node of `{}` is not known", nic.name))
    } else if gpus.is_empty() {
        Some("in the order given: the pod has no GPU whose NUMA node is known".to_owned())
    } else if whole && facts.request.distinct.is_none() {
        Some("in the order given: every candidate is asked for".to_owned())
    } else {
        None
    }
}

/// How many of the pod's GPUs are near a NIC.
struct Near {
    switch: usize,
    numa: usize,
    node: Option<u32>,
}

impl Near {
    fn of(nic: &Nic, gpus: &[&Device]) -> Near {
        let behind = |gpu: &&&Device| nic.upstream.is_some() && upstream(gpu) == nic.upstream;
        Near {
            switch: gpus.iter().filter(behind).count(),
            numa: gpus.iter().filter(|gpu| gpu.numa == nic.numa).count(),
            node: nic.numa,
        }
    }

    fn reason(&self, gpus: usize) -> String {
        let node = self.node.map_or_else(String::new, |node| format!(" {node}"));
        let numa = format!("{} of the pod's {gpus} GPUs on its NUMA node{node}", self.numa);
        if self.switch == 0 { numa } else { format!("{} behind its PCI switch, {numa}", self.switch) }
    }
}

fn upstream(gpu: &Device) -> Option<Pci> {
    gpu.attributes.text(UPSTREAM).and_then(Pci::parse)
}

#[cfg(test)]
mod tests;
