//! What is in force: objects, strategies and overlay of one generation. A decision runs wholly under one.

use nicety_core::{finding::Finding, hash};
use nicety_deciding::{Built, Policies};
use nicety_objects::{Overlay, Set};
use nicety_strategies::StrategySet;

use crate::config::Config;

#[derive(Debug)]
pub struct World {
    /// Ascending from 1; never goes back.
    pub generation: u64,
    pub objects: Set,
    pub overlay: Overlay,
    pub strategies: StrategySet,
    /// Hash of everything that it was made from.
    pub fingerprint: String,
}

impl World {
    /// Everything that the manifests folder and the overlay say, or everything that is wrong with them.
    pub fn load(config: &Config, policies: &Policies, generation: u64) -> Result<World, Vec<Finding>> {
        let mut findings = Vec::new();
        let objects = Set::load(&config.manifests).map_err(|found| findings.extend(found)).ok();
        let overlay = config.overlay.as_deref().map_or(Ok(Overlay::default()), Overlay::load);
        let overlay = overlay.map_err(|found| findings.extend(found)).ok();
        let Some((objects, overlay)) = objects.zip(overlay) else { return Err(findings) };
        let Built { set: strategies, modules } = policies.build(&objects.strategies, &config.manifests)?;
        policies.keep_only(&modules);
        let fingerprint = hash::hex(&[&format!("{objects:?}"), &format!("{overlay:?}"), &modules.join(" ")]);
        Ok(World { generation, objects, overlay, strategies, fingerprint })
    }
}
