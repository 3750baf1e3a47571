//! Address arithmetic, held to the rows of Multi-NIC CNI's block scheme.

mod allocation;
mod blocks;
mod excludes;
mod indexes;

use std::net::IpAddr;

use ipnet::IpNet;
use nicety_core::ipam::exclude;

fn net(text: &str) -> IpNet {
    text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap_or_else(|error| panic!("`{text}`: {error}"))
}

fn excludes(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| exclude::parse(text).unwrap_or_else(|| panic!("`{text}` is no exclude"))).collect()
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}
