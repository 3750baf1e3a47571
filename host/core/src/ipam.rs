//! Address arithmetic: blocks cut from a subnet by interface and host index, excludes, and the choice of a free address.
//! Both families are one 128-bit arithmetic; nothing here knows where leases are kept.

pub mod block;
pub mod exclude;
pub mod index;
pub mod occupied;
pub mod pool;
pub mod ranges;

pub use block::{BlockError, Blocks, block};
pub use index::IndexError;
pub use occupied::Occupied;
pub use pool::{Claim, Pool, PoolError};
pub use ranges::Ranges;

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::ids::{IfName, NetworkName};

/// An address held by one interface of one attachment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lease {
    pub network: NetworkName,
    pub ifname: IfName,
    /// With the length of the on-link prefix.
    pub address: IpNet,
}

impl Lease {
    pub fn ip(&self) -> IpAddr {
        self.address.addr()
    }
}
