//! What of others on a node keeps egress from working there, as far as it can be told from outside. Pure.

use std::collections::BTreeSet;

use nicety_core::egress::mark::Mask;
use nicety_kernel::tunnels::Seen;

/// kube-proxy's marks, which no rule of routing shows.
const KUBE_PROXY: u32 = 0xc000;

/// Signs of a network that leads pods' packets past netfilter. Nothing tells for sure: an eBPF program on a pod's link may hand packets
/// on, or may not.
pub fn bypass(seen: &Seen) -> Option<String> {
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
