//! Is anything left? The kernel's tables in each node against what they held before the first pod, and the daemons' own books.

use nicety_kernel::lay::{self, Count};

use super::{node::Node, report::Leaks};

/// What each node held at one moment.
pub fn of(nodes: &[Node]) -> anyhow::Result<Vec<Count>> {
    nodes.iter().map(|node| node.space.inside(|| Ok(lay::count()?))).collect()
}

pub fn since(before: &[Count], nodes: &[Node]) -> anyhow::Result<Leaks> {
    let mut leaks = Leaks::default();
    for ((node, now), then) in nodes.iter().zip(of(nodes)?).zip(before) {
        leaks.links += now.links.abs_diff(then.links);
        leaks.addresses += now.addresses.abs_diff(then.addresses);
        leaks.routes += now.routes.abs_diff(then.routes);
        leaks.rules += now.rules.abs_diff(then.rules);
        let status = node.status()?;
        leaks.leases += status.leases;
        leaks.records += status.records;
        leaks.namespaces += std::fs::read_dir(&node.runtime.netns_dir)?.count();
    }
    Ok(leaks)
}
