//! Writes what is made from the types: the CustomResourceDefinition documents below `deploy/crds` and the page `docs/objects.md` of
//! this repository, or of the folder that it is given.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let own = || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..");
    let root = env::args_os().nth(1).map_or_else(own, PathBuf::from);
    if !root.is_dir() {
        let message =
            format!("`{}` is no folder\n  hint: nicety-crds [FOLDER], without one this repository", root.display());
        return Err(io::Error::new(io::ErrorKind::NotFound, message));
    }
    let folder = root.join("deploy/crds");
    fs::create_dir_all(&folder)?;
    fs::create_dir_all(root.join("docs"))?;
    fs::write(root.join("docs/objects.md"), nicety_k8s::crd::page())?;
    fs::write(folder.join("kustomization.yaml"), nicety_k8s::crd::kustomization())?;
    for document in nicety_k8s::crd::documents() {
        fs::write(folder.join(&document.file), document.text())?;
    }
    Ok(())
}
