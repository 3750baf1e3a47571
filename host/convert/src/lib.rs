//! Manifests of other systems as ours, with a report of what has no equivalent. Text in, text out: no files, no API server.
//!
//! Each system has one module, which reads its objects field by field; a field that nobody asked for is reported, so nothing is
//! dropped in silence. What is written passes the same checks as a file that a person wrote, or it is not written.

pub mod report;

mod check;
mod cilium;
mod fields;
mod foreign;
mod multinic;
mod ours;
mod pod_network;
mod tigera;

use serde_json::Value;

pub use report::{Class, Entry, Note, Outcome, Report};

/// The text of one file. `name` is what the report calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub name: String,
    pub text: String,
}

/// Objects of ours, and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversion {
    pub objects: Vec<Value>,
    pub report: Report,
}

/// Everything at once, because the state of a network (CIDR, IPPool) stands in other objects than the network.
pub fn convert(sources: &[Source]) -> Conversion {
    let mut read = foreign::read(sources);
    let mut converted = read.entries.drain(..).map(ours::Converted::without_objects).collect::<Vec<_>>();
    let (multinic, rest) = foreign::split(read.objects, multinic::is_ours);
    converted.extend(multinic::convert(multinic));
    let (cilium, rest) = foreign::split(rest, cilium::is_ours);
    converted.extend(cilium.into_iter().map(cilium::convert));
    let (tigera, rest) = foreign::split(rest, tigera::is_ours);
    converted.extend(tigera.into_iter().map(tigera::convert));
    let (pod_networks, rest) = foreign::split(rest, pod_network::is_ours);
    converted.extend(pod_networks.into_iter().map(pod_network::convert));
    converted.extend(rest.into_iter().map(foreign::Foreign::unknown));
    check::assemble(sources, converted)
}

impl Conversion {
    /// The objects as one YAML text of several documents.
    pub fn yaml(&self) -> String {
        ours::yaml(&self.objects)
    }
}
