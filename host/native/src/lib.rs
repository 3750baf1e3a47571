//! The built-in policies in process, behind the same `Evaluator` as the sandbox: same types at the policy's border, same answers,
//! no wasmtime. For tests and the benchmark; the daemon decides in the sandbox alone.

mod convert;
mod native;

use nicety_core::evaluate::Evaluator;

pub use native::Native;

/// Every built-in policy by name.
pub fn evaluators() -> Vec<(&'static str, Box<dyn Evaluator>)> {
    let all: Vec<(&'static str, Native)> = vec![
        ("all", Native::nic_selection(nicety_policy_all::definition())),
        ("device-class", Native::nic_selection(nicety_policy_device_class::definition())),
        ("hash-mod", Native::gateway_distribution(nicety_policy_hash_mod::definition())),
        ("jump", Native::gateway_distribution(nicety_policy_jump::definition())),
        ("least-loaded", Native::gateway_distribution(nicety_policy_least_loaded::definition())),
        ("multi-card", Native::attach(nicety_policy_multi_card::definition())),
        ("networks-annotation", Native::attach(nicety_policy_networks_annotation::definition())),
        ("rendezvous", Native::gateway_distribution(nicety_policy_rendezvous::definition())),
        ("round-robin", Native::gateway_distribution(nicety_policy_round_robin::definition())),
        ("spread", Native::nic_selection(nicety_policy_spread::definition())),
        ("sticky-identity", Native::gateway_distribution(nicety_policy_sticky_identity::definition())),
        ("topology", Native::nic_selection(nicety_policy_topology::definition())),
        ("zone", Native::gateway_filter(nicety_policy_zone::definition())),
    ];
    all.into_iter().map(|(name, native)| (name, Box::new(native) as Box<dyn Evaluator>)).collect()
}

/// The policy of `builtin:NAME`.
pub fn get(name: &str) -> Option<Box<dyn Evaluator>> {
    evaluators().into_iter().find(|(known, _)| *known == name).map(|(_, evaluator)| evaluator)
}
