//! Rules of EgressPolicy and EgressGateway.

use super::{CANONICAL, HOST_BITS, Rule};

const fn policy(at: &'static str, cel: &'static str, message: &'static str, field: &'static str) -> Rule {
    Rule { kind: "EgressPolicy", at, cel, message, field }
}

const fn gateway(at: &'static str, cel: &'static str, message: &'static str, field: &'static str) -> Rule {
    Rule { kind: "EgressGateway", at, cel, message, field }
}

pub(super) const RULES: &[Rule] = &[
    policy("spec.destinationCIDRs[]", CANONICAL, HOST_BITS, ""),
    policy("spec.excludedCIDRs[]", CANONICAL, HOST_BITS, ""),
    policy(
        "spec",
        "has(self.egressGateway) || (has(self.egressGateways) && size(self.egressGateways) > 0)",
        "is missing; hint: name the gateways' nodes",
        ".egressGateways",
    ),
    policy(
        "spec",
        "!has(self.egressGateway) || !has(self.egressGateways) || size(self.egressGateways) == 0",
        "stands beside `egressGateways`; hint: move it into the list",
        ".egressGateway",
    ),
    policy(
        "spec.selectors[]",
        "has(self.podSelector) || has(self.namespaceSelector)",
        "selects no pods; hint: give `podSelector` or `namespaceSelector`, `{}` for all",
        "",
    ),
    policy(
        "spec.selectors[]",
        "!has(self.nodeSelector) || has(self.podSelector)",
        "needs `podSelector` beside it; hint: write `podSelector: {}` for all pods of the nodes",
        ".nodeSelector",
    ),
    policy(
        "spec.egressGateways[]",
        "!has(self.interface) || !has(self.egressIPs) || size(self.egressIPs) == 0",
        "stands beside `egressIPs`; hint: say one way or the other what packets leave with",
        ".interface",
    ),
    policy(
        "spec.egressGateways[]",
        "!has(self.float) || !self.float || (has(self.egressIPs) && size(self.egressIPs) > 0)",
        "has no meaning without `egressIPs`",
        ".float",
    ),
    policy(
        "spec.egressGateway",
        "!has(self.interface) || !has(self.egressIP)",
        "stands beside `egressIP`; hint: say one way or the other what packets leave with",
        ".interface",
    ),
    gateway(
        "spec",
        "!has(self.network) || !has(self.externalNetworks) || size(self.externalNetworks) == 0",
        "stands beside `network`, which replaces it; hint: leave it out",
        ".externalNetworks",
    ),
    gateway(
        "spec.additionalInterfaces[]",
        "self.name != 'eth0'",
        "`eth0` is the primary interface; hint: give another name",
        ".name",
    ),
    gateway(
        "spec.additionalInterfaces[]",
        "has(self.network) != has(self.multus)",
        "needs either `network` or `multus`",
        "",
    ),
    gateway(
        "spec.additionalInterfaces[]",
        "has(self.multus) || !has(self.ipPools) || size(self.ipPools) == 0",
        "belongs to `multus` alone; hint: a Network has its own addresses",
        ".ipPools",
    ),
    gateway(
        "spec.additionalInterfaces",
        "self.all(one, self.exists_one(other, other.name == one.name))",
        "names an interface twice",
        "",
    ),
    gateway("spec.ipPools[]", "has(self.name) || has(self.cidr)", "needs `name`, `cidr` or both", ""),
    gateway("spec.ipPools[].cidr", CANONICAL, HOST_BITS, ""),
    gateway(
        "spec.egressGatewayFailureDetection",
        "has(self.icmpProbe) || has(self.httpProbe)",
        "needs `icmpProbe`, `httpProbe` or both",
        "",
    ),
    gateway(
        "spec.egressGatewayFailureDetection.icmpProbe",
        "self.timeoutSeconds > self.intervalSeconds",
        "is not more than `intervalSeconds`",
        ".timeoutSeconds",
    ),
    gateway(
        "spec.egressGatewayFailureDetection.httpProbe",
        "self.timeoutSeconds > self.intervalSeconds",
        "is not more than `intervalSeconds`",
        ".timeoutSeconds",
    ),
    gateway(
        "spec.aws",
        "!has(self.elasticIPs) || size(self.elasticIPs) == 0 || self.nativeIP == 'Enabled'",
        "needs `nativeIP: Enabled` beside it",
        ".elasticIPs",
    ),
    gateway(
        "spec",
        "!has(self.network) || !has(self.aws) || self.aws.nativeIP == 'Disabled'",
        "stands beside `network`; hint: an interface has its address from one of the two",
        ".aws.nativeIP",
    ),
];
