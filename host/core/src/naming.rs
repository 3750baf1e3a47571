//! Names of a pod's interfaces. An attachment of one NIC takes its name as it is, one of several takes it as a stem: `net1-0`,
//! `net1-1`, ...

use std::collections::BTreeMap;

use crate::{
    facts::Request,
    finding::Finding,
    ids::{IFNAME_MAX, IfName},
};

/// The name or stem of each request: CNI_IFNAME for the primary one, the name asked for, or `net` and the request's place among
/// those that are not primary, from 1.
pub fn stems(cni_ifname: &str, requests: &[Request]) -> Vec<String> {
    let mut place = 0_u32;
    let mut stem = |request: &Request| {
        if request.primary {
            return cni_ifname.to_owned();
        }
        place += 1;
        request.ifname.clone().unwrap_or_else(|| format!("net{place}"))
    };
    requests.iter().map(&mut stem).collect()
}

/// The name of NIC `place` of `count`.
fn name(stem: &str, place: usize, count: usize) -> String {
    if count == 1 { stem.to_owned() } else { format!("{stem}-{place}") }
}

/// The names of all interfaces, by request and NIC. `counts`: how many NICs each request got. `cni_ifname` is taken in every mode:
/// by the primary request, or by the plugin that made it.
pub fn names(cni_ifname: &str, requests: &[Request], counts: &[usize]) -> Result<Vec<Vec<IfName>>, Vec<Finding>> {
    let mut findings = Vec::new();
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    if !requests.iter().any(|request| request.primary) {
        owners.insert(cni_ifname.to_owned(), "CNI_IFNAME".to_owned());
    }
    let mut all = Vec::new();
    for (index, (stem, count)) in stems(cni_ifname, requests).iter().zip(counts).enumerate() {
        let path = format!("requests[{index}].ifname");
        let mut names = Vec::new();
        for place in 0..*count {
            let text = name(stem, place, *count);
            if let Some(owner) = owners.insert(text.clone(), format!("requests[{index}]")) {
                findings.push(Finding::new(&path, format!("`{text}` is the interface of {owner} already")));
            }
            match text.parse::<IfName>() {
                Ok(name) => names.push(name),
                Err(refused) => findings.push(Finding::new(&path, format!("{refused}; hint: ask for a shorter name"))),
            }
        }
        all.push(names);
    }
    if findings.is_empty() { Ok(all) } else { Err(findings) }
}

/// Two stems of which one could name an interface of the other: `net1` of several NICs and `net1-0`. `most` is the number of NICs
/// that the first may have.
pub fn may_meet(stem: &str, most: u32, other: &str) -> bool {
    let place = || {
        let digits = other.strip_prefix(stem)?.strip_prefix('-')?;
        let place: u32 = digits.parse().ok()?;
        // `net1-01` is nobody's name.
        (place.to_string() == digits).then_some(place)
    };
    stem == other || (most > 1 && place().is_some_and(|place| place < most))
}

/// True when NIC number `count` would have a name that is too long for the kernel.
pub fn too_long(stem: &str, count: u32) -> bool {
    count > 1 && format!("{stem}-{}", count - 1).len() > IFNAME_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(ifnames: &[Option<&str>]) -> Vec<Request> {
        ifnames.iter().map(|name| Request { ifname: name.map(str::to_owned), ..Request::default() }).collect()
    }

    fn texts(names: Result<Vec<Vec<IfName>>, Vec<Finding>>) -> Vec<Vec<String>> {
        names.unwrap().iter().map(|names| names.iter().map(IfName::to_string).collect()).collect()
    }

    #[test]
    fn one_nic_takes_the_name_and_several_take_it_as_a_stem() {
        let got = texts(names("eth0", &requests(&[Some("fast"), Some("rail")]), &[1, 3]));
        assert_eq!(got, [vec!["fast"], vec!["rail-0", "rail-1", "rail-2"]]);
    }

    #[test]
    fn without_a_name_the_place_among_those_beside_the_primary_counts() {
        let mut list = requests(&[None, None, Some("x"), None]);
        list[1].primary = true;
        assert_eq!(texts(names("eth0", &list, &[1, 1, 1, 1])), [["net1"], ["eth0"], ["x"], ["net3"]]);
    }

    #[test]
    fn a_name_is_given_once_and_fits_the_kernel() {
        let refused = |ifnames: &[Option<&str>], counts: &[usize]| {
            let findings = names("eth0", &requests(ifnames), counts).unwrap_err();
            findings.iter().map(Finding::to_string).collect::<Vec<_>>()
        };
        assert_eq!(
            refused(&[Some("net2"), None], &[1, 1]),
            ["requests[1].ifname: `net2` is the interface of requests[0] already"]
        );
        assert_eq!(
            refused(&[Some("eth0")], &[1]),
            ["requests[0].ifname: `eth0` is the interface of CNI_IFNAME already"]
        );
        assert_eq!(
            refused(&[Some("fourteen-bytes")], &[2])[0],
            "requests[0].ifname: interface name `fourteen-bytes-0` is longer than 15 bytes; hint: ask for a shorter name"
        );
    }

    #[test]
    fn stems_that_could_meet_are_told() {
        assert!(may_meet("net1", 1, "net1") && may_meet("net1", 2, "net1-1") && may_meet("net1", u32::MAX, "net1-77"));
        assert!(!may_meet("net1", 1, "net1-0") && !may_meet("net1", 2, "net1-2") && !may_meet("net1", 9, "net1-01"));
        assert!(!may_meet("net1", 9, "net10") && !may_meet("net1", 9, "net1-0-0"));
        assert!(too_long("fifteen-bytes-x", 2) && !too_long("fifteen-bytes-x", 1) && too_long("thirteen-byte", 11));
        assert!(!too_long("thirteen-byte", 10));
    }
}
