//! The list form: a JSON list of objects. Keys that are not known are ignored, known ones of a wrong type are errors, and null is
//! as absent.

use nicety_policy_sdk::{
    Prefix,
    attach::illegal_ifname,
    json::{self, Json},
    types::parse_mac,
};

use crate::{
    element::{Arguments, Element},
    finding::Findings,
};

pub fn read(text: &str, findings: &mut Findings) -> Vec<Element> {
    let list = match json::parse(text) {
        Ok(Json::List(list)) => list,
        Ok(other) => {
            findings.push("text", &format!("is {} where a list of objects is expected", other.what()));
            return Vec::new();
        }
        Err(error) => {
            findings.push("text", &error.to_string());
            return Vec::new();
        }
    };
    let mut elements = Vec::with_capacity(list.len());
    for (place, item) in (1..).zip(&list) {
        elements.extend(one(place, item, findings));
    }
    elements
}

/// An element that is no object is told and left out; of the others every key is looked at.
fn one(place: usize, item: &Json, findings: &mut Findings) -> Option<Element> {
    let path = format!("element {place}");
    if !matches!(item, Json::Object(_)) {
        findings.push(&path, &format!("is {} where an object is expected", item.what()));
        return None;
    }
    let mut object = Object { path, value: item, findings };
    let name = object.text("name").unwrap_or_default();
    if name.is_empty() {
        object.wrong("name", "is missing; it names the network");
    }
    let alias = object.ifname("interfaceRequest");
    let ifname = object.ifname("interface").or(alias);
    let mac = object.mac();
    let addresses = object.prefixes("ips", "an address or an address with a length, like `10.0.0.5/24`", Prefix::parse);
    let (mut gateway4, mut gateway6) = (None, None);
    for Prefix { address, length: _ } in object.prefixes("default-route", "an address", alone) {
        let of_family = if address.is_ipv4() { &mut gateway4 } else { &mut gateway6 };
        if of_family.replace(address).is_some() {
            object.wrong("default-route", "has several gateways of one address family; one of each is used");
        }
    }
    let arguments = object.arguments();
    let namespace = object.text("namespace").filter(|namespace| !namespace.is_empty());
    (!name.is_empty()).then(|| Element {
        namespace,
        name,
        ifname,
        mac,
        addresses,
        gateway4,
        gateway6,
        arguments,
        ..Element::at(place)
    })
}

/// An address without a length.
fn alone(text: &str) -> Option<Prefix> {
    if text.contains('/') { None } else { Prefix::parse(text) }
}

/// A JSON object with the place where it stands.
pub struct Object<'a> {
    path: String,
    value: &'a Json,
    findings: &'a mut Findings,
}

impl Object<'_> {
    fn wrong(&mut self, key: &str, message: &str) {
        self.findings.push(&[&self.path, ", `", key, "`"].concat(), message);
    }

    fn wrong_type(&mut self, key: &str, found: &Json, expected: &str) {
        self.wrong(key, &format!("is {} where {expected} is expected", found.what()));
    }

    fn text(&mut self, key: &str) -> Option<String> {
        let value = self.value.get(key)?;
        let text = value.text().map(str::to_owned);
        if text.is_none() {
            self.wrong_type(key, value, "a text");
        }
        text
    }

    fn texts(&mut self, key: &str) -> Vec<String> {
        let Some(value) = self.value.get(key) else { return Vec::new() };
        let texts: Option<Vec<String>> =
            value.list().and_then(|list| list.iter().map(|item| item.text().map(str::to_owned)).collect());
        if texts.is_none() {
            self.wrong(key, "is no list of texts");
        }
        texts.unwrap_or_default()
    }

    /// Empty is as absent.
    fn mac(&mut self) -> Option<u64> {
        let text = self.text("mac").filter(|text| !text.is_empty())?;
        let mac = parse_mac(&text);
        if mac.is_none() {
            self.wrong("mac", &format!("`{text}` is not a hardware address like `02:00:00:00:00:01`"));
        }
        mac
    }

    fn prefixes(&mut self, key: &str, expected: &str, parse: fn(&str) -> Option<Prefix>) -> Vec<Prefix> {
        let mut prefixes = Vec::new();
        for text in self.texts(key) {
            match parse(&text) {
                Some(prefix) => prefixes.push(prefix),
                None => self.wrong(key, &format!("`{text}` is not {expected}")),
            }
        }
        prefixes
    }

    fn ifname(&mut self, key: &str) -> Option<String> {
        let name = self.text(key).filter(|name| !name.is_empty())?;
        if let Some(why) = illegal_ifname(&name) {
            self.wrong(key, &format!("`{name}` {why}"));
        }
        Some(name)
    }

    /// What stands under `cni-args`.
    fn arguments(&mut self) -> Arguments {
        let Some(value) = self.value.get("cni-args") else { return Arguments::default() };
        if !matches!(value, Json::Object(_)) {
            self.wrong_type("cni-args", value, "an object");
            return Arguments::default();
        }
        let path = format!("{}, `cni-args`", self.path);
        let mut object = Object { path, value, findings: self.findings };
        let nics = value.get("nics").and_then(|nics| {
            let number = nics.number();
            if number.is_none() {
                object.wrong("nics", "is no whole number");
            }
            number
        });
        let masters = object.texts("masters");
        let class = object.text("class").filter(|class| !class.is_empty());
        let target = object.text("target").filter(|target| !target.is_empty());
        Arguments::checked(nics, masters, class, target, &object.path, object.findings)
    }
}
