//! How this node's egress is, in one condition and a few numbers: for `nicety status` and the node's HostInterface.

use nicety_core::egress::program::Wanted;
use nicety_datapath::Doubt;
use nicety_objects::condition::ConditionStatus;

use super::Outcome;
use crate::admin::view;

/// As conditions of objects have it.
pub const CONDITION: &str = "EgressReady";
/// Reasons that are quoted.
const QUOTED: usize = 5;

/// One word for programs, and words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub status: ConditionStatus,
    pub reason: &'static str,
    pub message: String,
}

/// None: this node has nothing to do with egress. The worst comes first: what is wrong with the kernel concerns all pods, a gateway those
/// that leave by it, and what cannot be known (whether packets pass by netfilter, whether others drop them) is said where nothing worse is.
pub fn verdict(outcome: &Outcome) -> Option<Verdict> {
    let Outcome { active, faults, wrong, fault, doubts, .. } = outcome;
    if !active {
        return None;
    }
    let verdict = |status, reason, message| Some(Verdict { status, reason, message });
    if !faults.is_empty() {
        return verdict(ConditionStatus::False, "KernelDiffers", quoted(faults));
    }
    if !wrong.is_empty() {
        let wrong: Vec<String> = wrong.iter().map(|(of, why)| format!("gateway `{of}`: {why}")).collect();
        return verdict(ConditionStatus::False, "GatewayUnusable", quoted(&wrong));
    }
    if let Some(fault) = fault {
        return verdict(
            ConditionStatus::False,
            "NobodyIsAsked",
            format!("whether gateways live is not known: {fault}"),
        );
    }
    let without = outcome.without();
    if !without.is_empty() {
        let (number, whom) = (without.len(), without.into_iter().map(|(_, why)| why).collect::<Vec<_>>());
        let message = format!("{number} pods have no gateway: {}", quoted(&whom));
        return verdict(ConditionStatus::False, "PodsWithoutGateway", message);
    }
    match doubts.first() {
        Some(Doubt { reason, .. }) => {
            let all: Vec<String> = doubts.iter().map(|doubt| doubt.message.clone()).collect();
            verdict(ConditionStatus::Unknown, reason, quoted(&all))
        }
        None => verdict(ConditionStatus::True, "Programmed", "the kernel is as the assignment says".to_owned()),
    }
}

/// None: as for [`verdict`].
pub fn line(outcome: &Outcome) -> Option<view::EgressLine> {
    let Wanted { share, .. } = &outcome.wanted;
    outcome.active.then(|| view::EgressLine {
        policies: outcome.wanted.policies.len(),
        pods: share.endpoints.len(),
        // What an ADD put down stays beside the assignment that lifted it.
        held: outcome.wanted.waiting().count(),
        unassigned: outcome.without().len(),
        gateways: share.gateways.len(),
        dead: outcome.wanted.dead.len(),
    })
}

fn quoted(reasons: &[String]) -> String {
    let few = reasons.get(..QUOTED.min(reasons.len())).unwrap_or_default().join("; ");
    match reasons.len().saturating_sub(QUOTED) {
        0 => few,
        more => format!("{few}; and {more} more, see `nicety egress show`"),
    }
}

#[cfg(test)]
mod tests {
    use nicety_core::egress::share::{Endpoint, Exit, GatewayId, PodKey, Share};

    use super::*;

    fn told(outcome: &Outcome) -> (ConditionStatus, &'static str) {
        let verdict = verdict(&Outcome { active: true, ..outcome.clone() }).unwrap();
        (verdict.status, verdict.reason)
    }

    /// A pod that a policy captures, whose gateways are all dead.
    fn nowhere() -> Share {
        let pod = PodKey { namespace: "shop".to_owned(), name: "web".to_owned(), uid: "1".to_owned() };
        let exit = Exit { primary: None, standby: None, reason: "no gateway is active".to_owned() };
        let exits = [("out".to_owned(), exit)].into();
        let endpoint = Endpoint { addresses: ["10.1.0.1".parse().unwrap()].into(), exits };
        Share { endpoints: [(pod, endpoint)].into(), ..Share::default() }
    }

    #[test]
    fn pods_that_have_no_gateway_are_counted_and_named() {
        let outcome =
            Outcome { active: true, wanted: Wanted { share: nowhere(), ..Wanted::default() }, ..Outcome::default() };
        let line = line(&outcome).unwrap();
        assert_eq!((line.pods, line.unassigned, line.gateways), (1, 1, 0));
        let message = verdict(&outcome).unwrap().message;
        let expected =
            "1 pods have no gateway: shop/web by policy `out`: its packets are dropped: no gateway is active";
        assert_eq!(message, expected);
    }

    #[test]
    fn a_node_without_egress_says_nothing_of_it() {
        assert_eq!((verdict(&Outcome::default()), line(&Outcome::default()).is_none()), (None, true));
    }

    #[test]
    fn what_is_wrong_is_said_before_what_is_not_known() {
        let mut outcome = Outcome::default();
        assert_eq!(told(&outcome), (ConditionStatus::True, "Programmed"));
        outcome.doubts.push(Doubt { reason: "NetfilterMayBeBypassed", message: "Cilium is on this node".to_owned() });
        assert_eq!(told(&outcome), (ConditionStatus::Unknown, "NetfilterMayBeBypassed"));
        outcome.wanted.share = nowhere();
        assert_eq!(told(&outcome), (ConditionStatus::False, "PodsWithoutGateway"));
        outcome.fault = Some("no socket".to_owned());
        assert_eq!(told(&outcome), (ConditionStatus::False, "NobodyIsAsked"));
        outcome.wrong.insert(GatewayId::from("gw-1/10.0.0.1".to_owned()), "no such address here".to_owned());
        assert_eq!(told(&outcome), (ConditionStatus::False, "GatewayUnusable"));
        outcome.faults = (0..7).map(|number| format!("fault {number}")).collect();
        assert_eq!(told(&outcome), (ConditionStatus::False, "KernelDiffers"));
        let message = verdict(&Outcome { active: true, ..outcome }).unwrap().message;
        assert!(message.starts_with("fault 0; ") && message.contains("and 2 more"), "{message}");
    }
}
