//! Egress: which pods leave by which gateways, for the whole cluster. It watches, lets `nicety_egress` assemble what each node is to do
//! and the strategies distribute, and writes the difference as slices. It runs beside the loop of blocks and shares its limits of writes.

pub mod audit;
pub mod brain;
pub mod dry;
pub mod frozen;
pub mod items;
pub mod known;
pub mod metrics;
pub mod ranges;
pub mod run;
pub mod settle;
pub mod shadows;
pub mod strategies;
mod undecided;
pub mod world;
pub mod writes;

use std::{fmt, path::PathBuf, sync::Arc};

use ipnet::IpNet;

pub use settle::Settling;
pub use strategies::{Deciding, Trial};

#[derive(Clone)]
pub struct Config {
    pub deciding: Arc<dyn Deciding>,
    /// The cluster's own ranges, to which no policy applies. What nodes show is added.
    pub cluster_cidrs: Vec<IpNet>,
    pub settling: Settling,
    /// Folder for lines that say which pods held which addresses. None: none are written.
    pub audit: Option<PathBuf>,
}

impl Config {
    pub fn new(deciding: Arc<dyn Deciding>) -> Config {
        Config { deciding, cluster_cidrs: Vec::new(), settling: Settling::default(), audit: None }
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Config { deciding: _, cluster_cidrs, settling, audit } = self;
        let mut shown = f.debug_struct("Config");
        shown.field("cluster_cidrs", cluster_cidrs).field("settling", settling).field("audit", audit);
        shown.finish_non_exhaustive()
    }
}
