//! One row per rule: a change to a good object that breaks the rule, and the field that a finding of the code names.

use serde_json::{Value, json};

/// Breaks one rule.
pub struct Row {
    pub kind: &'static str,
    /// Which of the kind's rules: its place, and the start of its message.
    pub at: &'static str,
    pub says: &'static str,
    /// Merged over the good spec; `null` takes a field out.
    pub change: Value,
    /// Path of the code's finding.
    pub path: &'static str,
}

/// A good spec of each kind.
pub fn good(kind: &str) -> Value {
    match kind {
        "Network" => json!({
            "subnets": ["192.168.0.0/16", "fd00:77::/48"],
            "masterNets": ["10.0.1.0/24"],
            "link": {"kind": "macvlan", "mode": "bridge", "mtu": 9000},
            "ipam": {"type": "blocks", "interfaceBlock": 2, "hostBlock": 6, "excludeCIDRs": ["192.168.0.0/28", "192.168.0.77"]},
            "routes": [{"to": "10.20.0.0/16", "via": "192.168.63.254"}],
            "gateway4": "192.168.0.1",
            "namespaces": ["training"],
        }),
        "IPBlock" => json!({
            "network": "good", "node": "node-1", "interface": "eth1", "interfaceIndex": 0, "hostIndex": 1,
            "segment": "10.0.1.0/24", "via": ["10.0.1.11", "fd00::11"],
        }),
        "HostInterface" => json!({"interfaces": [{
            "name": "eth1", "netAddresses": ["10.0.1.0/24"], "addresses": ["10.0.1.11/24"], "mac": "02:00:00:00:00:01",
            "mtu": 1500, "vendor": "15b3", "product": "1019", "pciAddress": "0000:0c:05.0", "up": true,
        }]}),
        "DeviceClass" => json!({"ids": [{"vendor": "15b3", "products": ["1019"]}]}),
        "EgressPolicy" => json!({
            "selectors": [{"podSelector": {"matchLabels": {"app": "web"}}}],
            "destinationCIDRs": ["0.0.0.0/0"],
            "excludedCIDRs": ["10.0.0.0/8"],
            "egressGateways": [{"nodeSelector": {}, "egressIPs": ["192.0.2.1"], "float": true}],
        }),
        "EgressGateway" => json!({
            "network": "good",
            "additionalInterfaces": [{"name": "net1", "multus": {"name": "macvlan"}, "ipPools": ["p1"]}],
            "ipPools": [{"cidr": "10.1.0.0/24"}],
            "egressGatewayFailureDetection": {"icmpProbe": {"ips": ["192.0.2.1"]}},
        }),
        "PodNetwork" => json!({"parametersRefs": [{"group": "nicety.dev", "kind": "Network", "name": "good"}]}),
        "PodNetworkAttachment" => json!({"podNetworkName": "good"}),
        "EgressSlice" => json!({
            "node": "node-1",
            "gateways": [{"node": "node-2", "underlay": ["192.0.2.22"], "egressIPs": ["192.0.2.122"], "vni": 7}],
            "endpoints": [{
                "namespace": "team", "name": "web-0", "addresses": ["10.1.0.5"],
                "exits": [{"policy": "good", "primary": "node-2/192.0.2.122", "reason": "kept"}],
            }],
            "senders": [{"node": "node-3", "addresses": ["192.0.2.13"]}],
            "watches": [{"node": "node-2", "address": "192.0.2.22"}],
        }),
        "EgressHealth" => json!({"observed": [{"node": "node-2", "verdict": "healthy", "since": 1}]}),
        _ => Value::Null,
    }
}

fn row(kind: &'static str, at: &'static str, says: &'static str, change: Value, path: &'static str) -> Row {
    Row { kind, at, says, change, path }
}

pub fn bad() -> Vec<Row> {
    let mut rows = network();
    rows.extend(egress());
    rows.extend([
        row("IPBlock", "", "the name must be", json!({"hostIndex": 2}), "metadata.name"),
        row("IPBlock", "spec", "has two addresses", json!({"via": ["10.0.1.11", "10.0.1.12"]}), "spec.via[1]"),
        row(
            "HostInterface",
            "spec.interfaces[].netAddresses[]",
            "has host bits",
            json!({"interfaces": [{"name": "eth1", "netAddresses": ["10.0.1.11/24"]}]}),
            "spec.interfaces[0].netAddresses[0]",
        ),
        row(
            "PodNetwork",
            "spec",
            "the provider",
            json!({"parametersRefs": [{"group": "example.com", "kind": "Net", "name": "x"}]}),
            "spec.parametersRefs[0]",
        ),
    ]);
    rows
}

fn network() -> Vec<Row> {
    let of = |at, says, change, path| row("Network", at, says, change, path);
    let without = |mut change: Value| {
        ["subnets", "gateway4", "routes"].into_iter().for_each(|field| change[field] = Value::Null);
        change
    };
    let ranges = |ranges: Value| json!({"ipam": {"type": "ranges", "interfaceBlock": null, "hostBlock": null, "excludeCIDRs": null, "ranges": ranges}});
    vec![
        of("spec.subnets[]", "has host bits", json!({"subnets": ["192.168.0.1/16"]}), "spec.subnets[0]"),
        of("spec.masterNets[]", "has host bits", json!({"masterNets": ["10.0.1.1/24"]}), "spec.masterNets[0]"),
        of("spec.routes[].to", "has host bits", json!({"routes": [{"to": "10.20.0.1/16"}]}), "spec.routes[0].to"),
        of(
            "spec",
            "is missing; hint",
            without(ranges(json!([{"node": "a", "cidr": "192.168.1.0/24"}]))),
            "spec.subnets",
        ),
        of("spec", "has no meaning without `subnets`", without(json!({})), "spec.ipam.interfaceBlock"),
        of(
            "spec",
            "is missing, and the network has no NICs",
            without(
                json!({"masterNets": null, "link": {"kind": "veth-routed", "mode": null}, "ipam": {"interfaceBlock": null}}),
            ),
            "spec.subnets",
        ),
        of("spec", "two subnets", json!({"subnets": ["192.168.0.0/16", "10.0.0.0/8"]}), "spec.subnets[1]"),
        of("spec", "stands beside `masterNets`", json!({"nics": [{"name": "eth*"}]}), "spec.nics"),
        of("spec", "stands beside `namespaces`", json!({"namespaceSelector": {}}), "spec.namespaceSelector"),
        of("spec", "the blocks' bits", json!({"ipam": {"hostBlock": 15}}), "spec.ipam.hostBlock"),
        of("spec", "is less than the 1280", json!({"link": {"mtu": 1279}}), "spec.link.mtu"),
        of("spec", "`l3` needs a link", json!({"routing": "l3"}), "spec.routing"),
        of(
            "spec",
            "`l3` makes routes",
            json!({"routing": "l3", "link": {"kind": "veth-routed", "mode": null}, "gateway4": null, "masterNets": null,
                "ipam": {"type": "ranges", "interfaceBlock": null, "hostBlock": null, "excludeCIDRs": null,
                    "ranges": [{"node": "a", "cidr": "192.168.1.0/24"}]}}),
            "spec.routing",
        ),
        of(
            "spec",
            "has no meaning for `veth-routed`",
            json!({"link": {"kind": "veth-routed", "mode": null}}),
            "spec.gateway4",
        ),
        of(
            "spec",
            "has no meaning for `veth-routed`",
            json!({"link": {"kind": "veth-routed", "mode": null}, "gateway4": null, "gateway6": "fd00:77::1"}),
            "spec.gateway6",
        ),
        of("spec", "lies in no subnet", json!({"gateway4": "10.9.9.9"}), "spec.gateway4"),
        of("spec", "a `bridge` has no NIC", json!({"link": {"kind": "bridge", "mode": null}}), "spec.masterNets"),
        of("spec.link", "is no mode", json!({"link": {"mode": "l3"}}), "spec.link.mode"),
        of("spec.link", "belongs to `kind: bridge`", json!({"link": {"bridge": {}}}), "spec.link.bridge"),
        of(
            "spec.link",
            "belongs to `kind: host-device`",
            json!({"link": {"resourceName": "example.com/nic"}}),
            "spec.link.resourceName",
        ),
        of("spec.link", "belongs to `kind: host-device`", json!({"link": {"sriov": {}}}), "spec.link.sriov"),
        of(
            "spec.link.sriov",
            "is more than",
            json!({"link": {"kind": "host-device", "mode": null, "sriov": {"minTxRate": 2, "maxTxRate": 1}}}),
            "spec.link.sriov.minTxRate",
        ),
        of(
            "spec.link.sriov",
            "has no meaning without a VLAN",
            json!({"link": {"kind": "host-device", "mode": null, "sriov": {"vlanQoS": 2}}}),
            "spec.link.sriov.vlanQoS",
        ),
        of("spec.ipam", "is missing; hint: 8 bits", json!({"ipam": {"hostBlock": null}}), "spec.ipam.hostBlock"),
        of(
            "spec.ipam",
            "belongs to `type: blocks`",
            json!({"ipam": {"type": "none", "interfaceBlock": null, "excludeCIDRs": null}}),
            "spec.ipam.hostBlock",
        ),
        of(
            "spec.ipam",
            "belongs to `type: blocks`",
            json!({"ipam": {"type": "none", "hostBlock": null, "excludeCIDRs": null}}),
            "spec.ipam.interfaceBlock",
        ),
        of(
            "spec.ipam",
            "belongs to `type: ranges`",
            json!({"ipam": {"ranges": [{"node": "a", "cidr": "192.168.1.0/24"}]}}),
            "spec.ipam.ranges",
        ),
        of("spec.ipam", "is missing; hint: give each node", ranges(json!([])), "spec.ipam.ranges"),
        of(
            "spec.ipam",
            "has no meaning without addresses",
            json!({"ipam": {"type": "none", "interfaceBlock": null, "hostBlock": null}}),
            "spec.ipam.excludeCIDRs",
        ),
        of(
            "spec.ipam.ranges[]",
            "needs either",
            ranges(json!([{"node": "a", "first": "192.168.1.1"}])),
            "spec.ipam.ranges[0]",
        ),
        of(
            "spec.ipam.ranges[].cidr",
            "has host bits",
            ranges(json!([{"node": "a", "cidr": "192.168.1.1/24"}])),
            "spec.ipam.ranges[0].cidr",
        ),
    ]
}

fn egress() -> Vec<Row> {
    let policy = |at, says, change, path| row("EgressPolicy", at, says, change, path);
    let gateway = |at, says, change, path| row("EgressGateway", at, says, change, path);
    let interfaces = |interfaces: Value| json!({ "additionalInterfaces": interfaces });
    let probe = |probe: Value| json!({"egressGatewayFailureDetection": {"icmpProbe": null, "httpProbe": probe}});
    let list = "spec.additionalInterfaces[]";
    let single = json!({"nodeSelector": {}, "egressIP": "192.0.2.1", "interface": "eth1"});
    vec![
        policy(
            "spec.destinationCIDRs[]",
            "has host bits",
            json!({"destinationCIDRs": ["10.0.0.1/8"]}),
            "spec.destinationCIDRs[0]",
        ),
        policy(
            "spec.excludedCIDRs[]",
            "has host bits",
            json!({"excludedCIDRs": ["10.0.0.1/8"]}),
            "spec.excludedCIDRs[0]",
        ),
        policy("spec", "is missing", json!({"egressGateways": null}), "spec.egressGateways"),
        policy(
            "spec",
            "stands beside `egressGateways`",
            json!({"egressGateway": {"nodeSelector": {}}}),
            "spec.egressGateway",
        ),
        policy("spec.selectors[]", "selects no pods", json!({"selectors": [{}]}), "spec.selectors[0]"),
        policy(
            "spec.selectors[]",
            "needs `podSelector`",
            json!({"selectors": [{"namespaceSelector": {}, "nodeSelector": {}}]}),
            "spec.selectors[0].nodeSelector",
        ),
        policy(
            "spec.egressGateways[]",
            "stands beside `egressIPs`",
            json!({"egressGateways": [{"nodeSelector": {}, "egressIPs": ["192.0.2.1"], "interface": "eth1"}]}),
            "spec.egressGateways[0].interface",
        ),
        policy(
            "spec.egressGateways[]",
            "has no meaning without",
            json!({"egressGateways": [{"nodeSelector": {}, "float": true}]}),
            "spec.egressGateways[0].float",
        ),
        policy(
            "spec.egressGateway",
            "stands beside `egressIP`",
            json!({"egressGateways": null, "egressGateway": single}),
            "spec.egressGateway.interface",
        ),
        gateway(
            "spec",
            "stands beside `network`, which",
            json!({"externalNetworks": ["red"]}),
            "spec.externalNetworks",
        ),
        gateway(
            list,
            "`eth0` is",
            interfaces(json!([{"name": "eth0", "network": "a"}])),
            "spec.additionalInterfaces[0].name",
        ),
        gateway(list, "needs either", interfaces(json!([{"name": "net1"}])), "spec.additionalInterfaces[0]"),
        gateway(
            list,
            "belongs to `multus`",
            interfaces(json!([{"name": "net1", "network": "a", "ipPools": ["p"]}])),
            "spec.additionalInterfaces[0].ipPools",
        ),
        gateway(
            "spec.additionalInterfaces",
            "names an interface twice",
            interfaces(json!([{"name": "net1", "network": "a"}, {"name": "net1", "network": "b"}])),
            "spec.additionalInterfaces[1].name",
        ),
        gateway("spec.ipPools[]", "needs `name`", json!({"ipPools": [{}]}), "spec.ipPools[0]"),
        gateway(
            "spec.ipPools[].cidr",
            "has host bits",
            json!({"ipPools": [{"cidr": "10.0.0.1/8"}]}),
            "spec.ipPools[0].cidr",
        ),
        gateway(
            "spec.egressGatewayFailureDetection",
            "needs `icmpProbe`",
            json!({"egressGatewayFailureDetection": {"icmpProbe": null}}),
            "spec.egressGatewayFailureDetection",
        ),
        gateway(
            "spec.egressGatewayFailureDetection.icmpProbe",
            "is not more",
            json!({"egressGatewayFailureDetection": {"icmpProbe": {"intervalSeconds": 15}}}),
            "spec.egressGatewayFailureDetection.icmpProbe.timeoutSeconds",
        ),
        gateway(
            "spec.egressGatewayFailureDetection.httpProbe",
            "is not more",
            probe(json!({"urls": ["http://a"], "intervalSeconds": 30})),
            "spec.egressGatewayFailureDetection.httpProbe.timeoutSeconds",
        ),
        gateway("spec.aws", "needs `nativeIP", json!({"aws": {"elasticIPs": ["192.0.2.1"]}}), "spec.aws.elasticIPs"),
        gateway(
            "spec",
            "stands beside `network`; hint: an",
            json!({"aws": {"nativeIP": "Enabled"}}),
            "spec.aws.nativeIP",
        ),
    ]
}
