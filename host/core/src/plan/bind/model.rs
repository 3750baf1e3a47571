//! A kernel of a few maps, with the refusals that matter to a plan: what must exist before what, and what may not exist twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use ipnet::IpNet;

use crate::{
    address::Mac,
    ids::IfName,
    plan::{Interface, Link, NicSettings, Port, Step, Undo, step::Family, step::LinkSysctl},
};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Kernel {
    /// NICs on the host.
    pub nics: BTreeMap<IfName, NicSettings>,
    /// Host ends of veths.
    pub host: BTreeMap<IfName, HostLink>,
    pub pod: BTreeMap<IfName, PodLink>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostLink {
    pub up: bool,
    pub sysctls: Vec<(Family, LinkSysctl, u8)>,
    pub neighbours: BTreeMap<IpAddr, Mac>,
    pub routes: BTreeSet<IpNet>,
    pub bridge: Option<IfName>,
    pub port: Port,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodLink {
    /// None: a NIC of the host.
    pub group: Option<u32>,
    pub host_end: Option<IfName>,
    pub nic: Option<(IfName, NicSettings)>,
    pub up: bool,
    pub addresses: BTreeSet<IpNet>,
    pub neighbours: BTreeMap<IpAddr, Mac>,
    pub routes: BTreeMap<IpNet, Option<IpAddr>>,
}

fn fresh(taken: bool, what: impl std::fmt::Display) -> Result<(), String> {
    if taken { Err(format!("{what} exists")) } else { Ok(()) }
}

impl Kernel {
    pub fn of(interfaces: &[Interface]) -> Kernel {
        let nics = interfaces.iter().filter_map(|one| Some((one.nic.clone()?.name, one.settings?)));
        Kernel { nics: nics.collect(), ..Kernel::default() }
    }

    pub fn apply(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::CreateMacvlan { ifname, master, group, .. } | Step::CreateIpvlan { ifname, master, group, .. } => {
                self.nics.get(&master.name).ok_or_else(|| format!("no NIC {}", master.name))?;
                self.create(ifname, PodLink { group: Some(*group), ..PodLink::default() })
            }
            Step::CreateVeth { ifname, host, group, .. } => {
                fresh(self.host.insert(host.clone(), HostLink::default()).is_some(), host)?;
                self.create(ifname, PodLink { group: Some(*group), host_end: Some(host.clone()), ..PodLink::default() })
            }
            Step::MoveIn { nic, ifname, mac, mtu } => {
                let own = self.nics.remove(&nic.name).ok_or_else(|| format!("no NIC {}", nic.name))?;
                let now = NicSettings { mac: mac.unwrap_or(own.mac), mtu: mtu.unwrap_or(own.mtu) };
                self.create(ifname, PodLink { nic: Some((nic.name.clone(), now)), ..PodLink::default() })
            }
            Step::AddAddress { ifname, address } => fresh(!self.pod(ifname)?.addresses.insert(*address), address),
            Step::SetUp { ifname } => {
                self.pod(ifname)?.up = true;
                Ok(())
            }
            Step::AddNeighbor { ifname, address, mac } => {
                let link = self.pod(ifname)?;
                if !link.up {
                    return Err(format!("{ifname} is down"));
                }
                fresh(link.neighbours.insert(*address, *mac).is_some(), address)
            }
            Step::AddRoute { ifname, to, via } => self.add_route(ifname, *to, *via),
            Step::HostSetUp { host } => {
                self.host_link(host)?.up = true;
                Ok(())
            }
            Step::HostJoin { host, bridge } => {
                let link = self.host_link(host)?;
                fresh(link.up, "a moment without its bridge")?;
                link.bridge = Some(bridge.clone());
                Ok(())
            }
            Step::HostPort { host, port } => {
                let link = self.host_link(host)?;
                fresh(link.bridge.is_none(), "a port without a bridge")?;
                link.port = *port;
                Ok(())
            }
            Step::HostSysctl { host, family, key, value } => {
                let link = self.host_link(host)?;
                fresh(link.up, "a moment without its settings")?;
                link.sysctls.push((*family, *key, *value));
                Ok(())
            }
            Step::HostAddNeighbor { host, address, mac } => {
                let link = self.host_link(host)?;
                if !link.up {
                    return Err(format!("{host} is down"));
                }
                fresh(link.neighbours.insert(*address, *mac).is_some(), address)
            }
            Step::HostAddRoute { host, to } => {
                fresh(self.host.values().any(|link| link.routes.contains(to)), to)?;
                let link = self.host_link(host)?;
                if !link.up {
                    return Err(format!("{host} is down"));
                }
                link.routes.insert(*to);
                Ok(())
            }
        }
    }

    /// As the contract of `Undo` says: nothing left to take back is no error.
    pub fn undo(&mut self, undo: &Undo) {
        match undo {
            Undo::DeleteGroup { group, ifnames } => {
                let gone: Vec<IfName> = self
                    .pod
                    .iter()
                    .filter(|(_, link)| link.group == Some(*group))
                    .map(|(name, _)| name.clone())
                    .collect();
                assert!(gone.iter().all(|name| ifnames.contains(name)), "{gone:?} are more than {ifnames:?}");
                for name in gone {
                    let host_end = self.pod.remove(&name).and_then(|link| link.host_end);
                    host_end.map(|host| self.host.remove(&host));
                }
            }
            Undo::DeleteHostLink { host } => {
                self.host.remove(host);
                self.pod.retain(|_, link| link.host_end.as_ref() != Some(host));
            }
            Undo::MoveBack { ifname, nic, mac, mtu } => {
                if let Some((name, now)) = self.pod.remove(ifname).and_then(|link| link.nic) {
                    assert_eq!(name, nic.name);
                    let own = NicSettings { mac: mac.unwrap_or(now.mac), mtu: mtu.unwrap_or(now.mtu) };
                    self.nics.insert(name, own);
                }
            }
        }
    }

    /// The pod's namespace and all that is in it is gone; NICs are back on the host with what they were set to.
    pub fn lose_pod(&mut self) {
        for (_, link) in std::mem::take(&mut self.pod) {
            self.nics.extend(link.nic);
            link.host_end.map(|host| self.host.remove(&host));
        }
    }

    fn create(&mut self, ifname: &IfName, link: PodLink) -> Result<(), String> {
        fresh(self.pod.insert(ifname.clone(), link).is_some(), ifname)
    }

    fn add_route(&mut self, ifname: &IfName, to: IpNet, via: Option<IpAddr>) -> Result<(), String> {
        let connected = |link: &PodLink| {
            link.addresses.iter().any(|address| address.trunc() == to && to.prefix_len() < to.max_prefix_len())
        };
        fresh(self.pod.values().any(|link| link.routes.contains_key(&to) || connected(link)), to)?;
        let link = self.pod(ifname)?;
        if !link.up {
            return Err(format!("{ifname} is down"));
        }
        if let Some(via) = via {
            let near = link.addresses.iter().any(|address| address.contains(&via))
                || link.routes.iter().any(|(to, by)| by.is_none() && to.contains(&via))
                || matches!(via, IpAddr::V6(six) if six.is_unicast_link_local());
            if !near {
                return Err(format!("{via} is not on the link of {ifname}"));
            }
        }
        link.routes.insert(to, via);
        Ok(())
    }

    fn pod(&mut self, ifname: &IfName) -> Result<&mut PodLink, String> {
        self.pod.get_mut(ifname).ok_or_else(|| format!("no link {ifname} in the pod"))
    }

    fn host_link(&mut self, host: &IfName) -> Result<&mut HostLink, String> {
        self.host.get_mut(host).ok_or_else(|| format!("no link {host} on the host"))
    }
}

/// True where the plan's interface is what the kernel has.
pub fn is_made(kernel: &Kernel, interface: &Interface, addresses: &[IpNet], routes: &[crate::plan::Route]) -> bool {
    let Some(link) = kernel.pod.get(&interface.ifname) else { return false };
    let routes: BTreeMap<IpNet, Option<IpAddr>> = routes.iter().map(|route| (route.to, route.via)).collect();
    link.up
        && link.addresses == addresses.iter().copied().collect()
        && link.routes == routes
        && link.nic.is_some() == (interface.link == Link::HostDevice)
}
