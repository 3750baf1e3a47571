//! What of others on a node keeps egress from working there, as far as it can be told from outside. Pure.

use std::collections::BTreeSet;

use nicety_core::{
    address::Family,
    egress::{
        mark::Mask,
        program::{GateKind, Program, Settings},
        table::LINK_PREFIX,
    },
};
use nicety_kernel::tunnels::Seen;

use crate::nft::{Hook, Refusing};

/// kube-proxy's marks, which no rule of routing shows.
const KUBE_PROXY: u32 = 0xc000;

/// Something that cannot be known for sure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// One word for programs.
    pub reason: &'static str,
    pub message: String,
}

/// Signs of a network that leads pods' packets past netfilter. Nothing tells for sure: an eBPF program on a pod's link may hand packets
/// on, or may not.
pub fn bypass(seen: &Seen) -> Option<Doubt> {
    let has = |name: &str| seen.links.iter().any(|link| link.name == name);
    let message = if has("cilium_host") {
        "Cilium is on this node (link `cilium_host`); with eBPF host routing packets of pods pass by netfilter and none is captured; \
         hint: `bpf.hostLegacyRouting=true`, and see `Host Routing` of `cilium-dbg status`"
    } else if has("bpfin.cali") {
        "Calico's eBPF dataplane is on this node (link `bpfin.cali`); packets of pods may pass by netfilter, and are then not captured"
    } else {
        return None;
    };
    Some(Doubt { reason: "NetfilterMayBeBypassed", message: message.to_owned() })
}

/// Chains of others with a policy of drop, none of whose rules names what is ours. Rules may still accept our packets by something else.
pub fn refusals(settings: &Settings, program: &Program, refusing: &[Refusing]) -> Vec<Doubt> {
    let mask = settings.mask.bits();
    let underlay = settings.underlay().filter(|_| !program.senders.is_empty() || !program.gateways.is_empty());
    let doubt = |Refusing { hook, families, table, chain, rules }: &Refusing| {
        let (reason, what, hint) = match hook {
            Hook::Forward if forwarded(program).is_disjoint(families) || names(rules, LINK_PREFIX.as_bytes()) => None,
            Hook::Forward => Some((
                "ForwardingMayBeDropped",
                "packets of pods on their way to a gateway, or through this one, may end there",
                format!(
                    "`iifname \"{LINK_PREFIX}*\"`, `meta mark & {mask:#010x} != 0` and `ct state established,related`"
                ),
            )),
            Hook::Input if !underlay.is_some_and(|address| families.contains(&Family::of(address))) => None,
            Hook::Input if asks_port(rules, settings.port) => None,
            Hook::Input => Some((
                "TunnelMayBeDropped",
                "packets of our tunnels between nodes may end there",
                format!("`udp dport {}` from the other nodes", settings.port),
            )),
        }?;
        let message = format!(
            "the chain `{chain}` of the table `{table}`, somebody else's, drops what it does not accept: {what}; hint: let it accept {hint}"
        );
        Some(Doubt { reason, message })
    };
    refusing.iter().filter_map(doubt).collect()
}

/// Families of packets that this node forwards for egress.
fn forwarded(program: &Program) -> BTreeSet<Family> {
    let outs = program.gateways.values().flat_map(|gate| match &gate.kind {
        GateKind::Own(outs) => outs.keys().copied().collect(),
        _ => Vec::new(),
    });
    program.endpoints.keys().map(|address| Family::of(*address)).chain(outs).collect()
}

fn names(rules: &[u8], bytes: &[u8]) -> bool {
    rules.windows(bytes.len()).any(|window| window == bytes)
}

/// As a comparison of nf_tables has it (an attribute with a number in network order), or as a match of iptables (a range in the host's).
fn asks_port(rules: &[u8], port: u16) -> bool {
    let ([high, low], [first, second]) = (port.to_be_bytes(), port.to_ne_bytes());
    let [l0, l1] = 6_u16.to_ne_bytes();
    let [k0, k1] = 1_u16.to_ne_bytes();
    names(rules, &[l0, l1, k0, k1, high, low]) || names(rules, &[first, second, first, second])
}

/// Rules of others that look at bits of marks that are ours: they may lead our packets, and ours theirs. One that names no mask, and none
/// of our bits in its mark, looks at them only because it was not said which bits it is about.
pub fn marks(ours: Mask, seen: &Seen) -> Vec<String> {
    let bits = ours.bits();
    let looks = |mark: u32, mask: u32| mask & bits != 0 && (mask != u32::MAX || mark & bits != 0);
    let all = seen.others.iter().map(|rule| if rule.mask == u32::MAX { rule.mark } else { rule.mask });
    let hint = ours.beside(all.fold(KUBE_PROXY, |all, one| all | one)).map_or_else(
        || "no other place is free for as many bits".to_owned(),
        |free| format!("no rule looks at `--egress-mask {free}`"),
    );
    let rules = seen.others.iter().filter(|rule| looks(rule.mark, rule.mask));
    let rules: BTreeSet<_> = rules.map(|rule| (rule.priority, rule.mark, rule.mask)).collect();
    let line = |(priority, mark, mask)| {
        format!(
            "the routing rule `{priority}: fwmark {mark:#x}/{mask:#x}` of somebody else looks at bits of packet marks that are ours \
             ({ours}), and may lead packets where nobody wants them; hint: {hint}"
        )
    };
    rules.into_iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use nicety_core::address::Family;
    use nicety_kernel::tunnels::OthersRule;

    use super::*;

    fn found(rules: &[(u32, u32)]) -> Vec<String> {
        let rule =
            |(mark, mask): &(u32, u32)| OthersRule { family: Family::V4, priority: 5210, mark: *mark, mask: *mask };
        marks(Mask::default(), &Seen { others: rules.iter().map(rule).collect(), ..Seen::default() })
    }

    #[test]
    fn a_rule_that_looks_at_our_bits_is_told_with_a_place_that_is_free() {
        let told = found(&[(0x80000, 0xff_0000), (0x200, 0xf00)]);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("`5210: fwmark 0x80000/0xff0000`"), "{told:?}");
        assert!(told[0].ends_with("`--egress-mask 0xff000000`"), "{told:?}");
        assert_eq!(found(&[(0x0010_0000, u32::MAX)]).len(), 1);
        assert!(found(&[(1, 0xffff), (2, 0xffff_0000)])[0].ends_with("no other place is free for as many bits"));
    }

    #[test]
    fn a_rule_that_looks_elsewhere_or_at_a_whole_mark_of_its_own_is_nobodys_matter() {
        assert_eq!(found(&[(0x80, 0x80), (0x4000, 0x4000), (1024, u32::MAX)]), Vec::<String>::new());
    }
}
