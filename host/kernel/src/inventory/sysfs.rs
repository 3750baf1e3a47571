//! What sysfs knows of a NIC and netlink does not. Everything here may be missing: a file that is not there, or that the driver
//! refuses to read while the link is down, is a fact not known.

use std::{
    fs,
    path::{Path, PathBuf},
};

use nicety_core::{
    address::PciAddress,
    facts::nic_selection::{Functions, Nic},
};

/// Fills the fields that sysfs knows: speed, numa, pci, upstream, vendor, product, driver, functions and rdma.
pub fn read(sysfs: &Path, name: &str) -> Nic {
    let link = sysfs.join("class/net").join(name);
    let mut nic = Nic { speed: speed(&link), ..Nic::default() };
    // `device` leads to `.../0000:0c:05.0`, or to `.../0000:0c:05.0/virtio2` for a device on a bus of its own.
    let Ok(device) = fs::canonicalize(link.join("device")) else { return nic };
    nic.driver = target_name(&device.join("driver")).unwrap_or_default();
    nic.rdma = device.join("infiniband").is_dir();
    let mut on_pci = device.ancestors().filter_map(|path| Some((path, pci_address(path)?)));
    if let Some((function, address)) = on_pci.next() {
        nic.pci = Some(address);
        nic.upstream = on_pci.next().map(|(_, bridge)| bridge);
        nic.numa = numa(function);
        nic.vendor = hexadecimal(&function.join("vendor"));
        nic.product = hexadecimal(&function.join("device"));
        nic.functions = functions(function);
        nic.rdma |= function.join("infiniband").is_dir();
    } else {
        nic.numa = numa(&device);
    }
    nic
}

/// sysfs has megabits per second, and -1 where the driver does not know.
fn speed(link: &Path) -> Option<u64> {
    let megabits: i64 = text(&link.join("speed"))?.parse().ok()?;
    u64::try_from(megabits).ok().filter(|megabits| *megabits > 0)?.checked_mul(1_000_000)
}

/// -1: the platform does not say.
fn numa(device: &Path) -> Option<u32> {
    u32::try_from(text(&device.join("numa_node"))?.parse::<i64>().ok()?).ok()
}

/// A virtual function is free while its own NIC stands on the host.
fn functions(function: &Path) -> Option<Functions> {
    let total = text(&function.join("sriov_totalvfs"))?.parse().ok().filter(|total| *total > 0)?;
    let mut free = 0;
    for entry in fs::read_dir(function).ok()?.flatten() {
        let virtual_function = entry.file_name().to_string_lossy().starts_with("virtfn");
        let has_nic = || fs::read_dir(entry.path().join("net")).is_ok_and(|mut nics| nics.next().is_some());
        free += u32::from(virtual_function && has_nic());
    }
    Some(Functions { total, free })
}

fn pci_address(path: &Path) -> Option<PciAddress> {
    path.file_name()?.to_str()?.parse().ok()
}

fn hexadecimal(file: &Path) -> Option<u16> {
    u16::from_str_radix(text(file)?.strip_prefix("0x")?, 16).ok()
}

fn target_name(link: &Path) -> Option<String> {
    let target: PathBuf = fs::read_link(link).ok()?;
    Some(target.file_name()?.to_str()?.to_owned())
}

fn text(file: &Path) -> Option<String> {
    Some(fs::read_to_string(file).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// Writes `files` below `device` of a sysfs tree and lets `name` be its NIC.
    fn lay(sysfs: &Path, name: &str, device: &str, files: &[(&str, &str)]) {
        let device = sysfs.join("devices").join(device);
        for (file, content) in files {
            let file = device.join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, format!("{content}\n")).unwrap();
        }
        let link = device.join("net").join(name);
        fs::create_dir_all(&link).unwrap();
        symlink(&device, link.join("device")).unwrap();
        fs::create_dir_all(sysfs.join("class/net")).unwrap();
        symlink(&link, sysfs.join("class/net").join(name)).unwrap();
    }

    const BRIDGE: &str = "pci0000:00/0000:00:01.0/0000:0c:00.0";

    #[test]
    fn a_physical_function_behind_a_bridge_is_known_in_full() {
        let sysfs = tempfile::tempdir().unwrap();
        let device = format!("{BRIDGE}/0000:0d:00.0");
        let files = [
            ("vendor", "0x15b3"),
            ("device", "0x101e"),
            ("numa_node", "1"),
            ("sriov_totalvfs", "8"),
            ("infiniband/mlx5_0/x", ""),
            ("net/rail0/speed", "100000"),
        ];
        lay(sysfs.path(), "rail0", &device, &files);
        let device = sysfs.path().join("devices").join(device);
        symlink("../../../../bus/pci/drivers/mlx5_core", device.join("driver")).unwrap();
        for (number, nic) in [(0, "free"), (1, "")] {
            let function = sysfs.path().join("devices").join(BRIDGE).join(format!("0000:0d:00.{}", number + 1));
            fs::create_dir_all(function.join("net").join(nic)).unwrap();
            symlink(function, device.join(format!("virtfn{number}"))).unwrap();
        }
        let nic = read(sysfs.path(), "rail0");
        assert_eq!(nic.pci, Some("0000:0d:00.0".parse().unwrap()));
        assert_eq!(nic.upstream, Some("0000:0c:00.0".parse().unwrap()));
        assert_eq!((nic.vendor, nic.product, nic.numa), (Some(0x15b3), Some(0x101e), Some(1)));
        assert_eq!(nic.functions, Some(Functions { total: 8, free: 1 }));
        assert_eq!((nic.driver.as_str(), nic.rdma, nic.speed), ("mlx5_core", true, Some(100_000_000_000)));
    }

    #[test]
    fn a_virtio_nic_has_the_pci_address_of_the_device_that_carries_it() {
        let sysfs = tempfile::tempdir().unwrap();
        lay(sysfs.path(), "eth0", "pci0000:00/0000:00:03.0/virtio2", &[("net/eth0/speed", "-1")]);
        let carrier = sysfs.path().join("devices/pci0000:00/0000:00:03.0");
        fs::write(carrier.join("vendor"), "0x1af4\n").unwrap();
        fs::write(carrier.join("numa_node"), "-1\n").unwrap();
        let nic = read(sysfs.path(), "eth0");
        assert_eq!(nic.pci, Some("0000:00:03.0".parse().unwrap()));
        assert_eq!((nic.upstream, nic.speed, nic.numa, nic.functions), (None, None, None, None));
        assert_eq!((nic.vendor, nic.rdma), (Some(0x1af4), false));
    }

    #[test]
    fn a_virtual_nic_and_one_that_sysfs_does_not_know_have_no_hardware() {
        let sysfs = tempfile::tempdir().unwrap();
        let link = sysfs.path().join("class/net/veth0");
        fs::create_dir_all(&link).unwrap();
        fs::write(link.join("speed"), "10000\n").unwrap();
        assert_eq!(read(sysfs.path(), "veth0"), Nic { speed: Some(10_000_000_000), ..Nic::default() });
        assert_eq!(read(sysfs.path(), "gone"), Nic::default());
    }
}
