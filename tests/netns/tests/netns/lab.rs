//! Namespaces and the tools that look into them.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    io::Write,
    os::fd::{AsFd, AsRawFd, OwnedFd},
    panic::resume_unwind,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use nicety_core::{
    address::Mac,
    plan::{HostNic, MacvlanMode, Step},
};
use nicety_kernel::Netns;
use rustix::{
    mount::{MountFlags, MountPropagationFlags, mount, mount_change},
    process::{getgid, getuid},
    thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space},
};
use serde_json::Value;

#[expect(unsafe_code, reason = "rustix declares unshare unsafe for the sake of CLONE_FILES")]
fn unshare(flags: UnshareFlags) -> rustix::io::Result<()> {
    // SAFETY: without CLONE_FILES the descriptor table stays shared and no descriptor changes its meaning.
    // JUSTIFICATION: namespaces are what is tested here; there is no safe call for it.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// Puts the whole process where it may do as it likes. Must run before the first thread starts. The error says what is missing.
pub fn enter() -> Result<(), String> {
    let (uid, gid) = (getuid().as_raw(), getgid().as_raw());
    let all = (uid == 0).then(mapper);
    unshare(UnshareFlags::NEWUSER | UnshareFlags::NEWNET | UnshareFlags::NEWNS)
        .map_err(|e| format!("may not make user, network and mount namespaces ({e}); run as root, or allow them"))?;
    let write = |file: &str, text: String| fs::write(file, text).map_err(|e| format!("cannot write `{file}`: {e}"));
    if uid != 0 || !all.is_some_and(all_users) {
        write("/proc/self/setgroups", "deny".to_owned())?;
        write("/proc/self/uid_map", format!("0 {uid} 1"))?;
        write("/proc/self/gid_map", format!("0 {gid} 1"))?;
    }
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)
        .and_then(|()| mount("none", "/sys", "sysfs", MountFlags::empty(), None))
        .map_err(|e| format!("cannot mount /sys: {e}"))?;
    for tool in ["ip", "ping"] {
        Command::new(tool)
            .arg("-V")
            .output()
            .map_err(|e| format!("cannot run `{tool}` ({e}); install iproute2, iputils-ping"))?;
    }
    Ok(())
}

/// Root may keep all users, to which tools like tcpdump change; others have themselves alone. Who is in a new user namespace may not say so
/// itself, so this one stays outside and waits for a word.
fn mapper() -> Child {
    let each = ["uid_map", "gid_map"].map(|map| format!("echo '0 0 4294967295' > /proc/$PPID/{map}")).join(" && ");
    Command::new("sh").args(["-c", &format!("read go && {each}")]).stdin(Stdio::piped()).spawn().expect("sh")
}

fn all_users(mut mapper: Child) -> bool {
    drop(mapper.stdin.take().expect("its input").write_all(b"go\n"));
    mapper.wait().is_ok_and(|status| status.success())
}

/// Runs `run` on a thread in a network namespace that nobody else is in.
pub fn in_new_netns<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            unshare(UnshareFlags::NEWNET).expect("a new network namespace");
            ip("link set lo up");
            run()
        });
        thread.join().unwrap_or_else(|panic| resume_unwind(panic))
    })
}

/// A namespace as a runtime makes one for a pod.
pub struct Pod(OwnedFd);

impl Pod {
    pub fn new() -> Pod {
        Pod(in_new_netns(|| File::open("/proc/thread-self/ns/net").expect("own namespace").into()))
    }

    pub fn netns(&self) -> Netns {
        Netns::from_fd(self.0.try_clone().expect("a descriptor"), "/run/netns/pod").expect("a pod's namespace")
    }

    /// Of the namespace's file, as `stat` tells it.
    pub fn inode(&self) -> u64 {
        let path = self.inside(|| fs::read_link("/proc/thread-self/ns/net").expect("a link"));
        path.to_string_lossy().trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("net:[inode]")
    }

    /// Runs `run` on a thread in the pod's namespace.
    pub fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        thread::scope(|scope| {
            let enter =
                || move_into_link_name_space(self.0.as_fd(), Some(LinkNameSpaceType::Network)).expect("to enter");
            scope
                .spawn(move || {
                    enter();
                    run()
                })
                .join()
                .unwrap_or_else(|panic| resume_unwind(panic))
        })
    }

    /// Moves a link of the calling thread's namespace in, under another name.
    pub fn take(&self, link: &str, name: &str) {
        let own = format!("/proc/{}/fd/{}", std::process::id(), self.0.as_raw_fd());
        ip(&format!("link set {link} netns {own}"));
        self.ip(&format!("link set {link} name {name}"));
    }

    pub fn ip(&self, arguments: &str) -> Value {
        self.inside(|| ip(arguments))
    }

    /// All that iproute2 knows of the pod.
    pub fn state(&self) -> State {
        self.inside(state)
    }

    pub fn ping(&self, address: &str) -> bool {
        self.inside(|| run("ping", &format!("-c 1 -W 1 {address}")).0)
    }
}

/// The namespace of the calling thread, for other threads to enter.
pub fn here() -> Pod {
    Pod(File::open("/proc/thread-self/ns/net").expect("own namespace").into())
}

/// `ip -j -d ...` in the calling thread's namespace; fails the test when it fails.
pub fn ip(arguments: &str) -> Value {
    let (ok, out) = run("ip", &format!("-j -d {arguments}"));
    assert!(ok, "ip {arguments}: {out}");
    if out.trim().is_empty() { Value::Array(vec![]) } else { serde_json::from_str(&out).expect("json") }
}

pub fn run(program: &str, arguments: &str) -> (bool, String) {
    let out = Command::new(program).args(arguments.split_whitespace()).output().expect(program);
    let text = if out.status.success() { out.stdout } else { out.stderr };
    (out.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Links, addresses and routes of a namespace, one line each, less what counts, ages or settles in its own time.
#[derive(PartialEq)]
pub struct State(BTreeSet<String>);

pub fn state() -> State {
    let mut lines = BTreeSet::new();
    for link in ip("addr").as_array().into_iter().flatten() {
        let mode = &link["linkinfo"]["info_data"]["mode"];
        let fields =
            ["ifindex", "ifname", "address", "mtu", "group", "ifalias", "link", "link_index", "master", "txqlen"];
        let fields: Vec<&Value> = fields.iter().map(|field| &link[*field]).collect();
        let up = link["flags"].to_string().contains("\"UP\"");
        lines.insert(format!("link {fields:?} {} {mode} up: {up}", link["linkinfo"]["info_kind"]));
        for address in link["addr_info"].as_array().into_iter().flatten().filter(|a| a["scope"] != "link") {
            lines.insert(format!("address {}/{} on {}", address["local"], address["prefixlen"], link["ifname"]));
        }
    }
    for family in ["-4", "-6"] {
        for route in ip(&format!("{family} route show table all")).as_array().into_iter().flatten() {
            // Link-local and multicast routes come and go with the carrier.
            let to = route["dst"].as_str().unwrap_or_default();
            if !to.starts_with("fe80:") && !to.starts_with("ff00:") {
                let fields = ["dst", "gateway", "dev", "protocol", "table", "type", "scope"];
                lines.insert(format!("route {:?}", fields.map(|field| route[field].to_string())));
            }
        }
    }
    State(lines)
}

/// Fails with what is more and what is less than before.
pub fn unchanged(when: &str, before: &State, now: &State) {
    let more: Vec<&String> = now.0.difference(&before.0).collect();
    let less: Vec<&String> = before.0.difference(&now.0).collect();
    assert!(more.is_empty() && less.is_empty(), "{when}:\nmore: {more:#?}\nless: {less:#?}");
}

/// A NIC of the host: a veth, up, whose other end `NAMEp` stands for the cable.
pub fn nic(name: &str) -> HostNic {
    ip(&format!("link add {name} type veth peer name {name}p"));
    ip(&format!("link set {name}p up"));
    ip(&format!("link set {name} up"));
    host_nic(name)
}

pub fn host_nic(name: &str) -> HostNic {
    let index = ip(&format!("link show {name}"))[0]["ifindex"].as_u64().expect("an index");
    HostNic { name: name.parse().expect("a name"), index: u32::try_from(index).expect("an index") }
}

pub fn deadline() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

/// Waits for what the kernel does in its own time.
pub fn eventually(what: &str, condition: impl Fn() -> bool) {
    let end = deadline();
    while !condition() {
        assert!(Instant::now() < end, "{what} did not happen");
        thread::yield_now();
    }
}

pub const GROUP: u32 = 0x4e49_0001;

pub fn mac(last: u8) -> Mac {
    Mac([2, 0, 0, 0, 1, last])
}

/// A macvlan with an address of 10.1.0.0/16, up, as a plan has it.
pub fn macvlan(ifname: &str, master: &HostNic, mode: MacvlanMode, last: u8) -> Vec<Step> {
    let name = || ifname.parse().expect("a name");
    vec![
        Step::CreateMacvlan { ifname: name(), master: master.clone(), mode, mac: mac(last), mtu: None, group: GROUP },
        Step::AddAddress { ifname: name(), address: format!("10.1.0.{last}/16").parse().expect("an address") },
        Step::SetUp { ifname: name() },
    ]
}
