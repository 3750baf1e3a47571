//! What of the attributes and columns a policy gets to see: those that it asked for and no others, so that a fact which is new to
//! the host changes no policy that does not know it.

use super::{Attribute, Facts, Node, Pod, Request, attach, gateways, nic_selection};

impl Facts {
    /// The same facts with the attributes and columns that `asked` names.
    pub fn with_attributes(&self, asked: impl Fn(&str) -> bool) -> Facts {
        let mut facts = self.clone();
        let keep = &|list: &mut Vec<Attribute>| list.retain(|attribute| asked(&attribute.name));
        match &mut facts {
            Facts::Attach(facts) => of_attach(facts, keep),
            Facts::NicSelection(facts) => of_selection(facts, keep),
            Facts::GatewayFilter(facts) | Facts::GatewayDistribution(facts) => {
                of_gateways(facts, keep);
                facts.endpoints.columns.retain(|column| asked(&column.name));
            }
        }
        facts
    }
}

type Keep<'a> = &'a dyn Fn(&mut Vec<Attribute>);

fn of_attach(facts: &mut attach::Facts, keep: Keep<'_>) {
    let attach::Facts { pod, node, call, networks, attributes } = facts;
    of_both(pod, node, keep);
    keep(&mut call.attributes);
    networks.iter_mut().for_each(|offer| keep(&mut offer.attributes));
    keep(attributes);
}

fn of_selection(facts: &mut nic_selection::Facts, keep: Keep<'_>) {
    let nic_selection::Facts { pod, node, request, candidates, taken: _, devices, classes: _, attributes } = facts;
    let Request { attributes: of_request, .. } = request;
    of_both(pod, node, keep);
    keep(of_request);
    candidates.iter_mut().for_each(|nic| keep(&mut nic.attributes));
    devices.iter_mut().for_each(|device| keep(&mut device.attributes));
    keep(attributes);
}

fn of_gateways(facts: &mut gateways::Facts, keep: Keep<'_>) {
    facts.gateways.iter_mut().for_each(|gateway| keep(&mut gateway.attributes));
    keep(&mut facts.attributes);
}

fn of_both(pod: &mut Pod, node: &mut Node, keep: Keep<'_>) {
    keep(&mut pod.attributes);
    keep(&mut node.attributes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Value;

    fn attributes(names: &[&str]) -> Vec<Attribute> {
        names.iter().map(|name| Attribute { name: (*name).to_owned(), value: Value::Flag(true) }).collect()
    }

    #[test]
    fn a_policy_sees_only_the_attributes_that_it_asked_for() {
        let nic = nic_selection::Nic { attributes: attributes(&["a", "b"]), ..Default::default() };
        let facts =
            nic_selection::Facts { candidates: vec![nic], attributes: attributes(&["b"]), ..Default::default() };
        let Facts::NicSelection(seen) = Facts::NicSelection(facts).with_attributes(|name| name == "a") else {
            panic!("the kind changed")
        };
        assert_eq!(seen.candidates[0].attributes, attributes(&["a"]));
        assert!(seen.attributes.is_empty());
    }
}
