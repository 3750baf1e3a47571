//! What a change would move, and the assignment as a picture. Only a node that computes it itself knows all of it.

use nicety_core::{finding::Finding, ids::NodeName};
use nicety_egress::{Change, picture, plan::plan};
use nicety_objects::{Set, set::File};

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
    changes.extend(of_files(&files)?);
    let world = node.world();
    let mut set = world.strategies.clone();
    if let Some(name) = strategy {
        let found =
            set.strategies.iter().find(|(known, _)| known.as_str() == name).map(|(_, strategy)| strategy.clone());
        let known = set.strategies.keys().map(|name| name.as_str()).collect::<Vec<_>>().join("`, `");
        let found = found.ok_or_else(|| format!("there is no strategy `{name}`; hint: there are `{known}`"))?;
        set.gateway_distribution.overrides.clear();
        set.gateway_distribution.default = found;
    }
    Ok(PlanView::of(&plan(&assembly, changes, &set, &decide::clock())))
}

/// Each object in the place of the one of its name; rules between objects are the daemon's to check once they are in its folder.
fn of_files(files: &[File]) -> Result<Vec<Change>, String> {
    let set = Set::parse(files)
        .map_err(|findings| findings.iter().map(Finding::to_string).collect::<Vec<_>>().join("\n  "))?;
    let Set { nodes, hosts, namespaces, egress_policies, pods, .. } = set;
    let mut changes: Vec<Change> = nodes.into_values().map(|node| Change::Node(Box::new(node))).collect();
    changes.extend(hosts.into_values().map(|host| Change::Host(Box::new(host))));
    changes.extend(namespaces.into_values().map(|one| Change::Namespace(one.name, one.labels)));
    changes.extend(egress_policies.into_values().map(|policy| Change::Policy(Box::new(policy))));
    changes.extend(pods.into_values().map(|pod| Change::Pod(Box::new(pod))));
    Ok(changes)
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
