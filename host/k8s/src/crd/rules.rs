//! Rules that a schema cannot say, for the API server to hold. Each is a rule of the code too (`nicety_objects`), which refuses the
//! same objects when a server that knows no rules has let them through; the tests try every row on both.

mod egress;
mod network;

use nicety_objects::transition::{Absent, IMMUTABLE, Immutable};
use serde_json::{Value, json};

/// One rule.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    pub kind: &'static str,
    /// The value that is `self`: `spec.link`, `spec.subnets[]` for each entry; empty for the object.
    pub at: &'static str,
    pub cel: &'static str,
    pub message: &'static str,
    /// Of several fields of `self` the one that the violation names: `.mode`. Empty: `self`.
    pub field: &'static str,
}

/// In the order of the kinds.
pub const RULES: &[Rule] = &{
    const PARTS: [&[Rule]; 3] = [network::RULES, egress::RULES, OTHERS];
    let mut all = [OTHERS[0]; PARTS[0].len() + PARTS[1].len() + PARTS[2].len()];
    let (mut part, mut at) = (0, 0);
    while part < PARTS.len() {
        let mut index = 0;
        while index < PARTS[part].len() {
            all[at] = PARTS[part][index];
            at += 1;
            index += 1;
        }
        part += 1;
    }
    all
};

const CANONICAL: &str = "!isCIDR(self) || cidr(self) == cidr(self).masked()";
const HOST_BITS: &str = "has host bits set; hint: write the network's own address";

const OTHERS: &[Rule] = &[
    Rule {
        kind: "IPBlock",
        at: "",
        // Read, not written: the server takes a number's text to be of any length, and refuses what a comparison with it could cost.
        cel: "self.metadata.name.startsWith(self.spec.network + '-') \
            && self.metadata.name.substring(size(self.spec.network) + 1).matches('^(0|[1-9][0-9]*)-(0|[1-9][0-9]*)$') \
            && int(self.metadata.name.substring(size(self.spec.network) + 1).split('-')[0]) == self.spec.interfaceIndex \
            && int(self.metadata.name.substring(size(self.spec.network) + 1).split('-')[1]) == self.spec.hostIndex",
        message: "the name must be `NETWORK-INTERFACEINDEX-HOSTINDEX`, so that a block is claimed once",
        field: "",
    },
    Rule {
        kind: "IPBlock",
        at: "spec",
        cel: "!has(self.via) || size(self.via) < 2 || !isIP(self.via[0]) || !isIP(self.via[1]) || ip(self.via[0]).family() != ip(self.via[1]).family()",
        message: "has two addresses of one family; hint: name one",
        field: ".via",
    },
    Rule {
        kind: "HostInterface",
        at: "spec.interfaces[].netAddresses[]",
        cel: CANONICAL,
        message: HOST_BITS,
        field: "",
    },
    Rule {
        kind: "PodNetwork",
        at: "spec",
        cel: "(has(self.provider) && self.provider != 'nicety.dev') || !has(self.parametersRefs) || (size(self.parametersRefs) <= 1 && self.parametersRefs.all(p, p.group == 'nicety.dev' && p.kind == 'Network' && !has(p.__namespace__)))",
        message: "the provider `nicety.dev` takes one Network of `nicety.dev`; hint: name another `provider`",
        field: ".parametersRefs",
    },
];

impl Rule {
    pub(super) fn cel(&self) -> Value {
        validation(self.cel, self.message, self.field)
    }
}

/// The rules that keep what must not change, with their places.
pub fn changes(kind: &str) -> Vec<(&'static str, Value)> {
    let of_kind = IMMUTABLE.iter().filter(|field| field.kind == kind);
    of_kind
        .map(|field| (field.parent, validation(&unchanged(field), &field.message(), &format!(".{}", field.field))))
        .collect()
}

fn unchanged(field: &Immutable) -> String {
    // A word of the rules' language is written this way as a field's name.
    let name = if field.field == "namespace" { "__namespace__" } else { field.field };
    let (new, old) = (format!("self.{name}"), format!("oldSelf.{name}"));
    match field.absent {
        Absent::Never => format!("{new} == {old}"),
        Absent::Apart => format!("has({new}) == has({old}) && (!has({new}) || {new} == {old})"),
        Absent::Empty => format!("(has({new}) ? {new} : []) == (has({old}) ? {old} : [])"),
        Absent::Open => format!("!has({old}) || (has({new}) && {new} == {old})"),
    }
}

fn validation(rule: &str, message: &str, field: &str) -> Value {
    match field {
        "" => json!({"rule": rule, "message": message}),
        field => json!({"rule": rule, "message": message, "fieldPath": field}),
    }
}

/// Adds a rule at its place in a kind's schema.
pub(super) fn add(schema: &mut Value, at: &str, cel: Value) {
    let mut place = schema;
    for part in at.split('.').filter(|part| !part.is_empty()) {
        let (field, entries) = part.strip_suffix("[]").map_or((part, false), |field| (field, true));
        let Some(inner) = place.pointer_mut(&format!("/properties/{field}{}", if entries { "/items" } else { "" }))
        else {
            return;
        };
        place = inner;
    }
    let Value::Object(object) = place else { return };
    let rules = object.entry("x-kubernetes-validations").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(rules) = rules {
        rules.push(cel);
    }
}
