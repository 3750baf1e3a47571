//! What a policy is made of, and the macro that makes a component of it.

use std::fmt;

use crate::{Denial, Description};

/// A policy as three pure functions. Natively this is how it is run; the component calls the same ones.
pub struct Definition<Facts, Answer> {
    pub describe: fn() -> Description,
    pub validate_config: fn(config: &str) -> Result<(), Vec<String>>,
    pub decide: fn(config: &str, facts: &Facts) -> Result<Answer, Denial>,
}

impl<Facts, Answer> fmt::Debug for Definition<Facts, Answer> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Definition").field(&(self.describe)().name).finish()
    }
}

/// Makes a policy of a pure function: `pub fn definition()` to run it natively, the exports when it is built for `wasm32`, and a
/// test that the `config.schema.json` beside its manifest is what its config type says.
///
/// ```ignore
/// nicety_policy_sdk::policy! {
///     kind: nic-selection,               // attach, nic-selection, gateway-filter or gateway-distribution
///     name: "all",                       // kebab-case
///     summary: "the pool in order",
///     config: Config,                    // Deserialize, and JsonSchema under cfg(test)
///     requires: ["cost"],                // optional: attributes without which it cannot decide
///     wants: ["tenant"],                 // optional: attributes that it would use
///     validate: rules,                   // optional: fn(&Config) -> Vec<String>
///     decide: decide,                    // fn(&Config, &Facts) -> Result<Selection, Denial>
/// }
/// ```
/// The policy's version is its crate's. The crate needs `schemars` as a dev-dependency, and a `config.schema.json`: make an empty one and run its tests
/// once with `NICETY_WRITE_SCHEMA=1`.
#[macro_export]
macro_rules! policy {
    (kind: attach, $($fields:tt)*) => {
        $crate::__policy! {
            (attach, export_attach, $crate::attach::Facts, Vec<$crate::Request>) $($fields)*
        }
    };
    (kind: nic-selection, $($fields:tt)*) => {
        $crate::__policy! {
            (nic_selection, export_nic_selection, $crate::nic_selection::Facts, $crate::nic_selection::Selection)
            $($fields)*
        }
    };
    (kind: gateway-filter, $($fields:tt)*) => {
        $crate::__policy! {
            (gateway_filter, export_gateway_filter, $crate::gateways::Facts, Vec<u64>) $($fields)*
        }
    };
    (kind: gateway-distribution, $($fields:tt)*) => {
        $crate::__policy! {
            (gateway_distribution, export_gateway_distribution, $crate::gateways::Facts, $crate::gateways::Assignment)
            $($fields)*
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __policy {
    (
        ($interface:ident, $export:ident, $facts:ty, $answer:ty)
        name: $name:literal,
        summary: $summary:literal,
        config: $config:ty,
        $(requires: [$($requires:literal),* $(,)?],)?
        $(wants: [$($wants:literal),* $(,)?],)?
        $(validate: $validate:path,)?
        decide: $decide:path $(,)?
    ) => {
        /// The policy as it runs in process.
        pub fn definition() -> $crate::Definition<$facts, $answer> {
            $crate::Definition {
                describe: || $crate::Description {
                    name: $name.into(),
                    version: env!("CARGO_PKG_VERSION").into(),
                    summary: $summary.into(),
                    config_schema: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config.schema.json")).into(),
                    requires: vec![$($($requires.into()),*)?],
                    wants: vec![$($($wants.into()),*)?],
                },
                validate_config: |config| {
                    let rules: fn(&$config) -> Vec<String> = $crate::__first!($($validate,)? $crate::config::no_rules);
                    $crate::config::validate(config, rules)
                },
                decide: |config, facts| $decide(&$crate::config::parse::<$config>(config)?, facts),
            }
        }

        #[cfg(target_arch = "wasm32")]
        mod component {
            use $crate::contract::{$interface as world, shared};

            struct Component;

            impl shared::exports::nicety::policy::describe::Guest for Component {
                fn describe() -> $crate::Description {
                    (super::definition().describe)()
                }
                fn validate_config(config: String) -> Result<(), Vec<String>> {
                    (super::definition().validate_config)(&config)
                }
            }

            impl world::exports::nicety::policy::$interface::Guest for Component {
                fn decide(config: String, facts: $facts) -> Result<$answer, $crate::Denial> {
                    // An instance decides once, and then all of its memory goes: what it was given need not be freed piece by piece.
                    let facts = std::mem::ManuallyDrop::new(facts);
                    (super::definition().decide)(&config, &facts)
                }
            }

            shared::export_describe!(Component with_types_in $crate::contract::shared);
            world::$export!(Component with_types_in $crate::contract::$interface);
        }

        #[cfg(test)]
        #[test]
        fn the_config_schema_beside_the_manifest_is_current() {
            let schema = schemars::schema_for!($config);
            $crate::schema::check(concat!(env!("CARGO_MANIFEST_DIR"), "/config.schema.json"), &schema);
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __first {
    ($first:expr $(, $rest:expr)*) => {
        $first
    };
}
