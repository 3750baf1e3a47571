//! NetworkAttachmentDefinitions: one in each namespace that a Network serves, and none elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use nicety_k8s::{Place, kinds};
use nicety_objects::render::{Owner, attachment::attachment_definition};
use serde_json::Value;

use super::Look;
use crate::{
    force::Standing,
    items::MadeItem,
    write::{Act, Write},
};

impl Look<'_> {
    pub(super) fn attachments(&self, standings: &BTreeMap<String, Standing>, writes: &mut Vec<Write>) {
        let Some(there) = &self.snapshot.attachments else { return };
        let mut wanted: BTreeSet<String> = BTreeSet::new();
        for (name, standing) in standings {
            let Some(item) = self.snapshot.networks.get(name).filter(|item| !item.head.deleting) else { continue };
            let Some(force) = &standing.force else {
                // Nothing valid is known of it: what is there stays.
                wanted.extend(there.iter().filter(|(_, made)| made.network == *name).map(|(key, _)| key.clone()));
                continue;
            };
            let owner = Owner { network: &force.network, uid: &item.head.uid };
            for (namespace, said) in self.snapshot.namespaces.iter().filter(|(_, said)| !said.deleting) {
                if !force.network.serves_labelled(namespace, &said.labels) {
                    continue;
                }
                let place_key = format!("{namespace}/{name}");
                let object = attachment_definition(owner, namespace);
                let place = Place::in_namespace(kinds::attachment_definition(), namespace, name);
                let act = match there.get(&place_key) {
                    // Somebody else's of the same name has not our label: it is not overwritten.
                    None => Some(Act::Make(place, object)),
                    Some(made) if !is(made, &object) => Some(Act::Apply(place, object)),
                    Some(_) => None,
                };
                if let Some(act) = act {
                    writes.push(Write::new(key(&place_key), act).of(name));
                }
                wanted.insert(place_key);
            }
        }
        for (place_key, made) in there.iter().filter(|(key, made)| !wanted.contains(*key) && !made.head.deleting) {
            if let Some((namespace, name)) = place_key.split_once('/') {
                let place = Place::in_namespace(kinds::attachment_definition(), namespace, name);
                writes.push(Write::new(key(place_key), Act::Delete(place, made.head.uid.clone())).of(&made.network));
            }
        }
    }
}

fn key(place: &str) -> String {
    format!("NetworkAttachmentDefinition {place}")
}

/// Whether what is there says all of what is wanted. What others added is theirs.
pub(super) fn is(made: &MadeItem, wanted: &Value) -> bool {
    let text = |path: &str| wanted.pointer(path).and_then(Value::as_str);
    made.resource.as_deref() == text("/metadata/annotations/k8s.v1.cni.cncf.io~1resourceName")
        && made.owner.as_deref() == text("/metadata/ownerReferences/0/uid")
        && wanted.get("spec").is_some_and(|spec| says(&made.spec, spec))
}

/// Fields that are wanted must be there and equal; a list must be equal as a whole.
fn says(there: &Value, wanted: &Value) -> bool {
    match (there, wanted) {
        (Value::Object(there), Value::Object(wanted)) => {
            wanted.iter().all(|(field, wanted)| there.get(field).is_some_and(|there| says(there, wanted)))
        }
        (there, wanted) => there == wanted,
    }
}
