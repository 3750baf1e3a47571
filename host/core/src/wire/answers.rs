//! A policy's answers on their way back: the only place where one can break the contract's values.

/// Makes, in the module where it stands, `requests`, `selection`, `assignment`, `denial` and `description` (of a policy's
/// answers).
#[macro_export]
macro_rules! contract_answers {
    (
        types: $($types:ident)::+,
        nic_selection: $($nic_selection:ident)::+,
        gateway_distribution: $($gateway_distribution:ident)::+ $(,)?
    ) => {
        use $($types)::+ as contract;
        use $($nic_selection)::+ as contract_nic_selection;
        use $($gateway_distribution)::+ as contract_distribution;
        use $crate::{decision, evaluate::Failure, facts, wire};

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
                    .map(|contract_nic_selection::Verdict { candidate, reason }| decision::Verdict {
                        candidate,
                        reason,
                    })
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
