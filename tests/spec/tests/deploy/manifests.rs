//! Files: each is data, is named by its kustomization, and holds objects that are whole.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use nicety_objects::{
    manifest::{Bare, parse},
    yaml,
};
use serde_json::Value;

pub fn deploy() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy").canonicalize().unwrap()
}

/// All YAML below a folder; templates of the chart are no YAML until they are rendered.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.extension().and_then(|extension| extension.to_str()) {
            _ if path.is_dir() && !path.is_symlink() && !path.ends_with("templates") => found.extend(files(&path)),
            Some("yaml") => found.push(path),
            _ => (),
        }
    }
    found.sort();
    found
}

pub fn documents(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    yaml::documents(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The objects of `deploy/base`, by the files that its kustomization names.
pub fn base() -> Vec<Value> {
    let folder = deploy().join("base");
    named(&folder).iter().flat_map(|name| documents(&folder.join(name))).collect()
}

pub fn one(kind: &str, name: &str) -> Value {
    let fits = |object: &Value| text(object, "/kind") == kind && text(object, "/metadata/name") == name;
    base().into_iter().find(fits).unwrap_or_else(|| panic!("no {kind} {name} in deploy/base"))
}

pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn named(folder: &Path) -> Vec<String> {
    let kustomization = documents(&folder.join("kustomization.yaml")).remove(0);
    let resources = kustomization["resources"].as_array().unwrap().iter();
    resources.map(|name| name.as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_manifest_can_be_read() {
    let files = files(&deploy());
    assert!(files.len() > 10, "{files:?}");
    files.iter().for_each(|path| drop(documents(path)));
}

#[test]
fn objects_of_ours_in_examples_are_good() {
    for path in files(&deploy().join("examples")) {
        for document in documents(&path) {
            let ours = text(&document, "/apiVersion") == nicety_objects::API_VERSION;
            let strategies = text(&document, "/metadata/name") == "nicety-strategies";
            if ours || strategies {
                let (identity, object) = parse(document, Bare::Nothing);
                assert!(object.is_ok(), "{}: {identity:?}: {object:?}", path.display());
            }
        }
    }
}

#[test]
fn a_kustomization_names_what_stands_beside_it_and_nothing_else() {
    for path in files(&deploy()).iter().filter(|path| path.ends_with("kustomization.yaml")) {
        let folder = path.parent().unwrap();
        let patches = documents(path)[0]["patches"].as_array().cloned().unwrap_or_default();
        let patches = patches.iter().map(|patch| text(patch, "/path").to_owned());
        let named: BTreeSet<String> = named(folder).into_iter().chain(patches).collect();
        for name in &named {
            assert!(folder.join(name).exists(), "{}: `{name}` is not there", path.display());
        }
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_file() && name.ends_with(".yaml") && name != "kustomization.yaml" {
                assert!(named.contains(&name), "{}: does not name `{name}`", path.display());
            }
        }
    }
}

#[test]
fn every_definition_of_a_kind_is_installed() {
    let kinds = deploy().join("crds");
    let installed = named(&deploy());
    assert_eq!(installed.iter().any(|name| name == "crds"), kinds.exists(), "deploy/kustomization.yaml: {installed:?}");
    if kinds.exists() {
        let names: Vec<String> = files(&kinds).iter().map(|path| file_name(path)).collect();
        let wanted: BTreeSet<&String> = names.iter().filter(|name| *name != "kustomization.yaml").collect();
        let packed = files(&deploy().join("helm/crds"));
        let packed: Vec<String> = packed.iter().map(|path| file_name(path)).collect();
        assert_eq!(packed.iter().collect::<BTreeSet<_>>(), wanted, "deploy/helm/crds has a link to each");
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned()
}

#[test]
fn each_object_has_a_name_and_our_label_and_stands_in_our_namespace() {
    for object in base() {
        let title = format!("{} {}", text(&object, "/kind"), text(&object, "/metadata/name"));
        assert_eq!(text(&object, "/metadata/labels/app.kubernetes.io~1name"), "nicety", "{title}");
        let cluster_wide = ["ClusterRole", "ClusterRoleBinding", "Namespace", "PriorityClass"];
        let namespace = if cluster_wide.contains(&text(&object, "/kind")) { "" } else { "nicety-system" };
        assert_eq!(text(&object, "/metadata/namespace"), namespace, "{title}");
    }
}
