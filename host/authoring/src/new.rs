//! A new policy's folder: a small policy that works, its tests and golden cases, the SDK and the contract. All of it is embedded, so
//! that it needs neither a network nor our sources.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use include_dir::{Dir, include_dir};

use crate::{Lang, PROJECT_FILE, Project};

/// `sdk/` and `wit/`, as the build script has gathered them.
static KIT: Dir<'static> = include_dir!("$OUT_DIR/kit");
/// Stands in the templates where the policy's name belongs.
const NAME: &str = "my-policy";
const SNAKE_NAME: &str = "my_policy";
/// Names that would be ambiguous to rustc.
const OF_RUST: [&str; 5] = ["alloc", "core", "proc-macro", "std", "test"];

#[derive(Debug, thiserror::Error)]
pub enum NewError {
    #[error("`{}` exists; hint: another name, or another folder by `--into`", path.display())]
    Exists { path: PathBuf },
    #[error(
        "a Rust package cannot be named `{name}`, because one that it is built with has this name; hint: `{name}-policy`"
    )]
    Taken { name: String },
    #[error("cannot write `{}`", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("this binary was built without `{path}`")]
    NotEmbedded { path: String },
}

/// Makes `into/NAME` and answers with its path. A folder that cannot be finished is taken away again.
pub fn create(project: &Project, into: &Path) -> Result<PathBuf, NewError> {
    let files = files(project)?;
    let folder = into.join(project.name.as_str());
    let failed = |path: &Path| {
        let path = path.to_owned();
        |source| NewError::Write { path, source }
    };
    fs::create_dir_all(into).map_err(failed(into))?;
    fs::create_dir(&folder).map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => NewError::Exists { path: folder.clone() },
        _ => failed(&folder)(source),
    })?;
    let written = files.iter().try_for_each(|(name, content)| {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(&folder);
        fs::create_dir_all(parent).map_err(failed(parent))?;
        fs::write(&path, content).map_err(failed(&path))
    });
    match written {
        Ok(()) => Ok(folder),
        Err(error) => {
            // Ours: it was not there before. What keeps it from going away is what kept it from being written.
            let _ = fs::remove_dir_all(&folder);
            Err(error)
        }
    }
}

/// All files of the folder by path.
fn files(project: &Project) -> Result<BTreeMap<PathBuf, Vec<u8>>, NewError> {
    let lang = project.lang.name();
    let kind = project.kind.name();
    let mut files = BTreeMap::new();
    for template in
        ["templates/kinds/".to_owned() + kind, format!("templates/{lang}/all"), format!("templates/{lang}/{kind}")]
    {
        for (path, content) in embedded(&template)? {
            files.insert(placed(&path), named(content, project));
        }
    }
    let sdk: &[(&str, &str)] = match project.lang {
        Lang::Rust => &[("rust", "sdk")],
        Lang::Python => &[("python/nicety_policy", "nicety_policy"), ("wit", "wit")],
        Lang::JavaScript => &[("javascript/nicety-policy", "nicety-policy"), ("wit", "wit")],
    };
    for (from, to) in sdk {
        files.extend(embedded(from)?.into_iter().map(|(path, content)| (Path::new(to).join(path), content.to_vec())));
    }
    if project.lang == Lang::Rust {
        of_rust(project, &mut files)?;
    }
    if project.lang == Lang::JavaScript {
        of_javascript(&mut files);
    }
    files.insert(PROJECT_FILE.into(), project.text().into_bytes());
    Ok(files)
}

/// What follows from the name, and what we build our own policies with.
fn of_rust(project: &Project, files: &mut BTreeMap<PathBuf, Vec<u8>>) -> Result<(), NewError> {
    let name = project.name.as_str();
    let missing = |path: &str| NewError::NotEmbedded { path: path.to_owned() };
    let template = KIT.get_file("templates/rust/all/Cargo.lock").ok_or_else(|| missing("Cargo.lock"))?;
    let template = template.contents_utf8().ok_or_else(|| missing("Cargo.lock"))?;
    if OF_RUST.contains(&name) || template.contains(&format!("name = \"{name}\"\n")) {
        return Err(NewError::Taken { name: name.to_owned() });
    }
    files.insert("Cargo.lock".into(), lock(template, name).into_bytes());
    let flags = nicety_component::FLAGS.map(|flag| format!("    \"{flag}\",\n")).concat();
    let cargo = format!(
        "# A small stack and memory that is there from the start: a decision takes half the time that it takes with the defaults.\n\
         [target.{}]\nrustflags = [\n{flags}]\n",
        nicety_component::TARGET
    );
    files.insert(".cargo/config.toml".into(), cargo.into_bytes());
    Ok(())
}

/// A policy in JavaScript cannot read a file, not even when it is built: its schema is a module.
fn of_javascript(files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    if let Some(schema) = files.remove(Path::new("config.schema.json")) {
        let schema = String::from_utf8_lossy(&schema);
        let module = format!("/** What a config may say. */\nexport const schema = {};\n", schema.trim_end());
        files.insert("schema.js".into(), module.into_bytes());
    }
}

/// The lock file with the policy's name, in cargo's order: so cargo finds nothing to change in it.
fn lock(template: &str, name: &str) -> String {
    const PACKAGE: &str = "\n[[package]]\n";
    let mut parts = template.split(PACKAGE);
    let header = parts.next().unwrap_or_default();
    let named = |part: &str| part.replace(&format!("name = \"{NAME}\""), &format!("name = \"{name}\""));
    let mut packages: Vec<String> = parts.map(named).map(|part| part.trim_end().to_owned() + "\n").collect();
    packages.sort();
    packages.into_iter().fold(header.to_owned(), |text, package| text + PACKAGE + &package)
}

/// The files of an embedded folder by their path in it.
fn embedded(folder: &str) -> Result<Vec<(PathBuf, &'static [u8])>, NewError> {
    let root = KIT.get_dir(folder).ok_or_else(|| NewError::NotEmbedded { path: folder.to_owned() })?;
    let mut folders = vec![root];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        folders.extend(folder.dirs());
        for file in folder.files() {
            let path = file.path().strip_prefix(root.path()).unwrap_or(file.path());
            files.push((path.to_owned(), file.contents()));
        }
    }
    Ok(files)
}

/// Files that would mean something where the templates lie have other names there.
fn placed(path: &Path) -> PathBuf {
    if path == Path::new("gitignore") { ".gitignore".into() } else { path.to_owned() }
}

fn named(content: &[u8], project: &Project) -> Vec<u8> {
    match std::str::from_utf8(content) {
        Ok(text) => text.replace(NAME, project.name.as_str()).replace(SNAKE_NAME, &project.name.snake()).into_bytes(),
        Err(_) => content.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use nicety_core::facts::Kind;

    use super::*;

    fn project(name: &str, kind: Kind, lang: Lang) -> Project {
        Project { name: name.parse().unwrap(), kind, lang }
    }

    #[test]
    fn each_kind_in_each_language_is_a_folder_with_cases_a_schema_the_contract_and_no_trace_of_the_template() {
        let into = tempfile::tempdir().unwrap();
        for (kind, lang) in Kind::ALL.into_iter().flat_map(|kind| Lang::ALL.map(|lang| (kind, lang))) {
            let project = project(&format!("{}-in-{}", kind.name(), lang.name()), kind, lang);
            let folder = create(&project, into.path()).unwrap();
            assert_eq!(Project::read(&folder).unwrap(), project);
            let wit = if lang == Lang::Rust { "sdk/wit/policy.wit" } else { "wit/policy.wit" };
            let schema = if lang == Lang::JavaScript { "schema.js" } else { "config.schema.json" };
            for file in ["README.md", schema, ".gitignore", wit] {
                assert!(folder.join(file).is_file(), "{}: {file}", folder.display());
            }
            assert!(fs::read_dir(folder.join("cases")).unwrap().count() >= 2, "{}", folder.display());
            for (path, content) in files(&project).unwrap() {
                let text = String::from_utf8(content).unwrap();
                assert!(!text.contains("my-policy"), "{}", path.display());
                assert!(!text.contains("workspace = true"), "{}", path.display());
            }
        }
    }

    #[test]
    fn an_existing_folder_is_left_as_it_is() {
        let into = tempfile::tempdir().unwrap();
        let project = project("mine", Kind::Attach, Lang::Rust);
        fs::create_dir(into.path().join("mine")).unwrap();
        let error = create(&project, into.path()).unwrap_err();
        assert!(error.to_string().contains("/mine` exists; hint:"), "{error}");
        assert_eq!(fs::read_dir(into.path().join("mine")).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let into = tempfile::NamedTempFile::new().unwrap();
        let error = create(&project("mine", Kind::Attach, Lang::Rust), into.path()).unwrap_err();
        assert!(error.to_string().starts_with("cannot write `"), "{error}");
    }

    #[test]
    fn a_rust_package_is_not_named_like_what_it_is_built_with() {
        let into = tempfile::tempdir().unwrap();
        for name in ["serde", "core", "nicety-policy-sdk"] {
            let error = create(&project(name, Kind::Attach, Lang::Rust), into.path()).unwrap_err();
            assert!(matches!(error, NewError::Taken { .. }), "{error}");
        }
    }

    #[test]
    fn the_lock_file_is_in_the_order_of_names() {
        let template = "version = 4\n\n[[package]]\nname = \"b\"\n\n[[package]]\nname = \"my-policy\"\n";
        let expected = "version = 4\n\n[[package]]\nname = \"a\"\n\n[[package]]\nname = \"b\"\n";
        assert_eq!(lock(template, "a"), expected);
    }
}
