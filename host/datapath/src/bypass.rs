//! What of a node's network keeps egress from working there, as far as it can be told from outside.

use nicety_kernel::tunnels::Seen;

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
