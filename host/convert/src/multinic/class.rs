//! DeviceClass: the same object, under the rules that ids add up and are numbers.

use std::collections::BTreeSet;

use nicety_objects::text::parse_hex16;
use serde_json::json;

use crate::{
    foreign::Foreign,
    ours::{Converted, object},
    report::Class,
};

pub(super) fn convert(mut foreign: Foreign) -> Converted {
    let mut ids = Vec::new();
    let (mut vendors, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for mut entry in foreign.spec.parts("ids") {
        let (vendor, path) = (entry.text("vendor").unwrap_or_default(), entry.path("vendor"));
        let mut products = Vec::new();
        for product in entry.texts("products") {
            match (parse_hex16(&vendor), parse_hex16(&product)) {
                (Some(vendor), Some(number)) if seen.insert((vendor, number)) => products.push(format!("{number:04x}")),
                (Some(_), Some(_)) => (),
                _ => {
                    let meaning = format!("`{vendor}:{product}` are not hexadecimal PCI identifiers, and left out");
                    entry.note(Class::NoEquivalent, "products", meaning, "correct it and convert again");
                }
            }
        }
        if let Some(number) = parse_hex16(&vendor) {
            if !vendors.insert(number) {
                let meaning =
                    "stands in an earlier entry too; there, the later entry replaced the earlier; here they add up";
                entry.take_over(vec![crate::Note::new(Class::Changed, path, meaning, "")]);
            }
            if !products.is_empty() {
                ids.push(json!({ "vendor": format!("{number:04x}"), "products": products }));
            }
        }
        foreign.spec.finish(entry);
    }
    let class = object("DeviceClass", foreign.metadata(&foreign.name, &["multinic.fms.io"]), json!({ "ids": ids }));
    foreign.converted(vec![class], Vec::new())
}
