//! A DeviceClass: a name for NICs of certain makes.

use nicety_core::{facts::nic_selection::Nic, finding::Finding};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::text;

/// NICs by vendor and product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceClassSpec {
    /// Entries add up.
    #[schemars(length(min = 1, max = 64))]
    pub ids: Vec<DeviceIds>,
}

/// Products of one vendor; PCI identifiers in hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DeviceIds {
    /// PCI vendor: `15b3`.
    #[serde(with = "text::hex16")]
    #[schemars(with = "text::Hex16")]
    pub vendor: u16,
    /// PCI products of the vendor: `1019`.
    #[serde(with = "text::hex16_list")]
    #[schemars(with = "Vec<text::Hex16>", length(min = 1, max = 256))]
    pub products: Vec<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceClass {
    pub name: String,
    pub ids: Vec<DeviceIds>,
}

impl DeviceClass {
    /// A vendor may stand in several entries: they add up. The same product twice is a slip.
    pub fn new(name: String, spec: DeviceClassSpec) -> Result<DeviceClass, Vec<Finding>> {
        let mut seen = std::collections::BTreeSet::new();
        let mut findings = Vec::new();
        for (entry, DeviceIds { vendor, products }) in spec.ids.iter().enumerate() {
            for (index, product) in products.iter().enumerate() {
                if !seen.insert((*vendor, *product)) {
                    let path = format!("spec.ids[{entry}].products[{index}]");
                    findings.push(Finding::new(path, format!("`{vendor:04x}:{product:04x}` is named twice")));
                }
            }
        }
        if findings.is_empty() { Ok(DeviceClass { name, ids: spec.ids }) } else { Err(findings) }
    }

    /// A NIC whose vendor or product is not known is in no class.
    pub fn contains(&self, nic: &Nic) -> bool {
        let (Some(vendor), Some(product)) = (nic.vendor, nic.product) else { return false };
        self.ids.iter().any(|ids| ids.vendor == vendor && ids.products.contains(&product))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_one_vendor_add_up() {
        let ids = |product| DeviceIds { vendor: 0x15b3, products: vec![product] };
        let class = DeviceClass::new("fast".into(), DeviceClassSpec { ids: vec![ids(0x1019), ids(0x101d)] }).unwrap();
        let nic = |product| Nic { vendor: Some(0x15b3), product, ..Nic::default() };
        assert!(class.contains(&nic(Some(0x1019))) && class.contains(&nic(Some(0x101d))));
        assert!(!class.contains(&nic(Some(0x1017))) && !class.contains(&nic(None)));
    }

    #[test]
    fn a_product_named_twice_is_found() {
        let ids = vec![DeviceIds { vendor: 1, products: vec![2, 3] }, DeviceIds { vendor: 1, products: vec![3] }];
        let findings = DeviceClass::new("fast".into(), DeviceClassSpec { ids }).unwrap_err();
        assert_eq!(findings, [Finding::new("spec.ids[1].products[0]", "`0001:0003` is named twice")]);
    }
}
