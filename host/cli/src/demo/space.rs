//! Network namespaces of the demo: its nodes and its pods. Each is kept by a file that it is mounted on, as runtimes keep theirs.

use std::{
    fs::File,
    io,
    os::fd::{AsFd, BorrowedFd},
    path::{Path, PathBuf},
    thread,
};

use anyhow::{Context, anyhow};
use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, setns, unshare},
};

/// Ends when it is removed, or with the process' mount namespace.
#[derive(Debug)]
pub struct Space {
    file: File,
    path: PathBuf,
}

impl Space {
    /// A new one, mounted on `path`, with its loopback up.
    pub fn create(path: &Path) -> anyhow::Result<Space> {
        File::create(path).with_context(|| format!("cannot make `{}`", path.display()))?;
        let mounted = path.to_owned();
        apart(move || {
            unshare(CloneFlags::CLONE_NEWNET)?;
            mount(Some("/proc/thread-self/ns/net"), &mounted, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
            nicety_kernel::lay::raise("lo", None).map_err(|error| anyhow!(error))
        })?;
        Ok(Space { file: File::open(path)?, path: path.to_owned() })
    }

    /// The one that this process is in.
    pub fn here() -> io::Result<Space> {
        let path = PathBuf::from("/proc/self/ns/net");
        Ok(Space { file: File::open(&path)?, path })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` inside, on a thread that ends with it: no other thread changes its namespace.
    pub fn inside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> anyhow::Result<T> {
        let file = self.file.try_clone()?;
        apart(move || {
            setns(&file, CloneFlags::CLONE_NEWNET)?;
            work()
        })
    }

    /// Takes the mount away; the namespace ends with its last user.
    pub fn remove(self) -> anyhow::Result<()> {
        remove(&self.path)
    }
}

/// The namespace that is mounted there ends with its last user.
pub fn remove(path: &Path) -> anyhow::Result<()> {
    umount2(path, MntFlags::MNT_DETACH).with_context(|| format!("cannot unmount `{}`", path.display()))?;
    std::fs::remove_file(path)?;
    Ok(())
}

impl AsFd for Space {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn apart<T: Send + 'static>(work: impl FnOnce() -> anyhow::Result<T> + Send + 'static) -> anyhow::Result<T> {
    thread::spawn(work).join().map_err(|_| anyhow!("a thread of the demo panicked"))?
}
