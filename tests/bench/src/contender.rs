//! Who is measured: each gives a pod its interfaces and takes them back, and says how long that took.

mod batch;
mod nicety;
mod plugins;

use std::time::Duration;

pub use self::{batch::Batch, nicety::Nicety, plugins::Plugins};
use crate::arguments::Result;

pub trait Contender {
    fn name(&self) -> &'static str;

    /// From the start of the first process to the end of the last; what a runtime has at hand beforehand is not counted.
    fn add(&mut self, interfaces: usize) -> Result<Duration>;

    /// The same for taking back what the last `add` gave.
    fn del(&mut self, interfaces: usize) -> Result<Duration>;
}
