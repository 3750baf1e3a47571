//! The few settings of our own host links that we write. They are the link's and end with it.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::LazyLock,
};

use nicety_core::{
    ids::IfName,
    plan::step::{Family, LinkSysctl},
};

/// Either shows the namespace of whoever opens it; the caller stands on the host. A container's own is read-only and nothing can be
/// mounted over it, so where the daemon runs in one, the node's is mounted at the first.
pub(crate) static ROOT: LazyLock<&Path> = LazyLock::new(|| {
    let roots = ["/host/proc/sys/net", "/proc/sys/net"].map(Path::new);
    roots.into_iter().find(|root| root.exists()).unwrap_or(Path::new("/proc/sys/net"))
});

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
    [*ROOT, Path::new(family), Path::new("conf"), Path::new(host.as_str()), Path::new(key)].iter().collect()
}

/// On a kernel without IPv6 there is nothing to fence, and no file to write to; only forwarding is then an error. Before Linux 6.17
/// there is no `force_forwarding`: IPv6 then follows the switch of the whole host.
pub fn write(host: &IfName, family: Family, key: LinkSysctl, value: u8) -> io::Result<()> {
    let fence = family == Family::V6 && key != LinkSysctl::Forwarding;
    if fence && !ROOT.join("ipv6").exists() {
        return Ok(());
    }
    match fs::write(path(host, family, key), value.to_string()) {
        Err(error) if key == LinkSysctl::ForceForwarding && error.kind() == io::ErrorKind::NotFound => Ok(()),
        written => written,
    }
}
