//! Manifests as types: text -> data -> every finding with its file and field path, or objects that cannot be wrong.
//!
//! This crate alone knows YAML and JSON Schema. Only `load` reads files; all else is functions over text and data. The types
//! named `*Spec` are what authors write (the custom resource definitions are made from them); the types without that ending are
//! what remains after validation.

pub mod block;
pub mod class;
pub mod condition;
pub mod egress_gateway;
pub mod egress_health;
pub mod egress_policy;
pub mod egress_slice;
pub mod golden;
pub mod host_interface;
pub mod listed;
pub mod live;
pub mod load;
pub mod manifest;
pub mod network;
pub mod overlay;
pub mod pod_network;
pub mod render;
pub mod schema;
pub mod selector;
pub mod set;
pub mod strategies;
pub mod strategy_status;
pub mod text;
pub mod transition;
pub mod yaml;

pub use block::IpBlock;
pub use class::DeviceClass;
pub use egress_gateway::EgressGateway;
pub use egress_health::EgressHealth;
pub use egress_policy::EgressPolicy;
pub use egress_slice::EgressSlice;
pub use host_interface::HostInterface;
pub use network::Network;
pub use overlay::Overlay;
pub use pod_network::{PodNetwork, PodNetworkAttachment};
pub use set::Set;
pub use strategies::Strategies;

/// The group and version of our objects.
pub const API_VERSION: &str = "nicety.dev/v1alpha1";
