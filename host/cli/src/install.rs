//! `nicety install` and `nicety uninstall`: the plugin binary and the network configuration of a runtime.
//!
//! Coming, the binary is first and the configuration last, because a runtime begins to use us with it. Going, the configuration is
//! last of all but the binary: without it a runtime cannot tear down what is there.

mod conflist;
mod place;

use std::{
    fs, io,
    os::unix::net::UnixStream,
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use nicety_daemon::retire::{self, Attached};

use crate::{
    args::{Install, Uninstall},
    demo,
    text::say,
};

/// The name under which runtimes find the plugin.
const PLUGIN: &str = "nicety";
const AGAIN: Duration = Duration::from_millis(200);

pub fn run(arguments: &Install) -> anyhow::Result<ExitCode> {
    // What is wrong with the configuration is told before anything is changed.
    let text = arguments.cni_conf_dir.as_ref().map(|_| conflist::text(&arguments.conflist)).transpose()?;
    let shim = demo::plugin(arguments.shim.as_deref())?;
    let bytes = fs::read(&shim).with_context(|| format!("cannot read `{}`", shim.display()))?;
    place::file(&arguments.cni_bin_dir, PLUGIN, &bytes, place::Mode::Program)?;
    say(&format!("installed `{}`", arguments.cni_bin_dir.join(PLUGIN).display()));
    if let (Some(folder), Some(text)) = (&arguments.cni_conf_dir, text) {
        if let Some(patience) = arguments.wait {
            answers(&arguments.conflist.socket, patience)?;
        }
        place::file(folder, &arguments.conflist.conflist_name, text.as_bytes(), place::Mode::Document)?;
        say(&format!("wrote `{}`", folder.join(&arguments.conflist.conflist_name).display()));
    }
    Ok(ExitCode::SUCCESS)
}

/// A runtime that finds a configuration starts pods with it at once.
fn answers(socket: &Path, patience: Duration) -> anyhow::Result<()> {
    let end = Instant::now() + patience;
    loop {
        match UnixStream::connect(socket) {
            Ok(_) => return Ok(()),
            Err(error) if Instant::now() >= end => {
                return Err(error).with_context(|| {
                    let (socket, seconds) = (socket.display(), patience.as_secs());
                    format!(
                        "no daemon listens on `{socket}` after {seconds} s; nothing was written to the runtime's folder"
                    )
                });
            }
            Err(_) => thread::sleep(AGAIN),
        }
    }
}

pub fn undo(arguments: &Uninstall) -> anyhow::Result<ExitCode> {
    let attached = if arguments.force { Attached::TakeBack } else { Attached::Keep };
    let end = Instant::now() + arguments.wait;
    loop {
        match retire::retire(&arguments.run_dir, arguments.route_tables, attached) {
            Ok(()) => break,
            Err(error) if error.may_pass() && Instant::now() < end => thread::sleep(AGAIN),
            Err(error) => return Err(error).context("nothing was uninstalled"),
        }
    }
    say("this node has no interface, route, rule, table, bridge or setting of ours any more");
    if let Some(folder) = &arguments.cni_conf_dir {
        ours(&folder.join(&arguments.conflist_name), conflist::is_ours)?;
    }
    ours(&arguments.cni_bin_dir.join(PLUGIN), |_| true)?;
    Ok(ExitCode::SUCCESS)
}

/// What is not there is removed already.
fn ours(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
    let gone = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
    match fs::read(path) {
        Err(error) if gone(&error) => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        Ok(bytes) if !is_ours(&bytes) => {
            bail!("`{}` is not what we wrote; hint: remove it yourself if nobody needs it", path.display())
        }
        Ok(_) => {}
    }
    match fs::remove_file(path) {
        Err(error) if !gone(&error) => Err(error).with_context(|| format!("cannot remove `{}`", path.display())),
        _ => {
            say(&format!("removed `{}`", path.display()));
            Ok(())
        }
    }
}
