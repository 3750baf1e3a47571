//! From core's types to the contract's and back: the engine's half of what `nicety-native` does with the policy's own types.

mod answers {
    use crate::bindings::{
        exports::nicety::policy::{gateway_distribution as distribution_types, nic_selection as selection_types},
        nicety::policy::types as shared_types,
    };

    nicety_core::contract_answers! {
        types: shared_types,
        nic_selection: selection_types,
        gateway_distribution: distribution_types,
    }
}

mod questions {
    use crate::facts::{
        attach as attach_types, gateways as gateway_types, nic_selection as selection_types, shared as shared_types,
    };

    nicety_core::contract_facts! {
        lifetime: 'a,
        types: shared_types,
        attach: attach_types,
        nic_selection: selection_types,
        gateways: gateway_types,
    }
}

pub(crate) use answers::{assignment, denial, description, requests, selection};
pub(crate) use questions::{attach_facts, gateway_facts, nic_selection_facts};
