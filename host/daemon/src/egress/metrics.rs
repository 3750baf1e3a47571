//! What of egress is counted, in the text format of OpenMetrics. Names of policies and nodes need no escapes.

use std::fmt::Write;

use crate::admin::view::egress::Egress;

/// Without the end mark.
pub fn text(egress: &Egress) -> String {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: &[(String, u64)]| {
        let suffix = if kind == "counter" { "_total" } else { "" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "# HELP nicety_egress_{name} {help}.\n# TYPE nicety_egress_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "nicety_egress_{name}{suffix}{labels} {value}");
        }
    };
    let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let one = |value: u64| vec![(String::new(), value)];
    let of_policies = |value: &dyn Fn(&crate::admin::view::egress::PolicyView) -> u64| {
        let values = egress.policies.iter().map(|one| (format!("{{policy=\"{}\"}}", one.name), value(one)));
        values.collect::<Vec<_>>()
    };
    family("pods", "gauge", "Pods of this node that a policy captures", &of_policies(&|one| count(one.endpoints)));
    family(
        "dropped_packets",
        "counter",
        "Packets that were dropped because their policy had no gateway",
        &of_policies(&|one| one.dropped),
    );
    let stopped = egress.stopped.iter().map(|(why, packets)| (format!("{{reason=\"{why}\"}}"), *packets));
    family(
        "stopped_packets",
        "counter",
        "Packets that would have left with another source, or came into a tunnel from nobody that is known",
        &stopped.collect::<Vec<_>>(),
    );
    let leaving = egress.gateways.iter().map(|one| (format!("{{gateway=\"{}\"}}", one.id), count(one.pods)));
    family("gateway_pods", "gauge", "Pods of this node that leave by a gateway now", &leaving.collect::<Vec<_>>());
    family("gateways_dead", "gauge", "Nodes of gateways that do not live", &one(count(egress.dead.len())));
    family(
        "unassigned_pods",
        "gauge",
        "Pods of this node that have no gateway under one of their policies, so that packets of theirs are dropped",
        &one(count(egress.unassigned)),
    );
    family("held_pods", "gauge", "Pods that may not leave before somebody says where", &one(count(egress.held.len())));
    family("faults", "gauge", "Reasons why the kernel is not as it should be", &one(count(egress.faults.len())));
    family("changes", "counter", "Times that the kernel was changed", &one(egress.changes));
    family("change_micros", "gauge", "How long the last change took", &one(egress.changed_in_us.unwrap_or_default()));
    text
}
