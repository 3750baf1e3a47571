//! From core's types to those that a binding generator makes of `wit/policy.wit`, and back. The engine and `nicety-native` have
//! different generated types of the same shape; `contract_conversions!` writes the same functions for either, so that a policy
//! cannot see where it runs. Facts go out and always fit; answers come in and may break the contract.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use crate::{address::Mac, evaluate::Failure, facts::Description};

impl Description {
    /// Attributes and columns go only to a policy that names them.
    pub fn uses(&self, name: &str) -> bool {
        self.wants.iter().chain(&self.requires).any(|used| used == name)
    }
}

/// An address as the contract's two halves; IPv4 becomes v4-mapped.
pub fn halves(address: IpAddr) -> (u64, u64) {
    let bits = match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    };
    ((bits >> 64) as u64, bits as u64)
}

/// The address of two halves; a v4-mapped one is IPv4.
pub fn address(high: u64, low: u64) -> IpAddr {
    Ipv6Addr::from_bits(u128::from(high) << 64 | u128::from(low)).to_canonical()
}

/// `field` says where the prefix stood, for the message.
pub fn prefix(high: u64, low: u64, length: u8, field: &str) -> Result<IpNet, Failure> {
    let address = address(high, low);
    IpNet::new(address, length)
        .map_err(|_| broken(format!("{field}: a prefix length of {length} does not fit the address {address}")))
}

pub fn mac(bits: u64, field: &str) -> Result<Mac, Failure> {
    Mac::from_u64(bits)
        .ok_or_else(|| broken(format!("{field}: {bits:#x} has more than the 48 bits of a hardware address")))
}

pub fn ipv4(high: u64, low: u64, field: &str) -> Result<IpAddr, Failure> {
    match address(high, low) {
        v4 @ IpAddr::V4(Ipv4Addr { .. }) => Ok(v4),
        IpAddr::V6(v6) => Err(broken(format!("{field}: {v6} is not an IPv4 address"))),
    }
}

pub fn ipv6(high: u64, low: u64, field: &str) -> Result<IpAddr, Failure> {
    match address(high, low) {
        v6 @ IpAddr::V6(Ipv6Addr { .. }) => Ok(v6),
        IpAddr::V4(v4) => Err(broken(format!("{field}: {v4} is not an IPv6 address"))),
    }
}

/// Texts end to end, and where each ends.
pub fn flat(texts: &[String]) -> (Vec<u8>, Vec<u32>) {
    let mut bytes = Vec::with_capacity(texts.iter().map(String::len).sum());
    let mut ends = Vec::with_capacity(texts.len());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        ends.push(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
    }
    (bytes, ends)
}

/// Addresses end to end as pairs of halves, and where each endpoint's end, in pairs.
pub fn flat_addresses(lists: &[Vec<IpAddr>]) -> (Vec<u64>, Vec<u32>) {
    let mut pairs = Vec::with_capacity(lists.len() * 2);
    let mut ends = Vec::with_capacity(lists.len());
    for address in lists {
        pairs.extend(address.iter().copied().map(halves).flat_map(|(high, low)| [high, low]));
        ends.push(u32::try_from(pairs.len() / 2).unwrap_or(u32::MAX));
    }
    (pairs, ends)
}

fn broken(message: String) -> Failure {
    Failure::Contract { message }
}

/// Writes the conversions for one set of generated types. Takes the modules that hold them:
/// ```text
/// nicety_core::contract_conversions! {
///     types: generated::types, attach: generated::attach, nic_selection: generated::nic_selection,
///     gateways: generated::gateways, gateway_distribution: generated::gateway_distribution
/// }
/// ```
/// and makes, in the module where it stands,
/// `attach_facts`, `nic_selection_facts`, `gateway_facts` (of facts and the description of the policy that gets them) and
/// `requests`, `selection`, `assignment`, `denial`, `description` (of a policy's answers).
#[macro_export]
macro_rules! contract_conversions {
    (
        types: $($types:ident)::+,
        attach: $($attach:ident)::+,
        nic_selection: $($nic_selection:ident)::+,
        gateways: $($gateways:ident)::+,
        gateway_distribution: $($gateway_distribution:ident)::+ $(,)?
    ) => {
        use $($types)::+ as contract;
        use $($attach)::+ as contract_attach;
        use $($nic_selection)::+ as contract_nic_selection;
        use $($gateways)::+ as contract_gateways;
        use $($gateway_distribution)::+ as contract_distribution;
        use $crate::{decision, evaluate::Failure, facts, wire};

        /// Facts of attach, as a policy of this description may see them.
        pub fn attach_facts(of: &facts::attach::Facts, to: &facts::Description) -> contract_attach::Facts {
            let facts::attach::Facts { pod, node, call, networks, attributes } = of;
            let facts::attach::Call { ifname, mode, addresses, mac, device_id, attributes: call_attributes } = call;
            contract_attach::Facts {
                pod: to_pod(pod, to),
                node: to_node(node, to),
                call: contract_attach::Call {
                    ifname: ifname.clone(),
                    mode: match mode {
                        facts::attach::Mode::OwnNetwork => contract_attach::Mode::OwnNetwork,
                        facts::attach::Mode::Chained => contract_attach::Mode::Chained,
                        facts::attach::Mode::Delegated => contract_attach::Mode::Delegated,
                    },
                    addresses: addresses.iter().map(to_prefix).collect(),
                    mac: mac.map(|mac| mac.to_u64()),
                    device_id: device_id.clone(),
                    attributes: to_attributes(call_attributes, to),
                },
                networks: networks
                    .iter()
                    .map(|facts::attach::Offer { name, default, ready, attributes }| contract_attach::Offer {
                        name: name.clone(),
                        default: *default,
                        ready: *ready,
                        attributes: to_attributes(attributes, to),
                    })
                    .collect(),
                attributes: to_attributes(attributes, to),
            }
        }

        /// Facts of nic-selection, as a policy of this description may see them.
        pub fn nic_selection_facts(
            of: &facts::nic_selection::Facts,
            to: &facts::Description,
        ) -> contract_nic_selection::Facts {
            let facts::nic_selection::Facts { pod, node, request, candidates, taken, devices, classes, attributes } = of;
            contract_nic_selection::Facts {
                pod: to_pod(pod, to),
                node: to_node(node, to),
                request: to_request(request, to),
                candidates: candidates.iter().map(|nic| to_nic(nic, to)).collect(),
                taken: taken.clone(),
                devices: devices
                    .iter()
                    .map(|facts::nic_selection::Device { kind, numa, pci, attributes }| contract_nic_selection::Device {
                        kind: kind.clone(),
                        numa: *numa,
                        pci: pci.as_ref().map(to_pci),
                        attributes: to_attributes(attributes, to),
                    })
                    .collect(),
                classes: classes
                    .iter()
                    .map(|facts::nic_selection::DeviceClass { name, members }| contract_nic_selection::DeviceClass {
                        name: name.clone(),
                        members: members.clone(),
                    })
                    .collect(),
                attributes: to_attributes(attributes, to),
            }
        }

        /// Facts of gateway-filter and gateway-distribution, as a policy of this description may see them.
        pub fn gateway_facts(of: &facts::gateways::Facts, to: &facts::Description) -> contract_gateways::Facts {
            let facts::gateways::Facts {
                policy, nodes, namespaces, zones, zone_region, regions, gateways, endpoints, allowed, attributes,
            } = of;
            contract_gateways::Facts {
                policy: policy.clone(),
                nodes: nodes.clone(),
                namespaces: namespaces.clone(),
                zones: zones.clone(),
                zone_region: zone_region.clone(),
                regions: regions.clone(),
                gateways: gateways.iter().map(|gateway| to_gateway(gateway, to)).collect(),
                endpoints: to_endpoints(endpoints, to),
                allowed: allowed.clone(),
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_nic(of: &facts::nic_selection::Nic, to: &facts::Description) -> contract_nic_selection::Nic {
            let facts::nic_selection::Nic {
                name, mac, mtu, speed, state, addresses, numa, pci, upstream, vendor, product, driver, card, functions,
                rdma, receive, transmit, master_of, users, promised, attributes,
            } = of;
            contract_nic_selection::Nic {
                name: name.clone(),
                mac: *mac,
                mtu: *mtu,
                speed: *speed,
                state: match state {
                    facts::nic_selection::LinkState::Up => contract_nic_selection::LinkState::Up,
                    facts::nic_selection::LinkState::Down => contract_nic_selection::LinkState::Down,
                    facts::nic_selection::LinkState::Unknown => contract_nic_selection::LinkState::Unknown,
                },
                addresses: addresses.iter().map(to_prefix).collect(),
                numa: *numa,
                pci: pci.as_ref().map(to_pci),
                upstream: upstream.as_ref().map(to_pci),
                vendor: *vendor,
                product: *product,
                driver: driver.clone(),
                card: *card,
                functions: functions.map(|facts::nic_selection::Functions { total, free }| {
                    contract_nic_selection::Functions { total, free }
                }),
                rdma: *rdma,
                receive: *receive,
                transmit: *transmit,
                master_of: master_of.clone(),
                users: users
                    .iter()
                    .map(|facts::nic_selection::UseBy { namespace, tenant, attachments }| contract_nic_selection::UseBy {
                        namespace: namespace.clone(),
                        tenant: tenant.clone(),
                        attachments: *attachments,
                    })
                    .collect(),
                promised: *promised,
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_gateway(of: &facts::gateways::Gateway, to: &facts::Description) -> contract_gateways::Gateway {
            let facts::gateways::Gateway { id, node, zone, addresses, weight, health, draining, since, attributes } = of;
            contract_gateways::Gateway {
                id: id.clone(),
                node: *node,
                zone: *zone,
                addresses: addresses.iter().copied().map(to_address).collect(),
                weight: *weight,
                health: match health {
                    facts::gateways::Health::Healthy => contract_gateways::Health::Healthy,
                    facts::gateways::Health::Unhealthy => contract_gateways::Health::Unhealthy,
                    facts::gateways::Health::Unknown => contract_gateways::Health::Unknown,
                },
                draining: *draining,
                since: *since,
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_endpoints(of: &facts::gateways::Endpoints, to: &facts::Description) -> contract_gateways::Endpoints {
            let facts::gateways::Endpoints { identity, uid, namespace, addresses, node, zone, previous, columns } = of;
            let (addresses, address_ends) = wire::flat_addresses(addresses);
            contract_gateways::Endpoints {
                identity: to_texts(identity),
                uid: to_texts(uid),
                namespace: namespace.clone(),
                addresses,
                address_ends,
                node: node.clone(),
                zone: zone.clone(),
                previous: previous.clone(),
                columns: columns
                    .iter()
                    .filter(|column| to.uses(&column.name))
                    .map(|facts::gateways::Column { name, cells }| contract_gateways::Column {
                        name: name.clone(),
                        cells: match cells {
                            facts::gateways::Cells::Numbers(numbers) => {
                                contract_gateways::Cells::Numbers(numbers.clone())
                            }
                            facts::gateways::Cells::Texts(texts) => contract_gateways::Cells::Texts(to_texts(texts)),
                        },
                    })
                    .collect(),
            }
        }

        fn to_texts(of: &[String]) -> contract_gateways::Texts {
            let (bytes, ends) = wire::flat(of);
            contract_gateways::Texts { bytes, ends }
        }

        fn to_pod(of: &facts::Pod, to: &facts::Description) -> contract::Pod {
            let facts::Pod {
                namespace, name, uid, service_account, labels, namespace_labels, annotations, attributes,
            } = of;
            contract::Pod {
                namespace: namespace.clone(),
                name: name.clone(),
                uid: uid.clone(),
                service_account: service_account.clone(),
                labels: labels.as_deref().map(to_labels),
                namespace_labels: namespace_labels.as_deref().map(to_labels),
                annotations: to_labels(annotations),
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_node(of: &facts::Node, to: &facts::Description) -> contract::Node {
            let facts::Node { name, labels, attributes } = of;
            contract::Node {
                name: name.clone(),
                labels: labels.as_deref().map(to_labels),
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_request(of: &facts::Request, to: &facts::Description) -> contract::Request {
            let facts::Request {
                network, ifname, primary, nics_min, nics_max, distinct, masters, class, target, addresses, pools,
                gateway4, gateway6, mac, mtu, reason, attributes,
            } = of;
            contract::Request {
                network: *network,
                ifname: ifname.clone(),
                primary: *primary,
                nics_min: *nics_min,
                nics_max: *nics_max,
                distinct: distinct.map(|group| match group {
                    facts::Group::Card => contract::Group::Card,
                    facts::Group::NumaNode => contract::Group::NumaNode,
                    facts::Group::Upstream => contract::Group::Upstream,
                }),
                masters: masters.clone(),
                class: class.clone(),
                target: *target,
                addresses: addresses.iter().map(to_prefix).collect(),
                pools: pools.clone(),
                gateway4: gateway4.map(to_address),
                gateway6: gateway6.map(to_address),
                mac: mac.map(|mac| mac.to_u64()),
                mtu: *mtu,
                reason: reason.clone(),
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_labels(of: &[facts::Label]) -> Vec<contract::Label> {
            of.iter()
                .map(|facts::Label { key, value }| contract::Label { key: key.clone(), value: value.clone() })
                .collect()
        }

        fn to_attributes(of: &[facts::Attribute], to: &facts::Description) -> Vec<contract::Attribute> {
            of.iter()
                .filter(|attribute| to.uses(&attribute.name))
                .map(|facts::Attribute { name, value }| contract::Attribute {
                    name: name.clone(),
                    value: match value {
                        facts::Value::Text(text) => contract::Value::Text(text.clone()),
                        facts::Value::Number(number) => contract::Value::Number(*number),
                        facts::Value::Flag(flag) => contract::Value::Flag(*flag),
                        facts::Value::Texts(texts) => contract::Value::Texts(texts.clone()),
                    },
                })
                .collect()
        }

        fn to_address(of: std::net::IpAddr) -> contract::Address {
            let (high, low) = wire::halves(of);
            contract::Address { high, low }
        }

        fn to_prefix(of: &ipnet::IpNet) -> contract::Prefix {
            contract::Prefix { address: to_address(of.addr()), length: of.prefix_len() }
        }

        fn to_pci(of: &$crate::address::PciAddress) -> contract::Pci {
            let $crate::address::PciAddress { domain, bus, device, function } = *of;
            contract::Pci { domain, bus, device, function }
        }

        /// The answer of attach.
        pub fn requests(of: Vec<contract::Request>) -> Result<Vec<facts::Request>, Failure> {
            of.into_iter().enumerate().map(|(place, request)| from_request(request, place)).collect()
        }

        /// The answer of nic-selection.
        pub fn selection(of: contract_nic_selection::Selection) -> decision::Selection {
            let contract_nic_selection::Selection { chosen, dropped, attributes } = of;
            decision::Selection {
                chosen: chosen
                    .into_iter()
                    .map(|contract_nic_selection::Choice { candidate, reserve, reason }| decision::Choice {
                        candidate,
                        reserve,
                        reason,
                    })
                    .collect(),
                dropped: dropped
                    .into_iter()
                    .map(|contract_nic_selection::Verdict { candidate, reason }| decision::Verdict { candidate, reason })
                    .collect(),
                attributes: from_attributes(attributes),
            }
        }

        /// The answer of gateway-distribution.
        pub fn assignment(of: contract_distribution::Assignment) -> decision::Assignment {
            let contract_distribution::Assignment { primary, standby, reason, reasons, attributes } = of;
            decision::Assignment { primary, standby, reason, reasons, attributes: from_attributes(attributes) }
        }

        /// A policy's no.
        pub fn denial(of: contract::Denial) -> decision::Denial {
            let contract::Denial { code, message, retryable, object, attributes } = of;
            decision::Denial { code, message, retryable, object, attributes: from_attributes(attributes) }
        }

        /// What a policy says of itself.
        pub fn description(of: contract::Description) -> facts::Description {
            let contract::Description { name, version, summary, config_schema, requires, wants } = of;
            facts::Description { name, version, summary, config_schema, requires, wants }
        }

        fn from_request(of: contract::Request, place: usize) -> Result<facts::Request, Failure> {
            let contract::Request {
                network, ifname, primary, nics_min, nics_max, distinct, masters, class, target, addresses, pools,
                gateway4, gateway6, mac, mtu, reason, attributes,
            } = of;
            let field = |name: &str| format!("requests[{place}].{name}");
            Ok(facts::Request {
                network,
                ifname,
                primary,
                nics_min,
                nics_max,
                distinct: distinct.map(|group| match group {
                    contract::Group::Card => facts::Group::Card,
                    contract::Group::NumaNode => facts::Group::NumaNode,
                    contract::Group::Upstream => facts::Group::Upstream,
                }),
                masters,
                class,
                target,
                addresses: addresses
                    .into_iter()
                    .map(|contract::Prefix { address: contract::Address { high, low }, length }| {
                        wire::prefix(high, low, length, &field("addresses"))
                    })
                    .collect::<Result<_, _>>()?,
                pools,
                gateway4: gateway4
                    .map(|contract::Address { high, low }| wire::ipv4(high, low, &field("gateway4")))
                    .transpose()?,
                gateway6: gateway6
                    .map(|contract::Address { high, low }| wire::ipv6(high, low, &field("gateway6")))
                    .transpose()?,
                mac: mac.map(|bits| wire::mac(bits, &field("mac"))).transpose()?,
                mtu,
                reason,
                attributes: from_attributes(attributes),
            })
        }

        fn from_attributes(of: Vec<contract::Attribute>) -> Vec<facts::Attribute> {
            of.into_iter()
                .map(|contract::Attribute { name, value }| facts::Attribute {
                    name,
                    value: match value {
                        contract::Value::Text(text) => facts::Value::Text(text),
                        contract::Value::Number(number) => facts::Value::Number(number),
                        contract::Value::Flag(flag) => facts::Value::Flag(flag),
                        contract::Value::Texts(texts) => facts::Value::Texts(texts),
                    },
                })
                .collect()
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_survives_the_two_halves() {
        for text in ["10.0.0.1", "255.255.255.255", "2001:db8::1", "::", "fe80::1"] {
            let ip: IpAddr = text.parse().unwrap();
            let (high, low) = halves(ip);
            assert_eq!(address(high, low), ip);
        }
        assert_eq!(halves("10.0.0.1".parse().unwrap()), (0, 0xffff_0a00_0001));
    }

    #[test]
    fn an_answer_that_breaks_the_contract_is_refused_by_field() {
        let (high, low) = halves("10.0.0.1".parse().unwrap());
        let refused = |failure: Failure| failure.to_string();
        assert!(refused(prefix(high, low, 33, "requests[0].addresses").unwrap_err()).contains("requests[0].addresses"));
        assert!(refused(ipv6(high, low, "requests[1].gateway6").unwrap_err()).contains("10.0.0.1 is not an IPv6"));
        assert!(refused(ipv4(1, 1, "requests[1].gateway4").unwrap_err()).contains("is not an IPv4"));
        assert!(refused(mac(1 << 48, "requests[0].mac").unwrap_err()).contains("more than the 48 bits"));
        assert_eq!(prefix(high, low, 32, "").unwrap().to_string(), "10.0.0.1/32");
    }

    #[test]
    fn texts_and_addresses_lie_end_to_end() {
        assert_eq!(flat(&["ab".into(), String::new(), "ö".into()]), (b"ab\xc3\xb6".to_vec(), vec![2, 2, 4]));
        let (pairs, ends) = flat_addresses(&[vec!["::1".parse().unwrap(), "::2".parse().unwrap()], vec![]]);
        assert_eq!((pairs, ends), (vec![0, 1, 0, 2], vec![2, 2]));
    }

    #[test]
    fn an_attribute_goes_to_a_policy_that_names_it() {
        let description = Description { wants: vec!["a".into()], requires: vec!["b".into()], ..Description::default() };
        assert!(description.uses("a") && description.uses("b") && !description.uses("c"));
    }
}
