//! Manifests as types: text -> data -> every finding with its file and field path, or objects that cannot be wrong.
//!
//! This crate alone knows YAML and JSON Schema. Only `load` reads files; all else is functions over text and data. The types
//! named `*Spec` are what authors write (the custom resource definitions are made from them); the types without that ending are
//! what remains after validation.

pub mod block;
pub mod class;
pub mod golden;
pub mod load;
pub mod manifest;
pub mod network;
pub mod overlay;
pub mod schema;
pub mod set;
pub mod strategies;
pub mod text;
pub mod yaml;

pub use block::IpBlock;
pub use class::DeviceClass;
pub use network::Network;
pub use overlay::Overlay;
pub use set::Set;
pub use strategies::Strategies;

/// The group and version of our objects.
pub const API_VERSION: &str = "nicety.dev/v1alpha1";
