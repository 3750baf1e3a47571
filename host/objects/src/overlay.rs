//! The inventory overlay: facts that a node's administrator knows and the kernel does not say (or says wrongly), and the devices
//! that pods hold where no device plugin tells.

use std::{collections::BTreeMap, str::FromStr, sync::LazyLock};

use nicety_core::{
    address::PciAddress,
    facts::{
        Attribute, Value as Fact,
        nic_selection::{Device, Functions, Nic},
    },
    finding::Finding,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{manifest::read, schema::Compiled, text, yaml};

/// The file as its author writes it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Overlay {
    /// By name of the interface on the host.
    pub nics: BTreeMap<String, NicOverlay>,
    pub devices: Vec<DeviceOverlay>,
}

/// What is said here replaces what was discovered; attributes are added, one of the same name is replaced.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct NicOverlay {
    /// NUMA node.
    pub numa: Option<u32>,
    #[schemars(with = "Option<text::Pci>")]
    pub pci: Option<PciAddress>,
    /// The PCI bridge or switch port above the NIC.
    #[schemars(with = "Option<text::Pci>")]
    pub upstream: Option<PciAddress>,
    #[serde(with = "text::optional_hex16")]
    #[schemars(with = "Option<text::Hex16>")]
    pub vendor: Option<u16>,
    #[serde(with = "text::optional_hex16")]
    #[schemars(with = "Option<text::Hex16>")]
    pub product: Option<u16>,
    pub driver: Option<String>,
    /// Index of the network card.
    pub card: Option<u32>,
    /// Bits per second.
    pub speed: Option<u64>,
    pub rdma: Option<bool>,
    /// SR-IOV virtual functions.
    pub functions: Option<FunctionsOverlay>,
    pub attributes: BTreeMap<String, AttributeValue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FunctionsOverlay {
    pub total: u32,
    pub free: u32,
}

/// A device of every pod that the pattern fits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceOverlay {
    #[schemars(with = "text::PodPattern")]
    pub pod: PodPattern,
    /// `gpu`, for instance.
    #[schemars(length(min = 1))]
    pub kind: String,
    #[serde(default)]
    pub numa: Option<u32>,
    #[serde(default)]
    #[schemars(with = "Option<text::Pci>")]
    pub pci: Option<PciAddress>,
    #[serde(default)]
    pub attributes: BTreeMap<String, AttributeValue>,
}

/// `namespace/name`, where the name may end with `*`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PodPattern {
    namespace: String,
    name: String,
}

/// A text, a whole number, a flag, or a list of texts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum AttributeValue {
    Flag(bool),
    Number(i64),
    Text(String),
    Texts(Vec<String>),
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a pod as `namespace/name`, where the name may end with `*`")]
pub struct InvalidPattern {
    text: String,
}

impl Overlay {
    /// The text of an overlay file. An empty one is an overlay that says nothing.
    pub fn parse(text: &str) -> Result<Overlay, Vec<Finding>> {
        static SCHEMA: LazyLock<Compiled> = LazyLock::new(Compiled::new::<Overlay>);
        let documents = yaml::documents(text).map_err(|error| vec![Finding::new("", error.to_string())])?;
        let mut documents = documents.into_iter();
        match (documents.next(), documents.next()) {
            (None, _) => Ok(Overlay::default()),
            (Some(document), None) => read::<Overlay, Overlay>(&SCHEMA, document, Ok),
            (Some(_), Some(_)) => Err(vec![Finding::new("", "has more than one document; hint: remove the `---`")]),
        }
    }
}

/// Puts the overlay over what was discovered. A NIC that is not there is a finding, and changes nothing else.
pub fn apply(overlay: &Overlay, nics: &mut [Nic]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, over) in &overlay.nics {
        match nics.iter_mut().find(|nic| nic.name == *name) {
            Some(nic) => over.apply(nic),
            None => findings.push(Finding::new(format!("nics.{name}"), "is no NIC of this node")),
        }
    }
    findings
}

/// The devices that a pod holds by the overlay, in its order.
pub fn devices_of(overlay: &Overlay, namespace: &str, name: &str) -> Vec<Device> {
    let fits = |device: &&DeviceOverlay| device.pod.fits(namespace, name);
    let device = |DeviceOverlay { pod: _, kind, numa, pci, attributes }: &DeviceOverlay| Device {
        kind: kind.clone(),
        numa: *numa,
        pci: *pci,
        attributes: attributes.iter().map(|(name, value)| attribute(name, value)).collect(),
    };
    overlay.devices.iter().filter(fits).map(device).collect()
}

impl NicOverlay {
    fn apply(&self, nic: &mut Nic) {
        let NicOverlay { numa, pci, upstream, vendor, product, driver, card, speed, rdma, functions, attributes } =
            self;
        nic.numa = numa.or(nic.numa);
        nic.pci = pci.or(nic.pci);
        nic.upstream = upstream.or(nic.upstream);
        nic.vendor = vendor.or(nic.vendor);
        nic.product = product.or(nic.product);
        nic.driver = driver.clone().unwrap_or_else(|| std::mem::take(&mut nic.driver));
        nic.card = card.or(nic.card);
        nic.speed = speed.or(nic.speed);
        nic.rdma = rdma.unwrap_or(nic.rdma);
        nic.functions = functions.map(|FunctionsOverlay { total, free }| Functions { total, free }).or(nic.functions);
        nic.attributes.retain(|attribute| !attributes.contains_key(&attribute.name));
        nic.attributes.extend(attributes.iter().map(|(name, value)| attribute(name, value)));
        nic.attributes.sort_by(|one, other| one.name.cmp(&other.name));
    }
}

fn attribute(name: &str, value: &AttributeValue) -> Attribute {
    let value = match value.clone() {
        AttributeValue::Flag(flag) => Fact::Flag(flag),
        AttributeValue::Number(number) => Fact::Number(number),
        AttributeValue::Text(text) => Fact::Text(text),
        AttributeValue::Texts(texts) => Fact::Texts(texts),
    };
    Attribute { name: name.to_owned(), value }
}

impl PodPattern {
    pub fn fits(&self, namespace: &str, name: &str) -> bool {
        let named = match self.name.strip_suffix('*') {
            Some(stem) => name.starts_with(stem),
            None => name == self.name,
        };
        named && namespace == self.namespace
    }
}

impl FromStr for PodPattern {
    type Err = InvalidPattern;
    fn from_str(text: &str) -> Result<Self, InvalidPattern> {
        let stem = text.strip_suffix('*').unwrap_or(text);
        let invalid = || InvalidPattern { text: text.to_owned() };
        let (namespace, name) = text.split_once('/').ok_or_else(invalid)?;
        let legal = text::is_label(namespace) && !name.is_empty() && !name.contains('/') && !stem.contains('*');
        if !legal {
            return Err(invalid());
        }
        Ok(PodPattern { namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

impl TryFrom<String> for PodPattern {
    type Error = InvalidPattern;
    fn try_from(text: String) -> Result<Self, InvalidPattern> {
        text.parse()
    }
}

impl From<PodPattern> for String {
    fn from(PodPattern { namespace, name }: PodPattern) -> String {
        format!("{namespace}/{name}")
    }
}

impl JsonSchema for AttributeValue {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "AttributeValue".into()
    }
    /// One list of types instead of a choice of schemas: a wrong value is then told what would be right.
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": ["string", "integer", "boolean", "array"],
            "minimum": i64::MIN,
            "maximum": i64::MAX,
            "items": {"type": "string"},
        })
    }
}

#[cfg(test)]
mod tests;
