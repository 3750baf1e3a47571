//! From core's types to the SDK's and back: what the engine does with its own generated types.

nicety_core::contract_conversions! {
    types: nicety_policy_sdk::types,
    attach: nicety_policy_sdk::attach,
    nic_selection: nicety_policy_sdk::nic_selection,
    gateways: nicety_policy_sdk::gateways,
    gateway_distribution: nicety_policy_sdk::gateways,
}
