//! Steps in words, and what an operator can do when the kernel refuses one.

use nicety_core::plan::{Link, Step};
use rustix::io::Errno;

/// `create macvlan/bridge net1 on eth1`, as it follows "cannot".
pub fn step(step: &Step) -> String {
    match step {
        Step::CreateMacvlan { ifname, master, mode, mac: _, mtu: _, group: _ } => {
            format!("create {} `{ifname}` on `{}`", Link::Macvlan { mode: *mode }.name(), master.name)
        }
        Step::CreateIpvlan { ifname, master, mode, mtu: _, group: _ } => {
            format!("create {} `{ifname}` on `{}`", Link::Ipvlan { mode: *mode }.name(), master.name)
        }
        Step::CreateVeth { ifname, mac: _, host, host_mac: _, mtu: _, group: _ } => {
            format!("create veth `{ifname}` with host end `{host}`")
        }
        Step::MoveIn { nic, ifname, mac: _, mtu: _ } => format!("move NIC `{}` into the pod as `{ifname}`", nic.name),
        Step::AddAddress { ifname, address } => format!("add address `{address}` to `{ifname}`"),
        Step::SetUp { ifname } => format!("set `{ifname}` up"),
        Step::AddNeighbor { ifname, address, mac } => format!("add neighbor `{address}` at `{mac}` to `{ifname}`"),
        Step::AddRoute { ifname, to, via: Some(via) } => format!("add route `{to}` via `{via}` on `{ifname}`"),
        Step::AddRoute { ifname, to, via: None } => format!("add route `{to}` on link `{ifname}`"),
        Step::HostSetUp { host } => format!("set host link `{host}` up"),
        Step::HostJoin { host, bridge } => format!("make host link `{host}` a port of bridge `{bridge}`"),
        Step::HostPort { host, port: _ } => format!("set how host link `{host}` is on its bridge"),
        Step::HostSysctl { host, family: _, key: _, value } => {
            format!("write {value} to a setting of host link `{host}`")
        }
        Step::HostAddNeighbor { host, address, mac } => {
            format!("add neighbor `{address}` at `{mac}` to host link `{host}`")
        }
        Step::HostAddRoute { host, to } => format!("add host route `{to}` to `{host}`"),
    }
}

/// The last words of a message: empty, or `; hint: ...`.
pub fn hint(step: &Step, errno: Errno) -> String {
    let hint = match (step, errno) {
        (_, Errno::PERM | Errno::ACCESS) if !matches!(step, Step::AddAddress { .. } | Step::HostSysctl { .. }) => {
            "the daemon needs CAP_NET_ADMIN on the host and in the pod's namespace".to_owned()
        }
        (_, Errno::NODEV | Errno::NXIO) => match step {
            Step::CreateMacvlan { master, .. }
            | Step::CreateIpvlan { master, .. }
            | Step::MoveIn { nic: master, .. } => {
                format!("NIC `{}` (index {}) is gone from the host, or is in another pod", master.name, master.index)
            }
            _ => "the link is gone; somebody else deletes links in this pod".to_owned(),
        },
        (
            Step::CreateMacvlan { ifname, .. } | Step::CreateIpvlan { ifname, .. } | Step::MoveIn { ifname, .. },
            Errno::EXIST,
        ) => {
            format!("interface `{ifname}` exists in the pod; ask for another name")
        }
        (Step::CreateVeth { ifname, host, .. }, Errno::EXIST) => {
            format!("interface `{ifname}` exists in the pod, or `{host}` on the host")
        }
        (Step::CreateMacvlan { master, .. }, Errno::BUSY) => format!(
            "`{}` serves a bridge, a bond or ipvlan, or its links would clash with another's; macvlan needs it for itself",
            master.name
        ),
        (Step::CreateIpvlan { master, .. }, Errno::BUSY) => {
            format!("`{}` serves a bridge, a bond or macvlan; ipvlan needs it for itself", master.name)
        }
        (Step::CreateMacvlan { master, .. }, Errno::INVAL) => format!(
            "`{}` cannot be a master of macvlan, or macvlan/passthru is (or would be) on it together with another link",
            master.name
        ),
        (Step::CreateMacvlan { .. } | Step::CreateIpvlan { .. } | Step::CreateVeth { .. }, Errno::OPNOTSUPP) => {
            "this kernel has no such link kind; load its module or choose another kind for the network".to_owned()
        }
        (Step::MoveIn { nic, .. }, Errno::INVAL | Errno::OPNOTSUPP) => {
            format!("`{}` is of a kind that the kernel keeps in its namespace", nic.name)
        }
        (Step::AddAddress { ifname, address }, Errno::ACCESS | Errno::PERM) if address.addr().is_ipv6() => format!(
            "IPv6 is switched off in the pod: net.ipv6.conf.{ifname}.disable_ipv6 is 1; switch it on for the pod (sysctl \
             net.ipv6.conf.default.disable_ipv6=0) or give the network no IPv6 addresses"
        ),
        (Step::AddAddress { address, .. }, Errno::OPNOTSUPP) if address.addr().is_ipv6() => {
            "this kernel runs without IPv6; give the network no IPv6 addresses".to_owned()
        }
        (Step::HostJoin { bridge, .. }, Errno::OPNOTSUPP | Errno::INVAL) => {
            format!("`{bridge}` is no bridge, or it has as many ports as a bridge can have (1023)")
        }
        (Step::HostJoin { .. }, Errno::XFULL) => "a bridge has at most 1023 ports".to_owned(),
        (Step::AddRoute { .. }, Errno::NETUNREACH | Errno::HOSTUNREACH | Errno::INVAL) => {
            "the next hop is not on the link; it must lie in the interface's own subnet".to_owned()
        }
        (Step::AddRoute { to, .. }, Errno::EXIST) => {
            format!("the pod has a route to `{to}` already; two networks may not both give it")
        }
        (Step::HostAddRoute { to, .. }, Errno::EXIST) => {
            format!("the host has a route to `{to}` already; `ip route show {to}` names its owner")
        }
        (Step::HostSysctl { .. }, Errno::ROFS | Errno::ACCESS | Errno::PERM) => {
            "`/proc/sys` is read-only for the daemon; mount the node's `/proc/sys/net` at `/host/proc/sys/net`"
                .to_owned()
        }
        _ => return String::new(),
    };
    format!("; hint: {hint}")
}
