//! Names and numbers derived from identities. All fields are length-prefixed, so that no two lists of fields read the same
//! (`web.1` + `0` is not `web` + `1.0`).

use sha2::{Digest, Sha256};

use crate::{
    address::Mac,
    ids::{AttachmentKey, IfName},
};

fn digest(fields: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for field in fields {
        hasher.update((field.len() as u64).to_be_bytes());
        hasher.update(field.as_bytes());
    }
    hasher.finalize().into()
}

/// 64 bits of SHA-256 over the fields.
pub fn number(fields: &[&str]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = digest(fields);
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// SHA-256 over the fields, in hexadecimal.
pub fn hex(fields: &[&str]) -> String {
    digest(fields).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_interface(role: &str, key: &AttachmentKey, ifname: &IfName) -> u64 {
    number(&[role, key.netconf.as_str(), key.container.as_str(), key.ifname.as_str(), ifname.as_str()])
}

/// A locally administered unicast address, the same at each retry of the same attachment.
pub fn mac(role: &str, key: &AttachmentKey, ifname: &IfName) -> Mac {
    let [_, _, octets @ ..] = of_interface(role, key, ifname).to_be_bytes();
    let [first, rest @ ..] = octets;
    let [a, b, c, d, e] = rest;
    Mac([(first & 0xfc) | 0x02, a, b, c, d, e])
}

/// The host end of a pod's veth: `nic` and 11 hexadecimal digits.
#[expect(clippy::expect_used, reason = "14 bytes of letters and digits are an interface name")]
pub fn host_ifname(key: &AttachmentKey, ifname: &IfName) -> IfName {
    let name = format!("nic{:011x}", of_interface("host-link", key, ifname) >> 20);
    name.parse().expect("14 bytes of letters and digits are an interface name")
}

/// The link group that all links of one attachment carry, so that one request deletes them: 31 bits, never zero.
pub fn link_group(key: &AttachmentKey) -> u32 {
    let [a, b, c, d, ..] = of_interface("group", key, &key.ifname).to_be_bytes();
    (u32::from_be_bytes([a, b, c, d]) & 0x7fff_ffff).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(container: &str) -> AttachmentKey {
        AttachmentKey {
            netconf: "net".parse().unwrap(),
            container: container.parse().unwrap(),
            ifname: "eth0".parse().unwrap(),
        }
    }

    #[test]
    fn fields_do_not_run_into_each_other() {
        assert_ne!(number(&["web.1", "0"]), number(&["web", "1.0"]));
        assert_ne!(number(&["a", ""]), number(&["", "a"]));
    }

    #[test]
    fn derived_names_are_legal_and_stable() {
        let ifname: IfName = "net1-0".parse().unwrap();
        let host = host_ifname(&key("c1"), &ifname);
        assert!(host.as_str().starts_with("nic") && host.as_str().len() == 14, "{host}");
        assert_eq!(host, host_ifname(&key("c1"), &ifname));
        assert_ne!(host, host_ifname(&key("c2"), &ifname));
        assert!(mac("pod", &key("c1"), &ifname).is_unicast());
        assert_ne!(mac("pod", &key("c1"), &ifname), mac("host", &key("c1"), &ifname));
        assert!(link_group(&key("c1")) > 0);
    }
}
