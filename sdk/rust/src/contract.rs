//! The generated side of the contract. Shared types are generated once, in `shared`; everybody uses them by the names that the
//! crate's root gives them.
//!
//! Each world of the contract is generated in two halves, `describe` and the kind's own interface, because the macro that exports
//! an interface has one name per crate and all worlds export `describe`. The component encoder joins the halves again.

/// `types`, `log` and the `describe` half of every world.
pub mod shared {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package nicety:sdk; world describe { import nicety:policy/log@0.1.0; export nicety:policy/describe@0.1.0; }",
        world: "nicety:sdk/describe",
        pub_export_macro: true,
        export_macro_name: "export_describe",
        default_bindings_module: "nicety_policy_sdk::contract::shared",
        generate_all,
        generate_unused_types: true,
        additional_derives: [PartialEq, Default],
        additional_derives_ignore: ["value", "group", "level"],
    });
}

pub mod attach {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package nicety:sdk; world attach { export nicety:policy/attach@0.1.0; }",
        world: "nicety:sdk/attach",
        pub_export_macro: true,
        export_macro_name: "export_attach",
        default_bindings_module: "nicety_policy_sdk::contract::attach",
        additional_derives: [PartialEq, Default],
        additional_derives_ignore: ["mode"],
        with: {
            "nicety:policy/types@0.1.0": super::shared::nicety::policy::types,
        },
    });
}

pub mod nic_selection {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package nicety:sdk; world nic-selection { export nicety:policy/nic-selection@0.1.0; }",
        world: "nicety:sdk/nic-selection",
        pub_export_macro: true,
        export_macro_name: "export_nic_selection",
        default_bindings_module: "nicety_policy_sdk::contract::nic_selection",
        additional_derives: [PartialEq, Default],
        additional_derives_ignore: ["link-state"],
        with: {
            "nicety:policy/types@0.1.0": super::shared::nicety::policy::types,
        },
    });
}

pub mod gateway_filter {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package nicety:sdk; world gateway-filter { export nicety:policy/gateway-filter@0.1.0; }",
        world: "nicety:sdk/gateway-filter",
        pub_export_macro: true,
        export_macro_name: "export_gateway_filter",
        default_bindings_module: "nicety_policy_sdk::contract::gateway_filter",
        additional_derives: [PartialEq, Default],
        additional_derives_ignore: ["health", "cells"],
        generate_all,
        with: {
            "nicety:policy/types@0.1.0": super::shared::nicety::policy::types,
        },
    });
}

pub mod gateway_distribution {
    wit_bindgen::generate!({
        path: "wit",
        inline: "package nicety:sdk; world gateway-distribution { export nicety:policy/gateway-distribution@0.1.0; }",
        world: "nicety:sdk/gateway-distribution",
        pub_export_macro: true,
        export_macro_name: "export_gateway_distribution",
        default_bindings_module: "nicety_policy_sdk::contract::gateway_distribution",
        additional_derives: [PartialEq, Default],
        with: {
            "nicety:policy/types@0.1.0": super::shared::nicety::policy::types,
            "nicety:policy/gateways@0.1.0": super::gateway_filter::nicety::policy::gateways,
        },
    });
}
