//! Manifests as the reference systems describe them, each beside what it becomes: `NAME.yaml`, `NAME.ours.yaml`, `NAME.report`.
//! `NICETY_UPDATE=1` writes the latter two.

use std::{fs, path::Path};

use nicety_convert::{Conversion, Outcome, Source, convert};
use nicety_objects::{
    manifest::{Bare, parse},
    yaml,
};

fn samples() -> Vec<(String, Conversion)> {
    let folder = folder();
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".yaml")?.to_owned()))
        .filter(|name| !name.ends_with(".ours"))
        .collect();
    names.sort();
    let convert = |name: &String| {
        let file = format!("{name}.yaml");
        let text = fs::read_to_string(folder.join(&file)).unwrap();
        (name.clone(), convert(&[Source { name: file, text }]))
    };
    names.iter().map(convert).collect()
}

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

fn holds(file: &str, text: &str) {
    let path = folder().join(file);
    if std::env::var_os("NICETY_UPDATE").is_some() {
        return fs::write(path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == text, "{file} is not what comes out:\n{text}");
}

#[test]
fn each_sample_becomes_what_stands_beside_it() {
    for (name, conversion) in samples() {
        holds(&format!("{name}.ours.yaml"), &conversion.yaml());
        holds(&format!("{name}.report"), &conversion.report.to_string());
    }
}

#[test]
fn what_is_written_is_read_by_ours_as_a_person_s_file_would_be() {
    for (name, conversion) in samples() {
        let documents = yaml::documents(&conversion.yaml()).unwrap();
        assert_eq!(documents.len(), conversion.objects.len(), "{name}");
        for document in documents {
            let (identity, object) = parse(document, Bare::Nothing);
            assert!(object.is_ok(), "{name}: {identity:?}: {object:?}");
        }
        assert_eq!(conversion.report.together, [], "{name}");
    }
}

#[test]
fn only_samples_of_broken_manifests_leave_something_behind() {
    for (name, conversion) in samples() {
        let left = conversion.report.objects.iter().filter(|entry| entry.outcome == Outcome::NotConverted);
        let left: Vec<&str> = left.map(|entry| entry.name.as_str()).collect();
        assert!(left.is_empty() != name.ends_with("-broken"), "{name}: {left:?}");
    }
}

#[test]
fn every_document_is_in_the_report_once() {
    let text = "a: 1\n---\n[1]\n---\napiVersion: nicety.dev/v1alpha1\nkind: Network\nmetadata: {name: x}\n";
    let sources =
        [Source { name: "b.yaml".into(), text: text.into() }, Source { name: "a.yaml".into(), text: ": :".into() }];
    let report = convert(&sources).report;
    let places: Vec<_> = report.objects.iter().map(|entry| (entry.source.as_str(), entry.document)).collect();
    assert_eq!(places, [("b.yaml", 1), ("b.yaml", 2), ("b.yaml", 3), ("a.yaml", 1)]);
    assert!(!report.is_whole());
}
