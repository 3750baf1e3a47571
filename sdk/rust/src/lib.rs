//! What a policy author depends on: the contract as plain types, and [`policy!`], which makes a component of a pure function.
//! The types and the function are the same natively, so a policy is tested without a sandbox. It depends on serde and the binding
//! generator alone, because all that is here ends up in every policy.

mod policy;

pub mod attach;
pub mod config;
pub mod facts;
pub mod gateways;
pub mod json;
pub mod log;
pub mod nic_selection;
#[cfg(not(target_arch = "wasm32"))]
pub mod schema;
pub mod types;

#[doc(hidden)]
pub mod contract;
#[cfg(all(target_arch = "wasm32", feature = "bump-allocator"))]
mod memory;

pub use policy::Definition;
pub use types::{
    Address, Attribute, Attributes, Denial, Description, Group, Label, Node, Pci, Pod, Prefix, Request, Value,
};
