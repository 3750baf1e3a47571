//! HostInterface: what a node has is discovered anew; only what people wrote comes across.

use ipnet::IpNet;
use nicety_objects::text::parse_hex16;
use serde_json::json;

use crate::{
    foreign::Foreign,
    ours::{Converted, object},
    report::Class,
};

const UNMANAGED: &str = "multi-nic-unmanaged";

pub(super) fn convert(mut foreign: Foreign) -> Converted {
    if !foreign.label(UNMANAGED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return foreign.not_needed("was discovered there, and is discovered here by the node's own daemon");
    }
    let spec = &mut foreign.spec;
    let node = spec.text("hostName").unwrap_or_else(|| foreign.name.clone());
    let mut interfaces = Vec::new();
    for mut nic in spec.parts("interfaces") {
        let net = nic.parsed::<IpNet>("netAddress", "a prefix like `10.0.1.0/24`").map(|net| net.trunc());
        let address = nic.text("hostIP");
        let own = net.zip(address.as_ref()).map(|(net, address)| format!("{address}/{}", net.prefix_len()));
        if own.is_some_and(|own| own.parse::<IpNet>().is_err()) || (address.is_some() && net.is_none()) {
            nic.note(Class::NoEquivalent, "hostIP", "is no address of `netAddress`, and left out", "");
        }
        let own = net.zip(address.and_then(|address| address.parse().ok()));
        let own = own.and_then(|(net, address)| IpNet::new(address, net.prefix_len()).ok());
        let mut hex = |field: &str| {
            let text = nic.text(field)?;
            let number = parse_hex16(&text);
            if number.is_none() {
                nic.note(
                    Class::NoEquivalent,
                    field,
                    format!("`{text}` is no hexadecimal identifier, and left out"),
                    "",
                );
            }
            number.map(|number| format!("{number:04x}"))
        };
        let (vendor, product) = (hex("vendor"), hex("product"));
        interfaces.push(json!({
            "name": nic.text("interfaceName"),
            "netAddresses": net.map(|net| vec![net.to_string()]),
            "addresses": own.map(|own| vec![own.to_string()]),
            "vendor": vendor,
            "product": product,
            "pciAddress": nic.text("pciAddress"),
        }));
        spec.finish(nic);
    }
    let mut metadata = json!({ "name": node });
    if let Some(fields) = metadata.as_object_mut() {
        fields.insert("labels".to_owned(), json!({ (nicety_objects::host_interface::UNMANAGED): "true" }));
    }
    let written = object("HostInterface", metadata, json!({ "interfaces": interfaces }));
    foreign.converted(vec![written], Vec::new())
}
