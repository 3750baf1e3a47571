//! The short form: `[<namespace>/]<name>[@<interface>]`, separated by commas.

use nicety_policy_sdk::attach::illegal_ifname;

use crate::{element::Element, finding::Findings};

pub fn read(text: &str, findings: &mut Findings) -> Vec<Element> {
    let mut elements = Vec::new();
    for (place, item) in (1..).zip(text.split(',')) {
        elements.extend(one(place, item.trim_ascii(), findings));
    }
    elements
}

/// An element that is wrong is told and left out.
fn one(place: usize, item: &str, findings: &mut Findings) -> Option<Element> {
    let path = format!("element {place}");
    let mut wrong = |message: String| findings.push(&path, &message);
    let (network, ifname) = match item.split_once('@') {
        Some((_, ifname)) if ifname.contains('@') => {
            wrong(format!("`{item}` has more than one `@`"));
            return None;
        }
        Some((network, ifname)) => (network, Some(ifname)),
        None => (item, None),
    };
    let (namespace, name) = match network.split_once('/') {
        Some((_, name)) if name.contains('/') => {
            wrong(format!("`{item}` has more than one `/`"));
            return None;
        }
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, network),
    };
    let mut good = true;
    for (what, text) in [("namespace", namespace), ("name", Some(name))] {
        if let Some(text) = text.filter(|text| !is_label(text)) {
            let rule = "lower-case letters, digits and `-`, with a letter or digit at both ends";
            wrong(format!("{what} `{text}` is not {rule}{}", hint(what, text)));
            good = false;
        }
    }
    if let Some((name, why)) = ifname.and_then(|name| Some((name, illegal_ifname(name)?))) {
        wrong(format!("interface name `{name}` {why}"));
        good = false;
    }
    good.then(|| Element {
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        ifname: ifname.map(str::to_owned),
        ..Element::at(place)
    })
}

fn hint(what: &str, text: &str) -> &'static str {
    if what == "name" && text.contains('.') {
        "; a name with dots needs the list form, `[{\"name\": ...}]`"
    } else {
        ""
    }
}

fn is_label(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !text.is_empty() && text.bytes().all(inner) && !text.starts_with('-') && !text.ends_with('-')
}
