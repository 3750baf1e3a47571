//! Everything that the watches have told, by kind. Pure.

use nicety_core::finding::Finding;
use serde::Deserialize;
use serde_json::Value;

use super::{
    facts::{Attachment, Labels, Machine, Pod},
    feed::Feed,
    kept::{Good, Kept},
    table::{Effect, Entry, Table, Told},
};

#[derive(Debug, Default)]
pub struct State {
    pub networks: Table<Kept>,
    pub classes: Table<Kept>,
    pub blocks: Table<Kept>,
    pub routed: Table<Kept>,
    pub strategies: Table<Kept>,
    pub pods: Table<Pod>,
    pub namespaces: Table<Labels>,
    pub attachments: Table<Attachment>,
    pub node: Table<Machine>,
    pub host: Table<Labels>,
    pub egress_policies: Table<Kept>,
    pub egress_slices: Table<Kept>,
    pub egress_healths: Table<Kept>,
    /// The strategies that were last taken: what a daemon goes on with that starts while newer ones cannot be.
    pub taken: Option<Good>,
}

/// What all tables can do, whatever they hold.
trait Keeper {
    fn tell(&mut self, told: Told) -> Effect;
    fn version(&self) -> Option<&str>;
    fn forget_version(&mut self);
    fn len(&self) -> usize;
    fn saved(&self) -> serde_json::Result<Value>;
    fn load(&mut self, saved: Value) -> serde_json::Result<()>;
}

impl<E: Entry> Keeper for Table<E> {
    fn tell(&mut self, told: Told) -> Effect {
        Table::tell(self, told)
    }

    fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    fn forget_version(&mut self) {
        self.version = None;
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn saved(&self) -> serde_json::Result<Value> {
        serde_json::to_value(self)
    }

    fn load(&mut self, saved: Value) -> serde_json::Result<()> {
        *self = Table::<E>::deserialize(saved)?.restored();
        Ok(())
    }
}

impl State {
    pub fn tell(&mut self, feed: Feed, told: Told) -> Effect {
        self.of_mut(feed).tell(told)
    }

    /// Where the feed's watch goes on from.
    pub fn version(&self, feed: Feed) -> Option<String> {
        self.of(feed).version().map(str::to_owned)
    }

    pub fn forget_version(&mut self, feed: Feed) {
        self.of_mut(feed).forget_version();
    }

    pub fn count(&self, feed: Feed) -> usize {
        self.of(feed).len()
    }

    pub fn saved(&self, feed: Feed) -> serde_json::Result<Value> {
        self.of(feed).saved()
    }

    pub fn load(&mut self, feed: Feed, saved: Value) -> serde_json::Result<()> {
        self.of_mut(feed).load(saved)
    }

    /// Takes the strategies that were saved as taken, when they still can be.
    pub fn load_taken(&mut self, saved: Good) -> Result<(), Vec<Finding>> {
        self.taken = Some(saved.parsed()?);
        Ok(())
    }

    fn of(&self, feed: Feed) -> &dyn Keeper {
        match feed {
            Feed::Networks => &self.networks,
            Feed::DeviceClasses => &self.classes,
            Feed::Blocks => &self.blocks,
            Feed::RoutedBlocks => &self.routed,
            Feed::Strategies => &self.strategies,
            Feed::Pods => &self.pods,
            Feed::Namespaces => &self.namespaces,
            Feed::Attachments => &self.attachments,
            Feed::Node => &self.node,
            Feed::Host => &self.host,
            Feed::EgressPolicies => &self.egress_policies,
            Feed::EgressSlices => &self.egress_slices,
            Feed::EgressHealths => &self.egress_healths,
        }
    }

    fn of_mut(&mut self, feed: Feed) -> &mut dyn Keeper {
        match feed {
            Feed::Networks => &mut self.networks,
            Feed::DeviceClasses => &mut self.classes,
            Feed::Blocks => &mut self.blocks,
            Feed::RoutedBlocks => &mut self.routed,
            Feed::Strategies => &mut self.strategies,
            Feed::Pods => &mut self.pods,
            Feed::Namespaces => &mut self.namespaces,
            Feed::Attachments => &mut self.attachments,
            Feed::Node => &mut self.node,
            Feed::Host => &mut self.host,
            Feed::EgressPolicies => &mut self.egress_policies,
            Feed::EgressSlices => &mut self.egress_slices,
            Feed::EgressHealths => &mut self.egress_healths,
        }
    }
}
