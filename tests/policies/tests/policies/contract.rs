//! Versions of the contract: what policies have been built against is frozen, and what is frozen still loads.

use std::{collections::BTreeMap, fs, path::Path};

use nicety_engine::SERVED;

/// The text between `//` and the end of a line, and how it is laid out, say nothing to a component.
fn without_comments(text: &str) -> String {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(str::split_whitespace).collect::<Vec<_>>().join(" ")
}

/// The version of a package, and each of its interfaces and worlds with all that stands in its braces.
fn items(text: &str) -> (String, BTreeMap<String, String>) {
    let text = without_comments(text);
    let (package, mut rest) = text.split_once(';').unwrap();
    let mut items = BTreeMap::new();
    while let Some((head, behind)) = rest.split_once('{') {
        let mut open = 1;
        let end = behind.find(|letter| {
            open += i32::from(letter == '{') - i32::from(letter == '}');
            open == 0
        });
        let (body, after) = behind.split_at(end.unwrap());
        items.insert(head.trim().to_owned(), body.trim().to_owned());
        rest = &after[1..];
    }
    assert_eq!(rest.trim(), "");
    (package.trim_start_matches("package nicety:policy@").to_owned(), items)
}

fn read(file: &str) -> (String, BTreeMap<String, String>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit").join(file);
    items(&fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn minor(version: &str) -> &str {
    version.rsplit_once('.').unwrap().0
}

/// What a text has lost or changed against a frozen one; more is no change. The host may give `log` functions that no old policy
/// imports.
fn changes(frozen: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Vec<String> {
    let holds = |name: &str, was: &String| match now.get(name) {
        Some(is) if name == "interface log" => is.starts_with(was),
        Some(is) => is == was,
        None => false,
    };
    frozen.iter().filter(|(name, was)| !holds(name, was)).map(|(name, _)| name.clone()).collect()
}

#[test]
fn the_contract_is_as_its_version_was_frozen() {
    let (version, now) = read("policy.wit");
    assert!(SERVED.contains(&version.as_str()), "the host does not serve its own contract {version}: {SERVED:?}");
    let (_, frozen) = read(&format!("{}/policy.wit", minor(&version)));
    let changed = changes(&frozen, &now);
    assert!(
        changed.is_empty(),
        "{changed:?} changed, which refuses every policy built against {version}; hint: wit/README.md, \"How the contract grows\""
    );
}

#[test]
fn every_version_that_is_served_is_frozen() {
    for version in SERVED {
        let (frozen, items) = read(&format!("{}/policy.wit", minor(version)));
        assert_eq!(minor(&frozen), minor(version));
        assert!(items.len() >= 11, "{items:?}");
    }
}

#[test]
fn a_changed_field_is_noticed_and_a_comment_or_a_new_interface_is_not() {
    const TEXT: &str =
        "package nicety:policy@0.1.0; interface a { record x { y: u32 } } interface log { emit: func(); }";
    let (version, frozen) = items(TEXT);
    assert_eq!(version, "0.1.0");
    let against = |now: &str| changes(&frozen, &items(now).1);
    assert_eq!(against(&TEXT.replace("interface a {", "interface a { // of all\n")), [""; 0]);
    assert_eq!(against(&TEXT.replace("u32", "u64")), ["interface a"]);
    assert_eq!(against(&TEXT.replace("y: u32", "y: u32, z: u32")), ["interface a"]);
    assert_eq!(against(&TEXT.replace("emit: func();", "emit: func(); flush: func();")), [""; 0]);
    assert_eq!(against(&TEXT.replace("emit: func();", "")), ["interface log"]);
    assert_eq!(against(&format!("{TEXT} interface b {{ }}")), [""; 0]);
    assert_eq!(against(&TEXT.replace("interface a", "interface b")), ["interface a"]);
}
