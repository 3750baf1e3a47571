//! Links that exclude each other on one NIC. The kernel lets one receive handler have a NIC (macvlan, ipvlan, bridge, bond, team,
//! Open vSwitch), passthru wants it alone, and the second ipvlan mode silently switches the first: so all of that is refused
//! when the plan is made.

use super::{Interface, IpvlanMode, Link, MacvlanMode};
use crate::{facts::nic_selection::Nic, finding::Finding, record::Record};

/// A present use of a NIC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Use {
    /// The NIC's name on the host.
    pub nic: String,
    /// Kind and mode: `ipvlan/l3`, `bridge`, `host-device`.
    pub link: String,
    /// Who uses it, for people.
    pub by: String,
}

/// What a use means for another one of the same NIC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Gone into a pod.
    Whole,
    Passthru,
    Macvlan,
    /// None: a mode that nobody told.
    Ipvlan(Option<IpvlanMode>),
    /// Member of a bridge, bond, team or Open vSwitch.
    Member,
    /// A VLAN link, routes: goes with every other use that leaves the NIC on the host.
    Beside,
}

impl Use {
    /// What the kernel says of a NIC.
    pub fn of_nic(nic: &Nic) -> Option<Use> {
        let link = nic.master_of.clone()?;
        Some(Use { nic: nic.name.clone(), link, by: "the host".to_owned() })
    }

    /// What our own records say; a NIC that is in a pod is seen nowhere else.
    pub fn of_record(record: &Record) -> Vec<Use> {
        let by = |ifname: &str| format!("interface `{ifname}` of container `{}`", record.key.container);
        let with_nic = record.interfaces.iter().filter_map(|interface| Some((interface, interface.nic.as_ref()?)));
        with_nic
            .map(|(interface, nic)| Use {
                nic: nic.name.to_string(),
                link: interface.link.name().to_owned(),
                by: by(interface.ifname.as_str()),
            })
            .collect()
    }
}

/// Every interface that cannot be made beside what is there, or beside an earlier one of the same plan.
pub fn find(interfaces: &[Interface], uses: &[Use]) -> Vec<Finding> {
    let mut uses: Vec<Use> = uses.to_vec();
    let mut findings = Vec::new();
    for (place, interface) in interfaces.iter().enumerate() {
        let Some(nic) = &interface.nic else { continue };
        let wanted = of_link(interface.link);
        for present in uses.iter().filter(|present| present.nic == nic.name.as_str()) {
            if let Some(why) = exclusion(of_text(&present.link), wanted) {
                let message = format!(
                    "`{}` on NIC `{}` goes not with `{}` of {}: {why}",
                    interface.link.name(),
                    nic.name,
                    present.link,
                    present.by
                );
                findings.push(Finding::new(format!("interfaces[{place}].link"), message));
            }
        }
        let by = format!("interface `{}` of this attachment", interface.ifname);
        uses.push(Use { nic: nic.name.to_string(), link: interface.link.name().to_owned(), by });
    }
    findings
}

/// Why two uses of one NIC cannot be at once.
fn exclusion(present: Hold, wanted: Hold) -> Option<&'static str> {
    use Hold::{Beside, Ipvlan, Macvlan, Member, Passthru, Whole};
    match (present, wanted) {
        (Whole, _) => Some("the NIC is in a pod"),
        (_, Whole) => Some("a NIC that is in use cannot move into a pod"),
        (Beside, _) | (_, Beside) => None,
        (Passthru, Passthru | Macvlan) | (Macvlan, Passthru) => Some("`passthru` wants the NIC for itself alone"),
        (Macvlan, Macvlan) => None,
        (Ipvlan(Some(one)), Ipvlan(Some(other))) if one == other => None,
        (Ipvlan(_), Ipvlan(_)) => {
            Some("all ipvlan links of a NIC have one mode, and a second one would switch the first")
        }
        (Member, _) | (_, Member) => Some("the NIC already belongs to a bridge, bond, team or switch"),
        (Ipvlan(_), Macvlan | Passthru) | (Macvlan | Passthru, Ipvlan(_)) => {
            Some("a NIC serves either ipvlan or macvlan links; hint: use one kind in all networks that share it")
        }
    }
}

fn of_link(link: Link) -> Hold {
    match link {
        Link::Macvlan { mode: MacvlanMode::Passthru } => Hold::Passthru,
        Link::Macvlan { .. } => Hold::Macvlan,
        Link::Ipvlan { mode } => Hold::Ipvlan(Some(mode)),
        Link::VethRouted | Link::Bridge => Hold::Beside,
        Link::HostDevice => Hold::Whole,
    }
}

fn of_text(text: &str) -> Hold {
    let (kind, mode) = text.split_once('/').map_or((text, None), |(kind, mode)| (kind, Some(mode)));
    match (kind, mode) {
        ("macvlan" | "macvtap", Some("passthru")) => Hold::Passthru,
        ("macvlan" | "macvtap", _) => Hold::Macvlan,
        ("ipvlan" | "ipvtap", Some("l2")) => Hold::Ipvlan(Some(IpvlanMode::L2)),
        ("ipvlan" | "ipvtap", Some("l3")) => Hold::Ipvlan(Some(IpvlanMode::L3)),
        ("ipvlan" | "ipvtap", Some("l3s")) => Hold::Ipvlan(Some(IpvlanMode::L3s)),
        ("ipvlan" | "ipvtap", _) => Hold::Ipvlan(None),
        ("bridge" | "bond" | "team" | "openvswitch", _) => Hold::Member,
        ("host-device", _) => Hold::Whole,
        _ => Hold::Beside,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::HostNic;

    const ALL: &[&str] =
        &["macvlan/bridge", "macvlan/passthru", "ipvlan/l2", "ipvlan/l3", "host-device", "veth-routed"];

    fn link(text: &str) -> Link {
        match text {
            "macvlan/bridge" => Link::Macvlan { mode: MacvlanMode::Bridge },
            "macvlan/private" => Link::Macvlan { mode: MacvlanMode::Private },
            "macvlan/passthru" => Link::Macvlan { mode: MacvlanMode::Passthru },
            "ipvlan/l2" => Link::Ipvlan { mode: IpvlanMode::L2 },
            "ipvlan/l3" => Link::Ipvlan { mode: IpvlanMode::L3 },
            "veth-routed" => Link::VethRouted,
            "host-device" => Link::HostDevice,
            other => panic!("{other}"),
        }
    }

    fn interface(ifname: &str, text: &str, nic: &str) -> Interface {
        Interface {
            ifname: ifname.parse().unwrap(),
            network: "net".parse().unwrap(),
            link: link(text),
            nic: Some(HostNic { name: nic.parse().unwrap(), index: 7 }),
            bridge: None,
            settings: None,
            mac: crate::address::Mac([2, 0, 0, 0, 0, 1]),
            mtu: None,
            routes: vec![],
        }
    }

    fn refused(present: &str, wanted: &str) -> bool {
        let uses = [Use { nic: "eth1".to_owned(), link: present.to_owned(), by: "the host".to_owned() }];
        let by_host = !find(&[interface("net1", wanted, "eth1")], &uses).is_empty();
        if ALL.contains(&present) {
            let inside = find(&[interface("net1", present, "eth1"), interface("net2", wanted, "eth1")], &[]);
            assert_eq!(!inside.is_empty(), by_host, "{present} then {wanted} inside one plan");
        }
        by_host
    }

    #[test]
    fn what_goes_together_on_one_nic_is_what_the_kernel_lets() {
        let together: &[(&str, &[&str])] = &[
            ("macvlan/bridge", &["macvlan/bridge", "veth-routed"]),
            ("macvlan/private", &["macvlan/bridge", "veth-routed"]),
            ("macvlan", &["macvlan/bridge", "veth-routed"]),
            ("macvlan/passthru", &["veth-routed"]),
            ("ipvlan/l2", &["ipvlan/l2", "veth-routed"]),
            ("ipvlan/l3", &["ipvlan/l3", "veth-routed"]),
            ("ipvlan", &["veth-routed"]),
            ("bridge", &["veth-routed"]),
            ("bond", &["veth-routed"]),
            ("host-device", &[]),
            ("veth-routed", &["macvlan/bridge", "macvlan/passthru", "ipvlan/l2", "ipvlan/l3", "veth-routed"]),
            ("vlan", &["macvlan/bridge", "macvlan/passthru", "ipvlan/l2", "ipvlan/l3", "veth-routed"]),
        ];
        for (present, good) in together {
            for wanted in ALL {
                assert_eq!(refused(present, wanted), !good.contains(wanted), "{present}, then {wanted}");
            }
        }
    }

    #[test]
    fn other_nics_do_not_matter() {
        let uses = [Use { nic: "eth2".to_owned(), link: "bridge".to_owned(), by: "the host".to_owned() }];
        assert_eq!(find(&[interface("net1", "host-device", "eth1")], &uses), []);
    }

    #[test]
    fn a_refusal_names_both_links_the_nic_and_who_has_it() {
        let uses = [Use {
            nic: "eth1".to_owned(),
            link: "ipvlan/l3".to_owned(),
            by: "interface `net1` of container `c1`".to_owned(),
        }];
        let findings = find(&[interface("net1", "ipvlan/l2", "eth1")], &uses);
        assert_eq!(
            crate::finding::list(&findings),
            "interfaces[0].link: `ipvlan/l2` on NIC `eth1` goes not with `ipvlan/l3` of interface `net1` of container `c1`: \
             all ipvlan links of a NIC have one mode, and a second one would switch the first"
        );
    }
}
