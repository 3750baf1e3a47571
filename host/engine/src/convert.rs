//! From core's types to the generated ones and back: the engine's half of what `nicety-native` does with the policy's own types.

use crate::bindings::{
    exports::nicety::policy::{
        attach as attach_types, gateway_distribution as distribution_types, nic_selection as selection_types,
    },
    nicety::policy::{gateways as gateway_types, types as shared_types},
};

nicety_core::contract_conversions! {
    types: shared_types,
    attach: attach_types,
    nic_selection: selection_types,
    gateways: gateway_types,
    gateway_distribution: distribution_types,
}
