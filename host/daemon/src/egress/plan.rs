//! What a change would move, and the assignment as a picture. Only a node that computes it itself knows all of it.

use nicety_core::{
    finding::Finding,
    ids::{NodeName, StrategyName},
};
use nicety_egress::{Change, picture, plan::plan};
use nicety_objects::{
    manifest::Object,
    set::{EgressChange, File},
    strategies::unknown,
};

use crate::{
    admin::view::egress::{PlanView, PlanWanted},
    decide,
    node::Node,
};

const ELSEWHERE: &str = "this node takes its part from the cluster's controller and does not know all of it; hint: \
    `kubectl nicety egress plan` and `picture` do";

/// The error says what is wrong with what was asked.
pub fn of(node: &Node, wanted: PlanWanted) -> Result<PlanView, String> {
    if node.source.cluster().is_some() {
        return Err(ELSEWHERE.to_owned());
    }
    let assembly = node.egress.work().alone.assembly().clone();
    let PlanWanted { without, manifests, strategy } = wanted;
    let mut changes = Vec::new();
    for name in without {
        let parsed: NodeName = name.parse().map_err(|_| format!("`{name}` is no name of a node"))?;
        if !assembly.view().nodes.contains_key(&parsed) {
            let known = assembly.view().nodes.keys().map(NodeName::as_str).collect::<Vec<_>>().join("`, `");
            return Err(format!("there is no node `{name}`; hint: there are `{known}`"));
        }
        changes.push(Change::NodeGone(parsed));
    }
    let files: Vec<File> = manifests.into_iter().map(|(name, text)| File { name, text }).collect();
    let world = node.world();
    let EgressChange { objects, mut strategies } =
        world.objects.egress_change(&files).map_err(|wrong| listed(&wrong))?;
    changes.extend(objects.into_iter().filter_map(change));
    if let Some(name) = strategy {
        let named: StrategyName = name.parse().map_err(|_| format!("`{name}` is no name of a strategy"))?;
        if !strategies.provide(&named) {
            return Err(unknown(&named, &strategies.strategies));
        }
        strategies.gateway_distribution.overrides.clear();
        strategies.gateway_distribution.default = named;
    }
    let set = match strategies == world.objects.strategies {
        true => world.strategies.clone(),
        false => node.try_strategies(&strategies).map_err(|wrong| listed(&wrong))?,
    };
    Ok(PlanView::of(&plan(&assembly, changes, &set, &decide::clock())))
}

fn listed(findings: &[Finding]) -> String {
    findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n  ")
}

/// None: of a kind that changes nothing here, of which there is none.
fn change(object: Object) -> Option<Change> {
    Some(match object {
        Object::Node(node) => Change::Node(Box::new(node)),
        Object::HostInterface(host) => Change::Host(Box::new(host)),
        Object::Namespace(one) => Change::Namespace(one.name, one.labels),
        Object::EgressPolicy(policy) => Change::Policy(Box::new(policy)),
        Object::Pod(pod) => Change::Pod(Box::new(pod)),
        _ => return None,
    })
}

/// SVG.
pub fn drawn(node: &Node, policy: &str) -> Result<String, String> {
    if node.source.cluster().is_some() {
        return Err(ELSEWHERE.to_owned());
    }
    let work = node.egress.work();
    picture::draw(work.alone.assembly(), policy).ok_or_else(|| {
        let known = work.alone.assembly().view().policies.keys().cloned().collect::<Vec<_>>().join("`, `");
        format!("there is no policy `{policy}`; hint: there are `{known}`")
    })
}
