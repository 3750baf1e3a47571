//! Forwarding between pods and the NICs that lead to other nodes: the settings of those NICs alone, with what stood there before.
//!
//! IPv4 forwards what comes in on a link whose own switch is on. IPv6 asks the switch of the whole host, and from Linux 6.17 on also
//! one of the link; the link's `forwarding` only makes it a router's, which stops it from learning routes, and is left alone. Reverse
//! path filtering needs nothing: the way back to a pod of another node is by our rule, over the NIC that its packets come in on.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::PathBuf,
};

use nicety_core::{address::Family, ids::IfName};

use crate::sysctl;

#[derive(Debug, thiserror::Error)]
pub enum SettingError {
    #[error("cannot read `{path}`")]
    Read { path: String, source: io::Error },
    #[error("cannot write `{path}`; hint: the daemon needs `/proc/sys` writable")]
    Write { path: String, source: io::Error },
    /// Nothing of a single link can be set.
    #[error(
        "this host does not forward IPv6, and its kernel has no switch for a single link; hint: sysctl \
         net.ipv6.conf.all.forwarding=1"
    )]
    NoIpv6,
}

/// The settings that let packets of these families come in on these NICs, by path under `/proc/sys`. `NoIpv6` stands in the second
/// list once, the settings of IPv4 are in the first all the same.
pub fn wanted(nics: &BTreeSet<(IfName, Family)>) -> (BTreeMap<String, String>, Vec<SettingError>) {
    let (mut settings, mut errors) = (BTreeMap::new(), Vec::new());
    let hosts = read("net/ipv6/conf/all/forwarding").unwrap_or_default();
    for (nic, family) in nics {
        match family {
            Family::V4 => drop(settings.insert(format!("net/ipv4/conf/{nic}/forwarding"), "1".to_owned())),
            Family::V6 => {
                let path = format!("net/ipv6/conf/{nic}/force_forwarding");
                if at(&path).exists() {
                    settings.insert(path, "1".to_owned());
                } else if hosts != "1" && errors.is_empty() {
                    errors.push(SettingError::NoIpv6);
                }
            }
        }
    }
    (settings, errors)
}

/// What stands there now. A link that is gone has no settings.
pub fn present(path: &str) -> Result<Option<String>, SettingError> {
    match read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SettingError::Read { path: path.to_owned(), source }),
    }
}

/// A link that is gone has taken its settings along.
pub fn set(path: &str, value: &str) -> Result<(), SettingError> {
    match fs::write(at(path), value) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(SettingError::Write { path: path.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn read(path: &str) -> io::Result<String> {
    Ok(fs::read_to_string(at(path))?.trim().to_owned())
}

/// Paths are as people know them, below `/proc/sys`; all of them begin with `net/`.
fn at(path: &str) -> PathBuf {
    sysctl::ROOT.join(path.strip_prefix("net/").unwrap_or(path))
}
