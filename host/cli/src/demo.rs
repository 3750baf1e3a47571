//! `nicety demo`: the main job on one machine, with real daemons, the real plugin binary and real links, in namespaces of its own.

mod audit;
mod egress;
mod manifests;
pub mod node;
mod pods;
mod reach;
mod replay;
mod report;
mod runtime;
mod sandbox;
mod space;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context;
use nicety_daemon::admin::view;
use nicety_kernel::lay;

use self::{
    manifests::NODES,
    node::{NICS, Node},
    report::{Report, table},
    space::Space,
};
use crate::{args::Demo, text::say};

/// A reload follows its file within 0.1 s; a loaded machine takes longer.
const RELOAD_WITHIN: Duration = Duration::from_secs(30);

/// Fails when a pod is refused, an interface does not reach its peers, or anything is left.
pub fn run(arguments: &Demo) -> anyhow::Result<ExitCode> {
    let plugin = plugin(arguments.shim.as_deref())?;
    sandbox::enter()?;
    let root = Root::new()?;
    let tell = |text: &str| {
        if !arguments.json {
            say(text)
        }
    };
    let bin = root.0.join("bin");
    fs::create_dir_all(&bin)?;
    fs::copy(&plugin, bin.join("nicety")).with_context(|| format!("cannot install `{}`", plugin.display()))?;

    tell("two nodes with four NICs each, on four fabrics; everything in namespaces of this process");
    let fabrics = fabrics()?;
    let mut nodes = Vec::new();
    for (name, number) in NODES.iter().zip(1u8..) {
        nodes.push(Node::start(name, number, &fabrics, &root.0, &bin.join("nicety"))?);
    }
    tell(&shown(&root.0.join("manifests")));
    for node in &mut nodes {
        let routed = |status: &view::Status| status.networks.iter().filter_map(|one| one.routes.as_ref()).any(in_place);
        node.wait_until(RELOAD_WITHIN, routed).context("the routes between the nodes did not come into place")?;
    }
    let before = audit::of(&nodes)?;

    let mut report = Report::default();
    let mut sandboxes = Vec::new();
    for (place, node) in nodes.iter().enumerate() {
        for pod in pods::of(node.name) {
            let sandbox = node.runtime.run(pod)?;
            node.runtime.check(&sandbox)?;
            report.pods.extend(pods::rows(node, &sandbox)?);
            sandboxes.push((place, sandbox));
        }
    }
    tell(&format!("\nfour pods on each node, attached by the installed plugin:\n\n{}", table(&report.pods)));
    report.reached = pods::reach(&sandboxes)?;
    tell(&reached(&report));

    let Some(first) = nodes.first_mut() else { anyhow::bail!("the demo has no nodes") };
    let generation = first.status()?.generation;
    fs::write(first.manifests.join("strategies.yaml"), manifests::SWAPPED)?;
    first
        .wait_until(RELOAD_WITHIN, |status| status.generation > generation)
        .context("the new strategies did not come into force")?;
    let sandbox = first.runtime.run(pods::after_swap(first.name))?;
    report.swapped = pods::rows(first, &sandbox)?;
    sandboxes.push((0, sandbox));
    tell(&format!(
        "\nstrategies.yaml of {} swapped while its daemon runs: `rails` now goes to the NIC with the fewest attachments\n\n{}",
        first.name,
        table(&report.swapped)
    ));

    if arguments.keep {
        return keep(&root, &nodes, arguments);
    }
    for (place, sandbox) in sandboxes {
        if let Some(node) = nodes.get(place) {
            node.runtime.stop(sandbox)?;
        }
    }
    report.leaks = audit::since(&before, &nodes)?;
    tell(&format!("\nevery pod deleted, each DEL repeated without a namespace; left over: {}", report.leaks));
    for node in nodes {
        node.stop()?;
    }
    report.replayed = replay::all(&root.0.join(NODES[0]).join("run").join("state").join("journal"))?;
    tell(&replay::told(&report.replayed));
    report.egress = egress::act(&root.0, &bin.join("nicety"), &tell)?;
    report.ok = egress::as_promised(&report.egress)
        && report.leaks.total() == 0
        && replay::as_expected(&report.replayed)
        && report.reached.iter().all(|pair| pair.error.is_none());
    if arguments.json {
        say(&serde_json::to_string_pretty(&report)?);
    } else {
        say(if report.ok { "\nall of it worked" } else { "\nNOT all of it worked" });
    }
    Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn in_place(routes: &view::Routes) -> bool {
    routes.in_place + 1 == NODES.len() && routes.missing == 0
}

/// Four bridges in the namespace that the demo began with.
fn fabrics() -> anyhow::Result<Space> {
    lay::raise("lo", None)?;
    for fabric in 0..NICS {
        lay::bridge(&format!("fabric{fabric}"))?;
    }
    Ok(Space::here()?)
}

fn shown(folder: &Path) -> String {
    let file = |(name, text): (&str, String)| format!("--- {name}\n{}", text.trim_end());
    let files: Vec<String> = manifests::files().into_iter().map(file).collect();
    format!("\nthe manifests, in {}:\n\n{}", folder.display(), files.join("\n"))
}

fn reached(report: &Report) -> String {
    let failed: Vec<String> = report
        .reached
        .iter()
        .filter_map(|pair| Some(format!("  {} does not reach {}: {}", pair.from, pair.to, pair.error.as_ref()?)))
        .collect();
    let good = report.reached.len().saturating_sub(failed.len());
    let counted =
        format!("\n{good} of {} pairs of interfaces of pods on different nodes reach each other", report.reached.len());
    if failed.is_empty() { counted } else { format!("{counted}\n{}", failed.join("\n")) }
}

/// Waits until somebody presses return.
fn keep(root: &Root, nodes: &[Node], arguments: &Demo) -> anyhow::Result<ExitCode> {
    let pid = std::process::id();
    let program = std::env::current_exe()?;
    let mut lines = vec!["\nleft standing; look inside from another terminal:".to_owned()];
    // Root made no user namespace, and nobody can enter the one that they are in.
    let user = if sandbox::has_user_namespace() { "--user --preserve-credentials " } else { "" };
    let enter = format!("nsenter {user}--mount --net --target {pid}");
    for node in nodes {
        lines.push(format!("  {enter} {} status --socket {}", program.display(), node.socket().display()));
    }
    lines.push(format!("  {enter} nsenter --net={}/node-a.netns ip -br address", root.0.display()));
    lines.push("press return here to end it all".to_owned());
    if !arguments.json {
        say(&lines.join("\n"));
    }
    std::io::stdin().read_line(&mut String::new())?;
    Ok(ExitCode::SUCCESS)
}

/// The plugin binary: named, beside this program, or where cargo puts it.
pub fn plugin(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    if let Some(path) = named {
        return path.canonicalize().with_context(|| format!("there is no plugin binary `{}`", path.display()));
    }
    let program = std::env::current_exe()?;
    let beside = program.with_file_name("nicety-shim");
    let arch = std::env::consts::ARCH;
    let built =
        program.ancestors().nth(2).map(|target| target.join(format!("{arch}-unknown-linux-musl/shim/nicety-shim")));
    let found = std::iter::once(beside).chain(built).find(|path| path.is_file());
    found
        .context("the plugin binary is not beside this program; hint: `make demo` builds it, or `--shim FILE` names it")
}

/// A folder of the demo's own, removed at its end.
struct Root(PathBuf);

impl Root {
    fn new() -> anyhow::Result<Root> {
        let root = std::env::temp_dir().join(format!("nicety-demo-{}", std::process::id()));
        fs::create_dir(&root).with_context(|| format!("cannot make `{}`", root.display()))?;
        Ok(Root(root))
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        // Mounts inside end with the mount namespace; what they cover can only be removed once they are gone.
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let inside = mounts
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .filter(|path| Path::new(path).starts_with(&self.0));
        for path in inside {
            let _ = nix::mount::umount2(path, nix::mount::MntFlags::MNT_DETACH);
        }
        drop(fs::remove_dir_all(&self.0));
    }
}
