//! A node's share of a network's addresses, and a wish for one of them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::{ids::NetworkName, plan::step::Family};

/// Addresses that this node may hand out: a block of the block scheme, or a plain range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// First and last address, both inclusive, of one family.
    pub first: IpAddr,
    pub last: IpAddr,
    /// Length of the on-link prefix that a handed-out address carries.
    pub on_link: u8,
    /// Never handed out; inside or around the pool.
    pub excludes: Vec<IpNet>,
}

/// One address wanted for one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub network: NetworkName,
    pub family: Family,
    /// Tried in order.
    pub pools: Vec<Pool>,
    /// A static address: this one or none.
    pub want: Option<IpAddr>,
}
