//! Namespaces of our own for the demo: nothing that it does can touch the machine's network, and all of it ends with the process.
//! Needs no root where the machine lets its users make user namespaces.

use std::{fs, io, path::Path};

use nix::{
    sched::{CloneFlags, unshare},
    unistd::{getegid, geteuid},
};

#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    #[error(
        "this machine does not let unprivileged users make user namespaces{why}\nhint: run `sudo {program} demo`, or allow it \
         until the next reboot with `sudo sysctl -w {sysctl}`"
    )]
    UserNamespaces { why: &'static str, program: String, sysctl: &'static str },
    #[error("cannot make namespaces for the demo\nhint: run it as root, outside a container that drops CAP_SYS_ADMIN")]
    Namespaces(#[source] io::Error),
    #[error("cannot map this user to root in the demo's user namespace ({file})")]
    Map { file: &'static str, source: io::Error },
    #[error("cannot keep the demo's mounts to itself")]
    Mounts(#[source] io::Error),
}

/// The process enters a mount and a network namespace of its own; without root, a user namespace first. Must be called while the
/// process has one thread.
pub fn enter() -> Result<(), SandboxError> {
    let (uid, gid) = (geteuid(), getegid());
    let own = CloneFlags::CLONE_NEWNS | CloneFlags::CLONE_NEWNET;
    if uid.is_root() {
        unshare(own).map_err(|errno| SandboxError::Namespaces(errno.into()))?;
    } else {
        unshare(CloneFlags::CLONE_NEWUSER).map_err(|_| no_user_namespaces())?;
        write("/proc/self/setgroups", "deny")?;
        write("/proc/self/uid_map", &format!("0 {uid} 1"))?;
        write("/proc/self/gid_map", &format!("0 {gid} 1"))?;
        // A restricted user namespace (AppArmor on Ubuntu) is made, but has no capabilities: the next call shows it.
        unshare(own).map_err(|_| no_user_namespaces())?;
    }
    private_mounts()
}

/// Whether `enter` made a user namespace: root outside of it is more than one user.
pub fn has_user_namespace() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.split_whitespace().nth(2) == Some("1")
}

/// Mounts made from here on are seen by nobody else.
fn private_mounts() -> Result<(), SandboxError> {
    use nix::mount::{MsFlags, mount};
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(|errno| SandboxError::Mounts(errno.into()))
}

fn write(file: &'static str, text: &str) -> Result<(), SandboxError> {
    fs::write(file, text).map_err(|source| SandboxError::Map { file, source })
}

fn no_user_namespaces() -> SandboxError {
    let program = std::env::args().next().unwrap_or_else(|| "nicety".to_owned());
    let restricted = Path::new("/proc/sys/kernel/apparmor_restrict_unprivileged_userns");
    if fs::read_to_string(restricted).is_ok_and(|text| text.trim() == "1") {
        let sysctl = "kernel.apparmor_restrict_unprivileged_userns=0";
        SandboxError::UserNamespaces { why: " (AppArmor restricts them, as Ubuntu 24.04 does)", program, sysctl }
    } else {
        let sysctl = "user.max_user_namespaces=1000 kernel.unprivileged_userns_clone=1";
        SandboxError::UserNamespaces { why: "", program, sysctl }
    }
}
