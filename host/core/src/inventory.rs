//! Order and classes of a node's NICs, before a policy sees them. What the kernel lists in the order of its discovery is put into
//! one that is the same after each boot.

use std::cmp::Ordering;

use ipnet::IpNet;

use crate::facts::nic_selection::{DeviceClass, Nic};

/// By the text of the first network that a NIC has an address in (`10.10.0.0/24` before `10.9.0.0/24`, as Multi-NIC CNI has it),
/// those without one last; within one network by name, numbers as numbers (`eth2` before `eth10`).
pub fn sort(nics: &mut [Nic]) {
    let key = |nic: &Nic| first_network(nic).map(|net| net.to_string());
    nics.sort_by(|one, other| {
        let by_network = match (key(one), key(other)) {
            (Some(one), Some(other)) => one.cmp(&other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        by_network.then_with(|| natural(&one.name, &other.name))
    });
}

/// The NICs that a network takes which names none: all but those that carry the node's own default route.
pub fn beside_default_route(nics: &[Nic], carriers: &[&str]) -> Vec<Nic> {
    nics.iter().filter(|nic| !carriers.contains(&nic.name.as_str())).cloned().collect()
}

/// Which candidates belong to which class, by name. `definitions`: each class with its rule.
pub fn device_classes<Rule: Fn(&Nic) -> bool>(
    definitions: impl IntoIterator<Item = (String, Rule)>,
    candidates: &[Nic],
) -> Vec<DeviceClass> {
    let members = |rule: Rule| (0_u32..).zip(candidates).filter(|(_, nic)| rule(nic)).map(|(index, _)| index).collect();
    let mut classes: Vec<DeviceClass> =
        definitions.into_iter().map(|(name, rule)| DeviceClass { name, members: members(rule) }).collect();
    classes.sort_by(|one, other| one.name.cmp(&other.name));
    classes
}

/// Text order in which runs of digits compare as numbers; what is equal so far is told apart by its plain text.
pub fn natural(one: &str, other: &str) -> Ordering {
    let (mut left, mut right) = (one, other);
    loop {
        let (Some(a), Some(b)) = (left.chars().next(), right.chars().next()) else {
            return left.len().cmp(&right.len()).then_with(|| one.cmp(other));
        };
        let order = if a.is_ascii_digit() && b.is_ascii_digit() {
            let (digits, more);
            (digits, left) = run(left);
            (more, right) = run(right);
            let (digits, more) = (digits.trim_start_matches('0'), more.trim_start_matches('0'));
            digits.len().cmp(&more.len()).then_with(|| digits.cmp(more))
        } else {
            left = left.strip_prefix(a).unwrap_or_default();
            right = right.strip_prefix(b).unwrap_or_default();
            a.cmp(&b)
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// The digits at the front, and the rest.
fn run(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

/// Every IPv6 link is in fe80::/64, which tells nothing apart.
fn first_network(nic: &Nic) -> Option<IpNet> {
    let link_local = |net: &&IpNet| match net {
        IpNet::V4(v4) => v4.addr().is_link_local(),
        IpNet::V6(v6) => v6.addr().is_unicast_link_local(),
    };
    nic.addresses.iter().find(|net| !link_local(net)).map(IpNet::trunc)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn nic(name: &str, addresses: &[&str]) -> Nic {
        let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
        Nic { name: name.to_owned(), addresses, ..Nic::default() }
    }

    fn names(nics: &[Nic]) -> Vec<&str> {
        nics.iter().map(|nic| nic.name.as_str()).collect()
    }

    #[test]
    fn nics_stand_by_network_text_then_by_name_and_those_without_address_last() {
        let mut nics = [
            nic("eth10", &[]),
            nic("eth2", &["fe80::1/64"]),
            nic("eth5", &["10.9.0.1/24"]),
            nic("eth11", &["10.10.0.1/24"]),
            nic("eth3", &["fe80::3/64", "10.10.0.7/24"]),
        ];
        sort(&mut nics);
        assert_eq!(names(&nics), ["eth3", "eth11", "eth5", "eth2", "eth10"]);
    }

    #[test]
    fn the_nic_of_the_default_route_is_left_out() {
        let left = beside_default_route(&[nic("eth0", &[]), nic("eth1", &[])], &["eth0"]);
        assert_eq!(names(&left), ["eth1"]);
    }

    #[test]
    fn classes_stand_by_name_with_ascending_members() {
        let rule = |suffix: &'static str| move |nic: &Nic| nic.name.ends_with(suffix);
        let definitions = [("z".to_owned(), rule("0")), ("a".to_owned(), rule("9"))];
        let classes = device_classes(definitions, &[nic("x0", &[]), nic("x1", &[]), nic("y0", &[])]);
        let class = |name: &str, members: &[u32]| DeviceClass { name: name.to_owned(), members: members.to_vec() };
        assert_eq!(classes, [class("a", &[]), class("z", &[0, 2])]);
    }

    #[test]
    fn numbers_in_names_compare_as_numbers() {
        let mut names = ["eth10", "eth2", "enp3s0f1", "eth1", "enp3s0f0", "eth02", "eth", "enp12s0"];
        names.sort_by(|one, other| natural(one, other));
        assert_eq!(names, ["enp3s0f0", "enp3s0f1", "enp12s0", "eth", "eth1", "eth02", "eth2", "eth10"]);
    }

    proptest! {
        #[test]
        fn natural_order_is_an_order(a in "[a1-2-]{0,6}", b in "[a0-2-]{0,6}", c in "[a0-2-]{0,6}") {
            prop_assert_eq!(natural(&a, &b), natural(&b, &a).reverse());
            prop_assert_eq!(natural(&a, &b) == Ordering::Equal, a == b);
            if natural(&a, &b).is_le() && natural(&b, &c).is_le() {
                prop_assert!(natural(&a, &c).is_le());
            }
        }
    }
}
