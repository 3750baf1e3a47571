//! The few settings of our own host links that we write. They are the link's and end with it.

use std::{fs, io, path::PathBuf};

use nicety_core::{
    ids::IfName,
    plan::step::{Family, LinkSysctl},
};

/// `/proc/sys/net` shows the namespace of whoever opens it; the caller stands on the host.
pub fn path(host: &IfName, family: Family, key: LinkSysctl) -> PathBuf {
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    let key = match key {
        LinkSysctl::Forwarding => "forwarding",
        LinkSysctl::AcceptRa => "accept_ra",
        LinkSysctl::AcceptRedirects => "accept_redirects",
    };
    ["/proc/sys/net", family, "conf", host.as_str(), key].iter().collect()
}

pub fn write(host: &IfName, family: Family, key: LinkSysctl, value: u8) -> io::Result<()> {
    fs::write(path(host, family, key), value.to_string())
}
