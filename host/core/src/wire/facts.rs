//! Facts on their way to a policy.

/// Makes, in the module where it stands, `attach_facts`, `nic_selection_facts` and `gateway_facts` (of facts and the
/// description of the policy that gets them). Texts and lists of numbers become whatever the types hold: with a
/// `lifetime`, the types take it as their parameter and may borrow from the facts.
#[macro_export]
macro_rules! contract_facts {
    (
        $(lifetime: $life:lifetime,)?
        types: $($types:ident)::+,
        attach: $($attach:ident)::+,
        nic_selection: $($nic_selection:ident)::+,
        gateways: $($gateways:ident)::+ $(,)?
    ) => {
        use $($types)::+ as contract;
        use $($attach)::+ as contract_attach;
        use $($nic_selection)::+ as contract_nic_selection;
        use $($gateways)::+ as contract_gateways;
        use $crate::{facts, wire};

        /// Facts of attach, as a policy of this description may see them.
        pub fn attach_facts$(<$life>)?(
            of: &$($life)? facts::attach::Facts,
            to: &facts::Description,
        ) -> contract_attach::Facts$(<$life>)? {
            let facts::attach::Facts { pod, node, call, networks, attributes } = of;
            let facts::attach::Call { ifname, mode, addresses, mac, device_id, attributes: call_attributes } = call;
            contract_attach::Facts {
                pod: to_pod(pod, to),
                node: to_node(node, to),
                call: contract_attach::Call {
                    ifname: ifname.as_str().into(),
                    mode: match mode {
                        facts::attach::Mode::OwnNetwork => contract_attach::Mode::OwnNetwork,
                        facts::attach::Mode::Chained => contract_attach::Mode::Chained,
                        facts::attach::Mode::Delegated => contract_attach::Mode::Delegated,
                    },
                    addresses: addresses.iter().map(to_prefix).collect(),
                    mac: mac.map(|mac| mac.to_u64()),
                    device_id: device_id.as_deref().map(Into::into),
                    attributes: to_attributes(call_attributes, to),
                },
                networks: networks
                    .iter()
                    .map(|facts::attach::Offer { name, default, ready, attributes }| contract_attach::Offer {
                        name: name.as_str().into(),
                        default: *default,
                        ready: *ready,
                        attributes: to_attributes(attributes, to),
                    })
                    .collect(),
                attributes: to_attributes(attributes, to),
            }
        }

        /// Facts of nic-selection, as a policy of this description may see them.
        pub fn nic_selection_facts$(<$life>)?(
            of: &$($life)? facts::nic_selection::Facts,
            to: &facts::Description,
        ) -> contract_nic_selection::Facts$(<$life>)? {
            let facts::nic_selection::Facts { pod, node, request, candidates, taken, devices, classes, attributes } = of;
            contract_nic_selection::Facts {
                pod: to_pod(pod, to),
                node: to_node(node, to),
                request: to_request(request, to),
                candidates: candidates.iter().map(|nic| to_nic(nic, to)).collect(),
                taken: taken.as_slice().into(),
                devices: devices
                    .iter()
                    .map(|facts::nic_selection::Device { kind, numa, pci, attributes }| contract_nic_selection::Device {
                        kind: kind.as_str().into(),
                        numa: *numa,
                        pci: pci.as_ref().map(to_pci),
                        attributes: to_attributes(attributes, to),
                    })
                    .collect(),
                classes: classes
                    .iter()
                    .map(|facts::nic_selection::DeviceClass { name, members }| contract_nic_selection::DeviceClass {
                        name: name.as_str().into(),
                        members: members.as_slice().into(),
                    })
                    .collect(),
                attributes: to_attributes(attributes, to),
            }
        }

        /// Facts of gateway-filter and gateway-distribution, as a policy of this description may see them.
        pub fn gateway_facts$(<$life>)?(
            of: &$($life)? facts::gateways::Facts,
            to: &facts::Description,
        ) -> contract_gateways::Facts$(<$life>)? {
            let facts::gateways::Facts {
                policy, nodes, namespaces, zones, zone_region, regions, gateways, endpoints, allowed, attributes,
            } = of;
            contract_gateways::Facts {
                policy: policy.as_str().into(),
                nodes: nodes.iter().map(|text| text.as_str().into()).collect(),
                namespaces: namespaces.iter().map(|text| text.as_str().into()).collect(),
                zones: zones.iter().map(|text| text.as_str().into()).collect(),
                zone_region: zone_region.as_slice().into(),
                regions: regions.iter().map(|text| text.as_str().into()).collect(),
                gateways: gateways.iter().map(|gateway| to_gateway(gateway, to)).collect(),
                endpoints: to_endpoints(endpoints, to),
                allowed: allowed.as_slice().into(),
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_nic$(<$life>)?(
            of: &$($life)? facts::nic_selection::Nic,
            to: &facts::Description,
        ) -> contract_nic_selection::Nic$(<$life>)? {
            let facts::nic_selection::Nic {
                name, mac, mtu, speed, state, addresses, numa, pci, upstream, vendor, product, driver, card, functions,
                rdma, receive, transmit, master_of, users, promised, attributes,
            } = of;
            contract_nic_selection::Nic {
                name: name.as_str().into(),
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
                driver: driver.as_str().into(),
                card: *card,
                functions: functions.map(|facts::nic_selection::Functions { total, free }| {
                    contract_nic_selection::Functions { total, free }
                }),
                rdma: *rdma,
                receive: *receive,
                transmit: *transmit,
                master_of: master_of.as_deref().map(Into::into),
                users: users
                    .iter()
                    .map(|facts::nic_selection::UseBy { namespace, tenant, attachments }| contract_nic_selection::UseBy {
                        namespace: namespace.as_str().into(),
                        tenant: tenant.as_deref().map(Into::into),
                        attachments: *attachments,
                    })
                    .collect(),
                promised: *promised,
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_gateway$(<$life>)?(
            of: &$($life)? facts::gateways::Gateway,
            to: &facts::Description,
        ) -> contract_gateways::Gateway$(<$life>)? {
            let facts::gateways::Gateway { id, node, zone, addresses, weight, health, draining, since, attributes } = of;
            contract_gateways::Gateway {
                id: id.as_str().into(),
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

        fn to_endpoints$(<$life>)?(
            of: &$($life)? facts::gateways::Endpoints,
            to: &facts::Description,
        ) -> contract_gateways::Endpoints$(<$life>)? {
            let facts::gateways::Endpoints { identity, uid, namespace, addresses, node, zone, previous, columns } = of;
            let (addresses, address_ends) = wire::flat_addresses(addresses);
            contract_gateways::Endpoints {
                identity: to_texts(identity),
                uid: to_texts(uid),
                namespace: namespace.as_slice().into(),
                addresses,
                address_ends,
                node: node.as_slice().into(),
                zone: zone.as_slice().into(),
                previous: previous.as_slice().into(),
                columns: columns
                    .iter()
                    .filter(|column| to.uses(&column.name))
                    .map(|facts::gateways::Column { name, cells }| contract_gateways::Column {
                        name: name.as_str().into(),
                        cells: match cells {
                            facts::gateways::Cells::Numbers(numbers) => {
                                contract_gateways::Cells::Numbers(numbers.as_slice().into())
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

        fn to_pod$(<$life>)?(of: &$($life)? facts::Pod, to: &facts::Description) -> contract::Pod$(<$life>)? {
            let facts::Pod {
                namespace, name, uid, service_account, labels, namespace_labels, annotations, attributes,
            } = of;
            contract::Pod {
                namespace: namespace.as_str().into(),
                name: name.as_str().into(),
                uid: uid.as_str().into(),
                service_account: service_account.as_deref().map(Into::into),
                labels: labels.as_deref().map(to_labels),
                namespace_labels: namespace_labels.as_deref().map(to_labels),
                annotations: to_labels(annotations),
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_node$(<$life>)?(of: &$($life)? facts::Node, to: &facts::Description) -> contract::Node$(<$life>)? {
            let facts::Node { name, labels, attributes } = of;
            contract::Node {
                name: name.as_str().into(),
                labels: labels.as_deref().map(to_labels),
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_request$(<$life>)?(
            of: &$($life)? facts::Request,
            to: &facts::Description,
        ) -> contract::Request$(<$life>)? {
            let facts::Request {
                network, ifname, primary, nics_min, nics_max, distinct, masters, class, target, addresses, pools,
                gateway4, gateway6, mac, mtu, reason, attributes,
            } = of;
            contract::Request {
                network: *network,
                ifname: ifname.as_deref().map(Into::into),
                primary: *primary,
                nics_min: *nics_min,
                nics_max: *nics_max,
                distinct: distinct.map(|group| match group {
                    facts::Group::Card => contract::Group::Card,
                    facts::Group::NumaNode => contract::Group::NumaNode,
                    facts::Group::Upstream => contract::Group::Upstream,
                }),
                masters: masters.iter().map(|text| text.as_str().into()).collect(),
                class: class.as_deref().map(Into::into),
                target: *target,
                addresses: addresses.iter().map(to_prefix).collect(),
                pools: pools.iter().map(|text| text.as_str().into()).collect(),
                gateway4: gateway4.map(to_address),
                gateway6: gateway6.map(to_address),
                mac: mac.map(|mac| mac.to_u64()),
                mtu: *mtu,
                reason: reason.as_str().into(),
                attributes: to_attributes(attributes, to),
            }
        }

        fn to_labels$(<$life>)?(of: &$($life)? [facts::Label]) -> Vec<contract::Label$(<$life>)?> {
            of.iter()
                .map(|facts::Label { key, value }| contract::Label {
                    key: key.as_str().into(),
                    value: value.as_str().into(),
                })
                .collect()
        }

        fn to_attributes$(<$life>)?(
            of: &$($life)? [facts::Attribute],
            to: &facts::Description,
        ) -> Vec<contract::Attribute$(<$life>)?> {
            of.iter()
                .filter(|attribute| to.uses(&attribute.name))
                .map(|facts::Attribute { name, value }| contract::Attribute {
                    name: name.as_str().into(),
                    value: match value {
                        facts::Value::Text(text) => contract::Value::Text(text.as_str().into()),
                        facts::Value::Number(number) => contract::Value::Number(*number),
                        facts::Value::Flag(flag) => contract::Value::Flag(*flag),
                        facts::Value::Texts(texts) => {
                            contract::Value::Texts(texts.iter().map(|text| text.as_str().into()).collect())
                        }
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
    };
}
