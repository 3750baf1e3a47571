//! What may not change in an object that is there. One table says it, for the check here and for the rules that the API server gets
//! (custom resource definitions are made from it); everything that is not in the table may change, and the change propagates.

use nicety_core::finding::Finding;
use serde_json::Value;

/// A field that keeps the value that it was made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Immutable {
    pub kind: &'static str,
    /// The object that holds the field: `spec.ipam`. Empty parts never occur.
    pub parent: &'static str,
    pub field: &'static str,
    /// What an absent field means.
    pub absent: Absent,
    pub why: &'static str,
}

/// How an absent field compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absent {
    /// Never absent: the schema requires the field, or the server fills its default in.
    Never,
    /// As nothing else.
    Apart,
    /// As an empty list.
    Empty,
    /// As not decided yet: it may be given once.
    Open,
}

const fn keeps(
    kind: &'static str,
    parent: &'static str,
    field: &'static str,
    absent: Absent,
    why: &'static str,
) -> Immutable {
    Immutable { kind, parent, field, absent, why }
}

const ADDRESSES: &str = "pods have addresses by it; hint: make another Network";
const LINKS: &str = "a NIC cannot carry the old kind beside the new one; hint: make another Network";
const CLAIM: &str = "the block is claimed as it is; hint: delete it and make another";
const IDENTITY: &str = "pods refer to it; hint: make another object";

/// By kind, in the order of the fields.
pub const IMMUTABLE: &[Immutable] = &[
    keeps("Network", "spec", "subnets", Absent::Empty, ADDRESSES),
    keeps("Network", "spec.link", "kind", Absent::Never, LINKS),
    keeps("Network", "spec.link", "mode", Absent::Apart, LINKS),
    keeps("Network", "spec.link", "bridge", Absent::Apart, LINKS),
    keeps("Network", "spec.ipam", "type", Absent::Never, ADDRESSES),
    keeps("Network", "spec.ipam", "interfaceBlock", Absent::Apart, ADDRESSES),
    keeps("Network", "spec.ipam", "hostBlock", Absent::Apart, ADDRESSES),
    keeps("IPBlock", "spec", "network", Absent::Never, CLAIM),
    keeps("IPBlock", "spec", "node", Absent::Never, CLAIM),
    keeps("IPBlock", "spec", "interface", Absent::Apart, CLAIM),
    keeps("IPBlock", "spec", "interfaceIndex", Absent::Never, CLAIM),
    keeps("IPBlock", "spec", "hostIndex", Absent::Never, CLAIM),
    keeps("IPBlock", "spec", "segment", Absent::Open, CLAIM),
    keeps(
        "EgressGateway",
        "spec",
        "namespace",
        Absent::Never,
        "pods cannot move to another namespace; hint: make another EgressGateway",
    ),
    keeps("PodNetwork", "spec", "provider", Absent::Apart, IDENTITY),
    keeps("PodNetwork", "spec", "parametersRefs", Absent::Empty, IDENTITY),
    keeps("PodNetworkAttachment", "spec", "podNetworkName", Absent::Never, IDENTITY),
    keeps("PodNetworkAttachment", "spec", "parametersRefs", Absent::Empty, IDENTITY),
];

impl Immutable {
    /// What is said of a change.
    pub fn message(&self) -> String {
        format!("cannot change: {}", self.why)
    }

    fn changed(&self, old: &Value, new: &Value) -> bool {
        let (old, new) = (self.of(old), self.of(new));
        old != new && (old.is_some() || self.absent != Absent::Open)
    }

    fn of<'v>(&self, object: &'v Value) -> Option<&'v Value> {
        let parent = self.parent.split('.').try_fold(object, |at, field| at.get(field));
        let value = parent.and_then(|parent| parent.get(self.field));
        value
            .filter(|value| !value.is_null())
            .filter(|value| self.absent != Absent::Empty || value.as_array().is_none_or(|entries| !entries.is_empty()))
    }
}

/// Every change from `old` to `new` that is refused. Both are whole objects of one kind.
pub fn transition(kind: &str, old: &Value, new: &Value) -> Vec<Finding> {
    let changed = |field: &&Immutable| field.kind == kind && field.changed(old, new);
    let path = |field: &Immutable| format!("{}.{}", field.parent, field.field);
    IMMUTABLE.iter().filter(changed).map(|field| Finding::new(path(field), field.message())).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_pods_have_addresses_by_stays() {
        let network = |subnet: &str, host_block: u8, mtu: u32| {
            json!({"spec": {"subnets": [subnet], "link": {"kind": "macvlan", "mtu": mtu},
                "ipam": {"type": "blocks", "hostBlock": host_block}}})
        };
        let old = network("10.0.0.0/16", 8, 1500);
        assert_eq!(transition("Network", &old, &network("10.0.0.0/16", 8, 9000)), []);
        let changed = transition("Network", &old, &network("10.1.0.0/16", 6, 9000));
        let paths: Vec<&str> = changed.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["spec.subnets", "spec.ipam.hostBlock"]);
        assert_eq!(transition("DeviceClass", &old, &network("10.1.0.0/16", 6, 9000)), []);
    }

    #[test]
    fn an_empty_list_is_an_absent_one() {
        let (without, empty) = (json!({"spec": {}}), json!({"spec": {"parametersRefs": []}}));
        assert_eq!(transition("PodNetwork", &without, &empty), []);
        let given = transition("PodNetwork", &without, &json!({"spec": {"provider": "example.com"}}));
        assert_eq!(given.len(), 1, "{given:?}");
    }
}
