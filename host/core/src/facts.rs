//! The complete, immutable input of one decision. The shapes mirror `wit/policy.wit`, which documents each field and its unit;
//! here addresses are parsed types, and names of the file form (JSON) are in camelCase.

pub mod attach;
pub mod check;
pub mod gateways;
pub mod nic_selection;
pub mod registry;
pub mod sample;
pub mod shared;
pub mod visible;

pub use shared::{Attribute, Description, Group, Label, Node, Pod, Request, Value};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An extension point, which is the kind of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Attach,
    NicSelection,
    GatewayFilter,
    GatewayDistribution,
}

/// One question to a policy. As JSON: `{"kind": "nic-selection", "facts": {...}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", content = "facts", rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "one lives per decision, and every caller would have to unbox it")]
pub enum Facts {
    Attach(attach::Facts),
    NicSelection(nic_selection::Facts),
    GatewayFilter(gateways::Facts),
    GatewayDistribution(gateways::Facts),
}

impl Facts {
    pub fn kind(&self) -> Kind {
        match self {
            Facts::Attach(_) => Kind::Attach,
            Facts::NicSelection(_) => Kind::NicSelection,
            Facts::GatewayFilter(_) => Kind::GatewayFilter,
            Facts::GatewayDistribution(_) => Kind::GatewayDistribution,
        }
    }
}

impl Kind {
    pub const ALL: [Kind; 4] = [Kind::Attach, Kind::NicSelection, Kind::GatewayFilter, Kind::GatewayDistribution];

    /// The name in the contract, in strategies and in messages.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Attach => "attach",
            Kind::NicSelection => "nic-selection",
            Kind::GatewayFilter => "gateway-filter",
            Kind::GatewayDistribution => "gateway-distribution",
        }
    }
}
