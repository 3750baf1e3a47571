//! The few settings of our own host links that we write. They are the link's and end with it.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

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
        LinkSysctl::ForceForwarding => "force_forwarding",
        LinkSysctl::AcceptRa => "accept_ra",
        LinkSysctl::AcceptRedirects => "accept_redirects",
    };
    ["/proc/sys/net", family, "conf", host.as_str(), key].iter().collect()
}

/// On a kernel without IPv6 there is nothing to fence, and no file to write to; only forwarding is then an error. Before Linux 6.17
/// there is no `force_forwarding`: IPv6 then follows the switch of the whole host.
pub fn write(host: &IfName, family: Family, key: LinkSysctl, value: u8) -> io::Result<()> {
    let fence = family == Family::V6 && key != LinkSysctl::Forwarding;
    if fence && !Path::new("/proc/sys/net/ipv6").exists() {
        return Ok(());
    }
    match fs::write(path(host, family, key), value.to_string()) {
        Err(error) if key == LinkSysctl::ForceForwarding && error.kind() == io::ErrorKind::NotFound => Ok(()),
        written => written,
    }
}
